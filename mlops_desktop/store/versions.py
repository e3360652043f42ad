"""Versions: inserted whole, never changed but for their damage mark, listed by the hundred thousand.

Lists are either pages that continue after a version (keyset paging), or an array of all ids in order for a table
that fetches the rows it shows. OFFSET is not used: it reads everything before the page.
"""

from __future__ import annotations

import contextlib
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.registry import (
    ArtifactFile,
    Conversion,
    FileRole,
    Format,
    Inspection,
    InspectionVerdict,
    Lineage,
    ModelVersion,
    Signature,
    Task,
    VersionSummary,
)
from mlops_desktop.store.rows import Row, first, insert, moment, readable, text_query, to_json, update

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql


class Sort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    NUMBER = "number"  # by model, then highest number first
    METRIC = "metric"  # best (highest) first; versions without it come last


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions are wanted, in which order. `model` empty: of all models."""

    model: str = ""
    search: str = ""
    sort: Sort = Sort.NEWEST
    metric: str = ""


_SUMMARY = """
SELECT v.id, m.name AS model, v.number, v.format, v.digest, v.registered_by, v.created_at, v.metrics,
       v.description, v.damaged
  FROM versions v JOIN models m ON m.id = v.model_id
"""
_FULL = """
SELECT v.*, m.name AS model, m.task FROM versions v JOIN models m ON m.id = v.model_id
"""
_FILE_FIELDS = ("position", "path", "digest", "size", "role")
_ALL = """
SELECT v.*, m.name AS model, m.task,
       (SELECT json_group_array(json_array(f.position, f.path, f.digest, f.size, f.role))
          FROM version_files f WHERE f.version_id = v.id) AS files
  FROM versions v JOIN models m ON m.id = v.model_id ORDER BY v.id
"""
_CURRENT = """
SELECT version_id, environment FROM deployments WHERE state = 'running' AND weight > 0 ORDER BY environment
"""
# What a page is ordered by; every order ends with the id, so that it is total.
_ORDERS = {
    Sort.NEWEST: "v.created_at DESC, v.id DESC",
    Sort.OLDEST: "v.created_at, v.id",
    Sort.NUMBER: "m.name, v.number DESC",
    Sort.METRIC: "x.value DESC, v.id DESC",
}
_AFTER = {
    Sort.NEWEST: "(v.created_at, v.id) < (:after_at, :after_id)",
    Sort.OLDEST: "(v.created_at, v.id) > (:after_at, :after_id)",
    Sort.NUMBER: "(m.name > :after_model OR (m.name = :after_model AND v.number < :after_number))",
    Sort.METRIC: "(:after_value IS NULL OR (x.value, v.id) < (:after_value, :after_id))",
}


def version_of(db: Sql, model: str, number: int) -> ModelVersion | None:
    row = first(db, _FULL + " WHERE m.name = :model AND v.number = :number", {"model": model, "number": number})
    return None if row is None else _version(db, row)


def version_by_id(db: Sql, version_id: int) -> ModelVersion | None:
    row = first(db, _FULL + " WHERE v.id = :id", {"id": version_id})
    return None if row is None else _version(db, row)


def version_by_key(db: Sql, idempotency_key: str) -> ModelVersion | None:
    """The version that an earlier call with this key registered."""
    row = first(db, _FULL + " WHERE v.idempotency_key = :key", {"key": idempotency_key})
    return None if row is None else _version(db, row)


def id_of(db: Sql, model: str, number: int) -> int | None:
    sql = "SELECT v.id FROM versions v JOIN models m ON m.id = v.model_id WHERE m.name = :model AND v.number = :number"
    row = first(db, sql, {"model": model, "number": number})
    return None if row is None else int(row["id"])


def current_version(db: Sql, model: str, environment: str) -> ModelVersion | None:
    """The version that answers in the environment now; the one with most traffic while it is being shifted."""
    sql = """
    SELECT d.version_id FROM deployments d JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
     WHERE m.name = :model AND d.environment = :environment AND d.state = 'running' AND d.weight > 0
     ORDER BY d.weight DESC, d.created_at DESC LIMIT 1
    """
    row = first(db, sql, {"model": model, "environment": environment})
    return None if row is None else version_by_id(db, row["version_id"])


def insert_version(tx: Transaction, version: ModelVersion, idempotency_key: str | None) -> int:
    """Add the version with its files, metrics and search text; returns its row id."""
    model_id = tx.db.execute("SELECT id FROM models WHERE name = :name", {"name": version.model}).fetchone()[0]
    texts = _texts(version)
    version_id = insert(
        tx.db,
        "versions",
        {
            "model_id": model_id,
            "number": version.number,
            "format": version.format.value,
            "digest": version.digest,
            **texts,
            "description": version.description,
            "registered_by": version.registered_by,
            "created_at": tx.now,
            "idempotency_key": idempotency_key,
        },
    )
    for position, file in enumerate(version.files):
        row = {"path": file.path, "digest": file.digest, "size": file.size, "role": file.role.value}
        insert(tx.db, "version_files", {"version_id": version_id, "position": position, **row})
    for name, value in version.metrics.items():
        insert(tx.db, "version_metrics", {"version_id": version_id, "name": name, "value": float(value)})
    words = {
        "label": version.label,
        "description": version.description,
        "tags": texts["tags"],
        "params": texts["params"],
        "registered_by": version.registered_by,
    }
    tx.db.execute(
        "INSERT INTO versions_text (rowid, label, description, tags, params, registered_by)"
        " VALUES (:id, :label, :description, :tags, :params, :registered_by)",
        {"id": version_id, **words},
    )
    return version_id


def all_versions(db: Sql) -> Iterator[tuple[str, ModelVersion | None]]:
    """Label and version of every row with its files, oldest first, in one pass; None where a row can't be read."""
    for row in db.query(_ALL):
        version = None
        with contextlib.suppress(StorageError):
            files = sorted(json.loads(row["files"]))
            version = _assembled(row, [dict(zip(_FILE_FIELDS, file, strict=True)) for file in files])
            # A flipped bit in a key that is then ignored changes no meaning, but it is damage all the same.
            if any(row[name] != text for name, text in _texts(version).items()):
                version = None
        yield f"{row['model']}@{row['number']}", version


