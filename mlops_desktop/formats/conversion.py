"""Convert a fitted scikit-learn estimator to ONNX, and prove that both give the same answers.

Conversion can be silently wrong, so an ONNX file is kept only when held-out rows, the same rows with missing values in
the columns that may miss them, and the same rows with unseen categories get the same labels, and probabilities within
`TOLERANCE`. The ONNX side is asked through the serving program's own predictor: what is proved is what will be served.
Imported by the training client only; needs the extra `client`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.domain.registry import Conversion, Signature, Task
from mlops_desktop.serving.bins import category_text
from mlops_desktop.serving.bundle import Bundle
from mlops_desktop.serving.errors import CannotServe
from mlops_desktop.serving.frames import Frame, exact_frame
from mlops_desktop.serving.predictor import to_pandas
from mlops_desktop.serving.schema import Schema

TOLERANCE = 1e-5  # absolute for probabilities, relative for the values of a regression
MAX_ROWS = 10_000  # held-out rows that are compared
VARIANT_ROWS = 200  # of them again with missing values and unseen categories
UNSEEN = "never seen in training"

Row = Sequence[Any]


class _Refused(Exception):
    """Why there is no ONNX file; one sentence."""


@dataclass(frozen=True)
class HeldOut:
    """Rows that the model was not trained on: as the estimator takes them, and as a request would carry them."""

    frame: Any  # pandas DataFrame or numpy array
    rows: Sequence[Row]


def convert(estimator: Any, signature: Signature, task: Task, held_out: HeldOut, target: Path) -> Conversion:
    """Write `target` when the estimator converts and parity is proved; otherwise leave no file and say why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _convert(estimator, signature, task, held_out, target)
    except _Refused as error:
        target.unlink(missing_ok=True)
        return Conversion(False, str(error))


def _convert(estimator: Any, signature: Signature, task: Task, held_out: HeldOut, target: Path) -> Conversion:
    if not held_out.rows:
        raise _Refused("There are no held-out rows to prove that the answers agree.")
    schema = Schema.from_signature(signature.to_dict())
    disproved: Conversion | None = None
    reasons: list[str] = []
    for matrix in (True, False) if _takes_matrix(schema) else (False,):
        try:
            content = _onnx_bytes(estimator, schema, task, matrix=matrix)
            target.write_bytes(content)
            result = _prove(estimator, schema, task, held_out, target)
            if result.labels_changed and result.max_difference <= TOLERANCE and hasattr(estimator, "predict_proba"):
                target.write_bytes(_with_even_ties(content, estimator))
                result = _prove(estimator, schema, task, held_out, target)
        except _Refused as error:
            reasons.append(str(error))
            continue
        if result.converted:
            return result
        disproved = disproved or result
    target.unlink(missing_ok=True)
    # Of two ways that don't convert, the one that was meant for this estimator says more.
    fitting = [reason for reason in reasons if "at most 1 input" not in reason] or reasons
    return disproved or Conversion(False, fitting[-1])


def _takes_matrix(schema: Schema) -> bool:
    return all(f.kind in ("real", "whole", "boolean") for f in schema.fields)


def _onnx_bytes(estimator: Any, schema: Schema, task: Task, *, matrix: bool) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds = {"real": FloatTensorType, "whole": FloatTensorType, "boolean": FloatTensorType, "text": StringTensorType}
    unknown = [f.name for f in schema.fields if f.kind not in kinds]
    if unknown:
        raise _Refused(f"The column {unknown[0]} has a type that ONNX models can't take.")
    inputs = (
        [("input", FloatTensorType([None, len(schema.fields)]))]
        if matrix
        else [(f.name, kinds[f.kind]([None, 1])) for f in schema.fields]
    )
    options = {"zipmap": False} if task is Task.CLASSIFICATION and hasattr(estimator, "predict_proba") else None
    try:
        model = to_onnx(estimator, initial_types=inputs, options=options, name="model")
    except Exception as error:  # converters raise whatever they meet; the sentence goes into the record
        raise _Refused(f"skl2onnx can't convert it: {_sentence(error)}") from error
    if task is Task.CLASSIFICATION and not hasattr(estimator, "predict_proba"):
        # What comes out there are decision values, which nobody should take for probabilities.
        del model.graph.output[1:]
    return bytes(model.SerializeToString())


