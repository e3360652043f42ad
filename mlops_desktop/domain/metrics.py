"""Which way a metric is better, by its name; scikit-learn's and the usual short names."""

from __future__ import annotations

import re

_HIGHER = frozenset(
    {
        "accuracy",
        "auc",
        "auprc",
        "auroc",
        "average_precision",
        "explained_variance",
        "f1",
        "fbeta",
        "gini",
        "jaccard",
        "kappa",
        "matthews_corrcoef",
        "mcc",
        "ndcg",
        "pr_auc",
        "precision",
        "r2",
        "recall",
        "roc_auc",
        "sensitivity",
        "specificity",
        "top_k_accuracy",
    }
)
_LOWER = frozenset(
    {
        "brier",
        "brier_score",
        "ece",
        "error",
        "error_rate",
        "hamming_loss",
        "hinge_loss",
        "log_loss",
        "logloss",
        "loss",
        "mae",
        "mape",
        "max_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_error",
        "mean_squared_log_error",
        "median_absolute_error",
        "mse",
        "msle",
        "pinball_loss",
        "rmse",
        "rmsle",
        "root_mean_squared_error",
        "smape",
    }
)
# What is said of where or how it was measured: val_auc, test_rmse, f1_macro, accuracy_at_5.
_BEFORE = re.compile(
    r"^(?:(?:test|val|valid|validation|train|training|cv|mean|holdout|eval|dev|oof|balanced|weighted)_)+"
)
_AFTER = re.compile(r"(?:_(?:score|macro|micro|weighted|samples|binary|ovr|ovo|mean|test|val|at_\d+))+$")


def higher_is_better(name: str) -> bool | None:
    """True or False by the metric's name; None for a name that is not known."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    # scikit-learn's scorers turn errors round, so that greater is better for all of them.
    if plain.startswith("neg_"):
        return True
    for known in (plain, _AFTER.sub("", plain), _BEFORE.sub("", plain), _AFTER.sub("", _BEFORE.sub("", plain))):
        if known in _HIGHER:
            return True
        if known in _LOWER:
            return False
    return None


def better(name: str, delta: float) -> bool | None:
    """Whether a change of a metric is for the better; None where its direction isn't known, or nothing changed."""
    direction = higher_is_better(name)
    return None if direction is None or delta == 0 else (delta > 0) is direction


def limit_words(name: str, limit: float) -> str:
    """“at least 0.7”, or “at most 12” for an error."""
    return f"at {'most' if higher_is_better(name) is False else 'least'} {limit:.6g}"


def keeps(name: str, value: float, limit: float) -> bool:
    """Whether a value is on the right side of its limit; a metric of unknown direction has to be great enough."""
    return value <= limit if higher_is_better(name) is False else value >= limit


def loss(name: str, old: float, new: float) -> float:
    """By how much the new value is worse than the old one, in the metric's own unit; negative where it is better."""
    return new - old if higher_is_better(name) is False else old - new


def tolerated(name: str, old: float, new: float, tolerance: float) -> bool:
    """Whether the new value is worse by no more than that; the least digits of a computed metric are noise."""
    return loss(name, old, new) <= tolerance + 1e-9
