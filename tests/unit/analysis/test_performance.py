"""Realised performance and its intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_desktop.analysis import performance as p

RNG = np.random.default_rng(8)


def test_roc_auc_is_scikit_learns():
    from sklearn.metrics import roc_auc_score

    for digits in (1, 2, 8):
        truth = RNG.random(800) < 0.3
        scores = np.round(np.clip(RNG.normal(0.4 + 0.2 * truth, 0.2), 0, 1), digits)
        assert p.roc_auc(truth, scores).value == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@pytest.mark.parametrize("rows", [100, 1000])
def test_intervals_hold_the_truth_about_as_often_as_they_say(rows):
    """The true area of two normals half a deviation apart is Phi(0.5 / sqrt 2) = 0.638."""
    true_area, hits = 0.5 * (1 + math.erf(0.5 / 2)), 0
    share_hits, mean_hits, root_hits = 0, 0, 0
    for _ in range(300):
        truth = RNG.random(rows) < 0.4
        area = p.roc_auc(truth, RNG.normal(0.5 * truth))
        hits += area.low <= true_area <= area.high
        right = p.accuracy(RNG.random(rows) < 0.9)
        share_hits += right.low <= 0.9 <= right.high
        errors = RNG.normal(0, 2, rows)
        mean = p.mean_absolute_error(errors, np.zeros(rows))
        mean_hits += mean.low <= 2 * math.sqrt(2 / math.pi) <= mean.high
        root = p.root_mean_squared_error(errors, np.zeros(rows))
        root_hits += root.low <= 2 <= root.high
    for found in (hits, share_hits, mean_hits, root_hits):
        assert 0.91 <= found / 300 <= 0.99


def test_edges_of_roc_auc():
    assert math.isnan(p.roc_auc([True] * 5, range(5)).value)
    perfect = p.roc_auc([False] * 50 + [True] * 50, range(100))
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.94)
    ties = p.roc_auc([False, True] * 50, np.ones(100))
    assert ties.value == 0.5
    missing = p.roc_auc([False] * 50 + [True] * 50, [math.nan] * 10 + list(range(90)))
    assert missing.rows == 90


def test_labels_written_in_different_ways_are_one_class():
    found = p.realised_classification(["1.0", " 0", "1", "0.0"], ["1", "0", "1", "1"], [0.9, 0.1, 0.8, 0.6])
    assert [(e.metric, e.value) for e in found] == [("accuracy", 0.75)]  # too few for an area
    assert p.canonical("-3.0") == "-3"
    assert p.canonical("v1.0") == "v1.0"
    assert p.canonical(".0") == ".0"


def test_the_positive_class_is_found_from_the_scores():
    rows = 200
    scores = RNG.random(rows)
    predicted = ["late" if s > 0.5 else "on time" for s in scores]
    truth = ["late" if RNG.random() < s else "on time" for s in scores]
    found = {e.metric: e for e in p.realised_classification(truth, predicted, scores)}
    assert found["roc_auc"].value > 0.7
    # Only one class was ever predicted, and it is not the positive one.
    low = scores / 3
    found = {e.metric: e for e in p.realised_classification(truth, ["on time"] * rows, low)}
    assert found["roc_auc"].value > 0.7
    # Scores of the predicted class rank nothing.
    own = np.maximum(scores, 1 - scores)
    assert [e.metric for e in p.realised_classification(truth, predicted, own)] == ["accuracy"]
    # Three classes have no one score.
    assert p.positive_class(["a", "b", "c"], ["a", "b", "c"], np.array([0.1, 0.2, 0.9])) is None


def test_a_shortfall_comes_with_what_chance_may_make_of_it():
    reference = {"roc_auc": 0.7, "rmse": 10.0}
    wider = 2.5758293 / 1.9599640
    loss, allowance = p.shortfall(p.Estimate("roc_auc", 0.62, 0.58, 0.65, 500), reference)
    assert (loss, allowance) == (pytest.approx(0.08), pytest.approx(0.03 * wider))
    loss, _ = p.shortfall(p.Estimate("roc_auc", 0.8, 0.78, 0.82, 500), reference)
    assert loss == pytest.approx(-0.1)
    loss, allowance = p.shortfall(p.Estimate("rmse", 12.0, 11.0, 13.5, 500), reference)
    assert (loss, allowance) == (pytest.approx(0.2), pytest.approx(0.1 * wider))
    assert p.shortfall(p.Estimate("accuracy", 0.5, 0.4, 0.6, 500), reference) is None
    assert p.shortfall(p.Estimate("roc_auc", math.nan, math.nan, math.nan, 0), reference) is None


@pytest.mark.parametrize("rows", [200, 1000])
def test_chance_alone_rarely_exceeds_what_it_is_allowed(rows):
    rng = np.random.default_rng(11)
    expected = 0.5 * (1 + math.erf(0.5 / 2))  # of unit normals that are half a deviation apart: Phi(0.5 / sqrt 2)
    beyond = 0
    for _ in range(400):
        truth = rng.random(rows) < 0.25
        scores = rng.normal(0, 1, rows) + 0.5 * truth
        loss, allowance = p.shortfall(p.roc_auc(truth, scores), {"roc_auc": expected})
        beyond += loss > allowance
    assert beyond <= 8  # 0.5 % of 400 are 2; 9 or more have a chance below 1 in 1,000


def test_f03_errors_of_unreadable_numbers_are_left_out():
    found = p.realised_regression(["1", "x", "nan", "inf", "3"], [1.5, 2.0, 2.0, 2.0, math.nan])
    assert [(e.metric, e.value, e.rows) for e in found] == [("rmse", 0.5, 1), ("mae", 0.5, 1)]
    assert math.isnan(p.accuracy([]).value)
    assert math.isnan(p.realised_regression([], [])[0].value)
