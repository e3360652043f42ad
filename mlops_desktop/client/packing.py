"""The files of a version: the estimator as skops or pickle, ONNX where parity is proved, and the answers served."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlops_desktop.client.frames import Table
from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.domain.registry import Conversion, Format, InspectionVerdict, Signature, Task
from mlops_desktop.formats.conversion import HeldOut, convert
from mlops_desktop.formats.inspect import inspect
from mlops_desktop.serving import predictor
from mlops_desktop.serving.bins import category_text
from mlops_desktop.serving.bundle import Bundle
from mlops_desktop.serving.errors import CannotServe, InvalidRequest
from mlops_desktop.serving.frames import exact_frame
from mlops_desktop.serving.predictor import Answer
from mlops_desktop.serving.schema import Schema

_COMPARED_ROWS = 200


@dataclass(frozen=True)
class Package:
    """What is registered: `path` is served, `originals` are kept beside it."""

    path: Path
    format: Format
    originals: tuple[Path, ...]
    conversion: Conversion
    answers: Answer  # of what is served, for the held-out rows


def pack(
    estimator: Any, signature: Signature, task: Task, held_out: Table, folder: Path, *, onnx: bool = True
) -> Package:
    """Write the estimator's files into `folder`; InvalidArtifact when it can't be saved, loaded again and served."""
    schema = Schema.from_signature(signature.to_dict())
    rows = held_out.rows(signature)
    original, original_format = _save(estimator, schema, task, folder)
    conversion = Conversion(False, "It was not asked for.")
    if onnx:
        target = folder / "model.onnx"
        conversion = convert(estimator, signature, task, HeldOut(held_out.frame, rows), target)
        if conversion.converted:
            answers = served(target, Format.ONNX, estimator, schema, task, rows)
            return Package(target, Format.ONNX, (original,), conversion, answers)
    answers = served(original, original_format, estimator, schema, task, rows)
    _agree(estimator, task, held_out, answers)
    return Package(original, original_format, (), conversion, answers)


def served(path: Path, format: Format, estimator: Any, schema: Schema, task: Task, rows: Sequence[Any]) -> Answer:
    """What the serving program answers for these rows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return predictor.load(_bundle(path, format, estimator, schema, task)).predict(
                exact_frame(schema, rows, None)
            )
    except (CannotServe, InvalidRequest) as error:
        raise InvalidArtifact(
            f"The saved model can't be served: {error}", "Train on columns of numbers and texts."
        ) from None


def _bundle(path: Path, format: Format, estimator: Any, schema: Schema, task: Task) -> Bundle:
    classes = classes_of(estimator, task)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    positive = classes[1] if len(classes) == 2 else None
    files = {path.name: digest}
    return Bundle(path.parent, "", "", task.value, format.value, path, files, schema, classes, positive, "", None, None)


def classes_of(estimator: Any, task: Task) -> tuple[str, ...]:
    """The classes as texts, in the estimator's order."""
    if task is not Task.CLASSIFICATION:
        return ()
    return tuple(category_text(c) for c in np.asarray(getattr(estimator, "classes_", ())).tolist())


def _save(estimator: Any, schema: Schema, task: Task, folder: Path) -> tuple[Path, Format]:
    """As skops when nothing in it is unknown and the serving program loads it; else as a pickle, which can run code."""
    path = folder / "model.skops"
    if _save_skops(estimator, path) and inspect(path).inspection.verdict is InspectionVerdict.ALLOW:
        with contextlib.suppress(CannotServe), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predictor.load(_bundle(path, Format.SKOPS, estimator, schema, task))
            return path, Format.SKOPS
    path.unlink(missing_ok=True)
    import joblib

    path = folder / "model.joblib"
    try:
        joblib.dump(estimator, path)
    except Exception as error:  # __reduce__ of anything inside may raise anything
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise InvalidArtifact(
            f"The estimator can't be saved: {reason}.", "Functions inside it must be named and importable, no lambdas."
        ) from error
    return path, Format.SKLEARN_PICKLE


def _save_skops(estimator: Any, path: Path) -> bool:
    import skops.io

    try:
        skops.io.dump(estimator, path)
    except (TypeError, ValueError, AttributeError, ImportError, LookupError, RuntimeError, RecursionError):
        return False  # skops raises what its writers happen to; the pickle is the answer to all of it
    return True


def _agree(estimator: Any, task: Task, held_out: Table, answers: Answer) -> None:
    """A request carries plain values: an estimator that took them for something else would answer differently."""
    few = held_out.head(_COMPARED_ROWS)
    expected = np.asarray(estimator.predict(few.frame))
    given = answers.predictions[: len(few)]
    if task is Task.CLASSIFICATION:
        same = [category_text(e) == category_text(g) for e, g in zip(expected.tolist(), given, strict=True)]
        agree = all(same)
    else:
        agree = bool(np.allclose(expected.astype(np.float64), np.asarray(given, dtype=np.float64), rtol=1e-5))
    if not agree:
        raise InvalidArtifact(
            "The model answers differently when its rows come as plain numbers and texts.",
            "Train on columns of numbers and texts, and let the pipeline make categories of them.",
        )
