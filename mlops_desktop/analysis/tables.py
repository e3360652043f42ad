"""Drift of whole columns of raw rows against a reference profile: a log that was brought in, or a test set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlops_desktop.analysis.drift import Judged, judge
from mlops_desktop.serving.bins import NumberBins, Profile, count_categories


def judge_columns(profile: Profile, columns: Mapping[str, Any]) -> list[Judged]:
    """Count each column that the profile knows on its bins, and judge; worst first. Other columns are left out.

    Numbers are sorted once and the edges looked up in them: for many rows that costs little more than the sort.
    """
    counted = {}
    for name, bins in profile.features.items():
        if name in columns:
            values = columns[name]
            counted[name] = (
                _numbers(bins, values) if isinstance(bins, NumberBins) else count_categories(bins, values).to_dict()
            )
    return judge(profile, counted, {})


def _numbers(bins: NumberBins, values: Any) -> dict[str, Any]:
    ordered = np.sort(np.asarray(values, dtype=np.float64))  # NaN goes to the end, infinities to both ends
    known = int(np.searchsorted(ordered, np.nan)) if ordered.size and np.isnan(ordered[-1]) else ordered.size
    first = int(np.searchsorted(ordered[:known], -np.inf, "right"))
    last = int(np.searchsorted(ordered[:known], np.inf, "left"))
    finite = ordered[first:last]
    cuts = np.searchsorted(finite, bins.edge_array, "left")
    return {
        "counts": np.diff(np.concatenate([[0], cuts, [finite.size]])),
        "nulls": ordered.size - known,
        "invalid": first + known - last,
        "sum": float(finite.sum()),
    }
