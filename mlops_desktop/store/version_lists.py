"""Lists of versions by the hundred thousand: filtered, sorted, by pages or as ids.

A page continues after a version (keyset paging); a table takes the ids of all rows and fetches those that it shows.
OFFSET is not used: it reads everything before the page. Order in time is the order of registration, never of clocks.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.registry import VersionSummary
from mlops_desktop.store.rows import Row, first, text_query
from mlops_desktop.store.versions import summaries_of

if TYPE_CHECKING:
    from mlops_desktop.store.sql import Sql

ALL = -1  # SQLite's LIMIT for no limit


class Sort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    NUMBER = "number"  # by model, then highest number first
    METRIC = "metric"  # highest first; versions without it come last, newest first


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions are wanted, in which order. `model` empty: of all models."""

    model: str = ""
    search: str = ""
    sort: Sort = Sort.NEWEST
    metric: str = ""


@dataclass(frozen=True, slots=True)
class _Ids:
    """A statement that gives version ids; every order ends with the id or the label, so that it is total."""

    id: str
    tables: str
    conditions: tuple[str, ...]
    order: str
    values: dict[str, Any]

    def read(self, db: Sql, limit: int, condition: str = "", **values: Any) -> array[int]:
        where = " AND ".join((*self.conditions, *((condition,) if condition else ()))) or "1"
        sql = f"SELECT {self.id} FROM {self.tables} WHERE {where} ORDER BY {self.order} LIMIT :limit"  # noqa: S608
        return array("q", (row[0] for row in db.tuples(sql, {**self.values, **values, "limit": limit})))

    def count(self, db: Sql) -> int:
        where = " AND ".join(self.conditions) or "1"
        sql = f"SELECT count(*) FROM {self.tables} WHERE {where}"  # noqa: S608 - constants
        return int(db.execute(sql, self.values).fetchone()[0])


def versions_of(
    db: Sql, wanted: VersionFilter, limit: int, after: tuple[str, int] | None = None
) -> list[VersionSummary]:
    """A page of at most `limit` rows; `after` is model and number of the last row of the page before."""
    last = None if after is None else _place(db, after, wanted.metric)
    if wanted.sort is Sort.METRIC:
        return summaries_of(db, _by_metric(db, wanted, limit, last))
    ids = _listed(wanted)
    if last is None:
        return summaries_of(db, ids.read(db, limit))
    beyond = {
        Sort.NEWEST: f"{ids.id} < :id",
        Sort.OLDEST: f"{ids.id} > :id",
        Sort.NUMBER: "(m.name > :name OR (m.name = :name AND v.number < :number))",
    }
    return summaries_of(db, ids.read(db, limit, beyond[wanted.sort], **last))


def version_ids(db: Sql, wanted: VersionFilter) -> array[int]:
    """All row ids in order, 8 bytes a version; `versions.summaries_of` reads the rows that are shown."""
    if wanted.sort is Sort.METRIC:
        return _by_metric(db, wanted, ALL, None)
    ids = _listed(wanted)
    if ids.id == "v.id" and wanted.sort is not Sort.NUMBER:
        # The unary plus makes SQLite read the ids from a narrow index and sort them, instead of walking the wide rows.
        ids = replace(ids, order=ids.order.replace("v.id", "+v.id"))
    return ids.read(db, ALL)


def count_versions(db: Sql, wanted: VersionFilter) -> int:
    return _listed(wanted).count(db)


def _listed(wanted: VersionFilter) -> _Ids:
    """By id or by number. The table of words leads where there is a search: it comes in the order of ids by itself."""
    name, tables, values = "v.id", "versions v", dict[str, Any]()
    conditions: list[str] = []
    if wanted.search.strip():
        name = "versions_text.rowid"
        tables = "versions_text CROSS JOIN versions v ON v.id = versions_text.rowid"
        conditions.append("versions_text MATCH :query")
        values["query"] = _words(wanted.search)
    if wanted.model:
        conditions.append("v.model_id = (SELECT id FROM models WHERE name = :model)")
        values["model"] = wanted.model
    if wanted.sort is Sort.NUMBER:
        tables += " JOIN models m ON m.id = v.model_id"
    orders = {Sort.OLDEST: name, Sort.NUMBER: "m.name, v.number DESC"}
    return _Ids(name, tables, tuple(conditions), orders.get(wanted.sort, f"{name} DESC"), values)


def _by_metric(db: Sql, wanted: VersionFilter, limit: int, last: Row | None) -> array[int]:
    """Those that have the metric, then the others; the count tells whether there are others at all."""
    having, others = _having(wanted), _listed(wanted)
    found = array("q")
    if last is None:
        found = having.read(db, limit)
    elif last["value"] is not None:
        found = having.read(db, limit, "(x.value, x.version_id) < (:value, :id)", **last)
    if len(found) == limit or (limit == ALL and len(found) == others.count(db)):
        return found
    lacks = f"NOT EXISTS (SELECT 1 FROM version_metrics y WHERE y.version_id = {others.id} AND y.name = :metric)"  # noqa: S608
    values: dict[str, Any] = {"metric": wanted.metric}
    if last is not None and last["value"] is None:
        lacks += f" AND {others.id} < :id"
        values["id"] = last["id"]
    found.extend(others.read(db, limit if limit == ALL else limit - len(found), lacks, **values))
    return found


def _having(wanted: VersionFilter) -> _Ids:
    """Read from the index of the metric where all versions are wanted, else from the versions."""
    tables, conditions = "version_metrics x", ["x.name = :metric"]
    values: dict[str, Any] = {"metric": wanted.metric}
    if wanted.model:
        # CROSS JOIN: without statistics the planner would walk the metric of all models.
        tables = "versions v CROSS JOIN version_metrics x ON x.version_id = v.id"
        conditions.append("v.model_id = (SELECT id FROM models WHERE name = :model)")
        values["model"] = wanted.model
    if wanted.search.strip():
        conditions.append("x.version_id IN (SELECT rowid FROM versions_text WHERE versions_text MATCH :query)")
        values["query"] = _words(wanted.search)
    return _Ids("x.version_id", tables, tuple(conditions), "x.value DESC, x.version_id DESC", values)


def _words(search: str) -> str:
    # A search without a letter or digit finds nothing, instead of everything.
    return text_query(search) or '"\x01"'


def _place(db: Sql, label: tuple[str, int], metric: str) -> Row | None:
    """What a page continues after."""
    sql = """
    SELECT v.id, m.name, v.number, x.value FROM versions v JOIN models m ON m.id = v.model_id
      LEFT JOIN version_metrics x ON x.version_id = v.id AND x.name = :metric
     WHERE m.name = :name AND v.number = :number
    """
    return first(db, sql, {"metric": metric, "name": label[0], "number": label[1]})
