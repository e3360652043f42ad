"""Rules on series, and the alerts they open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Comparator(StrEnum):
    ABOVE = "above"
    BELOW = "below"


# name -> (what it is, unit)
FIGURES = {
    "error_rate": ("share of requests answered with an error", "%"),
    "p95_ms": ("95 % of answers are faster than", "ms"),
    "request_rate": ("requests a second", "1/s"),
    "cpu_percent": ("processor use of one core", "%"),
    "memory_percent": ("share of the memory limit in use", "%"),
    "drifted_features": ("features that drifted", ""),
    "prediction_drift": ("predictions drifted (1) or not (0)", ""),
    "performance_loss": ("realised performance below the reference", ""),
}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Fires when `figure` stayed beyond `threshold` for `for_seconds`; clears when it was not for as long."""

    id: int
    model: str
    environment: str
    figure: str
    comparator: Comparator
    threshold: float
    for_seconds: float
    severity: Severity
    enabled: bool = True

    def breached(self, value: float) -> bool:
        return value > self.threshold if self.comparator is Comparator.ABOVE else value < self.threshold


@dataclass(frozen=True, slots=True)
class Alert:
    id: int
    rule: int
    model: str
    environment: str
    version: int | None
    deployment: str | None
    figure: str
    severity: Severity
    state: AlertState
    sentence: str
    value: float
    opened_at: datetime
    acknowledged_by: str = ""
    comment: str = ""
    resolved_at: datetime | None = None
