"""The reference bins: edges, counting, missing and odd values, and their JSON form."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from mlops_desktop.serving.bins import (
    CategoryBins,
    NumberBins,
    Profile,
    ProfileError,
    category_bins,
    count_categories,
    count_numbers,
    number_bins,
)

RNG = np.random.default_rng(7)
SHAPES = {
    "normal": RNG.normal(size=5000),
    "float32": RNG.normal(size=5000).astype(np.float32),
    "lognormal": RNG.lognormal(sigma=3, size=5000),
    "zeros": np.where(RNG.random(5000) < 0.6, 0.0, RNG.exponential(size=5000)),
    "weekday": RNG.integers(1, 8, size=5000),
    "constant": np.full(50, 3.5),
    "one": np.array([2.0]),
    "two": np.array([0.0, 1.0]),
    "bool": RNG.random(500) < 0.3,
    "huge": np.array([-1.7e308, 1.7e308, 0.0, float(np.finfo(float).max)]),
    "tiny range": np.array([1e16, 1e16 + 2, 1e16 + 4]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_training_value_is_counted_once_and_again_the_same(shape: str) -> None:
    values = SHAPES[shape]
    bins = number_bins(values)
    assert sum(bins.counts) == len(values)
    assert list(bins.edges) == sorted(set(bins.edges))
    again = count_numbers(bins, values)
    assert again.counts.tolist() == list(bins.counts)
    assert (again.minimum, again.maximum) == (bins.minimum, bins.maximum)
    assert math.isfinite(again.sum) and math.isfinite(again.sum_squares)
    assert bins.counts[0] == 0  # nothing lies below the training minimum
    if shape != "huge":
        assert bins.counts[-1] == 0  # nor above its maximum


@pytest.mark.parametrize("shape", SHAPES)
def test_bins_between_deciles_are_never_empty_in_training(shape: str) -> None:
    bins = number_bins(SHAPES[shape])
    cuts = [0, *(i + 1 for i in bins.deciles), bins.size]
    totals = [sum(bins.counts[a:b]) for a, b in itertools.pairwise(cuts)]
    assert min(totals) > 0
    assert len(totals) <= 20
    if shape in ("normal", "float32", "lognormal"):
        assert len(totals) == 10
        assert max(totals) - min(totals) <= 2


def test_a_heavy_atom_has_a_bin_of_its_own() -> None:
    values = SHAPES["zeros"]
    bins = number_bins(values)
    position = bins.edges.index(0.0)
    assert bins.edges[position + 1] == np.nextafter(0.0, 1.0)
    assert bins.counts[position + 1] == int((values == 0).sum())
    assert position + 1 in bins.deciles


def test_whole_numbers_get_one_bin_each() -> None:
    bins = number_bins(SHAPES["weekday"])
    filled = [c for c in bins.counts if c]
    assert filled == np.bincount(SHAPES["weekday"])[1:].tolist()


def test_missing_and_infinite_values_are_counted_apart() -> None:
    bins = number_bins([1.0, 2.0, None, math.nan, 3.0, math.inf])
    assert (bins.nulls, sum(bins.counts), bins.maximum) == (2, 3, 3.0)
    counted = count_numbers(bins, np.array([math.nan, math.inf, -math.inf, 2.0, 99.0, -99.0]))
    assert (counted.nulls, counted.invalid, int(counted.counts.sum())) == (1, 2, 3)
    assert (counted.minimum, counted.maximum) == (-99.0, 99.0)
    assert counted.counts[0] == 1 and counted.counts[-1] == 1
    assert counted.sum == 2.0


def test_pandas_missing_values() -> None:
    bins = number_bins(pd.Series([1, None, 3], dtype="Int64"))
    assert (bins.nulls, sum(bins.counts)) == (1, 2)
    assert category_bins(pd.Series(["a", None, pd.NA, "a"], dtype="string")).nulls == 2


def test_a_column_without_values_has_one_empty_bin() -> None:
    bins = number_bins([None, None])
    assert (bins.size, bins.counts, bins.nulls, bins.minimum) == (1, (0,), 2, None)
    assert count_numbers(bins, [5.0]).counts.tolist() == [1]
    assert count_numbers(bins, []).minimum is None
    assert NumberBins.from_dict(bins.to_dict()) == bins


def test_categories_and_other() -> None:
    bins = category_bins(["EWR", "JFK", "EWR", "", None, math.nan, "LGA"])
    assert (bins.categories, bins.counts, bins.nulls) == (("EWR", "JFK", "LGA"), (2, 1, 1, 0), 3)
    counted = count_categories(bins, ["JFK", "XXX", "EWR", "", None])
    assert (counted.counts.tolist(), counted.nulls) == ([1, 1, 0, 1], 2)


def test_only_the_hundred_most_frequent_categories_are_named() -> None:
    bins = category_bins([f"c{i:03}" for i in range(150)] + ["c149"])
    assert len(bins.categories) == 100 and bins.categories[0] == "c149"
    assert bins.counts[-1] == 50 and sum(bins.counts) == 151


def test_categories_that_python_holds_equal_stay_apart() -> None:
    assert dict(zip(category_bins([1, 1.0, True, "1"]).categories, (2, 1, 1), strict=True)) == {
        "1": 2,
        "1.0": 1,
        "True": 1,
    }
    assert category_bins(np.array([True, False, True])).categories == ("True", "False")


def test_the_profile_survives_json(tmp_path) -> None:  # type: ignore[no-untyped-def]
    profile = Profile(
        5000,
        {"x": number_bins(SHAPES["zeros"]), "carrier": category_bins(["UA", "Ä", "UA"])},
        {"score": number_bins(RNG.random(100)), "outcome": category_bins(["0", "1"])},
        {"x": 0.75, "carrier": 0.25},
        {"roc_auc": 0.7},
    )
    profile.write(tmp_path / "profile.json")
    assert Profile.read(tmp_path / "profile.json") == profile
    assert json.loads(profile.to_json())["features"]["x"]["kind"] == "number"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schema=2), "schema 1"),
        (lambda d: d.pop("features"), "can't be read"),
        (lambda d: d["features"]["x"].update(kind="odd"), "x: the kind"),
        (lambda d: d["features"]["x"]["counts"].pop(), "x: .* counts"),
        (lambda d: d["features"]["x"]["edges"].reverse(), "x: the edges"),
        (lambda d: d["features"]["x"].update(edges="nonsense"), "x: the bins"),
        (lambda d: d["features"]["x"].update(deciles=[400]), "x: a decile"),
        (lambda d: d["features"]["c"].update(categories=["a", "a", "b"], counts=[1, 1, 1, 1]), "c: .* distinct"),
    ],
)
def test_a_damaged_profile_is_named(change, words: str) -> None:  # type: ignore[no-untyped-def]
    data = Profile(3, {"x": number_bins([1.0, 2.0, 3.0]), "c": category_bins(["a", "b"])}).to_dict()
    change(data)
    with pytest.raises(ProfileError, match=words):
        Profile.from_dict(data)
    with pytest.raises(ProfileError, match="no JSON"):
        Profile.from_json(b"{")


def test_counting_is_cheap_enough_to_leave_on() -> None:
    """A loose bound, so that a slip into Python loops is noticed: the design says 40 ns a value."""
    import time

    bins, values = number_bins(SHAPES["normal"]), RNG.normal(size=200_000)
    start = time.perf_counter()
    counted = count_numbers(bins, values)
    assert int(counted.counts.sum()) == 200_000
    assert (time.perf_counter() - start) / 200_000 < 1e-6


def test_bins_of_categories_know_their_place() -> None:
    assert CategoryBins(("a", "b"), (1, 2, 0)).index == {"a": 0, "b": 1}
