"""A row of a deployment, for what is only shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_deployment(identifier: str = "d1", version: int = 1, **changes: object) -> Deployment:
    found = Deployment(
        id=identifier,
        model="price",
        version=version,
        environment="staging",
        engine=EngineKind.PROCESS,
        state=DeploymentState.RUNNING,
        weight=100,
        limits=Limits(),
        image="",
        image_digest="",
        handle="",
        promotion=None,
        created_by="mila",
        created_at=NOW,
    )
    return replace(found, **changes)  # type: ignore[arg-type]
