"""Rows as CSV and as text for the clipboard, harmless when a spreadsheet opens them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from mlops_desktop.ui.widgets.columns import Column, Record

# OWASP "CSV injection": a cell that begins so is a formula to a spreadsheet; tab and CR hide one.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: Any) -> str | int | float:
    """Numbers stay numbers; a text that could be a formula gets an apostrophe before it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    # A formula may also hide behind blanks, and behind full-width signs.
    start = text.lstrip(" \u00a0\u3000\ufeff")
    return f"'{text}" if start.startswith((*_STARTS, "＝", "＋", "－", "＠")) or text.startswith(_STARTS) else text


def to_csv(columns: Sequence[Column], records: Iterable[Record]) -> str:
    """RFC 4180 with every text quoted, so that a formula can't hide after a comma or a quote either."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([safe_cell(c.title) for c in columns])
    for record in records:
        writer.writerow([safe_cell(c.exported(record)) for c in columns])
    return out.getvalue()


def to_text(columns: Sequence[Column], records: Iterable[Record]) -> str:
    """Cells parted by tabs, as spreadsheets paste them: the same guard holds."""
    lines = []
    for record in records:
        cells = (str(safe_cell(c.text(record))) for c in columns)
        lines.append("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells))
    return "\n".join(lines)
