"""The table of models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_desktop.domain.registry import ModelSummary
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, count, exactly

PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model and how many of its alerts fire."""

    summary: ModelSummary
    alerts: int = 0

    @property
    def name(self) -> str:
        return self.summary.name

    @property
    def production(self) -> int | None:
        return self.summary.current.get(PRODUCTION)

    @property
    def elsewhere(self) -> str:
        """The other environments in which a version is current."""
        return ", ".join(f"{n} in {e}" for e, n in sorted(self.summary.current.items()) if e != PRODUCTION)

    @property
    def figure(self) -> float | None:
        """The key metric of the newest version that has it."""
        history = self.summary.key_metric_history
        return history[-1] if history else None

    @property
    def health(self) -> Badge:
        if self.alerts:
            return Badge(count(self.alerts, "alert"), "bell-ring", Tone.CRITICAL)
        if self.summary.current:
            return Badge("Quiet", "circle-check", Tone.OK)
        return Badge("Not serving", "circle-dashed", Tone.UNKNOWN)


def _production(row: ModelRow) -> str:
    return "–" if row.production is None else f"version {row.production}"


def _figure(row: ModelRow) -> str:
    return "–" if row.figure is None else f"{row.summary.key_metric} {row.figure:.4g}"


def _trend(row: ModelRow) -> str:
    history = row.summary.key_metric_history
    if not history:
        return "No version tells a key metric"
    return f"{row.summary.key_metric}, oldest first: " + ", ".join(f"{v:.4g}" for v in history)


MODEL_COLUMNS = (
    Column(
        "name",
        "Name",
        lambda r: r.name,
        stretch=True,
        strong=True,
        tool_tip=lambda r: f"{r.name}\n{r.summary.description}".strip(),
    ),
    Column("task", "Task", lambda r: r.summary.task.value, width=112, muted=True),
    Column("owner", "Owner", lambda r: r.summary.owner, width=92),
    Column(
        "production",
        "Production",
        _production,
        value=lambda r: r.production,
        width=104,
        explanation="The version that answers in production",
        tool_tip=lambda r: _production(r) + (f"\n{r.elsewhere}" if r.elsewhere else ""),
    ),
    Column(
        "latest",
        "Latest",
        lambda r: "–" if r.summary.latest is None else str(r.summary.latest),
        value=lambda r: r.summary.latest,
        kind=Kind.NUMBER,
        width=72,
        explanation="The number of the newest version",
    ),
    Column(
        "versions",
        "Versions",
        lambda r: f"{r.summary.versions:,}",
        value=lambda r: r.summary.versions,
        kind=Kind.NUMBER,
        width=88,
        hidden=True,
    ),
    Column(
        "metric",
        "Key metric",
        _figure,
        value=lambda r: r.figure,
        width=136,
        explanation="By this metric the model's versions are judged; the value is the newest version's",
    ),
    Column(
        "trend",
        "Over versions",
        _trend,
        kind=Kind.SPARK,
        spark=lambda r: r.summary.key_metric_history,
        width=112,
        sortable=False,
        tool_tip=_trend,
    ),
    Column("health", "Health", lambda r: r.health.word, kind=Kind.BADGE, badge=lambda r: r.health, width=124),
    Column(
        "changed",
        "Changed",
        lambda r: ago(r.summary.updated_at, datetime.now(UTC)),
        value=lambda r: r.summary.updated_at,
        width=100,
        muted=True,
        tool_tip=lambda r: exactly(r.summary.updated_at),
    ),
)