def set_damaged(tx: Transaction, model: str, number: int, damaged: bool) -> None:
    version_id = id_of(tx.db, model, number)
    update(tx.db, "versions", {"id": version_id}, {"damaged": int(damaged)})


def versions_of(
    db: Sql, wanted: VersionFilter, limit: int, after: tuple[str, int] | None = None
) -> list[VersionSummary]:
    """A page of at most `limit` rows; `after` is model and number of the last row of the page before."""
    values: dict[str, Any] = {"limit": limit, "metric": wanted.metric}
    conditions, bindings = _conditions(wanted)
    values |= bindings
    select, order = _SUMMARY, _ORDERS[wanted.sort]
    if wanted.sort is Sort.METRIC:
        ids = list(version_ids(db, wanted))  # from an index; the page is cut from it
        if after is not None and (last := id_of(db, *after)) in ids:
            ids = ids[ids.index(last) + 1 :]
        return summaries_of(db, ids[:limit])
    if after is not None:
        row = first(
            db, _SUMMARY + " WHERE m.name = :model AND v.number = :number", {"model": after[0], "number": after[1]}
        )
        if row is not None:
            conditions.append(_AFTER[wanted.sort])
            values |= {"after_at": row["created_at"], "after_id": row["id"]}
            values |= {"after_model": row["model"], "after_number": row["number"]}
    where = " AND ".join(conditions) or "1"
    rows = list(db.query(f"{select} WHERE {where} ORDER BY {order} LIMIT :limit", values))
    current = _current(db)
    return [_summary(row, current) for row in rows]


def count_versions(db: Sql, wanted: VersionFilter) -> int:
    conditions, values = _conditions(wanted)
    join = " JOIN models m ON m.id = v.model_id" if wanted.model else ""
    where = " AND ".join(conditions) or "1"
    row = first(db, f"SELECT count(*) AS n FROM versions v{join} WHERE {where}", values)  # noqa: S608 - constants
    return int(row["n"]) if row else 0


def version_ids(db: Sql, wanted: VersionFilter) -> array[int]:
    """All row ids in order: 8 bytes a version, for a table that fetches what it shows with `summaries_of`."""
    conditions, values = _conditions(wanted)
    where = " AND ".join(conditions) or "1"
    join = " JOIN models m ON m.id = v.model_id" if wanted.model or wanted.sort is Sort.NUMBER else ""
    if wanted.sort is not Sort.METRIC:
        sql = f"SELECT v.id FROM versions v{join} WHERE {where} ORDER BY {_ORDERS[wanted.sort]}"  # noqa: S608 - constants
        return array("q", (row[0] for row in db.execute(sql, values)))
    values["metric"] = wanted.metric
    having = (
        f"SELECT v.id FROM version_metrics x JOIN versions v ON v.id = x.version_id{join}"  # noqa: S608 - constants
        f" WHERE x.name = :metric AND {where} ORDER BY {_ORDERS[Sort.METRIC]}"
    )
    lacking = (
        f"SELECT v.id FROM versions v{join} WHERE {where}"  # noqa: S608 - constants
        " AND v.id NOT IN (SELECT version_id FROM version_metrics WHERE name = :metric) ORDER BY v.id DESC"
    )
    ids = array("q", (row[0] for row in db.execute(having, values)))
    ids.extend(row[0] for row in db.execute(lacking, values))
    return ids


