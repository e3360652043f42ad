"""Loading a verified model and asking it for predictions.

This is the only place of the whole product where a pickle may be loaded, and it runs where the engine puts it: without
network, without rights, read-only. Skops files are held to a narrower rule all the same: besides what skops itself
trusts, only classes (not functions) that scikit-learn, numpy and scipy define; a file that names anything else is
refused, whatever it says of itself. That suffices because skops builds objects from such classes and nothing more, and
a class of these three libraries brings no code of the file's author with it.
"""

from __future__ import annotations

import importlib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.serving.bins import category_text
from mlops_desktop.serving.bundle import Bundle
from mlops_desktop.serving.errors import CannotServe, InvalidRequest
from mlops_desktop.serving.frames import Frame
from mlops_desktop.serving.schema import Schema

_TRUSTED_LIBRARIES = ("sklearn", "numpy", "scipy")
_CLASS_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says of each row: the label or value, and the probabilities of the classes where it has them.

    `scores` is the probability of the positive class, of the predicted class where none is named, and the value
    itself in a regression (there `probabilities` is None).
    """

    predictions: list[Any]
    scores: NDArray[np.float64] | None
    probabilities: NDArray[np.floating[Any]] | None = None

    def slice(self, start: int, stop: int) -> Answer:
        scores, probabilities = self.scores, self.probabilities
        return Answer(
            self.predictions[start:stop],
            None if scores is None else scores[start:stop],
            None if probabilities is None else probabilities[start:stop],
        )


class Predictor(ABC):
    """A loaded model. `row_independent` says that rows of different requests may share one call."""

    platform: str
    row_independent = True
    classes: tuple[str, ...] = ()

    @abstractmethod
    def predict(self, frame: Frame) -> Answer:
        """Predict checked rows. InvalidRequest if the model can't take them; whatever else it raises is its own."""


def load(bundle: Bundle) -> Predictor:
    """Load the model of a bundle whose files were verified; CannotServe says why it can't be."""
    try:
        if bundle.format == "onnx":
            return _load_onnx(bundle, bundle.entry)
        if bundle.format == "skops":
            return SklearnPredictor(bundle, _load_skops(bundle.entry))
        if bundle.format == "sklearn-pickle":
            return SklearnPredictor(bundle, _load_pickle(bundle.entry))
        return _load_mlflow(bundle)
    except ModuleNotFoundError as error:
        raise CannotServe(f"The model needs the package {error.name!r}, which is not installed here.") from error


def first_answer(predictor: Predictor, frame: Frame) -> Answer:
    """A real prediction before the first request; CannotServe if the model does not answer."""
    try:
        return predictor.predict(frame)
    except Exception as error:  # a model may raise anything
        raise CannotServe(f"The model does not answer its own example: {_sentence(error)}") from error


def _load_onnx(bundle: Bundle, entry: Path) -> Predictor:
    # Imported here: an image of another format has no onnxruntime, one of this format no scikit-learn.
    from mlops_desktop.serving.onnx_predictor import OnnxPredictor

    return OnnxPredictor(bundle, entry)


def _load_pickle(path: Path) -> Any:
    import joblib

    try:
        return joblib.load(path)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # a pickle's code may raise anything
        raise CannotServe(f"The pickle {path.name!r} can't be loaded: {_sentence(error)}") from error


def _load_skops(path: Path) -> Any:
    import skops.io

    try:
        unknown = skops.io.get_untrusted_types(file=path)
        refused = [name for name in unknown if not _is_library_class(name)]
        if refused:
            raise CannotServe(f"The skops file names types that are not trusted: {', '.join(sorted(refused)[:5])}.")
        return skops.io.load(path, trusted=unknown)
    except (CannotServe, ModuleNotFoundError):
        raise
    except Exception as error:  # skops raises what its readers happen to
        raise CannotServe(f"The skops file {path.name!r} can't be loaded: {_sentence(error)}") from error


