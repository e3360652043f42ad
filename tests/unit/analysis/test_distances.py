"""Properties of the distances that hold whatever the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlops_desktop.analysis import distances, samples


def test_nothing_between_equal_distributions():
    counts = [5, 0, 7, 100]
    shares = distances.shares(counts)
    assert distances.psi(distances.half_a_row(counts), distances.half_a_row(counts)) == 0
    assert distances.jensen_shannon(shares, shares) == 0
    assert distances.hellinger(shares, shares) == 0
    assert distances.l_infinity(shares, shares) == 0
    assert distances.ks_of_counts(counts, counts) == 0
    assert distances.chi_square(counts, counts) == (0.0, 1.0)


def test_the_most_between_distributions_that_share_nothing():
    assert distances.jensen_shannon([1, 0], [0, 1], base=2) == pytest.approx(1)
    assert distances.hellinger([1, 0], [0, 1]) == pytest.approx(1)
    assert distances.l_infinity([1, 0], [0, 1]) == 1
    assert distances.ks_of_counts([9, 0], [0, 3]) == 1


def test_psi_by_hand():
    expected = 0.2 * math.log(0.7 / 0.5) + (0.3 - 0.5) * math.log(0.3 / 0.5)
    assert distances.psi([0.5, 0.5], [0.7, 0.3]) == pytest.approx(expected)


def test_chi_square_is_scipys():
    rng = np.random.default_rng(3)
    for bins in (2, 3, 20):
        r, c = rng.integers(1, 200, bins), rng.integers(1, 50, bins)
        wanted = stats.chi2_contingency([r, c])
        assert distances.chi_square(r, c) == pytest.approx((wanted.statistic, wanted.pvalue), rel=1e-9)


def test_empty_samples_do_not_divide_by_zero():
    assert distances.chi_square([0, 0], [1, 2]) == (0.0, 1.0)
    assert distances.shares([0, 0]).tolist() == [0, 0]
    assert math.isnan(samples.ks([], [1.0]))
    assert math.isnan(samples.wasserstein([math.nan, math.inf], [1.0]))
    assert distances.l_infinity([], []) == 0.0
    assert distances.wasserstein_of_bins([], [3], [4], 0, 1) == 0.0


def test_an_unseen_category_is_infinitely_unlikely_when_the_reference_is_exact():
    assert distances.chi_square_fit([10, 0], [5, 5]) == (math.inf, 0.0)


def test_wasserstein_of_bins_by_hand():
    """All rows move from [0, 1) to [2, 3), spread evenly: a way of 2."""
    assert distances.wasserstein_of_bins([1, 2], [5, 0, 0], [0, 0, 9], 0, 3) == pytest.approx(2)
    # The distribution functions cross in the middle of the one bin they differ in.
    assert distances.wasserstein_of_bins([0, 1], [1, 2, 1], [2, 0, 2], 0, 1) == pytest.approx(0.125)


def test_f03_missing_and_infinite_numbers_are_left_out():
    rows = [1.0, math.nan, 2.0, math.inf, 3.0, -math.inf]
    assert samples.counts_on([2.0], rows).tolist() == [1, 2]
    assert samples.ks(rows, [1.0, 2.0, 3.0]) == 0
    assert samples.psi_on_deciles(range(1000), rows) > 0


def test_counting_sorted_equals_searching_each_row():
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 20, 5000).astype(float)
    edges = np.arange(0, 20, 1.5)
    wanted = np.bincount(np.searchsorted(edges, rows, "right"), minlength=edges.size + 1)
    assert samples.counts_on(edges, rows).tolist() == wanted.tolist()
