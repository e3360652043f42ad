"""The model's signature as the serving program uses it: named fields with the array type that each becomes.

Types are MLflow's. A field with `required = false` may be null or absent: a number becomes NaN; a text stays None in
the frame, and the predictor gives an ONNX model the empty text and a scikit-learn model NaN. A signature of one column
with a shape like [-1, 30] is a tensor: each row is then a list of 30 numbers instead of named fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.serving.errors import CannotServe

Kind = Literal["boolean", "whole", "real", "text", "binary", "datetime"]

_TYPES: Mapping[str, tuple[Kind, str, str]] = {
    # MLflow's type: kind, numpy's type, datatype of the Open Inference Protocol
    "boolean": ("boolean", "bool", "BOOL"),
    "integer": ("whole", "int32", "INT32"),
    "long": ("whole", "int64", "INT64"),
    "float": ("real", "float32", "FP32"),
    "double": ("real", "float64", "FP64"),
    "string": ("text", "object", "BYTES"),
    "binary": ("binary", "object", "BYTES"),
    "datetime": ("datetime", "datetime64[ns]", "BYTES"),
}


@dataclass(frozen=True)
class Field:
    """One named input of a row."""

    name: str
    type: str
    required: bool
    kind: Kind
    dtype: np.dtype[Any]
    datatype: str


@dataclass(frozen=True)
class Schema:
    """What a row must hold. `tail` is the shape of one row of a tensor, None for a frame of named fields."""

    fields: tuple[Field, ...]
    tail: tuple[int, ...] | None = None

    @classmethod
    def from_signature(cls, signature: Mapping[str, Any]) -> Schema:
        """Read the inputs of a signature; CannotServe if there are none or they mix tensors and columns."""
        try:
            columns = [
                (str(c["name"]), str(c["type"]), bool(c.get("required", True)), c.get("shape"))
                for c in signature["inputs"]
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise CannotServe(f"The signature in serving.json can't be read ({error!r}).") from None
        if not columns:
            raise CannotServe("The version has no signature, so that no request could be checked.")
        fields, tails = [], []
        for name, type_, required, shape in columns:
            if type_ not in _TYPES:
                raise CannotServe(f"The signature's type {type_!r} of column {name!r} is not known.")
            kind, dtype, datatype = _TYPES[type_]
            fields.append(Field(name, type_, required, kind, np.dtype(dtype), datatype))
            tail = tuple(int(n) for n in shape[1:]) if shape else ()
            tails.append(() if tail == (1,) else tail)
        if len({f.name for f in fields}) != len(fields):
            raise CannotServe("Two columns of the signature have the same name.")
        if not any(tails):
            return cls(tuple(fields))
        if len(fields) > 1 or min(tails[0]) < 1 or fields[0].kind not in ("real", "whole"):
            raise CannotServe("Only one tensor of numbers with a fixed row shape can be served, or named columns.")
        return cls(tuple(fields), tails[0])

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @cached_property
    def index(self) -> dict[str, int]:
        return {f.name: i for i, f in enumerate(self.fields)}

    @cached_property
    def width(self) -> int:
        """Values in one row."""
        return len(self.fields) if self.tail is None else prod(self.tail)

    @cached_property
    def uniform(self) -> np.dtype[Any] | None:
        """The one number type of every value, so that rows fit in one matrix; None if they don't."""
        types = {f.dtype for f in self.fields if f.kind in ("real", "whole")}
        plain = all(f.kind == "real" or (f.kind == "whole" and f.required) for f in self.fields)
        return types.pop() if plain and len(types) == 1 else None

    @cached_property
    def optional(self) -> NDArray[np.bool_]:
        """Which values of a row may be missing; empty if none may."""
        flags = np.array([not self.field_of(i).required for i in range(self.width)])
        return flags if flags.any() else flags[:0]

    def field_of(self, position: int) -> Field:
        """The field to which the value at that position of a row belongs."""
        return self.fields[0] if self.tail is not None else self.fields[position]

    def name_of(self, position: int) -> str:
        """How a value is called in messages."""
        return f"{self.fields[0].name}[{position}]" if self.tail is not None else self.fields[position].name

    def arrange(self, columns: Sequence[str]) -> tuple[int, ...]:
        """For each field the position of its column, -1 for an optional one that is absent.

        Columns that the signature doesn't know are ignored, as MLflow does, unless a field is absent: then the
        unknown name is more likely a misspelt one. ValueError with one sentence if the columns don't fit.
        """
        positions = {name: i for i, name in enumerate(columns)}
        if len(positions) != len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            raise ValueError(f"column {twice!r} is given twice")
        unknown = [name for name in columns if name not in self.index]
        absent = [f for f in self.fields if f.name not in positions]
        missing = next((f.name for f in absent if f.required), None)
        if missing is not None:
            more = f"; {unknown[0]!r} is not known" if unknown else ""
            raise ValueError(f"field {missing!r} is missing{more}")
        if absent and unknown:
            raise ValueError(f"field {unknown[0]!r} is not known; {absent[0].name!r} is absent, is it meant?")
        return tuple(positions.get(name, -1) for name in self.names)