def _is_library_class(name: str) -> bool:
    """Whether the dotted name is a class that one of the trusted libraries itself defines."""
    if not _CLASS_NAME.fullmatch(name) or name.split(".")[0] not in _TRUSTED_LIBRARIES:
        return False
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return inspect.isclass(found) and found.__module__.split(".")[0] in _TRUSTED_LIBRARIES


def _load_mlflow(bundle: Bundle) -> Predictor:
    """An MLmodel directory by its scikit-learn or ONNX flavour; by python_function only where mlflow is installed."""
    flavours = read_flavours(bundle.entry / "MLmodel")
    if (sklearn := flavours.get("sklearn")) is not None:
        path = _flavour_file(bundle, sklearn.get("pickled_model", ""))
        skops = sklearn.get("serialization_format") == "skops" or path.suffix == ".skops"
        return SklearnPredictor(bundle, _load_skops(path) if skops else _load_pickle(path))
    if (onnx := flavours.get("onnx")) is not None:
        return _load_onnx(bundle, _flavour_file(bundle, onnx.get("data", "")))
    if "python_function" not in flavours:
        raise CannotServe("The MLmodel file has no flavour python_function, so that nothing can serve it.")
    try:
        pyfunc = importlib.import_module("mlflow.pyfunc")
    except ModuleNotFoundError:
        module = flavours["python_function"].get("loader_module", "unknown")
        raise CannotServe(f"The MLmodel's loader {module!r} needs mlflow, which is not installed here.") from None
    try:
        return FunctionPredictor(bundle, pyfunc.load_model(str(bundle.entry)))
    except Exception as error:  # a flavour's loader may raise anything
        raise CannotServe(f"The MLmodel directory can't be loaded: {_sentence(error)}") from error


def _flavour_file(bundle: Bundle, name: str) -> Path:
    path = bundle.entry / name
    if not name or path.relative_to(bundle.root / "model").as_posix() not in bundle.files:
        raise CannotServe(f"The MLmodel file names {name!r}, which the bundle does not list.")
    return path


def read_flavours(path: Path) -> dict[str, dict[str, str]]:
    """The flavours of an MLmodel file with their plain values.

    MLmodel files are written by a program in one plain block style, of which this reads what is needed, so that no YAML
    library has to be in the image: `flavors:`, names indented once below it, `key: value` indented twice.
    """
    flavours: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    inside = False
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotServe(f"The MLmodel file can't be read: {error}.") from None
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        key, _, value = line.strip().partition(":")
        if indent == 0:
            inside, current = key == "flavors", None
        elif inside and indent == 2:
            current = flavours.setdefault(key, {})
        elif inside and indent == 4 and current is not None:
            current[key] = value.strip().strip("'\"")
    return flavours


class SklearnPredictor(Predictor):
    """A scikit-learn estimator or pipeline, given a frame if it was trained on one, else a matrix."""

    platform = "sklearn"

    def __init__(self, bundle: Bundle, model: Any) -> None:
        if not callable(getattr(model, "predict", None)):
            raise CannotServe(f"The model file holds a {type(model).__name__}, which has no predict method.")
        if hasattr(model, "get_params"):
            # One process, one thread for predictions: starting joblib's threads costs more than they save.
            jobs = {name: 1 for name in model.get_params() if name == "n_jobs" or name.endswith("__n_jobs")}
            model.set_params(**jobs)
        steps = getattr(model, "steps", None)
        self._before = model[:-1] if steps and len(steps) > 1 else None
        self._final = model[-1] if steps else model
        self._schema = bundle.schema
        nameless = bundle.schema.uniform is not None and _forget_names(model, bundle.schema.names)
        self._frame = not nameless and (hasattr(model, "feature_names_in_") or bundle.schema.uniform is None)
        self._classifies = bundle.is_classification
        self._probabilities = self._classifies and hasattr(model, "predict_proba")
        self._labels = getattr(model, "classes_", None) if self._classifies else None
        self.classes = tuple(map(category_text, self._labels)) if self._labels is not None else bundle.classes
        self._positive = self.classes.index(bundle.positive) if bundle.positive in self.classes else None
        # A forest's label is by definition the class of the largest probability: one pass instead of two.
        module = type(self._final).__module__
        self._by_argmax = self._probabilities and module in ("sklearn.ensemble._forest", "sklearn.tree._classes")

    def predict(self, frame: Frame) -> Answer:
        rows = to_pandas(self._schema, frame) if self._frame else frame.matrix
        if self._schema.tail is not None and rows is not None:
            rows = rows.reshape(frame.rows, *self._schema.tail)
        if self._before is not None:
            rows = self._before.transform(rows)
        if not self._classifies:
            values = np.asarray(self._final.predict(rows))
            return Answer(values.tolist(), _plain_scores(values))
        if not self._probabilities:
            return Answer(np.asarray(self._final.predict(rows)).tolist(), None)
        probabilities = np.asarray(self._final.predict_proba(rows))
        best = probabilities.argmax(axis=1)
        labels = self._labels[best] if self._by_argmax and self._labels is not None else self._final.predict(rows)
        scores = probabilities[:, self._positive] if self._positive is not None else probabilities.max(axis=1)
        return Answer(np.asarray(labels).tolist(), scores.astype(np.float64), probabilities)


