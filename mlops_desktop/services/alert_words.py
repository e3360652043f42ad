"""The sentences of alerts and rules."""

from __future__ import annotations

from mlops_desktop.domain.alerts import BY_PERIODS, FIGURES, AlertRule, Comparator
from mlops_desktop.domain.deployments import Deployment

_NAMES = {
    "p95_ms": "95 % latency",
    "error_rate": "error rate",
    "request_rate": "request rate",
    "cpu_percent": "CPU",
    "memory_percent": "memory",
}


def sentence_of(rule: AlertRule, deployment: Deployment, value: float, words: str = "") -> str:
    """What happened, in one sentence with the figure and its limit."""
    where = f"{deployment.label} in {deployment.environment}"
    limit = f"limit {number_of(rule.threshold, rule.figure)}"
    above = rule.comparator is Comparator.ABOVE
    if rule.figure == "drifted_features" and above:
        number = int(value)
        return f"{number} feature{'s' if number != 1 else ''} of {where} drifted{': ' + words if words else ''}."
    if rule.figure == "prediction_drift" and above:
        return f"The predictions of {where} drifted{': ' + words if words else ''}."
    if rule.figure == "performance_loss" and above:
        because = f": {words}" if words else ""
        return f"{where} performs {value:.3f} worse than its reference, {limit}{because}."
    if rule.figure == "no_data" and above:
        return f"No data from {where} for {lasting(value)}: {words or 'it does not answer'}."
    if rule.figure == "no_requests" and above:
        return f"No request has reached {where} for {lasting(value)}{'; ' + words if words else ''}."
    held = f" for {rule.for_seconds:g} s" if rule.for_seconds and rule.figure not in BY_PERIODS else ""
    name = _NAMES.get(rule.figure, rule.figure.replace("_", " "))
    beyond = "above" if above else "below"
    return f"The {name} of {where} is {number_of(value, rule.figure)}, {beyond} the {limit}{held}."


def rule_text(rule: AlertRule) -> str:
    """A rule as the audit trail tells of it."""
    state = "" if rule.enabled else ", switched off"
    return (
        f"rule {rule.id} fires when {rule.figure} is {rule.comparator.value} {rule.threshold:g}"
        f" for {rule.for_seconds:g} s ({rule.severity.value}){state}"
    )


def number_of(value: float, figure: str) -> str:
    unit = FIGURES[figure][1]
    number = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{number} {unit}" if unit else number


def lasting(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
