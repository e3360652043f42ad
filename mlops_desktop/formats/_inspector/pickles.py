"""Judge every name in a pickle or joblib file without building anything, and say what the file holds."""

from __future__ import annotations

import struct
from typing import Any

from mlops_desktop.formats._inspector.opcodes import OPERATIONS
from mlops_desktop.formats._inspector.report import REJECT, Malformed, NotAModel, Report, shown
from mlops_desktop.formats._inspector.streams import Stream
from mlops_desktop.formats._inspector.values import Dict, Made, Name
from mlops_desktop.formats._inspector.walk import Walk

_DATA_ROOTS = frozenset(
    {"numpy", "pandas", "scipy", "builtins", "collections", "datetime", "decimal", "copyreg", "_codecs"}
)


def inspect_pickle(stream: Stream, report: Report, *, python_model: bool = False) -> None:
    """Judge the pickle in `stream`; NotAModel when it holds plain data (a pyfunc's python model may be anything)."""
    try:
        walker = Walk(stream, report, OPERATIONS, allow_arrays=True)
        top = walker.walk()
        if not stream.at_end():
            report.note("review", "Something follows the end of the pickle.")
    except Malformed as error:
        report.note(REJECT, f"It is no well-formed pickle. {error}")
        return
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, struct.error) as error:
        report.note(REJECT, f"It is no well-formed pickle ({type(error).__name__}).")
        return
    if stream.compression:
        report.facts["compression"] = stream.compression
    report.facts["loader"] = "joblib" if walker.arrays else "pickle"
    if isinstance(top, Made):
        report.facts["estimator"] = shown(f"{top.name.module}.{top.name.name}")
    if python_model:
        return
    if report.verdict != REJECT and (not isinstance(top, Made) or top.name.module.split(".")[0] in _DATA_ROOTS):
        kind = f"{top.name.module}.{top.name.name}" if isinstance(top, Made) else _kind(top)
        raise NotAModel(
            f"This pickle holds {shown(kind)}, no model.", "Pickle the fitted estimator or pipeline itself."
        )


def _kind(value: Any) -> str:
    return {str: "a text", int: "a number", Dict: "a dictionary", tuple: "a tuple", Name: "a class or function"}.get(
        type(value), "plain data"
    )
