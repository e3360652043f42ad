"""ONNX models by onnxruntime, with one thread: rows are few, and starting a team of threads costs more than they save.

A missing text is given as the empty text, a missing number as NaN: ONNX knows no null.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mlops_desktop.serving.bins import category_text
from mlops_desktop.serving.bundle import Bundle
from mlops_desktop.serving.errors import CannotServe, InvalidRequest
from mlops_desktop.serving.frames import Frame
from mlops_desktop.serving.predictor import Answer, Predictor

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxPredictor(Predictor):
    """Feeds one matrix, or one [n, 1] tensor for each field, whichever the graph asks for."""

    platform = "onnxruntime_onnxv1"

    def __init__(self, bundle: Bundle, entry: Path) -> None:
        self._schema, self._classifies = bundle.schema, bundle.is_classification
        self._session = _open(bundle, entry)
        self._inputs = self._session.get_inputs()
        outputs = self._session.get_outputs()
        self._feed = self._feeder()
        self._label, self._scores = _roles(outputs)
        wanted = [o.name for o in (self._label, self._scores) if o is not None]
        self._names = wanted or [outputs[0].name]
        self.classes = _in_model_order(bundle.classes)
        self._positive = self.classes.index(bundle.positive) if bundle.positive in self.classes else None

    def predict(self, frame: Frame) -> Answer:
        results = self._session.run(self._names, self._feed(frame))
        if not self._classifies:
            values = np.asarray(results[0])
            values = values.reshape(frame.rows) if values.size == frame.rows else values
            plain = values.ndim == 1 and values.dtype.kind in "fiub"
            return Answer(values.tolist(), values.astype(np.float64) if plain else None)
        if self._scores is None:
            return Answer(np.asarray(results[0]).reshape(frame.rows).tolist(), None)
        probabilities = self._probabilities(results[-1], frame.rows)
        if self._label is not None:
            labels = np.asarray(results[0]).reshape(frame.rows).tolist()
        else:
            best = probabilities.argmax(axis=1).tolist()
            labels = [self.classes[i] for i in best] if len(self.classes) == probabilities.shape[1] else best
        if self._positive is not None and probabilities.shape[1] == len(self.classes):
            scores = probabilities[:, self._positive]
        else:
            scores = probabilities.max(axis=1)
        return Answer(labels, scores.astype(np.float64), probabilities)

    def _probabilities(self, result: Any, rows: int) -> NDArray[np.floating[Any]]:
        if isinstance(result, list):  # a ZipMap: one dictionary of class to probability for each row
            if len(self.classes) != len(result[0]):
                self.classes = tuple(category_text(key) for key in result[0])
            return np.array([list(row.values()) for row in result], dtype=np.float32)
        table: NDArray[np.floating[Any]] = np.asarray(result).reshape(rows, -1)
        return np.column_stack([1 - table, table]) if table.shape[1] == 1 else table

    def _feeder(self) -> Callable[[Frame], dict[str, Any]]:
        schema, inputs = self._schema, self._inputs
        unknown = next((i for i in inputs if i.type not in _TYPES), None)
        if unknown is not None:
            raise CannotServe(f"The ONNX input {unknown.name!r} has the type {unknown.type}, which can't be served.")
        dtypes = [np.dtype(_TYPES[i.type]) for i in inputs]
        if len(inputs) == 1 and len(inputs[0].shape) >= 2 and (schema.tail is not None or _width(inputs[0]) != 1):
            return self._one_matrix(dtypes[0])
        by_name = {i.name for i in inputs} == set(schema.names)
        if schema.tail is not None or len(inputs) != len(schema.fields):
            raise CannotServe(f"The ONNX model has {len(inputs)} inputs, the signature {len(schema.fields)} columns.")
        positions = [schema.index[i.name] if by_name else n for n, i in enumerate(inputs)]
        plan = []
        for tensor, position, dtype in zip(inputs, positions, dtypes, strict=True):
            field = schema.fields[position]
            if (field.kind == "text") != (dtype.kind == "O") or field.kind in ("binary", "datetime"):
                raise CannotServe(
                    f"The ONNX input {tensor.name!r} takes {tensor.type}, the signature says {field.type}."
                )
            plan.append((tensor.name, position, dtype, (-1, 1) if len(tensor.shape) == 2 else (-1,)))

        def feed(frame: Frame) -> dict[str, Any]:
            return {
                name: _values(schema.name_of(position), frame.column(position), dtype).reshape(shape)
                for name, position, dtype, shape in plan
            }

        return feed

    def _one_matrix(self, dtype: np.dtype[Any]) -> Callable[[Frame], dict[str, Any]]:
        schema, tensor = self._schema, self._inputs[0]
        texts = [f.name for f in schema.fields if (f.kind == "text") != (dtype.kind == "O")]
        if texts or any(f.kind in ("binary", "datetime") for f in schema.fields):
            raise CannotServe(f"The ONNX input {tensor.name!r} takes {tensor.type}, the signature has other columns.")
        tail = schema.tail or (schema.width,)
        known = tensor.shape[1:]
        if len(known) != len(tail) or any(
            isinstance(k, int) and k > 0 and k != t for k, t in zip(known, tail, strict=True)
        ):
            raise CannotServe(f"The ONNX input takes rows of the shape {known}, the signature says {list(tail)}.")
        name = tensor.name

        def feed(frame: Frame) -> dict[str, Any]:
            if frame.matrix is not None:
                matrix = _values(name, frame.matrix, dtype)
            else:
                columns = [_values(schema.name_of(i), c, dtype) for i, c in enumerate(frame.columns)]
                matrix = np.column_stack(columns)
            return {name: matrix if len(tail) == 1 else matrix.reshape(frame.rows, *tail)}

        return feed


def _values(name: str, column: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    if isinstance(column, list):
        return np.array(["" if v is None else v for v in column], dtype=object)
    if column.dtype == dtype:
        return np.asarray(column)
    if column.dtype.kind == "f" and dtype.kind in "iub" and not np.isfinite(column).all():
        raise InvalidRequest(f"Field {name!r}: this model can't take a missing value in a column of {dtype} numbers.")
    return np.asarray(column.astype(dtype))


def _open(bundle: Bundle, entry: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # From the bytes where it is one file, so that nothing else is ever opened on the model's word.
        source = entry.read_bytes() if len(bundle.files) == 1 else str(entry)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class but this
        reason = " ".join(str(error).split())[:300]
        raise CannotServe(f"The ONNX model can't be loaded: {reason}.") from error


def _width(tensor: Any) -> int:
    last = tensor.shape[-1]
    return last if isinstance(last, int) else -1


def _roles(outputs: list[Any]) -> tuple[Any, Any]:
    """Which output is the label and which the probabilities, by type: converters differ in the names."""
    label = next((o for o in outputs if o.type in ("tensor(int64)", "tensor(string)", "tensor(int32)")), None)
    scores = next(
        (o for o in outputs if o.type in ("tensor(float)", "tensor(double)") or o.type.startswith("seq(")), None
    )
    return label, scores


def _in_model_order(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Columns of probabilities are in the order of the sorted classes: numbers by value, texts by text."""
    try:
        return tuple(sorted(classes, key=float))
    except ValueError:
        return tuple(sorted(classes))
