"""What somebody typed to register a version, and how it is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.registry import (
    COLUMN_TYPES,
    Column,
    Format,
    Inspection,
    InspectionVerdict,
    Signature,
    Task,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What inspection says of a chosen file."""

    path: Path
    format: Format
    files: int
    signature: Signature | None
    inspection: Inspection

    @property
    def acceptable(self) -> bool:
        return self.inspection.verdict is not InspectionVerdict.REJECT


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that a version can be added to."""

    name: str
    task: Task
    next: int


@dataclass(frozen=True, slots=True)
class Registration:
    """The answers of the dialog, checked in form."""

    path: Path
    model: str
    task: Task | None
    metrics: dict[str, float] = field(default_factory=dict)
    description: str = ""
    signature: Signature | None = None  # only when the file doesn't tell one


def read_metrics(text: str) -> dict[str, float]:
    """`name = number`, one a line; InvalidInput names the line that is none."""
    metrics: dict[str, float] = {}
    for line in _lines(text):
        name, separator, number = line.replace(":", "=", 1).partition("=")
        name = name.strip()
        try:
            value = float(number.strip().replace(",", "."))
        except ValueError:
            value = math.nan
        if not separator or not name or not math.isfinite(value):
            raise InvalidInput(f"“{line[:60]}” is no metric.", "Write one a line: roc_auc = 0.75")
        if name in metrics:
            raise InvalidInput(f"{name[:60]} is given twice.", "Keep one of them.")
        metrics[name] = value
    return metrics


def read_inputs(text: str) -> Signature:
    """`name type`, one a line, the type a double if none is said; InvalidInput names the line that can't be right."""
    columns: list[Column] = []
    for line in _lines(text):
        parts = line.replace(",", " ").replace(":", " ").split()
        kind = parts[1] if len(parts) > 1 else "double"
        if len(parts) > 2 or kind not in COLUMN_TYPES:
            raise InvalidInput(f"“{line[:60]}” is no input.", f"Types are {', '.join(COLUMN_TYPES)}.")
        if parts[0] in {column.name for column in columns}:
            raise InvalidInput(f"{parts[0][:60]} is named twice.", "Keep one of them.")
        columns.append(Column(parts[0], kind))
    if not columns:
        raise InvalidInput("Name the inputs.", "One a line with its type: distance double")
    return Signature(tuple(columns))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
