"""How results reach the terminal: aligned text for people, one JSON document for programs.

Everything a model, a log or another person wrote passes through `plain`, so that no text can move the cursor, recolour
the screen or hide what stands before it.
"""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click

EMPTY = "–"
Row = Sequence[object]


def to_plain(value: object) -> Any:
    """The JSON form of any value of the domain: dataclasses by field, times as ISO 8601, NaN and infinity as null."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)} | _derived(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, Iterable):
        return [to_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


# Properties that a program would otherwise have to work out for itself.
DERIVED = ("label", "passed", "current", "coverage")


def _derived(value: object) -> dict[str, Any]:
    found = {name: getattr(type(value), name, None) for name in DERIVED}
    if "state" not in {f.name for f in fields(value)}:  # type: ignore[arg-type]
        found["state"] = getattr(type(value), "state", None)
    return {name: to_plain(getattr(value, name)) for name, kind in found.items() if isinstance(kind, property)}


def plain(text: str) -> str:
    """Text with every control and direction-changing character made visible; line breaks and tabs stay."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else f"\\u{ord(c):04x}" for c in text
    )


def cell(value: object) -> str:
    """One value in one table cell, always on one line."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:.4g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(item)}" for key, item in value.items()) or EMPTY
    if isinstance(value, list | tuple | set | frozenset):
        items = [cell(item) for item in value]
        return ", ".join(sorted(items) if isinstance(value, set | frozenset) else items) or EMPTY
    return " ".join(plain(str(value)).split()) or EMPTY


def shortened(text: str, limit: int = 60) -> str:
    """At most `limit` characters of a free text, for a table; JSON has all of it."""
    line = cell(text)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def table(headers: Sequence[str], rows: Iterable[Row], empty: str = "Nothing here yet.") -> str:
    """Aligned columns; those that hold only numbers are flush right."""
    raw = [list(row) for row in rows]
    if not raw:
        return empty
    texts = [[cell(value) for value in row] for row in raw]
    widths = [max(_width(header), *(_width(row[i]) for row in texts)) for i, header in enumerate(headers)]
    numeric = [
        all(isinstance(row[i], int | float | None) and not isinstance(row[i], bool) for row in raw)
        for i in range(len(headers))
    ]

    def line(cells: Sequence[str]) -> str:
        padded = (
            " " * (width - _width(text)) + text if right else text + " " * (width - _width(text))
            for text, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line([h.upper() for h in headers]), *map(line, texts)])


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values, one pair a line; those without a value are left out."""
    shown = [(name, cell(value)) for name, value in pairs]
    shown = [(name, text) for name, text in shown if text != EMPTY]
    width = max((_width(name) for name, _ in shown), default=0)
    return "\n".join(f"{name}{' ' * (width - _width(name))}  {text}" for name, text in shown)


def size(count: int) -> str:
    """Bytes in a unit that can be read."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def _width(text: str) -> int:
    """Columns that a terminal gives the text."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@dataclass(slots=True)
class Output:
    """Where a command's result goes. Results are on standard output; everything else is on standard error."""

    json: bool = False
    tells_progress: bool = True

    def show(self, value: object, text: str | Callable[[], str]) -> None:
        """The result of the command: `value` as JSON, or the text for people."""
        if self.json:
            click.echo(json.dumps(to_plain(value), ensure_ascii=False, indent=2, allow_nan=False))
        else:
            click.echo(text if isinstance(text, str) else text())

    def note(self, line: str) -> None:
        """Something worth knowing that is no part of the result."""
        click.echo(plain(line), err=True)

    def progress(self, line: str) -> None:
        """One line of what is going on."""
        if self.tells_progress:
            click.echo(plain(line), err=True)
            sys.stderr.flush()


def error_line(message: str, hint: str = "") -> str:
    """What went wrong and what to do, on one line."""
    return " ".join(plain(f"Error: {message} {hint}").split())