def _forget_names(model: Any, names: Sequence[str]) -> bool:
    """Let a model that was trained on a frame take a matrix, which saves half of the time of a small request.

    Only where the names do nothing but get compared: every step is one of scikit-learn's plain estimators, the columns
    stand in the signature's order. Says whether the model takes a matrix now.
    """
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    known = getattr(steps[0], "feature_names_in_", None)
    plain = all(_is_plain(type(step)) and getattr(step, "_preprocessor", None) is None for step in steps)
    if known is None or not plain or list(known) != list(names):
        return False
    for step in steps:
        if hasattr(step, "feature_names_in_"):
            del step.feature_names_in_
    return True


# Packages of estimators that look at their columns by position; ensembles of others keep the names inside.
_PLAIN = frozenset(
    f"sklearn.{name}"
    for name in ("linear_model", "preprocessing", "impute", "decomposition", "tree", "svm", "neighbors")
) | {"sklearn.ensemble._hist_gradient_boosting"}


def _is_plain(kind: type) -> bool:
    if kind.__module__ == "sklearn.ensemble._forest":
        return True
    # A FunctionTransformer's function may ask for columns by name.
    return kind.__module__.rpartition(".")[0] in _PLAIN and kind.__name__ != "FunctionTransformer"


class FunctionPredictor(Predictor):
    """MLflow's python_function: any code; rows of different requests never share a call."""

    platform = "python_function"
    row_independent = False

    def __init__(self, bundle: Bundle, model: Any) -> None:
        self._model, self._schema = model, bundle.schema
        self.classes = bundle.classes

    def predict(self, frame: Frame) -> Answer:
        rows = frame.matrix if self._schema.tail is not None else to_pandas(self._schema, frame)
        values = np.asarray(self._model.predict(rows))
        if len(values) != frame.rows:
            raise InvalidRequest(f"The model gave {len(values)} answers for {frame.rows} rows.")
        return Answer(values.tolist(), _plain_scores(values))


def to_pandas(schema: Schema, frame: Frame) -> Any:
    """The rows as a pandas DataFrame; a missing text is NaN, which scikit-learn's imputers and encoders look for."""
    import pandas

    if frame.matrix is not None:
        return pandas.DataFrame(frame.matrix, columns=list(schema.names))
    columns: dict[str, Any] = {}
    for field, column in zip(schema.fields, frame.columns, strict=True):
        if isinstance(column, list):
            values: Sequence[Any] = [np.nan if v is None else v for v in column]
            columns[field.name] = pandas.Series(values, dtype=object)
        else:
            columns[field.name] = column
    return pandas.DataFrame(columns)


def _plain_scores(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """One number a row as score; None for several outputs or texts."""
    if values.dtype.kind not in "fiub" or values.size != len(values):
        return None
    return values.reshape(len(values)).astype(np.float64)


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return text if text.endswith(".") else text + "."
