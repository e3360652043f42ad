"""The Open Inference Protocol, version 2, over HTTP and JSON: metadata, and bodies of /infer in and out.

A frame takes one input of shape [n, 1] (or [n]) for each field, in any order; a tensor takes one input of shape
[n, ...]. `data` is row-major, flat or nested. Numbers may come in any number type if the values fit the field's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any

from mlops_desktop.serving.errors import InvalidRequest
from mlops_desktop.serving.frames import describe
from mlops_desktop.serving.mlflow_protocol import Table, parse_json
from mlops_desktop.serving.schema import Field, Schema

_WHOLE = frozenset(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"))
_REAL = frozenset(("FP16", "FP32", "FP64", "BF16"))
DATATYPES = _WHOLE | _REAL | {"BOOL", "BYTES"}
_ACCEPTED: Mapping[str, frozenset[str]] = {
    "real": _WHOLE | _REAL,
    "whole": _WHOLE,
    "boolean": frozenset(("BOOL",)),
    "text": frozenset(("BYTES",)),
    "binary": frozenset(("BYTES",)),
    "datetime": frozenset(("BYTES",)),
}


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A parsed body: the rows, the caller's name for the request ("" if none) and the outputs asked for (() is all)."""

    table: Table
    id: str
    outputs: tuple[str, ...]


def input_metadata(schema: Schema) -> list[dict[str, Any]]:
    """The model's inputs as /v2/models/{m} tells them; -1 is the number of rows."""
    shape = [-1, *schema.tail] if schema.tail is not None else [-1, 1]
    return [{"name": f.name, "datatype": f.datatype, "shape": shape} for f in schema.fields]


def parse_infer(body: bytes, schema: Schema, outputs: Sequence[str]) -> InferRequest:
    """Read one body of /infer; `outputs` are the names that the model can give."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body must be a JSON object with 'inputs', it is {describe(value)}.")
    inputs = value.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(type(item) is dict for item in inputs):
        raise InvalidRequest("Field 'inputs' must be a list of tensors.")
    columns: dict[str, tuple[int, list[Any]]] = {}
    for tensor in inputs:
        name = tensor.get("name")
        if not isinstance(name, str) or name not in schema.index:
            known = ", ".join(schema.names[:8])
            raise InvalidRequest(f"Input {describe(name)} is not known; the model takes {known}.")
        if name in columns:
            raise InvalidRequest(f"Input {name!r} is given twice.")
        columns[name] = _tensor(tensor, schema.fields[schema.index[name]], schema.tail)
    missing = next((f.name for f in schema.fields if f.required and f.name not in columns), None)
    if missing is not None:
        raise InvalidRequest(f"Input {missing!r} is missing.")
    counts = {rows for rows, _ in columns.values()}
    if len(counts) > 1:
        raise InvalidRequest(f"The inputs differ in their number of rows: {min(counts)} and {max(counts)}.")
    if not counts or counts == {0}:
        raise InvalidRequest("The inputs have no rows.")
    if schema.tail is not None:
        (_, data), width = columns[schema.names[0]], schema.width
        table = Table(None, [data[i : i + width] for i in range(0, len(data), width)])
    else:
        names = tuple(columns)
        rows = list(zip(*(data for _, data in columns.values()), strict=True))
        table = Table(None if names == schema.names else names, rows)
    return InferRequest(table, _id(value.get("id")), _wanted(value.get("outputs"), outputs))


def _tensor(tensor: Mapping[str, Any], field: Field, tail: tuple[int, ...] | None) -> tuple[int, list[Any]]:
    """The number of rows and the flat data of one input."""
    name, shape, datatype, data = field.name, tensor.get("shape"), tensor.get("datatype"), tensor.get("data")
    if datatype not in DATATYPES:
        raise InvalidRequest(f"Input {name!r}: {describe(datatype)} is no datatype.")
    if datatype not in _ACCEPTED[field.kind]:
        raise InvalidRequest(f"Input {name!r} must have the datatype {field.datatype}, not {datatype}.")
    if not isinstance(shape, list) or not shape or not all(type(n) is int and n >= 0 for n in shape):
        raise InvalidRequest(f"Input {name!r}: the shape must be a list of whole numbers.")
    wanted = list(tail) if tail is not None else [1]
    if shape[1:] != wanted and not (tail is None and len(shape) == 1):
        raise InvalidRequest(f"Input {name!r} must have the shape {[-1, *wanted]}, not {shape}.")
    if not isinstance(data, list):
        raise InvalidRequest(f"Input {name!r}: the data must be a list.")
    for _ in shape[1:]:  # nested data are made flat, one level for each dimension but the first
        if data and type(data[0]) is list:
            if not all(type(part) is list for part in data):
                raise InvalidRequest(f"Input {name!r}: the data are nested unevenly.")
            data = list(chain.from_iterable(data))
    if len(data) != prod(shape):
        raise InvalidRequest(f"Input {name!r} has {len(data)} values, the shape {shape} needs {prod(shape)}.")
    return shape[0], data


def _id(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"Field 'id' must be a text, it is {describe(value)}.")
    return value


def _wanted(value: Any, known: Sequence[str]) -> tuple[str, ...]:
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or not all(type(item) is dict for item in value):
        raise InvalidRequest("Field 'outputs' must be a list of objects with a name.")
    names = tuple(item.get("name") for item in value)
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None or None in names:
        raise InvalidRequest(f"Output {describe(unknown)} is not known; the model gives {', '.join(known)}.")
    return tuple(str(name) for name in names)
