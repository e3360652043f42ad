"""The reference profile of a version: training data and held-out predictions on bins, importance, performance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.client.frames import Table, missing_of, plain_values
from mlops_desktop.domain.registry import Signature, Task
from mlops_desktop.serving.bins import (
    MAX_CATEGORIES,
    Bins,
    CategoryBins,
    Profile,
    category_bins,
    category_text,
    number_bins,
)

IMPORTANCE_ROWS = 1_000
IMPORTANCE_COLUMNS = 200  # beyond, permuting each would take minutes


def profile_of(
    train: Table,
    signature: Signature,
    task: Task,
    predictions: Sequence[Any],
    scores: Sequence[float] | None,
    classes: Sequence[str],
    importance: dict[str, float],
    performance: dict[str, float],
) -> Profile:
    """`predictions` and `scores` are those of the held-out rows, as they will be served."""
    features: dict[str, Bins] = {}
    for column in signature.inputs:
        values = train.column(column.name)
        if column.type in ("string", "boolean"):
            features[column.name] = category_bins(plain_values(values, column.type))
        elif column.type not in ("binary", "datetime"):
            features[column.name] = number_bins(_numbers(values, column.type))
    outputs: dict[str, Bins] = {}
    if scores is not None:
        outputs["score"] = number_bins(np.asarray(scores, dtype=np.float64))
    if task is Task.CLASSIFICATION:
        outputs["outcome"] = _outcomes(predictions, classes)
    return Profile(len(train), features, outputs, importance, performance)


def _outcomes(predictions: Sequence[Any], classes: Sequence[str]) -> CategoryBins:
    """The predicted classes; one that was never predicted is there with a count of 0, because it exists."""
    bins = category_bins(predictions)
    absent = [c for c in classes if c not in bins.categories][: max(0, MAX_CATEGORIES - len(bins.categories))]
    counts = (*bins.counts[:-1], *([0] * len(absent)), bins.counts[-1])
    return CategoryBins((*bins.categories, *absent), counts, bins.nulls)


def _numbers(values: Any, kind: str) -> NDArray[np.floating[Any]]:
    # A float column is served as float32, and counted as what that is.
    dtype = np.float32 if kind == "float" else np.float64
    return np.where(missing_of(values), np.nan, np.asarray(values, dtype=object)).astype(dtype)


def importance_of(estimator: Any, test: Table, truth: Any, task: Task, seed: int | None) -> dict[str, float]:
    """Permutation importance on up to 1,000 held-out rows, as shares that sum to 1; {} when nothing matters.

    What is measured is how much log loss (accuracy without probabilities) or squared error grows when one column is
    shuffled (Breiman 2001, https://doi.org/10.1023/A:1010933404324).
    """
    if len(test) < 20 or len(test.names) > IMPORTANCE_COLUMNS:
        return {}
    random = np.random.default_rng(0 if seed is None else seed)
    chosen = random.permutation(len(test))[:IMPORTANCE_ROWS]
    sample, actual = test.take(chosen), np.asarray(truth)[chosen]
    loss = _loss(estimator, actual, task)
    base = loss(sample.frame)
    grown = {}
    for name in test.names:
        shuffled = sample.frame.copy()
        order = random.permutation(len(sample))
        if isinstance(shuffled, np.ndarray):
            position = test.names.index(name)
            shuffled[:, position] = shuffled[order, position]
        else:
            shuffled[name] = shuffled[name].iloc[order].set_axis(shuffled.index)
        grown[name] = max(0.0, loss(shuffled) - base)
    total = sum(grown.values())
    return {name: value / total for name, value in grown.items()} if total > 0 else {}


def _loss(estimator: Any, actual: NDArray[Any], task: Task) -> Callable[[Any], float]:
    if task is Task.REGRESSION:
        return lambda frame: float(np.mean((np.asarray(estimator.predict(frame), dtype=np.float64) - actual) ** 2))
    if not hasattr(estimator, "predict_proba"):
        return lambda frame: float(np.mean(np.asarray(estimator.predict(frame)) != actual))
    index = {category_text(c): i for i, c in enumerate(estimator.classes_)}
    known = np.array([category_text(v) in index for v in actual.tolist()])
    columns = np.array([index.get(category_text(v), 0) for v in actual.tolist()])

    def log_loss(frame: Any) -> float:
        table = np.asarray(estimator.predict_proba(frame), dtype=np.float64)
        chosen = table[np.arange(len(columns)), columns][known]
        return float(-np.log(np.clip(chosen, 1e-15, 1.0)).mean()) if chosen.size else 0.0

    return log_loss
