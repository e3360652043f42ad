"""From rows of JSON values to checked arrays, many rows at a time.

There are two ways. `fast_frame` lets C code convert whole columns and refuses everything that is not plain;
`exact_frame` looks at each value, names the first wrong one, and is the rule that the fast one must agree with. The
caller tries the fast way on a batch and the exact way on each request of a batch that was refused.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.serving.errors import InvalidRequest
from mlops_desktop.serving.schema import Field, Schema

Row = Sequence[Any]
Column = NDArray[Any] | list[Any]  # numbers and times as arrays; texts as a list in which None is missing

_NONE = type(None)
_NUMBERS: frozenset[type] = frozenset((int, float))
_NUMBERS_OR_NONE: frozenset[type] = frozenset((int, float, _NONE))
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class NotPlain(Exception):
    """The fast way can't take these rows; the exact one decides what is wrong, if anything."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Checked rows: one matrix if every field has the same number type, else one column for each field."""

    rows: int
    matrix: NDArray[Any] | None
    columns: tuple[Column, ...] = ()

    def column(self, position: int) -> Column:
        return self.columns[position] if self.matrix is None else self.matrix[:, position]

    def slice(self, start: int, stop: int) -> Frame:
        if self.matrix is not None:
            return Frame(stop - start, self.matrix[start:stop])
        return Frame(stop - start, None, tuple(c[start:stop] for c in self.columns))


def fast_frame(schema: Schema, rows: Sequence[Row], order: Sequence[int] | None) -> Frame:
    """Convert rows whose values stand in the given order (None: the schema's own); NotPlain if they are unusual."""
    try:
        if schema.uniform is not None:
            return Frame(len(rows), _fast_matrix(schema, rows, order))
        columns = list(zip(*rows, strict=True))
        if order is None:
            if len(columns) != schema.width:
                raise NotPlain
        else:
            absent = (None,) * len(rows)
            columns = [columns[i] if i >= 0 else absent for i in order]
        return Frame(len(rows), None, tuple(map(_fast_column, schema.fields, columns)))
    except (TypeError, ValueError, OverflowError, IndexError):
        raise NotPlain from None


def _fast_matrix(schema: Schema, rows: Sequence[Row], order: Sequence[int] | None) -> NDArray[Any]:
    width = len(rows[0])
    if len(rows) == 1:
        values = rows[0]
    else:
        if set(map(len, rows)) != {width}:
            raise NotPlain
        values = list(chain.from_iterable(rows))
    dtype = schema.uniform
    types = set(map(type, values))
    if dtype is not None and dtype.kind == "i":
        if types != {int}:
            raise NotPlain
        matrix = np.array(values, dtype=dtype)
    elif types <= _NUMBERS or (schema.optional.size and types <= _NUMBERS_OR_NONE):
        matrix = np.array(values, dtype=np.float64)  # None becomes NaN
    else:
        raise NotPlain
    matrix = matrix.reshape(len(rows), width)
    if order is not None:
        if -1 in order:  # the last column, of NaN, stands for those that are absent
            matrix = np.column_stack([matrix, np.full(len(rows), math.nan)])
        matrix = matrix[:, order]
    elif width != schema.width:
        raise NotPlain
    if schema.optional.size and np.isnan(matrix[:, ~schema.optional]).any():
        raise NotPlain
    return _as_float32(matrix) if dtype == np.float32 else matrix


def _as_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    # fmax passes over NaN, which stands for a missing value here
    if values.size and np.fmax.reduce(np.abs(values), axis=None) > _FLOAT32_MAX:
        raise NotPlain
    return values.astype(np.float32)


def _fast_column(field: Field, values: Sequence[Any]) -> Column:
    types = set(map(type, values))
    if field.kind == "text":
        if types == {str} or (not field.required and types <= {str, _NONE}):
            return list(values)
        raise NotPlain
    if field.kind == "real":
        if types <= _NUMBERS:
            numbers = np.array(values, dtype=np.float64)
        elif not field.required and types <= _NUMBERS_OR_NONE:
            numbers = np.array(values, dtype=np.float64)  # None becomes NaN
        else:
            raise NotPlain
        return _as_float32(numbers) if field.dtype.itemsize == 4 else numbers
    if (field.kind == "whole" and types == {int}) or (field.kind == "boolean" and types == {bool}):
        return np.array(values, dtype=field.dtype)
    raise NotPlain


