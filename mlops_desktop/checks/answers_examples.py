"""Ask the version, served as it would be when deployed, for the answers that its training script expected."""

from __future__ import annotations

import json
import math
from typing import Any

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict
from mlops_desktop.domain.errors import DeploymentFailed, WorkstationError
from mlops_desktop.domain.registry import FileRole

NAME = "answers-examples"
SHOWN = 5


def run(context: CheckContext) -> CheckResult:
    """FAIL when an answer is off by more than the policy's tolerance or a label differs.

    WARN when the version was registered without examples or without their answers: then all that is proved is that the
    container starts and answers. ERROR when there is no engine to ask.
    """
    file = context.version.file(FileRole.EXAMPLES)
    if file is None:
        return CheckResult(NAME, Verdict.WARN, "The version was registered without examples, so nothing was asked.")
    if context.answers is None:
        return CheckResult(NAME, Verdict.ERROR, "There is no engine to serve the version with.")
    with context.artifacts.open(file.digest) as stream:
        examples: dict[str, Any] = json.load(stream)
    try:
        answer = context.answers(examples["columns"], examples["rows"])
    except DeploymentFailed as error:
        return CheckResult(NAME, Verdict.FAIL, error.message, evidence=(error.hint,) if error.hint else ())
    except WorkstationError as error:
        return CheckResult(NAME, Verdict.ERROR, error.message, evidence=(error.hint,) if error.hint else ())
    return _compare(examples, answer, context.policy.answer_tolerance)


def _compare(examples: dict[str, Any], answer: Any, tolerance: float) -> CheckResult:
    expected, got = examples.get("predictions"), list(answer["predictions"])
    rows = len(examples["rows"])
    if not expected:
        return CheckResult(NAME, Verdict.WARN, f"It answered {rows} rows; what they should be is not known.")
    if len(got) != len(expected):
        return CheckResult(NAME, Verdict.FAIL, f"It gave {len(got)} answers to {len(expected)} rows.")
    largest, wrong = 0.0, []
    for row, (want, have) in enumerate(zip(expected, got, strict=True)):
        difference = _difference(want, have)
        if math.isfinite(difference):
            largest = max(largest, difference)
        if not difference <= tolerance:
            wrong.append(f"row {row}: expected {want}, got {have}")
    if (scores := examples.get("scores")) and answer.get("scores"):
        for row, (want, have) in enumerate(zip(scores, answer["scores"], strict=True)):
            difference = _difference(want, have)
            largest = max(largest, difference if math.isfinite(difference) else 0.0)
            if not difference <= tolerance:
                wrong.append(f"row {row}: expected the score {want}, got {have}")
    figures = {"rows": float(rows), "largest difference": largest, "tolerance": tolerance}
    if wrong:
        summary = f"{len(wrong)} answers to {rows} examples differ by more than {tolerance:g}."
        return CheckResult(NAME, Verdict.FAIL, summary, figures, tuple(wrong[:SHOWN]))
    return CheckResult(NAME, Verdict.PASS, f"All {rows} examples were answered as expected.", figures)


def _difference(want: Any, have: Any) -> float:
    """How far two answers are apart: of numbers the relative or absolute distance, of labels 0 or infinity."""
    if isinstance(want, bool) or isinstance(have, bool) or isinstance(want, str) or isinstance(have, str):
        return 0.0 if str(want) == str(have) else math.inf
    if want is None or have is None:
        return 0.0 if want is have else math.inf
    return abs(float(want) - float(have)) / max(1.0, abs(float(want)))
