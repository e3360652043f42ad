"""The tables of the version's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_desktop.domain.registry import Column as SchemaColumn
from mlops_desktop.domain.registry import FileRole
from mlops_desktop.ui.widgets.badges import badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.widgets.differences import change_badge
from mlops_desktop.ui.words import ago, exactly, size

ROLES = {
    FileRole.MODEL: "Served model",
    FileRole.ORIGINAL: "Original model",
    FileRole.PROFILE: "Reference profile",
    FileRole.EXAMPLES: "Examples with answers",
    FileRole.REQUIREMENTS: "Environment lock",
}


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """An input or output."""

    side: str
    column: SchemaColumn

    @property
    def shape(self) -> str:
        dimensions = self.column.shape
        return "" if dimensions is None else " × ".join("?" if d < 0 else str(d) for d in dimensions)


METRIC_COLUMNS = (
    Column("name", "Metric", lambda d: d.name, width=220, strong=True, stretch=True),
    Column(
        "value", "This version", lambda d: d.right or "–", value=lambda d: float(d.right), kind=Kind.NUMBER, width=130
    ),
    Column(
        "current",
        "Answers now",
        lambda d: d.left or "–",
        value=lambda d: float(d.left) if d.left else None,
        kind=Kind.NUMBER,
        width=130,
        explanation="The version that answers in the environment named above",
    ),
    Column(
        "change",
        "Difference",
        lambda d: change_badge(d).word if d.delta is not None else "",
        value=lambda d: d.delta,
        kind=Kind.BADGE,
        badge=lambda d: change_badge(d) if d.delta is not None else None,
        width=160,
    ),
)
SCHEMA_COLUMNS = (
    Column("side", "Side", lambda r: r.side, width=90, muted=True),
    Column("name", "Name", lambda r: r.column.name, width=240, stretch=True, strong=True),
    Column("type", "Type", lambda r: r.column.type, kind=Kind.MONO, width=120),
    Column("shape", "Shape", lambda r: r.shape or "one value", width=110),
    Column("required", "May be missing", lambda r: "no" if r.column.required else "yes", width=130),
)
PACKAGE_COLUMNS = (
    Column("name", "Package", lambda p: p[0], width=160, stretch=True, strong=True),
    Column("version", "Version", lambda p: p[1], kind=Kind.MONO, width=120),
)
FILE_COLUMNS = (
    Column("path", "Path", lambda f: f.path, width=200, stretch=True, strong=True),
    Column("role", "What it is for", lambda f: ROLES[f.role], width=190),
    Column("size", "Size", lambda f: size(f.size), value=lambda f: f.size, kind=Kind.NUMBER, width=90),
    Column("digest", "SHA-256", lambda f: f.digest, kind=Kind.MONO, width=250, tool_tip=lambda f: f.digest),
)
DEPLOYMENT_COLUMNS = (
    Column("id", "Deployment", lambda d: d.id, kind=Kind.MONO, width=118),
    Column("environment", "Environment", lambda d: d.environment, width=104),
    Column(
        "state",
        "State",
        lambda d: badge_of(d.state).word,
        kind=Kind.BADGE,
        badge=lambda d: badge_of(d.state),
        width=104,
    ),
    Column("weight", "Traffic", lambda d: f"{d.weight} %", value=lambda d: d.weight, kind=Kind.NUMBER, width=72),
    Column("engine", "Engine", lambda d: d.engine.value, width=76),
    Column("by", "By", lambda d: d.created_by, width=70),
    Column(
        "created",
        "Begun",
        lambda d: ago(d.created_at, datetime.now(UTC)),
        value=lambda d: d.created_at,
        width=92,
        muted=True,
        tool_tip=lambda d: exactly(d.created_at),
    ),
    Column(
        "message",
        "What is known",
        lambda d: d.message,
        width=100,
        stretch=True,
        muted=True,
        tool_tip=lambda d: d.message,
    ),
)
