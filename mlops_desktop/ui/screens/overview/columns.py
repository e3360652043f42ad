"""The table of what serves now."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.monitoring import DriftState, Live
from mlops_desktop.ui.widgets.badges import badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind


@dataclass(frozen=True, slots=True)
class Serving:
    """One current deployment with its latest figures and its p95 of the last hour."""

    deployment: Deployment
    live: Live | None
    p95: tuple[float, ...] = ()
    alerts: int = 0

    @property
    def drift(self) -> DriftState:
        return self.live.drift if self.live is not None else DriftState.UNKNOWN

    @property
    def unhealthy(self) -> bool:
        return self.alerts > 0 or self.drift is DriftState.DRIFT or self.deployment.state.value != "running"


def _figure(serving: Serving, name: str) -> float | None:
    value = getattr(serving.live, name) if serving.live is not None else math.nan
    return value if math.isfinite(value) else None


def _shown(serving: Serving, name: str, unit: str) -> str:
    value = _figure(serving, name)
    return "–" if value is None else f"{value:,.1f} {unit}"


SERVING_COLUMNS = (
    Column("model", "Model", lambda s: s.deployment.model, width=140, stretch=True, strong=True),
    Column(
        "version",
        "Version",
        lambda s: str(s.deployment.version),
        value=lambda s: s.deployment.version,
        kind=Kind.NUMBER,
        width=72,
    ),
    Column("environment", "Environment", lambda s: s.deployment.environment, width=104),
    Column(
        "state",
        "State",
        lambda s: badge_of(s.deployment.state).word,
        kind=Kind.BADGE,
        badge=lambda s: badge_of(s.deployment.state),
        width=108,
    ),
    Column(
        "rate",
        "Requests",
        lambda s: _shown(s, "requests_per_second", "/s"),
        value=lambda s: _figure(s, "requests_per_second"),
        kind=Kind.NUMBER,
        width=88,
        explanation="Requests a second, over the last ten seconds",
    ),
    Column(
        "p95",
        "p95",
        lambda s: _shown(s, "p95_ms", "ms"),
        value=lambda s: _figure(s, "p95_ms"),
        kind=Kind.NUMBER,
        width=80,
        explanation="95 % of the answers were faster than this",
    ),
    Column(
        "trend",
        "p95, 15 min",
        lambda _: "",
        kind=Kind.SPARK,
        spark=lambda s: s.p95,
        width=104,
        sortable=False,
    ),
    Column(
        "drift",
        "Drift",
        lambda s: badge_of(s.drift).word,
        kind=Kind.BADGE,
        badge=lambda s: badge_of(s.drift),
        width=108,
    ),
)