def summaries_of(db: Sql, ids: Sequence[int]) -> list[VersionSummary]:
    """The rows of these ids, in their order; ids that don't exist are left out."""
    sql = _SUMMARY + " WHERE v.id IN (SELECT value FROM json_each(:ids))"  # noqa: S608 - constants
    rows = {row["id"]: row for row in db.query(sql, {"ids": json.dumps(list(ids))})}
    current = _current(db)
    return [_summary(rows[i], current) for i in ids if i in rows]


def metric_names(db: Sql, model: str = "") -> list[str]:
    """Names of metrics in use, of one model or of all."""
    sql = "SELECT DISTINCT x.name FROM version_metrics x"
    if model:
        sql += " JOIN versions v ON v.id = x.version_id JOIN models m ON m.id = v.model_id WHERE m.name = :model"
    return [row["name"] for row in db.query(sql + " ORDER BY x.name", {"model": model} if model else {})]


def referenced_digests(db: Sql) -> set[str]:
    """Digests of all files that belong to a version: what garbage collection must keep."""
    return {row[0] for row in db.execute("SELECT DISTINCT digest FROM version_files")}


def _conditions(wanted: VersionFilter) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if wanted.model:
        conditions.append("m.name = :model")
        values["model"] = wanted.model
    if wanted.search.strip():
        conditions.append("v.id IN (SELECT rowid FROM versions_text WHERE versions_text MATCH :query)")
        # A search without a letter or digit finds nothing, instead of everything.
        values["query"] = text_query(wanted.search) or '"\x01"'
    return conditions, values


def _current(db: Sql) -> dict[int, tuple[str, ...]]:
    current: dict[int, tuple[str, ...]] = {}
    for row in db.query(_CURRENT):
        current[row["version_id"]] = (*current.get(row["version_id"], ()), row["environment"])
    return current


def _summary(row: Row, current: dict[int, tuple[str, ...]]) -> VersionSummary:
    with readable(f"{row['model']}@{row['number']}"):
        return VersionSummary(
            row["model"],
            row["number"],
            Format(row["format"]),
            row["digest"],
            row["registered_by"],
            moment(row["created_at"]),
            json.loads(row["metrics"]),
            row["description"],
            current.get(row["id"], ()),
            bool(row["damaged"]),
        )


def _version(db: Sql, row: Row) -> ModelVersion:
    sql = "SELECT path, digest, size, role FROM version_files WHERE version_id = :id ORDER BY position"
    return _assembled(row, db.query(sql, {"id": row["id"]}))


def _assembled(row: Row, files: Iterable[Row]) -> ModelVersion:
    with readable(f"{row['model']}@{row['number']}"):
        inspection = json.loads(row["inspection"])
        return ModelVersion(
            model=row["model"],
            number=row["number"],
            task=Task(row["task"]),
            format=Format(row["format"]),
            digest=row["digest"],
            files=tuple(ArtifactFile(f["path"], f["digest"], f["size"], FileRole(f["role"])) for f in files),
            signature=Signature.from_dict(json.loads(row["signature"])),
            metrics=json.loads(row["metrics"]),
            params=json.loads(row["params"]),
            tags=json.loads(row["tags"]),
            description=row["description"],
            lineage=Lineage.from_dict(json.loads(row["lineage"])),
            inspection=Inspection(
                InspectionVerdict(inspection["verdict"]), tuple(inspection["findings"]), inspection["facts"]
            ),
            conversion=Conversion(**json.loads(row["conversion"])) if row["conversion"] else None,
            registered_by=row["registered_by"],
            created_at=moment(row["created_at"]),
            damaged=bool(row["damaged"]),
        )


def _texts(version: ModelVersion) -> dict[str, str | None]:
    """The columns that hold JSON."""
    return {
        "signature": to_json(version.signature.to_dict()),
        "metrics": to_json(dict(version.metrics)),
        "params": to_json(dict(version.params)),
        "tags": to_json(dict(version.tags)),
        "lineage": to_json(version.lineage.to_dict()),
        "inspection": to_json(_inspection_dict(version.inspection)),
        "conversion": None if version.conversion is None else to_json(_conversion_dict(version.conversion)),
    }


def _inspection_dict(inspection: Inspection) -> dict[str, Any]:
    return {
        "verdict": inspection.verdict.value,
        "findings": list(inspection.findings),
        "facts": dict(inspection.facts),
    }


def _conversion_dict(conversion: Conversion) -> dict[str, Any]:
    return {name: getattr(conversion, name) for name in conversion.__slots__}
