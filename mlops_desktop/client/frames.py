"""What a training script hands over, as columns: names, types of the signature, rows as a request carries them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.registry import Column, Signature

_NUMBERS = {"b": "boolean", "f2": "float", "f4": "float", "f8": "double", "i8": "long", "u8": "long", "u4": "long"}


@dataclass(frozen=True)
class Table:
    """A DataFrame or a matrix seen as named columns; a matrix gets the names x0, x1, …"""

    frame: Any
    names: tuple[str, ...]

    @classmethod
    def of(cls, frame: Any, what: str = "X") -> Table:
        """InvalidInput when it is neither a DataFrame nor a two-dimensional array, or its names are not clear."""
        if is_frame(frame):
            names = tuple(frame.columns)
            if not all(isinstance(n, str) for n in names):
                raise InvalidInput(f"The columns of {what} have names that are no texts.", "Rename them to texts.")
            if len(set(names)) != len(names):
                raise InvalidInput(f"{what} has two columns of the same name.", "Rename or drop one of them.")
            return cls(frame, names)
        array = np.asarray(frame)
        if array.ndim != 2:
            raise InvalidInput(
                f"{what} must be a DataFrame or an array with two dimensions, not {array.ndim}.", "Reshape it."
            )
        return cls(array, tuple(f"x{i}" for i in range(array.shape[1])))

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> Any:
        """The values of one column."""
        return self.frame[name] if is_frame(self.frame) else self.frame[:, self.names.index(name)]

    def head(self, rows: int) -> Table:
        return Table(self.frame[:rows], self.names)

    def take(self, positions: Any) -> Table:
        """The rows at these positions."""
        frame = self.frame.iloc[positions] if is_frame(self.frame) else self.frame[positions]
        return Table(frame, self.names)

    def rows(self, signature: Signature) -> list[list[Any]]:
        """Rows of plain values, None where one is missing."""
        columns = [plain_values(self.column(c.name), c.type) for c in signature.inputs]
        return [list(row) for row in zip(*columns, strict=True)]


def is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def signature_of(table: Table, outputs: Sequence[Column]) -> Signature:
    """Names and types of the training data; a column with missing values is not required."""
    return Signature(tuple(_column(table, name) for name in table.names), tuple(outputs))


def _column(table: Table, name: str) -> Column:
    values = table.column(name)
    kind = type_of(values, name)
    missing = bool(missing_of(values).any())
    if missing and kind in ("integer", "long", "boolean"):
        kind = "double"  # as pandas does: whole numbers have no missing value
    return Column(name, kind, required=not missing)


def type_of(values: Any, name: str) -> str:
    """The signature's type of a column; InvalidInput for what no request could carry."""
    dtype: Any = getattr(values, "dtype", None)
    if getattr(dtype, "name", "") == "category":
        return type_of(dtype.categories, name)
    if getattr(dtype, "kind", "") == "M":
        return "datetime"
    numpy_dtype = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    if isinstance(numpy_dtype, np.dtype) and numpy_dtype.kind in "biuf":
        code = f"{numpy_dtype.kind}{numpy_dtype.itemsize}"
        return _NUMBERS.get(code) or _NUMBERS.get(numpy_dtype.kind) or "integer"
    present = [v for v in np.asarray(values, dtype=object).tolist() if not is_missing(v)]
    types = {type(v) for v in present}
    if types <= {str}:
        return "string"
    if types <= {bool}:
        return "boolean"
    if types <= {int, float}:
        return "double" if float in types else "long"
    raise InvalidInput(
        f"The column {name} holds values of the types {', '.join(sorted(t.__name__ for t in types))}.",
        "Give a column of numbers, texts or times.",
    )


def is_missing(value: Any) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def missing_of(values: Any) -> Any:
    """Which values are missing."""
    if hasattr(values, "isna"):
        return np.asarray(values.isna())
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return np.isnan(array)
    if array.dtype.kind in "biuM":
        return np.zeros(len(array), dtype=bool) if array.dtype.kind != "M" else np.isnat(array)
    return np.array([is_missing(v) for v in array.tolist()], dtype=bool)


def plain_values(values: Any, kind: str) -> list[Any]:
    """Values as JSON carries them: numbers, texts, true and false, ISO times, None."""
    given = np.asarray(values, dtype=object).tolist() if not isinstance(values, np.ndarray) else values.tolist()
    missing = missing_of(values).tolist()
    return [None if gone else _plain(value, kind) for value, gone in zip(given, missing, strict=True)]


def _plain(value: Any, kind: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if kind in ("float", "double"):
        number = float(value)
        return number if math.isfinite(number) else None
    if kind in ("integer", "long"):
        return int(value)
    if kind == "datetime":
        return value.isoformat() if isinstance(value, datetime) else str(np.datetime64(value, "us"))
    return value


def digest_of(data: Any) -> str:
    """SHA-256 of a data set's content, the same on every machine: column names, types and values; or a file's bytes."""
    digest = hashlib.sha256()
    if isinstance(data, (str, Path)):
        try:
            with Path(data).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InvalidInput(f"The data file {data} can't be read: {error.strerror}.", "Check its path.") from None
    if isinstance(data, (tuple, list)) and all(hasattr(part, "__len__") for part in data):
        for part in data:
            digest.update(digest_of(part).encode())
        return digest.hexdigest()
    if is_frame(data):
        for name in data.columns:
            _add(digest, str(name), data[name])
    else:
        values = data if hasattr(data, "isna") else np.asarray(data)
        array = np.asarray(values)
        if array.ndim <= 1:
            _add(digest, "", values)
        else:
            for index, column in enumerate(array.reshape(len(array), -1).T):
                _add(digest, f"x{index}", column)
    return digest.hexdigest()


def _add(digest: Any, name: str, values: Any) -> None:
    kind = type_of(values, name or "data")
    digest.update(f"\0{name}\0{kind}\0{len(values)}\0".encode())
    if kind in ("float", "double", "integer", "long", "boolean"):
        numbers = np.where(missing_of(values), np.nan, np.asarray(values, dtype=object)).astype(np.float64)
        digest.update((numbers + 0.0).astype("<f8").tobytes())
        return
    for value in plain_values(values, kind):
        text = b"" if value is None else str(value).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % (-1 if value is None else len(text)) + text)
