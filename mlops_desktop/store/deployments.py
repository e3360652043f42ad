"""Deployments and the releases that moved an environment's traffic between them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits, Release, ReleaseKind
from mlops_desktop.store.rows import Row, first, insert, moment, moment_or_none, seconds_of, to_json, update
from mlops_desktop.store.versions import id_of

if TYPE_CHECKING:
    import sqlite_utils

    from mlops_desktop.store.database import Transaction

_DEPLOYMENTS = """
SELECT d.*, m.name AS model, v.number FROM deployments d
  JOIN versions v ON v.id = d.version_id JOIN models m ON m.id = v.model_id
"""
_NEWEST = "ORDER BY d.created_at DESC, d.rowid DESC"
_LIVE = ", ".join(f"'{state.value}'" for state in DeploymentState if state.live)


def insert_deployment(tx: Transaction, deployment: Deployment) -> None:
    insert(
        tx.db,
        "deployments",
        {
            "id": deployment.id,
            "version_id": id_of(tx.db, deployment.model, deployment.version),
            "environment": deployment.environment,
            "promotion": deployment.promotion,
            "created_by": deployment.created_by,
            "created_at": seconds_of(deployment.created_at),
            **_changing(deployment),
        },
    )


def update_deployment(tx: Transaction, deployment: Deployment) -> None:
    """Write what may change of it: everything but the version, the environment and who began it."""
    update(tx.db, "deployments", {"id": deployment.id}, _changing(deployment))


def deployment_of(db: sqlite_utils.Database, deployment: str) -> Deployment | None:
    row = first(db, _DEPLOYMENTS + " WHERE d.id = :id", {"id": deployment})
    return None if row is None else _deployment(row)


def all_deployments(db: sqlite_utils.Database) -> list[Deployment]:
    """Newest first."""
    return [_deployment(row) for row in db.query(f"{_DEPLOYMENTS} {_NEWEST}")]


def live_deployments(db: sqlite_utils.Database) -> list[Deployment]:
    """Those of which a container or process may exist, newest first."""
    return [_deployment(row) for row in db.query(f"{_DEPLOYMENTS} WHERE d.state IN ({_LIVE}) {_NEWEST}")]


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


def releases_of(
    db: sqlite_utils.Database, model: str | None = None, environment: str | None = None, limit: int = 1000
) -> list[Release]:
    """Newest first."""
    wanted = {name: value for name, value in (("model", model), ("environment", environment)) if value}
    where = " AND ".join(f"{name} = :{name}" for name in wanted) or "1"
    sql = f"SELECT * FROM releases WHERE {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - constants
    return [_release(row) for row in db.query(sql, {**wanted, "limit": limit})]


def _changing(deployment: Deployment) -> Row:
    return {
        "engine": deployment.engine.value,
        "state": deployment.state.value,
        "weight": deployment.weight,
        "limits": to_json(deployment.limits.to_dict()),
        "image": deployment.image,
        "image_digest": deployment.image_digest,
        "handle": deployment.handle,
        "ready_at": None if deployment.ready_at is None else seconds_of(deployment.ready_at),
        "stopped_at": None if deployment.stopped_at is None else seconds_of(deployment.stopped_at),
        "message": deployment.message,
        "seconds": to_json(dict(deployment.seconds)),
    }


def _deployment(row: Row) -> Deployment:
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