def exact_frame(schema: Schema, rows: Sequence[Row], order: Sequence[int] | None) -> Frame:
    """Convert rows value by value; InvalidRequest names the first row and field that is wrong."""
    checked: list[list[Any]] = []
    for number, row in enumerate(rows):
        if not isinstance(row, (list, tuple)):
            raise InvalidRequest(f"Row {number} must be a list of values, it is {describe(row)}.")
        if schema.tail is not None:
            given = _flat(row, schema.tail, schema.fields[0].name, number)
        elif order is not None:
            given = [row[i] if i >= 0 else None for i in order]
        else:
            given = list(row)
        if len(given) != schema.width:
            names = "" if schema.tail is not None else f": {_short(schema.names)}"
            raise InvalidRequest(f"Row {number} has {len(given)} values, the model takes {schema.width}{names}.")
        checked.append([_exact(schema, position, value, number) for position, value in enumerate(given)])
    if schema.uniform is not None:
        return Frame(len(rows), np.array(checked, dtype=schema.uniform).reshape(len(rows), schema.width))
    columns = list(zip(*checked, strict=True)) if checked else [()] * schema.width
    return Frame(len(rows), None, tuple(map(_exact_column, schema.fields, columns)))


def _flat(row: Row, tail: tuple[int, ...], name: str, number: int) -> list[Any]:
    """A tensor's row flattened; rows that are flat already are taken as they are (row-major)."""
    if len(tail) == 1 or not any(isinstance(v, (list, tuple)) for v in row):
        return list(row)
    values: list[Any] = list(row)
    for size in tail[1:]:
        if not all(isinstance(v, (list, tuple)) and len(v) == size for v in values):
            raise InvalidRequest(f"Row {number} of {name!r} must have the shape {list(tail)}.")
        values = list(chain.from_iterable(values))
    return values


def _exact(schema: Schema, position: int, value: Any, row: int) -> Any:
    field = schema.field_of(position)
    if value is None:
        if field.required:
            raise InvalidRequest(f"Row {row}, field {schema.name_of(position)!r}: null is not allowed.")
        return math.nan if field.kind == "real" else None
    try:
        return _CHECKS[field.kind](field, value)
    except ValueError as error:
        raise InvalidRequest(f"Row {row}, field {schema.name_of(position)!r}: {error}.") from None


def _real(field: Field, value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"expected a number, got {describe(value)}")
    if isinstance(value, float) and math.isnan(value):
        if field.required:
            raise ValueError("NaN is not allowed")
        return value
    if math.isinf(value) or abs(value) > (_FLOAT32_MAX if field.dtype.itemsize == 4 else math.inf):
        raise ValueError(f"{value!r} is too large for the type {field.type}")
    return float(value)


def _whole(field: Field, value: Any) -> int:
    if type(value) not in (int, float):
        raise ValueError(f"expected a whole number, got {describe(value)}")
    if isinstance(value, float) and not value.is_integer():  # NaN and infinity are no integers either
        raise ValueError(f"expected a whole number, got {value!r}")
    limits = np.iinfo(field.dtype)
    if not limits.min <= value <= limits.max:
        raise ValueError(f"{value!r} is too large for the type {field.type}")
    return int(value)


def _boolean(_field: Field, value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"expected true or false, got {describe(value)}")
    return value


def _text(_field: Field, value: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"expected a text, got {describe(value)}")
    return value


def _binary(field: Field, value: Any) -> bytes:
    try:
        return base64.b64decode(_text(field, value), validate=True)
    except binascii.Error:
        raise ValueError("expected a text in base64") from None


def _datetime(field: Field, value: Any) -> np.datetime64:
    try:
        moment = datetime.fromisoformat(_text(field, value))
        return np.datetime64(moment.replace(tzinfo=None) - (moment.utcoffset() or 0 * moment.resolution), "ns")
    except (ValueError, OverflowError):
        raise ValueError(f"expected a time like 2024-03-31T08:15:00, got {describe(value)}") from None


_CHECKS = {"real": _real, "whole": _whole, "boolean": _boolean, "text": _text, "binary": _binary, "datetime": _datetime}


def _exact_column(field: Field, values: Sequence[Any]) -> Column:
    if field.kind in ("text", "binary"):
        return list(values)
    if field.kind == "datetime":
        return np.array([np.datetime64("NaT", "ns") if v is None else v for v in values], dtype=field.dtype)
    if None in values:  # whole numbers and booleans have no missing value of their own
        return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)
    return np.array(values, dtype=field.dtype)


def describe(value: Any) -> str:
    """A value of somebody else in a message: what it is, and a little of it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, str):
        return f"the text {value[:40]!r}" + ("…" if len(value) > 40 else "")
    return repr(value)[:40]


def _short(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
