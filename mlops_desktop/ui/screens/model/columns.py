"""The table of a model's versions. Its order is the workspace's: only what that can sort by can be sorted."""

from __future__ import annotations

from datetime import UTC, datetime

from mlops_desktop.ui.screens.model.facts import VersionRow
from mlops_desktop.ui.widgets.badges import Badge, badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, exactly


def _change(row: VersionRow) -> str:
    return row.change.word if row.change is not None else ""


def _verdict(row: VersionRow) -> Badge | None:
    return None if row.summary.verdict is None else badge_of(row.summary.verdict)


def _tags(row: VersionRow) -> str:
    return ", ".join(f"{name}={value}" if value else name for name, value in row.summary.tags.items())


def _metrics(row: VersionRow) -> str:
    return "\n".join(f"{name} {value:.6g}" for name, value in sorted(row.summary.metrics.items()))


VERSION_COLUMNS = (
    Column(
        "number",
        "Version",
        lambda r: str(r.number),
        value=lambda r: r.number,
        kind=Kind.NUMBER,
        width=76,
        strong=True,
    ),
    Column(
        "stage",
        "Stage",
        lambda r: r.stage.word,
        kind=Kind.BADGE,
        badge=lambda r: r.stage,
        width=150,
        sortable=False,
    ),
    Column(
        "metric",
        "Key metric",
        lambda r: "–" if r.metric is None else f"{r.metric:.6g}",
        value=lambda r: r.metric,
        kind=Kind.NUMBER,
        width=96,
        tool_tip=_metrics,
        explanation="By this metric the model's versions are judged",
    ),
    Column(
        "delta",
        "To production",
        _change,
        value=lambda r: r.delta if r.delta is not None else _change(r),
        kind=Kind.BADGE,
        badge=lambda r: r.change,
        width=162,
        sortable=False,
        explanation="The key metric against that of the version that answers in production",
    ),
    Column("format", "Format", lambda r: r.summary.format.value, width=74, muted=True, sortable=False),
    Column(
        "registered",
        "Registered",
        lambda r: f"{r.summary.registered_by}, {ago(r.summary.created_at, datetime.now(UTC))}",
        value=lambda r: r.summary.created_at,
        width=140,
        sortable=False,
        tool_tip=lambda r: f"{r.summary.registered_by}, {exactly(r.summary.created_at)}",
    ),
    Column(
        "inspection",
        "Inspection",
        lambda r: badge.word if (badge := _verdict(r)) is not None else "",
        kind=Kind.BADGE,
        badge=_verdict,
        width=108,
        sortable=False,
        explanation="What was found in the model's files, without running them",
    ),
    Column("description", "Description", lambda r: r.summary.description, width=100, stretch=True, sortable=False),
    Column("tags", "Tags", _tags, width=90, muted=True, sortable=False),
    Column("digest", "Digest", lambda r: r.summary.digest, kind=Kind.MONO, width=140, hidden=True, sortable=False),
)
