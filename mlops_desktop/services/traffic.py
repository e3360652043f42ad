"""Move an environment's traffic between deployments, one release at a time, and remember who had it before."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment, DeploymentState, Release, ReleaseKind
from mlops_desktop.domain.errors import Conflict, WorkstationError
from mlops_desktop.domain.events import DeploymentStopped, TrafficSwitched
from mlops_desktop.store import deployments as store
from mlops_desktop.store.locks import lock_file

if TYPE_CHECKING:
    from mlops_desktop.services.engine_room import EngineRoom
    from mlops_desktop.services.parts import Parts

log = logging.getLogger(__name__)
RELEASE_SECONDS = 3600.0  # how long one release may hold the next one of the same model and environment up


class Traffic:
    """Who is current, who was, and the switch between them; the lock holds over all processes."""

    def __init__(self, parts: Parts, room: EngineRoom) -> None:
        self._parts = parts
        self._room = room

    def lock(self, model: str, environment: str) -> AbstractContextManager[None]:
        self._parts.paths.runtime.mkdir(mode=0o700, exist_ok=True)
        return lock_file(self._parts.paths.runtime / f"release-{environment}-{model}.lock", RELEASE_SECONDS)

    def current(self, model: str, environment: str) -> Deployment | None:
        live = store.deployments_of(self._parts.database.read(), model=model, environment=environment, live_only=True)
        return next((d for d in live if d.weight > 0), None)

    def previous(self, model: str, environment: str, current: Deployment | None) -> Deployment:
        """What had the traffic before the present one took it."""
        for release in store.releases_of(self._parts.database.read(), model, environment):
            candidate = release.previous if current is None or release.deployment == current.id else None
            if release.kind is ReleaseKind.STOP and current is None:
                candidate = release.previous
            if candidate is not None and (current is None or candidate != current.id):
                found = store.deployment_of(self._parts.database.read(), candidate)
                if found is not None:
                    return found
        raise Conflict(
            f"There is no earlier version of {model} in {environment} to roll back to.",
            "A roll-back needs two deployments; you may stop the present one instead.",
        )

    def switch(
        self,
        target: Deployment,
        before: Deployment | None,
        actor: str,
        kind: ReleaseKind,
        reason: str,
        began: float,
    ) -> Release:
        """Raise the new, lower the old, then write it down; a crash between is mended by the next reconcile."""
        weights = {target.id: 100} | ({before.id: 0} if before else {})
        self._room.apply_routes(weights=weights)
        release = self.release(target, before, kind, actor, reason, time.monotonic() - began)
        with self._parts.database.write() as tx:
            for identifier, weight in weights.items():
                store.update_deployment(tx, identifier, weight=weight)
            release = store.insert_release(tx, release)
            tx.record(
                TrafficSwitched(
                    target.model,
                    target.version,
                    target.environment,
                    target.id,
                    before.version if before else None,
                    kind.value,
                    reason,
                ),
                actor,
            )
        return release

    def retire(self, deployment: Deployment, before: Deployment | None, actor: str) -> None:
        """Stop what is neither current nor the roll-back target; it can be started again."""
        keep = {deployment.id, before.id if before else ""}
        for other in store.deployments_of(
            self._parts.database.read(), model=deployment.model, environment=deployment.environment, live_only=True
        ):
            if other.id not in keep and other.state is not DeploymentState.STARTING:
                try:
                    self._room.engine.stop(other.id, self._parts.settings.drain_seconds)
                except WorkstationError as error:
                    log.warning("could not retire deployment %s: %s", other.id, error)
                    continue
                with self._parts.database.write() as tx:
                    now = self._parts.clock()
                    store.update_deployment(
                        tx, other.id, state=DeploymentState.STOPPED, weight=0, handle="", stopped_at=now
                    )
                    tx.record(
                        DeploymentStopped(
                            other.model, other.version, other.environment, other.id, "two newer ones took its place"
                        ),
                        actor,
                    )
        self._room.apply_routes()

    def release(
        self,
        target: Deployment | None,
        before: Deployment | None,
        kind: ReleaseKind,
        actor: str,
        reason: str,
        seconds: float,
    ) -> Release:
        one = target or before
        if one is None:
            raise ValueError("a release is about at least one deployment")
        return Release(
            id=0,
            model=one.model,
            environment=one.environment,
            kind=kind,
            deployment=target.id if target else None,
            version=target.version if target else None,
            previous=before.id if before else None,
            previous_version=before.version if before else None,
            by=actor,
            reason=reason,
            at=self._parts.clock(),
            seconds=seconds,
        )
