"""True outcomes of earlier predictions: read, checked and joined by prediction id.

All rows are checked before the first one is applied, in one transaction: a refused batch leaves nothing behind.
A label for an id that is not known is reported and kept for a day, as its prediction may not have been collected yet.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_desktop.domain.errors import InvalidInput, NotFound
from mlops_desktop.domain.events import LabelsReceived
from mlops_desktop.domain.monitoring import LabelReport
from mlops_desktop.domain.registry import Task
from mlops_desktop.store import predictions as store

if TYPE_CHECKING:
    from mlops_desktop.services.parts import Parts

COLUMNS = ("prediction_id", "label")
MAX_FILE_BYTES = 512 * 2**20
MAX_ID, MAX_LABEL = 100, 200
SHOWN_IDS = 10
_HINT = "The file needs the columns prediction_id and label, and nothing else."


@dataclass(slots=True)
class _Count:
    matched: int = 0
    replaced: int = 0


@dataclass(slots=True)
class _Outcome:
    labels: dict[str, str] = field(default_factory=dict)
    early: dict[str, str] = field(default_factory=dict)
    counts: dict[str, _Count] = field(default_factory=dict)
    unknown: int = 0
    unknown_ids: dict[str, None] = field(default_factory=dict)


def read_label_file(path: Path) -> list[tuple[str, str]]:
    """Rows of a CSV file with the header `prediction_id,label` (in any order); InvalidInput names what is wrong."""
    if not path.is_file():
        raise NotFound(f"There is no file {path.name}.", "Choose a CSV file with true outcomes.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidInput(f"{path.name} is larger than {MAX_FILE_BYTES // 2**20} MB.", "Send it in parts.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name} is not UTF-8 text.", "Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise InvalidInput(f"{path.name} can't be read: {error.strerror}.", "Check its rights.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, str]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path.name, header)
        where = [header.index(name) for name in COLUMNS]
        for row in reader:
            if not row:
                continue
            if len(row) != len(COLUMNS):
                raise InvalidInput(
                    f"Line {reader.line_num} of {path.name} has {len(row)} values, not {len(COLUMNS)}.", _HINT
                )
            rows.append((row[where[0]], row[where[1]]))
    except csv.Error as error:
        raise InvalidInput(f"Line {reader.line_num} of {path.name} is no CSV: {error}.", _HINT) from None
    if not rows:
        raise InvalidInput(f"{path.name} holds no labels.", _HINT)
    return rows


def apply_labels(parts: Parts, actor: str, model: str | None, rows: Iterable[tuple[str, str]]) -> LabelReport:
    """Join labels to predictions (of `model`, or of any); the last label of an id wins. Records who sent how many."""
    checked = [_check_row(number, row) for number, row in enumerate(rows, start=1)]
    with parts.database.write() as tx:
        known = store.known_predictions(tx.db, {identifier for identifier, _ in checked})
        outcome = _match(checked, known, model)
        store.set_labels(tx, outcome.labels, tx.now)
        store.keep_early_labels(tx, outcome.early, tx.now)
        counts = outcome.counts or ({model or "unknown predictions": _Count()} if outcome.unknown else {})
        for number, (name, count) in enumerate(sorted(counts.items())):
            unknown = outcome.unknown if number == 0 else 0
            tx.record(LabelsReceived(name, count.matched, count.replaced, unknown), actor)
    return LabelReport(
        sum(c.matched for c in outcome.counts.values()),
        sum(c.replaced for c in outcome.counts.values()),
        outcome.unknown,
        tuple(outcome.unknown_ids)[:SHOWN_IDS],
    )


def _match(rows: list[tuple[str, str]], known: Mapping[str, store.Known], model: str | None) -> _Outcome:
    outcome = _Outcome()
    for number, (identifier, label) in enumerate(rows, start=1):
        found = known.get(identifier)
        if found is None or found.model is None or model not in (None, found.model):
            outcome.unknown += 1
            outcome.unknown_ids.setdefault(identifier)
            if found is None or found.model is None:  # never put a label on another model's prediction
                outcome.early[identifier] = label
            continue
        if found.task == Task.REGRESSION.value and not _is_number(label):
            raise InvalidInput(
                f"Row {number}: “{label[:40]}” is no number, and {found.model} predicts numbers.",
                "Correct the label; nothing was applied.",
            )
        before = outcome.labels.get(identifier, found.label)
        count = outcome.counts.setdefault(found.model, _Count())
        if before is None or before == label:
            count.matched += 1
        else:
            count.replaced += 1
        outcome.labels[identifier] = label
    return outcome


def _check_row(number: int, row: tuple[object, object]) -> tuple[str, str]:
    identifier, label = (str(value).strip() for value in row)
    for name, value, longest in (("prediction id", identifier, MAX_ID), ("label", label, MAX_LABEL)):
        if not value:
            raise InvalidInput(f"Row {number} has no {name}.", "Fill it in or leave the row out; nothing was applied.")
        if len(value) > longest or not value.isprintable():
            raise InvalidInput(
                f"The {name} of row {number} is longer than {longest} characters or holds control characters.",
                "Correct it; nothing was applied.",
            )
    return identifier, label


def _check_header(name: str, header: list[str]) -> None:
    if not any(header):
        raise InvalidInput(f"{name} is empty.", _HINT)
    missing = [column for column in COLUMNS if column not in header]
    extra = [column for column in header if column not in COLUMNS]
    if missing:
        raise InvalidInput(f"{name} has no column {' and no column '.join(missing)}.", _HINT)
    if extra:
        raise InvalidInput(f"{name} has unexpected columns: {', '.join(extra)[:200]}.", _HINT)
    if len(header) != len(COLUMNS):
        raise InvalidInput(f"{name} names a column twice.", _HINT)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