def _with_even_ties(content: bytes, estimator: Any) -> bytes:
    """The model with its label taken from probabilities that are rounded to six digits; the first class wins a tie.

    Of 20 trees 10 may say one class and 10 the other. scikit-learn then takes the first class; a sum in single
    precision is a little off, and ONNX takes either.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(content)
    graph = model.graph
    classes = np.asarray(estimator.classes_)
    if len(graph.output) < 2 or classes.dtype.kind not in "iuUO":
        return content
    names = classes.astype(object if classes.dtype.kind in "UO" else np.int64)
    graph.initializer.append(numpy_helper.from_array(names, "tie_classes"))
    graph.initializer.append(numpy_helper.from_array(np.array(1e6, dtype=np.float32), "tie_scale"))
    graph.node.extend(
        [
            helper.make_node("Mul", [graph.output[1].name, "tie_scale"], ["tie_scaled"]),
            helper.make_node("Round", ["tie_scaled"], ["tie_rounded"]),
            helper.make_node("ArgMax", ["tie_rounded"], ["tie_index"], axis=1, keepdims=0),
            helper.make_node("Gather", ["tie_classes", "tie_index"], ["decision"]),
        ]
    )
    graph.output[0].name = "decision"
    return bytes(model.SerializeToString())


def _prove(estimator: Any, schema: Schema, task: Task, held_out: HeldOut, target: Path) -> Conversion:
    from mlops_desktop.serving.onnx_predictor import OnnxPredictor

    classes = tuple(map(category_text, getattr(estimator, "classes_", ()))) if task is Task.CLASSIFICATION else ()
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    bundle = Bundle(
        target.parent, "", "", task.value, "onnx", target, {target.name: digest}, schema, classes, None, "", None, None
    )
    try:
        predictor = OnnxPredictor(bundle, target)
    except CannotServe as error:
        raise _Refused(f"The converted model can't be served: {error}") from error
    total, largest, changed, parts = 0, 0.0, 0, []
    for name, frame, rows in _trials(schema, held_out):
        table = exact_frame(schema, rows, None)
        try:
            expected = _Answers.of(estimator, frame if frame is not None else _frame(estimator, schema, table), task)
        except _Refused:
            raise
        except Exception as error:  # a pipeline refuses rows in whatever way it likes
            raise _Refused(
                f"The pipeline refuses rows with {name}, ONNX would answer them: {_sentence(error)}"
            ) from error
        try:
            answer = predictor.predict(table)
        except Exception as error:  # onnxruntime's errors have no common class but this
            raise _Refused(f"The converted model refuses rows with {name}: {_sentence(error)}") from error
        difference, flipped = expected.compare(answer.predictions, answer.probabilities)
        total, largest, changed = total + len(rows), max(largest, difference), changed + flipped
        parts.append(f"{len(rows):,} rows with {name}")
        if flipped or not difference <= TOLERANCE:
            reason = f"ONNX answers differently on rows with {name}: "
            reason += f"{flipped} of {len(rows)} labels changed, largest difference {difference:.2g}."
            return Conversion(False, reason, total, float(difference), flipped)
    return Conversion(True, f"The answers agree on {', '.join(parts)}.", total, float(largest), changed)


def _trials(schema: Schema, held_out: HeldOut) -> Iterator[tuple[str, Any, list[list[Any]]]]:
    """(what is special, the estimator's own frame or None to build it from the rows, rows)."""
    rows = [list(row) for row in held_out.rows[:MAX_ROWS]]
    yield "known values", held_out.frame[: len(rows)], rows
    few = rows[:VARIANT_ROWS]
    optional = [i for i, f in enumerate(schema.fields) if not f.required]
    if optional:
        holes = [[None if i == optional[n % len(optional)] else v for i, v in enumerate(r)] for n, r in enumerate(few)]
        holes += [[None if i in optional else v for i, v in enumerate(r)] for r in few[:20]]
        yield "missing values", None, holes
    texts = [i for i, f in enumerate(schema.fields) if f.kind == "text"]
    if texts:
        unseen = [[UNSEEN if i == texts[n % len(texts)] else v for i, v in enumerate(r)] for n, r in enumerate(few)]
        unseen += [[UNSEEN if i in texts else v for i, v in enumerate(r)] for r in few[:20]]
        yield "unseen categories", None, unseen


def _frame(estimator: Any, schema: Schema, table: Frame) -> Any:
    if hasattr(estimator, "feature_names_in_") or table.matrix is None:
        return to_pandas(schema, table)
    return table.matrix


@dataclass(frozen=True)
class _Answers:
    labels: list[str] | None
    values: NDArray[np.float64] | None  # probabilities, or the values of a regression
    task: Task

    @classmethod
    def of(cls, estimator: Any, frame: Any, task: Task) -> _Answers:
        predictions = np.asarray(estimator.predict(frame))
        if task is Task.REGRESSION:
            return cls(None, predictions.astype(np.float64).reshape(len(predictions), -1), task)
        if predictions.ndim != 1:
            raise _Refused("Several labels a row can't be compared.")
        values = None
        if hasattr(estimator, "predict_proba"):
            values = np.asarray(estimator.predict_proba(frame), dtype=np.float64)
        return cls([category_text(v) for v in predictions.tolist()], values, task)

    def compare(self, predictions: Sequence[Any], probabilities: Any) -> tuple[float, int]:
        """(largest difference, number of labels that changed)."""
        if self.labels is None:
            values = np.asarray(self.values)
            actual = np.asarray(predictions, dtype=np.float64).reshape(values.shape)
            # Near zero the size of the usual values is the measure.
            scale = np.maximum(np.abs(values), np.median(np.abs(values)))
            difference = np.abs(actual - values) / np.where(scale > 0, scale, 1.0)
            return _largest(difference), 0
        flipped = sum(category_text(a) != e for a, e in zip(predictions, self.labels, strict=True))
        if self.values is None:
            return 0.0, flipped
        table = np.asarray(probabilities, dtype=np.float64)
        return (_largest(np.abs(table - self.values)) if table.shape == self.values.shape else np.inf), flipped


def _largest(differences: NDArray[np.float64]) -> float:
    # NaN on one side only is as wrong as it can be.
    return float(np.nan_to_num(differences, nan=np.inf).max(initial=0.0))


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    first = text.split(". ")[0][:200].rstrip(".")
    return f"{first}."
