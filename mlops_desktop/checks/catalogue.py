"""All checks there are, by the name that policies use. Each module has `run(context) -> CheckResult`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult
from mlops_desktop.domain.policy import QUESTIONS


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


# A check's module bears its name.
_HERE = "mlops_desktop.checks"
CATALOGUE = {name: Check(name, question, f"{_HERE}.{name.replace('-', '_')}") for name, question in QUESTIONS.items()}
