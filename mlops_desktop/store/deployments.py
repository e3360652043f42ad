"""Deployments and the releases that moved an environment's traffic between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits, Release, ReleaseKind
from mlops_desktop.store.rows import Row, first, insert, moment, moment_or_none, readable, seconds_of, to_json, update
from mlops_desktop.store.versions import id_of

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

_DEPLOYMENTS = """
SELECT d.*, m.name AS model, v.number FROM deployments d
  JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
"""
_LIVE = ", ".join(f"'{state.value}'" for state in DeploymentState if state.live)


def insert_deployment(tx: Transaction, deployment: Deployment) -> None:
    insert(
        tx.db,
        "deployments",
        {
            "id": deployment.id,
            "version_id": id_of(tx.db, deployment.model, deployment.version),
            "environment": deployment.environment,
            "engine": deployment.engine.value,
            "state": deployment.state.value,
            "weight": deployment.weight,
            "limits": to_json(deployment.limits.to_dict()),
            "image": deployment.image,
            "image_digest": deployment.image_digest,
            "handle": deployment.handle,
            "promotion": deployment.promotion,
            "created_by": deployment.created_by,
            "created_at": seconds_of(deployment.created_at),
            "message": deployment.message,
            "seconds": to_json(dict(deployment.seconds)),
        },
    )


def update_deployment(
    tx: Transaction,
    deployment: str,
    *,
    state: DeploymentState | None = None,
    weight: int | None = None,
    image: str | None = None,
    image_digest: str | None = None,
    handle: str | None = None,
    message: str | None = None,
    seconds: Mapping[str, float] | None = None,
    ready_at: datetime | None = None,
    stopped_at: datetime | None = None,
) -> None:
    """Change what is given, None leaves a field as it is; `seconds` are added to those that are known."""
    given: dict[str, Any] = {
        "state": None if state is None else state.value,
        "weight": weight,
        "image": image,
        "image_digest": image_digest,
        "handle": handle,
        "message": message,
        "ready_at": None if ready_at is None else seconds_of(ready_at),
        "stopped_at": None if stopped_at is None else seconds_of(stopped_at),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if seconds is not None:
        row = first(tx.db, "SELECT seconds FROM deployments WHERE id = :id", {"id": deployment})
        changes["seconds"] = to_json({**(json.loads(row["seconds"]) if row else {}), **seconds})
    if changes:
        update(tx.db, "deployments", {"id": deployment}, changes)


def deployment_of(db: Sql, deployment: str) -> Deployment | None:
    row = first(db, _DEPLOYMENTS + " WHERE d.id = :id", {"id": deployment})
    return None if row is None else _deployment(row)


def deployments_of(db: Sql, *, model: str = "", environment: str = "", live_only: bool = False) -> list[Deployment]:
    """Newest first."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if model:
        conditions.append("m.name = :model")
        values["model"] = model
    if environment:
        conditions.append("d.environment = :environment")
        values["environment"] = environment
    if live_only:
        conditions.append(f"d.state IN ({_LIVE})")
    where = " AND ".join(conditions) or "1"
    sql = f"{_DEPLOYMENTS} WHERE {where} ORDER BY d.created_at DESC, d.rowid DESC"
    return [_deployment(row) for row in db.query(sql, values)]


def insert_release(tx: Transaction, release: Release) -> Release:
    """Add the release; returns it with its id."""
    identifier = insert(
        tx.db,
        "releases",
        {
            "model": release.model,
            "environment": release.environment,
            "kind": release.kind.value,
            "deployment": release.deployment,
            "version": release.version,
            "previous": release.previous,
            "previous_version": release.previous_version,
            "by": release.by,
            "reason": release.reason,
            "at": seconds_of(release.at),
            "seconds": release.seconds,
        },
    )
    return replace(release, id=identifier)


def releases_of(db: Sql, model: str = "", environment: str = "", limit: int = 1000) -> list[Release]:
    """Newest first."""
    conditions = [f"{name} = :{name}" for name, value in (("model", model), ("environment", environment)) if value]
    where = " AND ".join(conditions) or "1"
    sql = f"SELECT * FROM releases WHERE {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - constants
    values: dict[str, Any] = {"limit": limit}
    values |= {name: value for name, value in (("model", model), ("environment", environment)) if value}
    return [_release(row) for row in db.query(sql, values)]


def _deployment(row: Row) -> Deployment:
    with readable(f"deployment {row['id']}"):
        return Deployment(
            id=row["id"],
            model=row["model"],
            version=row["number"],
            environment=row["environment"],
            engine=EngineKind(row["engine"]),
            state=DeploymentState(row["state"]),
            weight=row["weight"],
            limits=Limits.from_dict(json.loads(row["limits"])),
            image=row["image"],
            image_digest=row["image_digest"],
            handle=row["handle"],
            promotion=row["promotion"],
            created_by=row["created_by"],
            created_at=moment(row["created_at"]),
            ready_at=moment_or_none(row["ready_at"]),
            stopped_at=moment_or_none(row["stopped_at"]),
            message=row["message"],
            seconds=json.loads(row["seconds"]),
        )


def _release(row: Row) -> Release:
    return Release(
        row["id"],
        row["model"],
        row["environment"],
        ReleaseKind(row["kind"]),
        row["deployment"],
        row["version"],
        row["previous"],
        row["previous_version"],
        row["by"],
        row["reason"],
        moment(row["at"]),
        row["seconds"],
    )
