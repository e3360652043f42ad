"""The list of requests."""

from __future__ import annotations

from datetime import UTC, datetime

from mlops_desktop.ui.widgets.badges import badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, exactly

REQUEST_COLUMNS = (
    Column(
        "request",
        "Request",
        lambda p: f"{p.label} to {p.environment}",
        width=150,
        stretch=True,
        strong=True,
        tool_tip=lambda p: f"Request {p.id}: {p.label} to {p.environment}\n{p.requested_by}: {p.reason}",
    ),
    Column(
        "state",
        "State",
        lambda p: badge_of(p.state).word,
        kind=Kind.BADGE,
        badge=lambda p: badge_of(p.state),
        width=122,
    ),
    Column(
        "asked",
        "Asked",
        lambda p: ago(p.created_at, datetime.now(UTC)),
        value=lambda p: p.created_at,
        width=88,
        muted=True,
        tool_tip=lambda p: exactly(p.created_at),
    ),
    Column("by", "By", lambda p: p.requested_by, width=80, hidden=True),
)
