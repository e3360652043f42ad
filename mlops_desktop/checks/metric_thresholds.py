"""Hold the version's metrics against the least values of the policy."""

from __future__ import annotations

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict

NAME = "metric-thresholds"


def run(context: CheckContext) -> CheckResult:
    """FAIL when a metric is missing or below its threshold; a policy without thresholds passes."""
    thresholds, metrics = context.policy.thresholds, context.version.metrics
    if not thresholds:
        return CheckResult(NAME, Verdict.PASS, "The policy demands no least values.")
    evidence, failed = [], []
    figures: dict[str, float] = {}
    for name, least in sorted(thresholds.items()):
        value = metrics.get(name)
        if value is None:
            failed.append(f"{name} is not known")
            continue
        figures |= {name: value, f"{name} least": least}
        evidence.append(f"{name} {value:.6g}, at least {least:.6g}")
        if value < least:
            failed.append(f"{name} is {value:.6g}, below {least:.6g}")
    if failed:
        return CheckResult(NAME, Verdict.FAIL, _sentence(failed), figures, tuple(evidence))
    return CheckResult(NAME, Verdict.PASS, "Every least value is reached.", figures, tuple(evidence))


def _sentence(parts: list[str]) -> str:
    return "; ".join(parts) + "."
