"""Realised performance: predictions against the true outcomes that arrived for them, with 95 % intervals.

Intervals: DeLong's variance for ROC AUC, Wilson's for shares, the normal approximation for mean errors. Numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_desktop.domain.metrics import higher_is_better

Z = 1.959963984540054  # two-sided 95 % of the normal distribution
Z_ALARM = 2.5758293035489004  # one-sided 0.5 %: the share of periods that chance alone may make breach
MIN_OF_A_CLASS = 10  # fewer positives or negatives say nothing about ranking
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; NaN when the labels can't tell."""

    metric: str
    value: float
    low: float
    high: float
    rows: int


def roc_auc(positive: ArrayLike, scores: ArrayLike) -> Estimate:
    """Area under the ROC curve (Mann-Whitney, ties count half), interval by DeLong et al. (1988) on the logit scale.

    The variance comes from mid-ranks (Sun and Xu 2014). With all pairs ranked right DeLong's variance is zero; the
    interval then goes down to the "rule of three" of the smaller class.
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    truth, values = truth[np.isfinite(values)], values[np.isfinite(values)]
    ones, zeros = values[truth], values[~truth]
    m, n = ones.size, zeros.size
    if not m or not n:
        return Estimate("roc_auc", float("nan"), float("nan"), float("nan"), int(values.size))
    ranks = _mid_ranks(np.concatenate([ones, zeros]))
    area = float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
    above = (ranks[:m] - _mid_ranks(ones)) / n  # share of negatives below each positive
    below = 1 - (ranks[m:] - _mid_ranks(zeros)) / m
    variance = (above.var(ddof=1) / m if m > 1 else 0.25) + (below.var(ddof=1) / n if n > 1 else 0.25)
    if area in (0.0, 1.0) or variance <= 0:
        margin = min(1.0, 3 / min(m, n))
        return Estimate("roc_auc", area, max(0.0, area - margin), min(1.0, area + margin), int(values.size))
    logit, width = np.log(area / (1 - area)), Z * np.sqrt(variance) / (area * (1 - area))
    low, high = (float(1 / (1 + np.exp(-np.clip(logit + side * width, -700, 700)))) for side in (-1, 1))
    return Estimate("roc_auc", area, low, high, int(values.size))


def accuracy(right: ArrayLike) -> Estimate:
    """Share of right predictions, interval by Wilson (1927)."""
    hits = np.asarray(right, dtype=bool)
    n = hits.size
    if not n:
        return Estimate("accuracy", float("nan"), float("nan"), float("nan"), 0)
    share = float(hits.mean())
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * float(np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)))
    return Estimate("accuracy", share, max(0.0, middle - half), min(1.0, middle + half), n)


def mean_absolute_error(truth: ArrayLike, predicted: ArrayLike) -> Estimate:
    """Mean |truth - prediction|, in units of the target, interval from the standard error of the mean."""
    errors = np.abs(_errors(truth, predicted))
    value, half = _mean(errors)
    return Estimate("mae", value, max(0.0, value - half), value + half, errors.size)


def root_mean_squared_error(truth: ArrayLike, predicted: ArrayLike) -> Estimate:
    """sqrt(mean (truth - prediction)^2), in units of the target; the interval is that of the mean square, rooted."""
    squares = _errors(truth, predicted) ** 2
    value, half = _mean(squares)
    low, high = float(np.sqrt(max(0.0, value - half))), float(np.sqrt(value + half))
    return Estimate("rmse", float(np.sqrt(value)), low, high, squares.size)


def realised_regression(labels: Sequence[str], scores: ArrayLike) -> list[Estimate]:
    """MAE and RMSE of predicted values against labels, which are numbers as text."""
    truth = np.array([as_number(label) for label in labels], dtype=np.float64)
    return [root_mean_squared_error(truth, scores), mean_absolute_error(truth, scores)]


def realised_classification(
    labels: Sequence[str], outcomes: Sequence[str], scores: ArrayLike, positive: str | None = None
) -> list[Estimate]:
    """Accuracy, and ROC AUC first where there is a score of the positive class.

    `positive` is the class whose probability the score is; None finds it: predictions of it have the higher scores.
    """
    names = {text: canonical(text) for text in {*labels, *outcomes}}  # few classes, many rows
    truth, predicted = [names[label] for label in labels], [names[outcome] for outcome in outcomes]
    values = np.asarray(scores, dtype=np.float64)
    estimates = [accuracy([t == p for t, p in zip(truth, predicted, strict=True)])]
    positive = canonical(positive) if positive is not None else positive_class(truth, predicted, values)
    if positive is not None and np.isfinite(values).any():
        hits = np.array([t == positive for t in truth])
        if min(hits.sum(), (~hits).sum()) >= MIN_OF_A_CLASS:
            estimates.insert(0, roc_auc(hits, values))
    return estimates


def positive_class(truth: Sequence[str], predicted: Sequence[str], scores: Floats) -> str | None:
    """The class that the score is the probability of, or None when there are not two classes or no scores."""
    classes = sorted(set(truth) | set(predicted))
    known = np.isfinite(scores)
    if len(classes) != 2 or not known.any():
        return None
    means, lowest = {}, 1.0
    for name in classes:
        chosen = scores[np.array([p == name for p in predicted]) & known]
        if chosen.size:
            means[name] = float(chosen.mean())
            lowest = min(lowest, float(chosen.min()))
    if len(means) == 2 and lowest >= 0.5:
        return None  # each row's score is that of its own predicted class
    if len(means) == 2:
        return max(means, key=lambda name: means[name])
    # Only one class was ever predicted: it is the positive one if its probability is above a half.
    only, mean = next(iter(means.items()))
    other = next(name for name in classes if name != only)
    return only if mean > 0.5 else other


def shortfall(estimate: Estimate, reference: Mapping[str, float]) -> tuple[float, float] | None:
    """How far the realised figure is worse than the reference, and how much of it chance alone may make; None unknown.

    Both are differences for shares and relative to the reference for errors, which have a unit; negative is better.
    Chance's part is the interval's half towards the reference, widened from two-sided 95 % to one-sided
    0.5 % (Z_ALARM). The reference is taken as exact: its held-out rows are many and their number is not kept.
    """
    expected = reference.get(estimate.metric)
    if expected is None or not np.isfinite([estimate.value, estimate.low, estimate.high]).all():
        return None
    wider = Z_ALARM / Z
    if higher_is_better(estimate.metric):
        return expected - estimate.value, wider * (estimate.high - estimate.value)
    unit = max(abs(expected), 1e-12)
    return (estimate.value - expected) / unit, wider * (estimate.value - estimate.low) / unit


def canonical(label: str) -> str:
    """One text for one class: "1", "1.0" and " 1" are the same, as frames write whole numbers in both ways."""
    text = label.strip()
    if text[-2:] == ".0" and text[:-2].lstrip("-").isdigit():
        return text[:-2]
    return text


def as_number(text: str) -> float:
    """The number, NaN when it is none or infinite."""
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _errors(truth: ArrayLike, predicted: ArrayLike) -> Floats:
    errors = np.asarray(truth, dtype=np.float64) - np.asarray(predicted, dtype=np.float64)
    return errors[np.isfinite(errors)]


def _mean(values: Floats) -> tuple[float, float]:
    if not values.size:
        return float("nan"), float("nan")
    half = Z * float(values.std(ddof=1)) / float(np.sqrt(values.size)) if values.size > 1 else float("inf")
    return float(values.mean()), half


def _mid_ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values share the mean of theirs."""
    ordered = np.sort(values)
    first, last = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return (first + last + 1) / 2
