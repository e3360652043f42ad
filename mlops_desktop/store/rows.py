"""What the store's modules share: moments, JSON columns, plain inserts and quoted text searches."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.errors import InvalidInput, StorageError

if TYPE_CHECKING:
    from mlops_desktop.store.sql import Sql

Row = dict[str, Any]
_NAME = re.compile(r"[a-z_]+")


def moment(seconds: float) -> datetime:
    """Epoch seconds as a moment in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def seconds_of(at: datetime) -> float:
    return at.timestamp()


def to_json(value: Any) -> str:
    """Canonical text of a JSON column."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def first(db: Sql, sql: str, parameters: Mapping[str, Any]) -> Row | None:
    """The first row, or None."""
    return next(iter(db.query(sql, dict(parameters))), None)


def insert(db: Sql, table: str, row: Mapping[str, Any]) -> int:
    """Add one row; returns its row id. Column names are the program's own, values are always bound."""
    _check_names(table, row)
    columns, places = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
    cursor = db.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", dict(row))  # noqa: S608 - names checked
    return int(cursor.lastrowid or 0)


def update(db: Sql, table: str, key: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """Change the columns in `row` where the columns in `key` match; returns how many rows."""
    _check_names(table, row, key)
    changes = ", ".join(f'"{name}" = :new_{name}' for name in row)
    where = " AND ".join(f'"{name}" = :key_{name}' for name in key)
    values = {f"new_{n}": v for n, v in row.items()} | {f"key_{n}": v for n, v in key.items()}
    return int(db.execute(f"UPDATE {table} SET {changes} WHERE {where}", values).rowcount)  # noqa: S608 - names checked


def _check_names(table: str, *rows: Mapping[str, Any]) -> None:
    for name in (table, *(column for row in rows for column in row)):
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a column or table: {name!r}")


@contextlib.contextmanager
def readable(what: str) -> Iterator[None]:
    """StorageError that names the row when its content is not what was once written there."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        raise StorageError(
            f"The row of {what} is damaged ({type(error).__name__}).", "Verify the audit trail; restore a backup."
        ) from error


@contextlib.contextmanager
def one_moment(db: Sql) -> Iterator[Sql]:
    """Read several statements from one state of the database, whatever is committed meanwhile. Not inside a write."""
    db.execute("BEGIN")
    try:
        yield db
    finally:
        db.execute("ROLLBACK")  # nothing was written; it only lets the state go


def text_query(search: str) -> str:
    """An FTS5 query for rows that hold every word of `search` as the beginning of a word; empty if there is none.

    Each word is a quoted string, so that FTS5's own syntax (NEAR, *, :, quotes) is searched for as text.
    """
    words = [word for word in search.replace("\0", " ").split() if any(c.isalnum() for c in word)]
    return " AND ".join('"' + word.replace('"', '""') + '" *' for word in words[:20])
