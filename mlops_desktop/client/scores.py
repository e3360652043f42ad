"""Held-out figures of a version: the metrics on its page, and what the profile calls its performance."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlops_desktop.domain.registry import Task
from mlops_desktop.serving.bins import category_text


def task_of(estimator: Any) -> Task:
    """Classification if the estimator says so."""
    from sklearn.base import is_classifier

    return Task.CLASSIFICATION if is_classifier(estimator) else Task.REGRESSION


def metrics_of(
    task: Task, truth: Any, predictions: Sequence[Any], probabilities: Any, classes: Sequence[Any]
) -> dict[str, float]:
    """Accuracy, ROC AUC and log loss, or MAE, RMSE and R²; one that is not defined for these rows is left out."""
    from sklearn import metrics

    if task is Task.REGRESSION:
        actual, values = np.asarray(truth, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
        figures = {
            "mae": metrics.mean_absolute_error(actual, values),
            "rmse": float(np.sqrt(metrics.mean_squared_error(actual, values))),
        }
        if len(actual) > 1:
            figures["r2"] = metrics.r2_score(actual, values)
        return _finite(figures)
    # As texts, because the served answers may say 1 where the training data say True.
    labels = [category_text(v) for v in np.asarray(truth).tolist()]
    names = [category_text(c) for c in classes]
    figures = {"accuracy": float(np.mean([a == category_text(b) for a, b in zip(labels, predictions, strict=True)]))}
    if probabilities is not None and set(labels) <= set(names):
        indices = np.array([names.index(label) for label in labels])
        table = np.clip(np.asarray(probabilities, dtype=np.float64), 0.0, 1.0)
        chosen = np.clip(table[np.arange(len(indices)), indices], 1e-15, 1.0)
        figures["log_loss"] = float(-np.log(chosen).mean())
        if len(set(labels)) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                figures["roc_auc"] = _roc_auc(metrics, indices, table)
    return _finite(figures)


def _roc_auc(metrics: Any, indices: Any, table: Any) -> float:
    if table.shape[1] == 2:
        return float(metrics.roc_auc_score(indices == 1, table[:, 1]))
    present = np.unique(indices)
    if len(present) < table.shape[1]:
        return float("nan")
    table = table / table.sum(axis=1, keepdims=True)
    return float(metrics.roc_auc_score(indices, table, multi_class="ovr"))


def _finite(figures: dict[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if np.isfinite(value)}
