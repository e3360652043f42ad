"""A connection as the store's modules use it: rows as dictionaries, statements with named parameters.

sqlite-utils would offer the same and more, but importing it imports pandas and numpy where they are installed: 1.2 s,
against 10 ms for everything that opening a workspace needs (measured with sqlite-utils 4.2.1).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Parameters = Mapping[str, Any] | Sequence[Any]
Guard = Callable[[], contextlib.AbstractContextManager[None]]


class Sql:
    """Thin on purpose: every statement is whole SQL that can be read where it stands.

    `guard` surrounds each step of reading: it turns SQLite's errors into those that a person can read.
    """

    def __init__(self, connection: sqlite3.Connection, guard: Guard = contextlib.nullcontext) -> None:
        self._connection = connection
        self._guard = guard

    def query(self, sql: str, parameters: Parameters = ()) -> Iterator[dict[str, Any]]:
        """Rows one by one, by column name."""
        with self._guard():
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))

    def tuples(self, sql: str, parameters: Parameters = ()) -> Iterator[tuple[Any, ...]]:
        """Rows one by one, for those that are read by the thousand."""
        with self._guard():
            yield from self._connection.execute(sql, parameters)

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        with self._guard():
            return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> sqlite3.Cursor:
        return self._connection.executemany(sql, rows)
