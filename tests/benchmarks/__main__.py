"""Run the benchmarks beside this file and print one table: `packaging/bench [NAME ...] [--json FILE]`.

Each module has `run() -> Iterable[dict]`. A dict has `figure`, `value` and `unit`; `against` names the limit or the
peer measured in the same run and `ratio` is the value divided by it (below 1 is better for times, above 1 for rates).
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

KEYS = ("figure", "value", "unit", "against", "ratio")


def names() -> list[str]:
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def checked(record: dict[str, Any], module: str) -> dict[str, Any]:
    """The record with every key, in order; ValueError when it lacks a figure."""
    unknown = set(record) - set(KEYS)
    if unknown or not {"figure", "value", "unit"} <= set(record):
        raise ValueError(f"{module} gave {record}")
    return {key: record.get(key) for key in KEYS}


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


def table(records: Sequence[dict[str, Any]]) -> str:
    rows = [KEYS, *(tuple(shown(record[key]) for key in KEYS) for record in records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(KEYS))]
    right = {1, 4}
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="packaging/bench", description="Measure, and compare within the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a module of tests/benchmarks; all without a name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as a list of objects")
    parser.add_argument("--list", action="store_true", help="list the names and stop")
    asked = parser.parse_args()
    known = names()
    if asked.list:
        print("\n".join(known))
        return 0
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(known)}")
    records: list[dict[str, Any]] = []
    failed = []
    for name in asked.names or known:
        print(f"{name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            found: Iterable[dict[str, Any]] = importlib.import_module(f"tests.benchmarks.{name}").run()
            records.extend(checked(record, name) for record in found)
        except Exception as error:  # noqa: BLE001  the others are still worth measuring
            failed.append(name)
            print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    print(table(records))
    if asked.json is not None:
        asked.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
