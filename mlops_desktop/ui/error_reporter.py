"""Turn any exception into what a person reads: ours have a sentence and a hint, anything else is a bug of ours."""

from __future__ import annotations

import platform
import sys
import traceback
from dataclasses import dataclass

import mlops_desktop
from mlops_desktop.domain.errors import WorkstationError

BUG = "Something went wrong that is our mistake, not yours."
BUG_HINT = "Your data is unchanged unless it says otherwise here. Copy the details and send them to us."


@dataclass(frozen=True, slots=True)
class Problem:
    """`details` is what “Copy details” copies; it never holds passwords, as no message of ours does."""

    message: str
    hint: str
    details: str
    bug: bool


def problem_of(error: BaseException) -> Problem:
    if isinstance(error, WorkstationError):
        text = f"{type(error).__name__}: {error.message}\n{error.hint}".strip()
        return Problem(error.message, error.hint, f"{text}\n\n{_circumstances()}", bug=False)
    trace = "".join(traceback.format_exception(error))
    return Problem(BUG, BUG_HINT, f"{trace}\n{_circumstances()}", bug=True)


def _circumstances() -> str:
    version = getattr(mlops_desktop, "__version__", "unknown")
    python = ".".join(str(n) for n in sys.version_info[:3])
    return f"MLOps Desktop {version}, Python {python}, {platform.platform()}"
