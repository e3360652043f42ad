"""Metrics, parameters and tags as people give them, checked: names that can be read, finite numbers, bounded sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeVar

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_text

MAX_ENTRIES = 1_000  # metrics, parameters or tags of one version
MAX_NAME, MAX_VALUE = 200, 2_000
Pairs = Mapping[str, str] | Iterable[tuple[str, str]]
T = TypeVar("T")


def checked_metrics(given: Mapping[str, float] | Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in dict(given).items():
        try:
            number = float(value)  # numpy's numbers are welcome
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise InvalidInput(f"The metric {name[:80]!r} is no finite number.", "Leave it out.")
        found[checked_name(name, "metric")] = number
    return _bounded(found, "metrics")


def checked_texts(given: Pairs, what: str) -> dict[str, str]:
    found = {
        checked_name(name, what): check_text(str(value), f"{what} {name[:80]}", MAX_VALUE)
        for name, value in dict(given).items()
    }
    return _bounded(found, f"{what}s")


def _bounded(found: dict[str, T], what: str) -> dict[str, T]:
    if len(found) > MAX_ENTRIES:
        raise InvalidInput(f"A version can't have more than {MAX_ENTRIES:,} {what}.", "Leave some out.")
    return found


def checked_name(name: str, what: str) -> str:
    checked = check_text(name, f"name of a {what}", MAX_NAME).strip()
    if not checked or "\n" in checked:
        raise InvalidInput(f"The name of a {what} is empty or has a line break.", "Give it a short name.")
    return checked
