"""The engine and the gateway of a workspace: opened on first use, told which deployment gets which traffic."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, EngineStatus
from mlops_desktop.domain.errors import DeploymentFailed
from mlops_desktop.domain.events import EngineStateChanged
from mlops_desktop.engines.http import Answer, HttpClient
from mlops_desktop.services.parts import Parts
from mlops_desktop.store import deployments as store
from mlops_desktop.store.locks import lock_file

if TYPE_CHECKING:
    from mlops_desktop.engines.engine import Engine
    from mlops_desktop.engines.gateway import Gateway, Route

ROUTES_SECONDS = 60.0


class EngineRoom:
    """Opens the engine that the settings name; `auto` stays with the one that runs live deployments already."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.RLock()
        self._opened: tuple[Engine, Gateway] | None = None
        self._status: EngineStatus | None = None
        self._stopped = False  # the gateway, by us: without a route nobody needs it back
        self.http = HttpClient()

    @property
    def engine(self) -> Engine:
        return self._open()[0]

    @property
    def gateway(self) -> Gateway:
        return self._open()[1]

    def status(self) -> EngineStatus:
        """Whether the engine can be used now; a change is published."""
        status = self.engine.status()
        before, self._status = self._status, status
        if before is None or (before.available, before.message) != (status.available, status.message):
            self._parts.bus.publish(EngineStateChanged(status.kind.value, status.available, status.message))
        return status

    def apply_routes(self, trial: Sequence[tuple[str, str]] = (), weights: Mapping[str, int] | None = None) -> None:
        """Give the gateway the traffic that the rows say, or that `weights` (by deployment) says before they do.

        `trial` are deployments that only the admin side may reach, as (model, id). One process at a time does this.
        """
        with self._routing():
            routes = self._routes(trial, weights or {})
            if routes or not self._stopped:
                self._stopped = False
                self.gateway.apply(routes)

    def fetch(
        self, deployment: str, path: str, *, method: str = "GET", body: bytes = b"", timeout: float = 5.0
    ) -> Answer:
        """Ask one deployment through the gateway's admin side, whatever its weight."""
        gateway = self.gateway
        url = gateway.admin_url(deployment) + path
        headers = dict(gateway.admin_headers())
        if body:
            headers["content-type"] = "application/json"
        return self.http.request(method, url, body=body, headers=headers, timeout=timeout)

    def fetch_body(self, deployment: str, path: str) -> bytes:
        """The body of a 200; DeploymentFailed otherwise."""
        answer = self.fetch(deployment, path)
        if answer.status != 200:
            raise DeploymentFailed(f"Deployment {deployment} answered {answer.status} to {path}.", answer.text[:200])
        return answer.body

    def stop_gateway(self) -> None:
        """Take the addresses away unless something serves; the next release brings them back."""
        with self._routing():
            if not self._routes((), {}):
                self.gateway.close(stop=True)
                self._stopped = True

    def close(self) -> None:
        with self._lock:
            self.http.close()
            if self._opened is not None:
                engine, gateway = self._opened
                gateway.close()
                engine.close()
                self._opened = None

    def _open(self) -> tuple[Engine, Gateway]:
        with self._lock:
            if self._opened is None:
                from mlops_desktop.engines.choose import open_engine

                settings = self._parts.settings
                kinds = {d.engine for d in store.deployments_of(self._parts.database.read(), live_only=True)}
                if settings.engine == "auto" and kinds:
                    # Docker may be down for a moment: its deployments are unknown then, and another engine can't help.
                    chosen = EngineKind.DOCKER if EngineKind.DOCKER in kinds else EngineKind.PROCESS
                    settings = replace(settings, engine=chosen.value)
                self._opened = open_engine(settings, self._parts.paths, self._parts.workspace_id)
            return self._opened

    @contextlib.contextmanager
    def _routing(self) -> Iterator[None]:
        self._parts.paths.runtime.mkdir(mode=0o700, exist_ok=True)
        with lock_file(self._parts.paths.runtime / "routes.lock", ROUTES_SECONDS):
            yield

    def _routes(self, trial: Sequence[tuple[str, str]], weights: Mapping[str, int]) -> list[Route]:
        from mlops_desktop.engines.gateway import Route, Target

        targets: dict[tuple[str, str], list[Target]] = {}
        for deployment in store.deployments_of(self._parts.database.read(), live_only=True):
            if _reachable(deployment):
                weight = weights.get(deployment.id, deployment.weight)
                targets.setdefault((deployment.model, deployment.environment), []).append(Target(deployment.id, weight))
        for model, identifier in trial:
            targets.setdefault((model, "trial"), []).append(Target(identifier, 0))
        return [Route(model, environment, tuple(found)) for (model, environment), found in sorted(targets.items())]


def _reachable(deployment: Deployment) -> bool:
    return bool(deployment.handle) and deployment.state in {
        DeploymentState.STARTING,
        DeploymentState.RUNNING,
        DeploymentState.UNKNOWN,
    }
