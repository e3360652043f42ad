"""What a served model takes and gives: bodies of both protocols in, answers out, and what it says about itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from mlops_desktop.serving.batching import Request
from mlops_desktop.serving.bundle import Bundle
from mlops_desktop.serving.frames import Frame, NotPlain, exact_frame, fast_frame
from mlops_desktop.serving.mlflow_protocol import Table, parse_csv, parse_scoring
from mlops_desktop.serving.open_inference import input_metadata, parse_infer
from mlops_desktop.serving.predictor import Answer, Predictor, first_answer

PREDICTION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_NUMPY_OPTION = orjson.OPT_SERIALIZE_NUMPY


class Exchange:
    """Reads requests and writes answers of one bundle, on the inference thread."""

    def __init__(self, bundle: Bundle, predictor: Predictor) -> None:
        self.bundle, self.predictor, self.schema = bundle, predictor, bundle.schema
        self.outputs: list[dict[str, Any]] = []  # as /v2/models/{m} tells them, known from the first answer

    def warm_up(self) -> Answer:
        """Make a real prediction, of the bundle's first example or of zeros, and learn the outputs from it; CannotServe
        if the model does not answer.
        """
        answer = first_answer(self.predictor, self._frame(self.example_row()))
        self.outputs = _output_metadata(answer)
        return answer

    def _frame(self, row: list[Any]) -> Frame:
        try:
            return fast_frame(self.schema, [row], None)
        except NotPlain:
            return exact_frame(self.schema, [row], None)

    def example_row(self) -> list[Any]:
        """A row that fits the signature: the bundle's first example in the signature's order, or zeros."""
        examples = self.bundle.examples or {}
        rows, columns = examples.get("rows"), examples.get("columns")
        if isinstance(rows, list) and rows and isinstance(columns, list):
            by_name = dict(zip(columns, rows[0], strict=False))
            if self.schema.tail is not None:
                return list(rows[0])
            if all(name in by_name for name in self.schema.names):
                return [by_name[name] for name in self.schema.names]
        zeros = {"boolean": False, "whole": 0, "real": 0.0, "datetime": "2000-01-01T00:00:00"}
        return [zeros.get(self.schema.field_of(i).kind, "") for i in range(self.schema.width)]

    def read(self, request: Request) -> Table:
        """The rows of a body; InvalidRequest says what is wrong with it."""
        if request.kind == "scoring":
            return parse_scoring(request.text, self.schema)
        if request.kind == "csv":
            return parse_csv(request.text, self.schema)
        infer = parse_infer(request.text, self.schema, [o["name"] for o in self.outputs])
        request.echo, request.wanted = infer.id, infer.outputs
        if PREDICTION_ID.fullmatch(infer.id):
            request.id = infer.id
        return infer.table

    def write(self, requests: Sequence[Request], answer: Answer) -> None:
        """Give each request its part of the answer, in the protocol in which it came; their rows stand in order."""
        predictions = answer.predictions
        scores = answer.scores.tolist() if self.bundle.is_classification and answer.scores is not None else None
        start = 0
        for request in requests:
            stop = start + request.rows
            if request.kind == "infer":
                request.answer = self._write_infer(request, answer.slice(start, stop))
            elif scores is None:
                body = {"predictions": predictions[start:stop], "prediction_id": request.id}
                request.answer = orjson.dumps(body)
            else:
                body = {"predictions": predictions[start:stop], "scores": scores[start:stop]}
                body["prediction_id"] = request.id
                request.answer = orjson.dumps(body)
            start = stop

    def _write_infer(self, request: Request, answer: Answer) -> bytes:
        rows = len(answer.predictions)
        outputs = []
        for output in self.outputs:
            name = output["name"]
            if request.wanted and name not in request.wanted:
                continue
            if name == "predictions":
                data: Any = answer.predictions
                while data and isinstance(data[0], list):
                    data = [value for row in data for value in row]
            elif name == "scores":
                data = answer.scores
            else:
                data = None if answer.probabilities is None else answer.probabilities.ravel()
            if data is not None:
                outputs.append(output | {"shape": [rows, *output["shape"][1:]], "data": data})
        return orjson.dumps(
            {
                "model_name": self.bundle.model,
                "model_version": self.bundle.version,
                "id": request.echo or request.id,
                "outputs": outputs,
            },
            option=_NUMPY_OPTION,
        )

    def server_metadata(self, version: str) -> dict[str, Any]:
        return {"name": "mlops-desktop", "version": version, "extensions": []}

    def model_metadata(self) -> dict[str, Any]:
        return {
            "name": self.bundle.model,
            "versions": [self.bundle.version],
            "platform": self.predictor.platform,
            "inputs": input_metadata(self.schema),
            "outputs": self.outputs,
        }

    def example(self) -> Mapping[str, Any]:
        """A body for /invocations that this model answers."""
        row = self.example_row()
        if self.schema.tail is not None:
            return {"instances": [row]}
        return {"dataframe_split": {"columns": list(self.schema.names), "data": [row]}}


def _output_metadata(answer: Answer) -> list[dict[str, Any]]:
    shape = [-1]
    first: Any = answer.predictions[0]
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else 0.0
    datatype = {bool: "BOOL", int: "INT64", str: "BYTES"}.get(type(first), "FP64")
    outputs = [{"name": "predictions", "datatype": datatype, "shape": shape if len(shape) > 1 else [-1, 1]}]
    if answer.probabilities is not None:
        outputs.append({"name": "scores", "datatype": "FP64", "shape": [-1, 1]})
        kind = "FP32" if answer.probabilities.dtype.itemsize == 4 else "FP64"
        outputs.append({"name": "probabilities", "datatype": kind, "shape": [-1, answer.probabilities.shape[1]]})
    return outputs
