"""What the store's modules share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.store.rows import insert, one_moment, readable, text_query, update
from mlops_desktop.store.sql import Sql


@pytest.fixture
def db() -> Iterator[Sql]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute('CREATE TABLE things (name TEXT, "by" TEXT)')
    yield Sql(connection)
    connection.close()


def test_rows_are_inserted_and_changed(db: Sql) -> None:
    first = insert(db, "things", {"name": "a", "by": "ada"})
    assert insert(db, "things", {"name": "b", "by": None}) == first + 1
    assert update(db, "things", {"name": "b"}, {"by": "eve", "name": "c"}) == 1
    assert [tuple(row.values()) for row in db.query("SELECT * FROM things")] == [("a", "ada"), ("c", "eve")]


@pytest.mark.parametrize("name", ["x; drop table things", 'a"', "", "A"])
def test_e11_names_of_columns_are_the_programs_own(db: Sql, name: str) -> None:
    with pytest.raises(ValueError, match="not a column"):
        insert(db, "things", {name: "x"})
    with pytest.raises(ValueError, match="not a column"):
        update(db, "things", {name: "x"}, {"by": "x"})


@pytest.mark.parametrize(
    ("search", "query"),
    [
        ("flight delay", '"flight" * AND "delay" *'),
        ('say "hi"', '"say" * AND """hi""" *'),
        ("NEAR(a b)", '"NEAR(a" * AND "b)" *'),
        (" % _ * ", ""),
        ("", ""),
        ("a\0b", '"a" * AND "b" *'),
    ],
)
def test_e11_searches_are_quoted(search: str, query: str) -> None:
    assert text_query(search) == query


def test_a_row_that_can_not_be_read_is_named() -> None:
    with pytest.raises(StorageError, match="row of request 3 is damaged"), readable("request 3"):
        int("x")


def test_one_moment_hides_later_commits(tmp_path) -> None:
    path = tmp_path / "x.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE t (n)")
    reader = sqlite3.connect(path, isolation_level=None)
    with one_moment(Sql(reader)) as db:
        assert db.execute("SELECT count(*) FROM t").fetchone()[0] == 0
        writer.execute("INSERT INTO t VALUES (1)")
        assert db.execute("SELECT count(*) FROM t").fetchone()[0] == 0
    assert reader.execute("SELECT count(*) FROM t").fetchone()[0] == 1
    reader.close()
    writer.close()
