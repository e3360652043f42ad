"""Compare the version's metrics with those of the version that answers in the environment now."""

from __future__ import annotations

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict
from mlops_desktop.domain.metrics import tolerated

NAME = "not-worse-than-current"


def run(context: CheckContext) -> CheckResult:
    """FAIL when a metric got worse by more than the policy tolerates, WARN when the two can't be compared.

    Metrics of different test data say nothing about which version is better, so they never fail a version.
    """
    version, current = context.version, context.current
    if current is None:
        return CheckResult(NAME, Verdict.PASS, "Nothing answers there yet.")
    if current.number == version.number:
        return CheckResult(NAME, Verdict.PASS, "This is the version that answers there now.")
    figures: dict[str, float] = {"current_version": float(current.number)}
    worse, missing, compared = [], [], []
    for name, tolerance in sorted(context.policy.tolerances.items()):
        old, new = current.metrics.get(name), version.metrics.get(name)
        if old is None:
            continue  # nothing to be worse than
        if new is None:
            missing.append(name)
            continue
        figures |= {name: new, f"{name} current": old}
        compared.append(f"{name} {new:.6g} against {old:.6g}")
        if not tolerated(name, old, new, tolerance):
            worse.append(f"{name} is {new:.4g}, version {current.number} has {old:.4g}")
    evidence = tuple(compared)
    mine, theirs = version.lineage.data.get("test"), current.lineage.data.get("test")
    if mine and theirs and mine != theirs:
        summary = f"Measured on other test data than version {current.number}: the metrics can't be compared."
        return CheckResult(NAME, Verdict.WARN, summary, figures, evidence)
    if worse:
        return CheckResult(NAME, Verdict.FAIL, "; ".join(worse) + ".", figures, evidence)
    if missing:
        summary = f"Version {current.number} has {', '.join(missing)}, this one does not."
        return CheckResult(NAME, Verdict.FAIL, summary, figures, evidence)
    if not compared:
        summary = f"Version {current.number} has no metric that the policy compares."
        return CheckResult(NAME, Verdict.WARN, summary, figures)
    return CheckResult(NAME, Verdict.PASS, f"No worse than version {current.number}.", figures, evidence)
