"""Models: named lines of versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_desktop.domain.registry import Model, ModelSummary, Task
from mlops_desktop.store.rows import Row, first, insert, moment, readable, to_json, update

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

HISTORY = 20  # values of the key metric in a summary

_SUMMARIES = """
SELECT m.name, m.task, m.owner, m.description, m.last_number, m.key_metric, m.updated_at,
       (SELECT json_group_object(d.environment, v.number)
          FROM deployments d JOIN versions v ON v.id = d.version_id
         WHERE v.model_id = m.id AND d.state = 'running' AND d.weight > 0) AS current,
       (SELECT json_group_array(value) FROM (
            SELECT x.value FROM versions v JOIN version_metrics x ON x.version_id = v.id AND x.name = m.key_metric
             WHERE v.model_id = m.id ORDER BY v.number DESC LIMIT :history)) AS history
  FROM models m
 ORDER BY m.updated_at DESC, m.id DESC
"""


def model_of(db: Sql, name: str) -> Model | None:
    row = _row(db, name)
    if row is None:
        return None
    return Model(
        row["name"],
        Task(row["task"]),
        row["owner"],
        row["description"],
        moment(row["created_at"]),
        json.loads(row["tags"]),
    )


def key_metric_of(db: Sql, name: str) -> str:
    row = _row(db, name)
    return "" if row is None else str(row["key_metric"])


def summaries(db: Sql) -> list[ModelSummary]:
    """All models, the most recently changed first."""
    return [_summary(row) for row in db.query(_SUMMARIES, {"history": HISTORY})]


def insert_model(
    tx: Transaction, name: str, task: Task, owner: str, description: str = "", key_metric: str = ""
) -> None:
    insert(
        tx.db,
        "models",
        {
            "name": name,
            "task": task.value,
            "owner": owner,
            "description": description,
            "key_metric": key_metric,
            "created_at": tx.now,
            "updated_at": tx.now,
        },
    )


def update_model(
    tx: Transaction,
    name: str,
    *,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    key_metric: str | None = None,
) -> None:
    """Change what is given."""
    changes: Row = {"updated_at": tx.now}
    if description is not None:
        changes["description"] = description
    if tags is not None:
        changes["tags"] = to_json(dict(tags))
    if key_metric is not None:
        changes["key_metric"] = key_metric
    update(tx.db, "models", {"name": name}, changes)


def next_number(tx: Transaction, name: str) -> int:
    """Take the model's next version number; gap-free, as it is undone with the transaction."""
    rows = tx.db.execute(
        "UPDATE models SET last_number = last_number + 1, updated_at = :now WHERE name = :name RETURNING last_number",
        {"now": tx.now, "name": name},
    ).fetchall()
    return int(rows[0][0])


def _row(db: Sql, name: str) -> Row | None:
    return first(db, "SELECT * FROM models WHERE name = :name", {"name": name})


def _summary(row: Row) -> ModelSummary:
    with readable(f"model {row['name']}"):
        last = int(row["last_number"])
        return ModelSummary(
            row["name"],
            Task(row["task"]),
            row["owner"],
            row["description"],
            last or None,
            last,
            json.loads(row["current"]),
            row["key_metric"],
            tuple(float(value) for value in reversed(json.loads(row["history"]))),
            moment(row["updated_at"]),
        )
