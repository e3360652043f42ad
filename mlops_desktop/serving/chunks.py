"""Mergeable counts of one deployment over some seconds, and what can be read from them.

A chunk is a plain JSON object:

    {"sequence": 12, "start": epoch, "end": epoch, "requests": 10, "rows": 12, "errors": {"400": 1},
     "latency": {"counts": [...], "sum": seconds},
     "features": {NAME: {"counts": [...], "nulls": n, "invalid": n, "min": x, "max": x, "sum": x, "sum_squares": x}},
     "predictions": {"score": {...}, "outcome": {...}}}

`requests` and the latency histogram hold every request for a prediction, the failed ones too; `errors` says how many of
them failed, by HTTP status. Counts of features and predictions line up with the bins of the reference profile.
Chunks merge by adding, in any order: `merge(merge(a, b), c) == merge(a, b, c)`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Chunk: TypeAlias = dict[str, Any]

_FASTEST, _SLOWEST, _STEPS = 50e-6, 60.0, 60
LATENCY_EDGES: tuple[float, ...] = tuple(
    float(f"{_FASTEST * (_SLOWEST / _FASTEST) ** (i / _STEPS):.4g}") for i in range(_STEPS + 1)
)  # seconds, each 26 % above the one before; half open bins like those of the profile
LATENCY_BINS = len(LATENCY_EDGES) + 1
_LATENCY_ARRAY = np.array(LATENCY_EDGES)


def count_latencies(seconds: Sequence[float]) -> list[int]:
    """How many of the durations fall into each latency bin."""
    bins = np.searchsorted(_LATENCY_ARRAY, np.asarray(seconds, dtype=np.float64), side="right")
    counts: list[int] = np.bincount(bins, minlength=LATENCY_BINS).tolist()
    return counts


def latency_bin(seconds: float) -> int:
    """The index of the bin into which one duration falls."""
    return bisect_right(LATENCY_EDGES, seconds)


def latency_quantile(counts: Sequence[int], quantile: float) -> float:
    """The q-quantile of a latency histogram in seconds (NaN if it is empty), interpolated on the logarithm inside its
    bin; at most one bin's width (26 %) from the exact one. Beyond the last edge the answer is the last edge.
    """
    total = sum(counts)
    if not total:
        return float("nan")
    wanted, seen = quantile * total, 0
    for index, count in enumerate(counts):
        if count and seen + count >= wanted:
            if index >= len(LATENCY_EDGES):
                return LATENCY_EDGES[-1]
            high = LATENCY_EDGES[index]
            low = LATENCY_EDGES[index - 1] if index else high / 2
            return float(low * (high / low) ** min(1.0, max(0.0, (wanted - seen) / count)))
        seen += count
    return LATENCY_EDGES[-1]


def merge(chunks: Iterable[Mapping[str, Any]]) -> Chunk:
    """One chunk that holds what the given ones hold; ValueError if there is none or their bins differ."""
    parts = list(chunks)
    if not parts:
        raise ValueError("there is no chunk to merge")
    errors: dict[str, int] = {}
    for part in parts:
        for status, count in part["errors"].items():
            errors[status] = errors.get(status, 0) + count
    return {
        "sequence": max(part["sequence"] for part in parts),
        "start": min(part["start"] for part in parts),
        "end": max(part["end"] for part in parts),
        "requests": sum(part["requests"] for part in parts),
        "rows": sum(part["rows"] for part in parts),
        "errors": errors,
        "latency": {
            "counts": _add_counts("latency", [part["latency"]["counts"] for part in parts]),
            "sum": float(sum(part["latency"]["sum"] for part in parts)),
        },
        "features": _merge_columns([part["features"] for part in parts]),
        "predictions": _merge_columns([part["predictions"] for part in parts]),
    }


def _merge_columns(sections: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    columns: dict[str, list[Mapping[str, Any]]] = {}
    for section in sections:
        for name, counted in section.items():
            columns.setdefault(name, []).append(counted)
    return {name: merge_counted(name, parts) for name, parts in columns.items()}


def merge_counted(name: str, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One column's counts added up: the form of `NumberCounts.to_dict` or `CategoryCounts.to_dict`."""
    merged: dict[str, Any] = {
        "counts": _add_counts(name, [part["counts"] for part in parts]),
        "nulls": sum(part["nulls"] for part in parts),
    }
    if "sum" not in parts[0]:
        return merged
    lows = [part["min"] for part in parts if part["min"] is not None]
    highs = [part["max"] for part in parts if part["max"] is not None]
    return merged | {
        "invalid": sum(part["invalid"] for part in parts),
        "min": min(lows, default=None),
        "max": max(highs, default=None),
        "sum": float(sum(part["sum"] for part in parts)),
        "sum_squares": float(sum(part["sum_squares"] for part in parts)),
    }


def _add_counts(name: str, counts: list[Sequence[int]]) -> list[int]:
    if len(counts) == 1:
        return list(counts[0])
    if len({len(c) for c in counts}) != 1:
        raise ValueError(f"the bins of {name} differ, their counts can't be added")
    added: list[int] = np.array(counts, dtype=np.int64).sum(axis=0).tolist()
    return added
