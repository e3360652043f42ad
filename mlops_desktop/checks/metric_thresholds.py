"""Hold the version's metrics against the limits of the policy: least values, or greatest ones of errors."""

from __future__ import annotations

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict
from mlops_desktop.domain.metrics import keeps, limit_words

NAME = "metric-thresholds"


def run(context: CheckContext) -> CheckResult:
    """FAIL when a metric is missing or on the wrong side of its threshold; a policy without thresholds passes."""
    thresholds, metrics = context.policy.thresholds, context.version.metrics
    if not thresholds:
        return CheckResult(NAME, Verdict.PASS, "The policy sets no limits for metrics.")
    evidence, failed = [], []
    figures: dict[str, float] = {}
    for name, limit in sorted(thresholds.items()):
        value = metrics.get(name)
        if value is None:
            failed.append(f"{name} is not known")
            continue
        figures |= {name: value, f"{name} limit": limit}
        evidence.append(f"{name} {value:.6g}, {limit_words(name, limit)}")
        if not keeps(name, value, limit):
            failed.append(f"{name} is {value:.6g}, {'below' if value < limit else 'above'} {limit:.6g}")
    if failed:
        return CheckResult(NAME, Verdict.FAIL, _sentence(failed), figures, tuple(evidence))
    return CheckResult(NAME, Verdict.PASS, "Every limit is kept.", figures, tuple(evidence))


def _sentence(parts: list[str]) -> str:
    return "; ".join(parts) + "."
