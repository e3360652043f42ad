"""Compare what the rows say with what the engine runs, and mend the difference."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.events import DeploymentStateNoticed
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.services.launch import Launch
from mlops_desktop.store import deployments as store

if TYPE_CHECKING:
    from mlops_desktop.engines.engine import Found
    from mlops_desktop.services.engine_room import EngineRoom
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.registry import RegistryService

log = logging.getLogger(__name__)
ACTOR = "mlops-desktop"
RESTARTS_ALLOWED = 3
RESTART_WINDOW = 600.0


class Reconciler:
    """Call `round` at the start and then every few seconds; it does nothing while all agrees."""

    def __init__(self, parts: Parts, room: EngineRoom, registry: RegistryService) -> None:
        self._parts = parts
        self._room = room
        self._registry = registry
        self._launch = Launch(parts, room)
        self._restarts: dict[str, list[float]] = {}
        self._routes_applied = False

    def round(self, launch: Launch | None = None) -> int:
        """One comparison; returns how many deployments were changed. `launch` knows what this process is starting."""
        launch = launch or self._launch
        rows = store.deployments_of(self._parts.database.read(), live_only=True)
        if not rows and not self._routes_applied:
            return 0  # nothing was ever deployed: the engine need not be opened
        status = self._room.status()
        if not status.available:
            self._routes_applied = False
            unknown = [d for d in rows if d.state is not DeploymentState.UNKNOWN]
            for deployment in unknown:
                self._note(deployment, DeploymentState.UNKNOWN, status.message)
            return len(unknown)
        found = {f.deployment: f for f in self._room.engine.list()}
        changed = self._leave_foreign([d for d in rows if d.engine is not status.kind], status.kind)
        own = [d for d in rows if d.engine is status.kind]
        changed += sum(self._mend(deployment, found.get(deployment.id), launch) for deployment in own)
        known = {d.id for d in store.deployments_of(self._parts.database.read(), live_only=True)}
        for orphan in found.keys() - known:
            if not launch.owned(orphan):
                log.warning("removing the container of %s, which no row knows", orphan)
                self._room.engine.stop(orphan, 1.0)
                changed += 1
        if changed or not self._routes_applied:
            self._room.apply_routes()
            self._routes_applied = True
        return changed

    def _leave_foreign(self, rows: list[Deployment], kind: EngineKind) -> int:
        """What runs on the other engine can't be seen from here, so it is neither gone nor to be started again."""
        fresh = [d for d in rows if d.state is not DeploymentState.UNKNOWN]
        for d in fresh:
            reason = f"it runs on the {d.engine} engine, and this workspace is set to {kind}"
            self._note(d, DeploymentState.UNKNOWN, reason)
        return len(fresh)

    def _mend(self, deployment: Deployment, found: Found | None, launch: Launch) -> bool:
        if launch.owned(deployment.id):
            return False  # its owner is at work
        if store.deployment_of(self._parts.database.read(), deployment.id) != deployment:
            return False  # its owner was at work until a moment ago
        running = found is not None and found.running
        if deployment.state in {DeploymentState.STARTING, DeploymentState.STOPPING}:
            # Whoever began this is gone. Nobody saw it answer, so it is not adopted.
            self._room.engine.stop(deployment.id, 1.0)
            self._note(deployment, DeploymentState.FAILED, "the application ended meanwhile; deploy it again")
            return True
        if running:
            if deployment.state is DeploymentState.UNKNOWN:
                self._note(deployment, DeploymentState.RUNNING, "the engine answers again")
                return True
            return False
        reason = _why(found)
        if self._may_restart(deployment.id):
            self._note(deployment, deployment.state, f"{reason}; starting it again")
            return self._restart(deployment, launch, reason)
        self._room.engine.stop(deployment.id, 1.0)
        self._note(deployment, DeploymentState.FAILED, f"{reason}; it was started {RESTARTS_ALLOWED} times in vain")
        return True

    def _restart(self, deployment: Deployment, launch: Launch, reason: str) -> bool:
        weight = deployment.weight
        version = self._registry.version(deployment.model, deployment.version)
        try:
            started = launch.start_again(deployment, version, JobContext.silent())
        except WorkstationError as error:
            log.warning("could not start deployment %s again: %s", deployment.id, error)
            if not self._may_restart(deployment.id):
                self._note(deployment, DeploymentState.FAILED, f"{reason}; {error.message}")
            return True
        with self._parts.database.write() as tx:
            store.update_deployment(tx, started.id, weight=weight)
        return True

    def _may_restart(self, deployment: str) -> bool:
        now = time.monotonic()
        recent = [t for t in self._restarts.get(deployment, []) if now - t < RESTART_WINDOW]
        self._restarts[deployment] = [*recent, now]
        return len(recent) < RESTARTS_ALLOWED

    def _note(self, deployment: Deployment, state: DeploymentState, reason: str) -> None:
        weight = 0 if state is DeploymentState.FAILED else deployment.weight
        stopped = self._parts.clock() if state is DeploymentState.FAILED else None
        with self._parts.database.write() as tx:
            store.update_deployment(tx, deployment.id, state=state, message=reason, weight=weight, stopped_at=stopped)
            tx.record(
                DeploymentStateNoticed(
                    deployment.model, deployment.version, deployment.environment, deployment.id, state.value, reason
                ),
                ACTOR,
            )


def _why(found: Found | None) -> str:
    if found is None:
        return "its container is gone"
    if found.oom_killed:
        return "it needed more memory than its limit and was killed"
    return f"it ended with exit code {found.exit_code}"
