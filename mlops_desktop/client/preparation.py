"""Everything that `log_version` finds out about an estimator and its data, before anything is registered."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlops_desktop.client import lineage, references, scores
from mlops_desktop.client.frames import Table, digest_of, signature_of
from mlops_desktop.client.packing import Package, classes_of, pack
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.registry import Column, Lineage, Signature, Task
from mlops_desktop.serving.bins import category_text

EXAMPLES = 100
_PACKAGES = ("sklearn", "skops", "skl2onnx", "onnx", "joblib")  # what the extra `client` brings


@dataclass(frozen=True)
class Prepared:
    package: Package
    task: Task
    signature: Signature
    metrics: dict[str, float]
    lineage: Lineage
    profile: bytes
    examples: dict[str, Any]
    requirements: str


def prepare(
    estimator: Any,
    train: tuple[Any, Any],
    test: tuple[Any, Any] | None,
    data: Mapping[str, Any],
    seed: int | None,
    user: str,
    folder: Path,
    *,
    metrics: Mapping[str, float] | None,
    onnx: bool,
) -> Prepared:
    """Save and convert the estimator into `folder`, and describe it; see `Connection.log_version`."""
    _check(estimator)
    task = scores.task_of(estimator)
    features, target = _pair(train, "train")
    held_out, truth = _pair(test, "test") if test is not None else (features.take(_last(features)), None)
    if held_out.names != features.names:
        raise InvalidInput("The test data have other columns than the training data.", "Give the same in order.")
    signature = signature_of(features, _outputs(task, estimator, target))
    package = pack(estimator, signature, task, held_out, folder, onnx=onnx)
    answers, classes = package.answers, classes_of(estimator, task)
    figures: dict[str, float] = {}
    performance: dict[str, float] = {}
    importance: dict[str, float] = {}
    if truth is not None:
        figures = scores.metrics_of(task, truth, answers.predictions, answers.probabilities, classes)
        performance = {k: v for k, v in figures.items() if k in ("roc_auc", "accuracy", "mae", "rmse", "r2")}
        if len(classes) == 2:
            performance["positive_rate"] = float(np.mean([category_text(v) == classes[1] for v in truth.tolist()]))
        importance = references.importance_of(estimator, held_out, truth, task, seed)
    shown = None if answers.scores is None else answers.scores.tolist()
    profile = references.profile_of(
        features, signature, task, answers.predictions, shown, classes, importance, performance
    )
    digests = {"train": digest_of(train)} | ({"test": digest_of(test)} if test is not None else {})
    digests |= {str(name): digest_of(value) for name, value in data.items()}
    return Prepared(
        package,
        task,
        signature,
        _given(metrics) if metrics is not None else figures,
        lineage.lineage_of(estimator, digests, seed, user),
        # The order of the classes decides which one is positive: 9 comes before 10, “10” before “9”.
        json.dumps(profile.to_dict() | ({"classes": list(classes)} if classes else {}), allow_nan=False).encode(),
        {
            "columns": [c.name for c in signature.inputs],
            "rows": held_out.head(EXAMPLES).rows(signature),
            "predictions": answers.predictions[:EXAMPLES],
            "scores": None if shown is None else shown[:EXAMPLES],
        },
        lineage.requirements_of(package.format, estimator),
    )


def _check_packages() -> None:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidInput(
            f"Registering a pipeline needs packages that are not installed: {', '.join(missing)}.",
            "Install them with: pip install 'mlops-desktop[client]'",
        )


def _check(estimator: Any) -> None:
    _check_packages()
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not callable(getattr(estimator, "predict", None)):
        raise InvalidInput(f"A {type(estimator).__name__} has no predict method.", "Give a fitted estimator.")
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise InvalidInput(f"The {type(estimator).__name__} is not fitted.", "Call fit before log_version.") from None
    except TypeError:
        raise InvalidInput(
            f"A {type(estimator).__name__} is no scikit-learn estimator.", "Give a fitted scikit-learn estimator."
        ) from None


def _pair(pair: Any, what: str) -> tuple[Table, Any]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InvalidInput(f"{what} must be a pair of features and target.", f"Give {what}=(X, y).")
    table, target = Table.of(pair[0], f"The features of {what}"), np.asarray(pair[1])
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.ndim != 1 or len(target) != len(table):
        raise InvalidInput(f"The target of {what} must have one value for each of its {len(table):,} rows.", "")
    if not len(table):
        raise InvalidInput(f"{what} has no rows.", "Give some.")
    return table, target


def _last(table: Table) -> Any:
    return np.arange(max(0, len(table) - 1000), len(table))


def _outputs(task: Task, estimator: Any, target: Any) -> list[Column]:
    if task is Task.REGRESSION:
        return [Column("prediction", "double")]
    whole = np.asarray(getattr(estimator, "classes_", target)).dtype.kind in "iub"
    label = Column("prediction", "long" if whole else "string")
    return [label, Column("score", "double")] if hasattr(estimator, "predict_proba") else [label]


def _given(metrics: Mapping[str, float]) -> dict[str, float]:
    found = {}
    for name, value in metrics.items():
        number = float(value)
        if not math.isfinite(number):
            raise InvalidInput(f"The metric {name} is {value}, no finite number.", "Leave it out.")
        found[str(name)] = number
    return found
