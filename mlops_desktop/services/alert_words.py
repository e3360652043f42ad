"""The sentences of alerts and rules."""

from __future__ import annotations

from mlops_desktop.domain.alerts import BY_PERIODS, TITLES, AlertRule, Comparator, number_of
from mlops_desktop.domain.deployments import Deployment


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
        return f"No data from {where} for {number_of(value, rule.figure)}: {words or 'it does not answer'}."
    if rule.figure == "no_requests" and above:
        return f"No request has reached {where} for {number_of(value, rule.figure)}{'; ' + words if words else ''}."
    held = f" for {rule.for_seconds:g} s" if rule.for_seconds and rule.figure not in BY_PERIODS else ""
    name = TITLES[rule.figure] if rule.figure in {"cpu_percent", "p95_ms"} else TITLES[rule.figure].lower()
    beyond = "above" if above else "below"
    return f"The {name} of {where} is {number_of(value, rule.figure)}, {beyond} the {limit}{held}."


def rule_text(rule: AlertRule) -> str:
    """A rule as the audit trail tells of it."""
    state = "" if rule.enabled else ", switched off"
    return (
        f"rule {rule.id} fires when {rule.figure} is {rule.comparator.value} {rule.threshold:g}"
        f" for {rule.for_seconds:g} s ({rule.severity.value}){state}"
    )
