"""MLflow's scoring protocol: `dataframe_split`, `dataframe_records`, `instances`, `inputs` and text/csv.

Bodies become a `Table`, rows of JSON values that nobody has looked at yet. What JSON libraries let through silently is
refused here: NaN and Infinity, numbers beyond the largest float, a key given twice, nesting beyond any use.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from mlops_desktop.serving.errors import InvalidRequest
from mlops_desktop.serving.frames import Row, describe
from mlops_desktop.serving.schema import Field, Schema

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_LARGEST_COUNT = 1_000_000  # rows in one request
_LOOK_AGAIN = 2_000_000  # bytes; larger broken bodies are not read a second time for a better sentence


@dataclass(frozen=True, slots=True)
class Table:
    """Unchecked rows. `columns` names the positions of a row, None if they are in the signature's order."""

    columns: tuple[str, ...] | None
    rows: Sequence[Row]


def parse_json(body: bytes) -> Any:
    """The value of a JSON text; InvalidRequest says what is wrong with it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(_explain(body, error)) from None
    # Each key takes a colon: as many colons as keys mean that no key was given twice.
    if body.count(b":") != _count_keys(value):
        _refuse_duplicates(body)
    return value


def parse_scoring(body: bytes, schema: Schema) -> Table:
    """Read one JSON body of /invocations."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body must be a JSON object with one of {', '.join(FORMS)}; it is {describe(value)}.")
    given = [name for name in FORMS if name in value]
    if len(given) != 1:
        found = (
            f"it has {' and '.join(given)}" if given else f"it has {', '.join(map(repr, list(value)[:5])) or 'none'}"
        )
        raise InvalidRequest(f"The body must have exactly one of {', '.join(FORMS)}; {found}.")
    if len(value) > 1 and not isinstance(value.get("params") or {}, dict):
        raise InvalidRequest(f"Field 'params' must be an object, it is {describe(value['params'])}.")
    columns, rows = _READERS[given[0]](value[given[0]], schema)
    if not rows:
        raise InvalidRequest(f"Field {given[0]!r} has no rows.")
    if len(rows) > _LARGEST_COUNT:
        raise InvalidRequest(f"Field {given[0]!r} has {len(rows):,} rows, the most is {_LARGEST_COUNT:,}.")
    return Table(columns, rows)


Rows = tuple[tuple[str, ...] | None, Sequence[Row]]


def _split(value: Any, schema: Schema) -> Rows:
    if not isinstance(value, dict):
        raise InvalidRequest(f"Field 'dataframe_split' must be an object, it is {describe(value)}.")
    rows = value.get("data")
    if not isinstance(rows, list):
        raise InvalidRequest("Field 'dataframe_split.data' must be a list of rows.")
    unknown = next((key for key in value if key not in ("columns", "data", "index")), None)
    if unknown is not None:
        raise InvalidRequest(f"Field 'dataframe_split' has columns, data and index, not {unknown!r}.")
    columns = value.get("columns")
    if columns is None:
        return None, rows
    if not isinstance(columns, list):
        raise InvalidRequest("Field 'dataframe_split.columns' must be a list of names.")
    if schema.tail is not None:
        return None, rows  # a tensor's columns have no names of their own
    names = tuple(columns)
    usual = names == schema.names
    if not usual and not all(type(name) is str for name in names):
        raise InvalidRequest("Field 'dataframe_split.columns' must be a list of texts.")
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {len(names)}:
        for number, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != len(names):
                found = f"{len(row)} values" if isinstance(row, list) else describe(row)
                raise InvalidRequest(f"Row {number} of 'dataframe_split.data' has {found} for {len(names)} columns.")
    return (None if usual else names), rows


def _records(value: Any, schema: Schema, form: str = "dataframe_records") -> Rows:
    if not isinstance(value, list) or not all(type(row) is dict for row in value):
        raise InvalidRequest(f"Field {form!r} must be a list of objects.")
    if not value:
        return None, []
    names = tuple(value[0])
    if schema.tail is not None:
        raise InvalidRequest(f"Field {form!r} needs named columns, this model takes a tensor: use 'instances'.")
    if len(names) > 1 and all(len(row) == len(names) for row in value):
        try:
            pick = itemgetter(*names)
            return (None if names == schema.names else names), list(map(pick, value))
        except KeyError:
            pass  # records with different keys
    names = tuple(dict.fromkeys(name for row in value for name in row))
    for number, row in enumerate(value):
        for field in schema.fields:
            if field.required and field.name not in row:
                raise InvalidRequest(f"Row {number}: field {field.name!r} is missing.")
    return names, [[row.get(name) for name in names] for row in value]


def _instances(value: Any, schema: Schema) -> Rows:
    if not isinstance(value, list):
        raise InvalidRequest(f"Field 'instances' must be a list of rows, it is {describe(value)}.")
    if value and type(value[0]) is dict:
        if schema.tail is not None and all(type(r) is dict and tuple(r) == schema.names for r in value):
            return None, [_as_row(r[schema.names[0]]) for r in value]
        return _records(value, schema, "instances")
    return None, _plain_rows(value, schema)


