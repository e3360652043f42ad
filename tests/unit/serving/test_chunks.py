"""Chunks add up, and quantiles read from their latency histogram are right to a bin's width."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest

from mlops_desktop.serving.chunks import (
    LATENCY_BINS,
    LATENCY_EDGES,
    count_latencies,
    latency_bin,
    latency_quantile,
    merge,
)


def chunk(sequence: int, latencies: list[float], score: dict[str, Any] | None = None, **errors: int) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "start": 100.0 + sequence,
        "end": 101.0 + sequence,
        "requests": len(latencies),
        "rows": len(latencies),
        "errors": {name.removeprefix("s"): count for name, count in errors.items()},
        "latency": {"counts": count_latencies(latencies), "sum": sum(latencies)},
        "features": {"carrier": {"counts": [sequence, 0, 1], "nulls": 1}},
        "predictions": {} if score is None else {"score": score},
    }


def number(counts: list[int], low: float | None, high: float | None) -> dict[str, Any]:
    return {"counts": counts, "nulls": 1, "invalid": 2, "min": low, "max": high, "sum": 1.5, "sum_squares": 2.5}


def test_edges_rise_evenly_on_the_logarithm() -> None:
    assert LATENCY_EDGES[0] == 50e-6 and LATENCY_EDGES[-1] == 60.0
    ratios = [b / a for a, b in itertools.pairwise(LATENCY_EDGES)]
    assert max(ratios) / min(ratios) < 1.01
    assert latency_bin(0.0) == 0 and latency_bin(50e-6) == 1 and latency_bin(1e9) == LATENCY_BINS - 1


@pytest.mark.parametrize("quantile", [0.01, 0.5, 0.95, 0.99])
def test_quantiles_are_right_to_a_bin(quantile: float) -> None:
    seconds = np.random.default_rng(1).lognormal(-6, 1, 20_000)
    found = latency_quantile(count_latencies(seconds.tolist()), quantile)
    assert found == pytest.approx(float(np.quantile(seconds, quantile)), rel=0.13)


def test_quantiles_at_the_ends() -> None:
    assert math.isnan(latency_quantile([0] * LATENCY_BINS, 0.5))
    assert latency_quantile(count_latencies([100.0]), 0.5) == 60.0
    assert 0 < latency_quantile(count_latencies([0.0]), 0.5) < 50e-6


def test_merging_adds_and_keeps_its_parts() -> None:
    a = chunk(1, [0.001, 0.002], number([1, 2], 0.1, 0.2), s400=1)
    b = chunk(2, [0.003], number([0, 4], None, None), s400=2, s500=1)
    before = copy.deepcopy((a, b))
    both = merge([a, b])
    assert (both["sequence"], both["start"], both["end"], both["requests"]) == (2, 101.0, 103.0, 3)
    assert both["errors"] == {"400": 3, "500": 1}
    assert both["features"]["carrier"] == {"counts": [3, 0, 2], "nulls": 2}
    assert both["predictions"]["score"] == {
        "counts": [1, 6],
        "nulls": 2,
        "invalid": 4,
        "min": 0.1,
        "max": 0.2,
        "sum": 3.0,
        "sum_squares": 5.0,
    }
    assert sum(both["latency"]["counts"]) == 3 and both["latency"]["sum"] == pytest.approx(0.006)
    assert (a, b) == before


def test_the_order_of_merging_does_not_matter() -> None:
    parts = [chunk(i, [0.001 * i], number([i, 1], i, i), s503=i) for i in range(1, 6)]
    assert merge([merge(parts[:2]), merge(parts[2:])]) == merge(parts) == merge(reversed(parts))


def test_chunks_on_different_bins_do_not_merge() -> None:
    other = chunk(2, [])
    other["features"]["carrier"]["counts"] = [1]
    with pytest.raises(ValueError, match="carrier"):
        merge([chunk(1, []), other])
    with pytest.raises(ValueError, match="no chunk"):
        merge([])
