"""All checks there are, by the name that policies use. Each module has `run(context) -> CheckResult`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult


@dataclass(frozen=True, slots=True)
class Check:
    """A check's name, what it asks in words, and the module that is imported when it is run."""

    name: str
    question: str
    module: str

    @property
    def run(self) -> Callable[[CheckContext], CheckResult]:
        function: Callable[[CheckContext], CheckResult] = importlib.import_module(self.module).run
        return function


_ALL = (
    Check(
        "artifact-digest",
        "Are the stored files still those that were registered?",
        "mlops_desktop.checks.artifact_digest",
    ),
    Check(
        "format-inspection",
        "What can the model's files do, without running them?",
        "mlops_desktop.checks.format_inspection",
    ),
    Check(
        "metric-thresholds",
        "Does every metric reach the least value that the policy demands?",
        "mlops_desktop.checks.metric_thresholds",
    ),
    Check(
        "not-worse-than-current",
        "Is it no worse than the version that answers now?",
        "mlops_desktop.checks.not_worse_than_current",
    ),
    Check(
        "answers-examples",
        "Does its container answer the stored examples as it should?",
        "mlops_desktop.checks.answers_examples",
    ),
)
CATALOGUE = {check.name: check for check in _ALL}