def _inputs(value: Any, schema: Schema) -> Rows:
    if isinstance(value, list):
        if value and type(value[0]) is dict:
            return _records(value, schema, "inputs")
        return None, _plain_rows(value, schema)
    if not isinstance(value, dict):
        raise InvalidRequest(f"Field 'inputs' must be a list of rows or an object of columns, it is {describe(value)}.")
    if schema.tail is not None:
        if tuple(value) != schema.names:
            raise InvalidRequest(f"Field 'inputs' must have exactly the tensor {schema.names[0]!r}.")
        return None, [_as_row(row) for row in _as_row(value[schema.names[0]])]
    columns = {name: _as_column(name, values) for name, values in value.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        short = min(columns, key=lambda name: len(columns[name]))
        raise InvalidRequest(f"Field {short!r} of 'inputs' has {len(columns[short])} values, others {max(lengths)}.")
    return tuple(columns), list(zip(*columns.values(), strict=True))


def _plain_rows(value: list[Any], schema: Schema) -> Sequence[Row]:
    if schema.width == 1 and value and not isinstance(value[0], list):
        return [[item] for item in value]  # one column: a list of values is meant
    return value


def _as_row(value: Any) -> Row:
    return value if isinstance(value, list) else [value]


def _as_column(name: str, value: Any) -> Row:
    """One column of `inputs`: a list, or a list of one-element lists."""
    if not isinstance(value, list):
        return [value]
    if value and all(isinstance(item, list) for item in value):
        if any(len(item) != 1 for item in value):
            raise InvalidRequest(f"Field {name!r} of 'inputs' must hold one value a row.")
        return [item[0] for item in value]
    return value


_READERS = {"dataframe_split": _split, "dataframe_records": _records, "instances": _instances, "inputs": _inputs}


def parse_csv(body: bytes, schema: Schema) -> Table:
    """Read a text/csv body of /invocations: a header line, then rows; an empty cell is a missing value."""
    try:
        text = body.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"The body is no CSV in UTF-8: {error}.") from None
    lines = [line for line in lines if line]
    if len(lines) < 2:
        raise InvalidRequest("The CSV must have a header line and at least one row.")
    if schema.tail is not None:
        fields: list[Field | None] = [schema.fields[0]] * len(lines[0])
    else:
        fields = [schema.fields[i] if (i := schema.index.get(name, -1)) >= 0 else None for name in lines[0]]
    rows = []
    for number, line in enumerate(lines[1:]):
        if len(line) != len(fields):
            raise InvalidRequest(f"Row {number} of the CSV has {len(line)} cells, the header {len(fields)}.")
        rows.append([_cell(field, cell) for field, cell in zip(fields, line, strict=True)])
    return Table(None if schema.tail is not None else tuple(lines[0]), rows)


def _cell(field: Field | None, text: str) -> Any:
    """A CSV cell as the JSON value that its field expects; left as text if it is none, for the check to name it."""
    if field is None:
        return None
    if field.kind in ("real", "whole", "boolean"):
        return None if text.strip() in _MISSING else _CELLS[field.kind](text)
    return None if text == "" and not field.required else text


def _number_cell(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def _whole_cell(text: str) -> Any:
    try:
        return int(text) if len(text) < 30 else text
    except ValueError:
        return _number_cell(text)


def _boolean_cell(text: str) -> Any:
    return {"true": True, "false": False, "1": True, "0": False}.get(text.strip().lower(), text)


_MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"))  # as pandas reads them
_CELLS = {"real": _number_cell, "whole": _whole_cell, "boolean": _boolean_cell}


def _count_keys(value: Any) -> int:
    """Keys of the objects that requests usually hold; never more than there are. Fewer only cost a second look."""
    if type(value) is not dict:
        return 0
    count = len(value)
    for part in value.values():
        if type(part) is dict:
            count += len(part)
        elif type(part) is list and part and type(part[0]) is dict:
            count += sum(len(item) for item in part if type(item) is dict)
    return count


def _refuse_duplicates(body: bytes) -> None:
    """Look through the text again, slowly; a colon may also stand in a text."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            seen: set[str] = set()
            twice = next(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise InvalidRequest(f"Field {twice!r} is given twice.")
        return found

    try:
        json.loads(body, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The body is no JSON: {error}.") from None


class _NotFinite(float):
    """A NaN or infinity that a JSON text names; knows how it was written."""


def _explain(body: bytes, error: orjson.JSONDecodeError) -> str:
    """One sentence on a text that is no JSON; finds the field of a NaN, an infinity or a number too large."""
    if not body.strip():
        return "The body is empty; it must be a JSON object."
    if len(body) > _LOOK_AGAIN:
        return f"The body is no JSON: {error}."
    try:
        value = json.loads(body, parse_constant=_NotFinite, parse_float=_finite, parse_int=_short_int)
    except RecursionError:
        return "The body is nested too deeply."
    except (ValueError, UnicodeDecodeError):
        reason = str(error).split(": line")[0]
        return f"The body is no JSON: {reason} (line {error.lineno}, column {error.colno})."
    place = _find_not_finite(value)
    if place:
        return f"Field {place!r} holds NaN, an infinity or a number beyond the largest float."
    if "depth" in str(error) or "ecursion" in str(error):
        return "The body is nested too deeply."
    return f"The body is no JSON: {str(error).split(': line')[0]}."


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _NotFinite(value)


def _short_int(text: str) -> float:
    return _finite(text) if len(text) > 300 else float(int(text))


def _find_not_finite(value: Any) -> str:
    """The name under which the first non-finite number stands: its column if the form names columns, else its path."""
    waiting: list[tuple[str, Any, Sequence[Any]]] = [("", value, ())]
    while waiting:
        path, item, names = waiting.pop()
        if isinstance(item, _NotFinite):
            return path
        if isinstance(item, dict):
            columns = item.get("columns") if isinstance(item.get("columns"), list) else ()
            waiting.extend((str(key), part, columns or ()) for key, part in reversed(item.items()))
        elif isinstance(item, list):
            rows = bool(names) and any(isinstance(part, list) for part in item)
            for index, part in reversed(list(enumerate(item))):
                inner = str(names[index]) if names and not rows and index < len(names) else path
                waiting.append((inner, part, names))
    return ""
