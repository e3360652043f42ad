"""What the list of deployments shows of each, and what a roll-back would return to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_desktop.domain.deployments import Deployment, DeploymentState, Release, ReleaseKind
from mlops_desktop.domain.monitoring import Live
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge, badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, exactly, lasting, size

Pair = tuple[str, str]  # model and environment


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """One deployment, its latest figures, and the version that a roll-back gives the traffic back to."""

    deployment: Deployment
    live: Live | None = None
    back_to: int | None = None
    newest: bool = False  # of its model and environment

    @property
    def pair(self) -> Pair:
        return self.deployment.model, self.deployment.environment

    @property
    def worth_showing(self) -> bool:
        """Live ones, and the last attempt when it failed: that is what somebody has to look at."""
        failed = self.deployment.state is DeploymentState.FAILED
        return self.deployment.state.live or (failed and self.newest)

    def figure(self, name: str) -> float | None:
        """A finite figure, or None where nothing is known."""
        if self.live is None or self.deployment.state is not DeploymentState.RUNNING:
            return None
        value = float(getattr(self.live, name))
        if name == "memory_bytes" and value == 0:
            return None
        return value if math.isfinite(value) else None

    @property
    def error_share(self) -> float | None:
        """Percent of the requests of the last ten seconds; None without requests."""
        errors, requests = self.figure("errors_per_second"), self.figure("requests_per_second")
        return 100 * errors / requests if errors is not None and requests else None


def rows_of(
    deployments: Sequence[Deployment], releases: Sequence[Release], live: Mapping[str, Live]
) -> list[DeploymentRow]:
    """Rows in the order of `deployments` (newest first), those that carry traffic on top."""
    versions = {d.id: d.version for d in deployments}
    newest: dict[Pair, str] = {}
    for d in deployments:
        newest.setdefault((d.model, d.environment), d.id)
    rows = [
        DeploymentRow(
            d,
            live.get(d.id),
            versions.get(roll_back_target(d, releases) or "") if d.current else None,
            newest[d.model, d.environment] == d.id,
        )
        for d in deployments
    ]
    return sorted(rows, key=lambda r: (not r.deployment.current, not r.deployment.state.live))


def roll_back_target(current: Deployment, releases: Iterable[Release]) -> str | None:
    """The deployment that had the traffic before `current` took it; releases come newest first."""
    for release in releases:
        if (release.model, release.environment) != (current.model, current.environment):
            continue
        if release.deployment == current.id and release.previous not in {None, current.id}:
            return release.previous
    return None


def where(deployment: Deployment) -> str:
    return f"{deployment.label} in {deployment.environment}"


def release_words(release: Release) -> str:
    """What a release did, in a few words."""
    if release.kind is ReleaseKind.STOP:
        return f"Version {release.previous_version} was stopped"
    verb = "Rolled back to" if release.kind is ReleaseKind.ROLL_BACK else "Moved to"
    return f"{verb} version {release.version}"


def _number(value: float | None, unit: str, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f} {unit}".strip()


def _memory(row: DeploymentRow) -> str:
    used = row.figure("memory_bytes")
    return "–" if used is None else size(int(used))


def _age(row: DeploymentRow) -> str:
    began = row.deployment.ready_at or row.deployment.created_at
    if row.deployment.state.live:
        return lasting(datetime.now(UTC) - began)
    return ago(row.deployment.stopped_at or began, datetime.now(UTC))


def _state_tip(row: DeploymentRow) -> str:
    d = row.deployment
    words = badge_of(d.state).word
    if d.state is DeploymentState.RUNNING and d.weight == 0:
        words += ": warm, without traffic, ready for a roll-back"
    return f"{words}. {d.message}" if d.message else words


def back_badge(row: DeploymentRow) -> Badge | None:
    return None if row.back_to is None else Badge(f"Version {row.back_to}", "undo-2", Tone.ACCENT)


BACK_COLUMN = "back"
DEPLOYMENT_COLUMNS = (
    Column(
        "state",
        "State",
        lambda r: badge_of(r.deployment.state).word,
        kind=Kind.BADGE,
        badge=lambda r: badge_of(r.deployment.state),
        width=108,
        tool_tip=_state_tip,
    ),
    Column(
        "model",
        "Model",
        lambda r: r.deployment.model,
        stretch=True,
        strong=True,
        tool_tip=lambda r: f"{r.deployment.label}, deployment {r.deployment.id}",
    ),
    Column(
        "version",
        "Version",
        lambda r: str(r.deployment.version),
        value=lambda r: r.deployment.version,
        kind=Kind.NUMBER,
        width=72,
    ),
    Column("environment", "Environment", lambda r: r.deployment.environment, width=108),
    Column(
        "weight",
        "Traffic",
        lambda r: f"{r.deployment.weight} %" if r.deployment.weight else ("warm" if r.deployment.state.live else "–"),
        value=lambda r: r.deployment.weight,
        kind=Kind.NUMBER,
        width=68,
        explanation="Share of the environment's traffic; a warm one runs and waits for a roll-back",
    ),
    Column(
        BACK_COLUMN,
        "Roll back to",
        lambda r: "" if r.back_to is None else f"Version {r.back_to}",
        kind=Kind.BADGE,
        badge=back_badge,
        width=108,
        sortable=False,
        tool_tip=lambda r: "" if r.back_to is None else f"Press to give the traffic back to version {r.back_to}",
        explanation="Press to give the traffic back to the version before",
    ),
    Column(
        "rate",
        "Rate",
        lambda r: _number(r.figure("requests_per_second"), "/s"),
        value=lambda r: r.figure("requests_per_second"),
        kind=Kind.NUMBER,
        width=80,
        explanation="Requests a second, over the last ten seconds",
    ),
    Column(
        "p95",
        "p95",
        lambda r: _number(r.figure("p95_ms"), "ms"),
        value=lambda r: r.figure("p95_ms"),
        kind=Kind.NUMBER,
        width=72,
        explanation="95 % of the answers of the last ten seconds were faster than this",
    ),
    Column(
        "errors",
        "Errors",
        lambda r: _number(r.error_share, "%"),
        value=lambda r: r.error_share,
        kind=Kind.NUMBER,
        width=68,
        explanation="Share of the requests of the last ten seconds that were answered with an error",
    ),
    Column(
        "cpu",
        "CPU",
        lambda r: _number(r.figure("cpu_percent"), "%", 0),
        value=lambda r: r.figure("cpu_percent"),
        kind=Kind.NUMBER,
        width=60,
        explanation="Of one core",
    ),
    Column(
        "memory",
        "Memory",
        _memory,
        value=lambda r: r.figure("memory_bytes"),
        kind=Kind.NUMBER,
        width=88,
        tool_tip=lambda r: f"{_memory(r)} of {r.deployment.limits.memory_mb} MiB",
    ),
    Column(
        "age",
        "Age",
        _age,
        value=lambda r: r.deployment.ready_at or r.deployment.created_at,
        muted=True,
        width=68,
        tool_tip=lambda r: f"Created {exactly(r.deployment.created_at)} by {r.deployment.created_by}",
    ),
)
RELEASE_COLUMNS = (
    Column("what", "What happened", release_words, stretch=True, strong=True),
    Column("by", "By", lambda r: r.by, width=100),
    Column("reason", "Reason", lambda r: r.reason, width=240, muted=True),
    Column(
        "seconds",
        "Switch",
        lambda r: f"{r.seconds:.2f} s",
        value=lambda r: r.seconds,
        kind=Kind.NUMBER,
        width=80,
        explanation="How long the traffic took to move",
    ),
    Column("at", "When", lambda r: exactly(r.at), value=lambda r: r.at, width=150, muted=True),
)
