"""Whole columns are counted as the serving program would count them."""

from __future__ import annotations

import numpy as np

from mlops_desktop.analysis.tables import _numbers, judge_columns
from mlops_desktop.serving.bins import Profile, category_bins, count_numbers, number_bins


def test_sorted_counting_equals_the_serving_programs():
    rng = np.random.default_rng(3)
    reference = np.where(rng.random(4000) < 0.3, 0.0, rng.normal(size=4000))
    bins = number_bins(reference)
    for rows in (
        rng.normal(size=3000),
        np.concatenate([rng.normal(size=50), [np.nan, np.inf, -np.inf, 0.0, 1e308], bins.edges]),
        np.array([]),
        np.full(5, np.nan),
        np.full(5, np.inf),
    ):
        wanted = count_numbers(bins, rows).to_dict()
        found = _numbers(bins, rows)
        assert found["counts"].tolist() == wanted["counts"]
        assert (found["nulls"], found["invalid"]) == (wanted["nulls"], wanted["invalid"])
        assert np.isclose(found["sum"], wanted["sum"])


def test_columns_are_judged_and_strangers_left_out():
    rng = np.random.default_rng(3)
    profile = Profile(
        2000, {"x": number_bins(rng.normal(size=2000)), "c": category_bins(rng.choice(["a", "b"], 2000).tolist())}
    )
    found = judge_columns(profile, {"x": rng.normal(1, 1, 1000), "c": rng.choice(["a", "b"], 1000), "other": [1]})
    assert [(j.drift.feature, j.breached) for j in found] == [("x", True), ("c", False)]
