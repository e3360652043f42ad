"""Versions: inserted whole and never changed, but for their damage mark. Lists of them are in version_lists.py."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    canonical_json,
    fact_texts,
    texts_digest,
)
from mlops_desktop.store.rows import Row, first, insert, moment, readable, to_json, update

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql


@dataclass(frozen=True, slots=True)
class VersionDigests:
    """A version's row in digests: as it says itself, and as its files, signature and facts say."""

    label: str
    digest: str
    served: str
    record: str
    registered_by: str


_SUMMARY = """
SELECT v.id, m.name AS model, v.number, v.format, v.digest, v.registered_by, v.created_at, v.metrics,
       v.description, v.damaged, v.tags, json_extract(v.inspection, '$.verdict') AS verdict,
       json_extract(v.lineage, '$.data.test') AS test_data
  FROM versions v JOIN models m ON m.id = v.model_id
"""
_FULL = """
SELECT v.*, m.name AS model, m.task FROM versions v JOIN models m ON m.id = v.model_id
"""
_FACTS = ("metrics", "params", "tags", "description", "lineage", "inspection", "conversion")
_ALL = """
SELECT v.number, v.format, v.digest, v.signature, v.metrics, v.params, v.tags, v.description, v.lineage, v.inspection,
       v.conversion, v.registered_by, m.name AS model, m.task,
       (SELECT json_group_array(json_array(f.path, f.digest, f.role)) FROM version_files f WHERE f.version_id = v.id)
       AS files
  FROM versions v JOIN models m ON m.id = v.model_id ORDER BY v.id
"""
_CURRENT = """
SELECT version_id, environment FROM deployments WHERE state = 'running' AND weight > 0 ORDER BY environment
"""


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
    texts = fact_texts(version)
    version_id = insert(
        tx.db,
        "versions",
        {
            "model_id": model_id,
            "number": version.number,
            "format": version.format.value,
            "digest": version.digest,
            "signature": to_json(version.signature.to_dict()),
            **texts,
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


def all_digests(db: Sql) -> Iterator[VersionDigests]:
    """Of every row, oldest first. The texts are hashed as they are stored, without reading them as JSON."""
    for row in db.query(_ALL):
        files = sorted(tuple(file) for file in json.loads(row["files"]))
        served = b'{"files":%s,"format":%s,"signature":%s}' % (
            canonical_json(files),
            canonical_json(row["format"]),
            row["signature"].encode(),
        )
        label = f"{row['model']}@{row['number']}"
        yield VersionDigests(
            label,
            row["digest"],
            hashlib.sha256(served).hexdigest(),
            texts_digest(label, row["task"], row["registered_by"], {name: row[name] for name in _FACTS}),
            row["registered_by"],
        )


def set_damaged(tx: Transaction, model: str, number: int, damaged: bool) -> None:
    version_id = id_of(tx.db, model, number)
    update(tx.db, "versions", {"id": version_id}, {"damaged": int(damaged)})


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
    return {row[0] for row in db.tuples("SELECT DISTINCT digest FROM version_files")}


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
            InspectionVerdict(row["verdict"]),
            json.loads(row["tags"]),
            row["test_data"] or "",
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
