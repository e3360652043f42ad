"""The gateway of the process engine: starts the proxy program, writes its routes, and waits until it has drained."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Sequence

from mlops_desktop.domain.deployments import EngineKind
from mlops_desktop.domain.errors import Conflict, EngineUnavailable
from mlops_desktop.engines import addresses as ports
from mlops_desktop.engines import local
from mlops_desktop.engines.engine import check_deployment_id
from mlops_desktop.engines.gateway import STATE_PATH, TOKEN_HEADER, Route, check_routes, serving
from mlops_desktop.engines.routes_file import read_routes, write_private, write_routes
from mlops_desktop.settings import Settings, WorkspacePaths

START_SECONDS = 15.0
POLL_SECONDS = 0.02
PORT_TRIES = 5
PORT_TAKEN = 3  # the program's exit code


class ProcessGateway:
    """See `Gateway`. The program goes on when the application ends, and is found again by its process."""

    def __init__(self, settings: Settings, paths: WorkspacePaths) -> None:
        self._settings = settings
        self._paths = paths
        self._addresses = ports.AddressBook(paths.runtime / ports.FILE, settings.bind_address, settings.gateway_port)
        self._routes_file = paths.runtime / "routes.json"
        self._record = paths.runtime / "gateway-process.json"
        self._lock = threading.RLock()

    def ensure(self) -> None:
        with self._lock:
            chosen = self._addresses.chosen()
            if handle := self._running():
                if self._listens_at(chosen) and self._answers():
                    return
                local.end(handle, 2.0)
            for attempt in range(PORT_TRIES):
                chosen = self._addresses.free()
                try:
                    self._start(chosen)
                except Conflict:
                    if chosen.used or attempt == PORT_TRIES - 1:
                        raise
                    continue
                self._addresses.used(chosen, EngineKind.PROCESS)
                return

    def apply(self, routes: Sequence[Route]) -> None:
        check_routes(routes)
        with self._lock:
            self.ensure()
            left = serving(read_routes(self._routes_file)) - serving(routes)
            write_routes(self._routes_file, routes)
            end = time.monotonic() + self._settings.drain_seconds
            while left and left & self._busy() and time.monotonic() < end:
                time.sleep(POLL_SECONDS)

    def url(self, model: str, environment: str) -> str:
        found = self._addresses.chosen()
        return f"http://{ports.shown(found.bind)}:{found.port}/{environment}/{model}"

    def admin_url(self, deployment: str) -> str:
        found = self._addresses.chosen()
        return f"http://{ports.shown(found.bind)}:{found.admin_port}/{check_deployment_id(deployment)}"

    def admin_headers(self) -> dict[str, str]:
        return {TOKEN_HEADER: self._addresses.chosen().token}

    def close(self, *, stop: bool = False) -> None:
        if stop and (handle := self._running()):
            local.end(handle, 5.0)
            local.exit_code(local.pid_of(handle))
            self._record.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it stays while a deployment has its socket there
                local.socket_folder(self._paths.root).rmdir()

    def _start(self, chosen: ports.Addresses) -> None:
        log = self._paths.logs / "gateway.log"
        handle = local.start(
            "mlops_desktop.engines.proxy",
            ["--folder", str(self._paths.runtime), "--sockets", str(local.socket_folder(self._paths.root))],
            pid_file=self._paths.runtime / "gateway.pid",
            log=log,
            environment={"PYTHONUNBUFFERED": "1"},
        )
        write_private(self._record, json.dumps({"handle": handle, "port": chosen.port, "admin": chosen.admin_port}))
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(EngineUnavailable):
                self._busy()
                return
            if not local.alive(handle):
                if local.exit_code(local.pid_of(handle)) == PORT_TAKEN:
                    raise ports.taken(chosen.port)
                raise EngineUnavailable("The gateway program did not start.", f"See {log.name} in the logs folder.")
            if time.monotonic() > end:
                local.end(handle, 1.0)
                raise EngineUnavailable("The gateway program did not answer in time.", f"See {log.name}.")
            time.sleep(POLL_SECONDS)

    def _running(self) -> str:
        """The program's handle if it runs, else nothing."""
        try:
            handle = str(json.loads(self._record.read_text())["handle"])
        except (OSError, ValueError, KeyError, TypeError):
            handle = ""
        if local.alive(handle):
            return handle
        return local.runs(self._paths.runtime / "gateway.pid", str(self._paths.runtime))

    def _listens_at(self, chosen: ports.Addresses) -> bool:
        try:
            record = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return False
        return (record.get("port"), record.get("admin")) == (chosen.port, chosen.admin_port)

    def _answers(self) -> bool:
        try:
            self._busy()
        except EngineUnavailable:
            return False
        return True

    def _busy(self) -> set[str]:
        """Deployments with requests under way."""
        chosen = self._addresses.chosen()
        connection = http.client.HTTPConnection(ports.shown(chosen.bind), chosen.admin_port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", STATE_PATH, headers=self.admin_headers() | {"connection": "close"})
                response = connection.getresponse()
                body = response.read()
                if response.status != 200:
                    raise EngineUnavailable(
                        f"Port {chosen.admin_port} answered {response.status}.", "Another program may have it."
                    )
                return set(json.loads(body)["busy"])
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                raise EngineUnavailable("The gateway is not answering.", "Deploy again, or restart the app.") from error
