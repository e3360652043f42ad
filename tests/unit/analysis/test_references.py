"""Two reference profiles on the same bins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlops_desktop.analysis.references import compare_profiles
from mlops_desktop.serving.bins import Bins, Profile, category_bins, number_bins


def profile(rows: int = 1, **features: Bins) -> Profile:
    return Profile(rows, features)


def test_the_same_training_data_are_the_same() -> None:
    values = np.random.default_rng(1).normal(size=5_000)
    [found] = compare_profiles(profile(a=number_bins(values)), profile(a=number_bins(values)))
    assert found.same
    assert found.left_shares == found.right_shares
    assert sum(found.left_shares) == pytest.approx(1.0)


def test_shares_are_near_those_of_the_values_and_the_distance_is_kolmogorovs() -> None:
    generator = np.random.default_rng(2)
    old, new = generator.normal(size=20_000), generator.normal(0.5, 1.3, size=15_000)
    [found] = compare_profiles(profile(a=number_bins(old)), profile(a=number_bins(new)))
    assert found.distance == pytest.approx(stats.ks_2samp(old, new).statistic, abs=0.01)
    assert not found.exact
    for shares, values in ((found.left_shares, old), (found.right_shares, new)):
        assert sum(shares) == pytest.approx(1.0)
        for label, share in zip(found.bins, shares, strict=True):
            if " to " in label:
                low, high = map(float, label.split(" to "))
                assert share == pytest.approx(np.mean((values >= low) & (values < high)), abs=0.01)


def test_a_few_whole_numbers_have_a_bin_each_and_are_exact() -> None:
    old, new = np.repeat([5, 6, 7], [50, 30, 20]), np.repeat([5, 6, 8], [20, 30, 50])
    [found] = compare_profiles(profile(hour=number_bins(old)), profile(hour=number_bins(new)))
    assert found.bins == ("5", "6", "7", "8")
    assert found.left_shares == pytest.approx((0.5, 0.3, 0.2, 0.0))
    assert found.right_shares == pytest.approx((0.2, 0.3, 0.0, 0.5))
    assert found.distance == pytest.approx(0.5)
    assert found.exact


def test_categories_and_missing_values() -> None:
    old = category_bins(["UA"] * 6 + ["AA"] * 4)
    new = category_bins(["UA"] * 3 + ["DL"] * 3 + [None] * 4)
    [found] = compare_profiles(profile(carrier=old), profile(carrier=new))
    assert dict(zip(found.bins, found.left_shares, strict=True)) == pytest.approx(
        {"UA": 0.6, "AA": 0.4, "DL": 0.0, "missing": 0.0}
    )
    assert dict(zip(found.bins, found.right_shares, strict=True)) == pytest.approx(
        {"UA": 0.3, "AA": 0.0, "DL": 0.3, "missing": 0.4}
    )
    assert found.distance == pytest.approx(0.4)


def test_many_categories_end_in_other() -> None:
    old = category_bins([f"c{i:03}" for i in range(150) for _ in range(150 - i)])
    new = category_bins([f"c{i:03}" for i in range(150) for _ in range(i + 1)])
    [found] = compare_profiles(profile(a=old), profile(a=new))
    assert found.bins[-1] == "other"
    assert sum(found.left_shares) == pytest.approx(1.0)
    assert sum(found.right_shares) == pytest.approx(1.0)
    assert not found.exact


def test_what_can_not_be_compared_says_why_and_comes_last() -> None:
    numbers, letters = number_bins([1.0, 2.0, 3.0]), category_bins(["a"])
    left = Profile(3, {"both": numbers, "turned": numbers, "gone": numbers, "empty": number_bins([None])})
    right = Profile(3, {"both": numbers, "turned": letters, "fresh": letters, "empty": numbers}, {"score": numbers})
    found = compare_profiles(left, right)
    assert [f.feature for f in found] == ["both", "empty", "fresh", "gone", "prediction score", "turned"]
    assert found[0].same
    assert all(f.note and f.distance is None and not f.bins for f in found[1:])


@pytest.mark.parametrize(
    ("old", "new"), [([7.0], [7.0]), ([7.0], [9.0]), ([1e300, -1e300], [0.0]), ([0.1, np.inf], [5e-324, 1.0])]
)
def test_odd_numbers_give_shares(old: list[float], new: list[float]) -> None:
    [found] = compare_profiles(profile(a=number_bins(old)), profile(a=number_bins(new)))
    assert found.distance is not None
    assert 0.0 <= found.distance <= 1.0
    assert len(found.bins) == len(found.left_shares) == len(found.right_shares)
    assert sum(found.left_shares) == pytest.approx(1.0)
    assert sum(found.right_shares) == pytest.approx(1.0)
