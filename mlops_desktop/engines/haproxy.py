"""The gateway of the Docker engine: HAProxy in one container per workspace, steered through its runtime interface."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlops_desktop.domain.deployments import EngineKind
from mlops_desktop.domain.errors import Conflict, EngineUnavailable, WorkstationError
from mlops_desktop.engines import addresses as ports
from mlops_desktop.engines import haproxy_config as text
from mlops_desktop.engines.builder import ImageBuilder
from mlops_desktop.engines.docker import DockerHost
from mlops_desktop.engines.engine import check_deployment_id
from mlops_desktop.engines.gateway import TOKEN_HEADER, Route, check_routes, deployments_of
from mlops_desktop.engines.images import LABEL_PREFIX, USER, file_tar
from mlops_desktop.engines.routes_file import read_routes, write_routes
from mlops_desktop.engines.sockets import FOLDER, SocketFolders
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.settings import Settings

START_SECONDS = 10.0
POLL_SECONDS = 0.02
ENTRIES_A_COMMAND = 100  # a command has to fit into HAProxy's buffer of 16 KiB
PORT_TRIES = 5
_NEW_VERSION = re.compile(r"New version created: (\d+)")
_BIND_ERRORS = ("cannot bind socket", "Address already in use", "address already in use", "already allocated")


class HaproxyGateway:
    """See `Gateway`. `folder` is the workspace's run/ folder, where addresses and routes are remembered."""

    def __init__(
        self, settings: Settings, folder: Path, workspace: str, host: DockerHost, folders: SocketFolders
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._host = host
        self._folders = folders
        self._images = ImageBuilder(settings, host)
        self._container = folders.gateway
        self._volume = f"mlops-desktop-{workspace}-gateway"
        self._addresses = ports.AddressBook(folder / ports.FILE, settings.bind_address, settings.gateway_port)
        self._routes_file = folder / "routes.json"
        self._lock = threading.RLock()
        self._on_host_network: bool | None = None
        self._reachable: set[str] = set()

    def ensure(self) -> None:
        with self._lock:
            found = self._host.inspect(self._container)
            wanted = self._shape()
            if found is not None:
                same = found["Config"]["Labels"].get(LABEL_PREFIX + "shape") == wanted
                if same and found["State"]["Running"] and self._answers():
                    return
                self._host.remove(self._container)
            self._reachable.clear()
            image, _ = self._images.base(self._settings.gateway_images, JobContext.silent(), "the gateway")
            self._folders.ensure(image)
            if self._host.volume(self._volume) is None:
                self._host.create_volume(self._volume, {LABEL_PREFIX + "workspace": self._workspace})
            self._start_somewhere(image)
            labels = {LABEL_PREFIX + "workspace": self._workspace, LABEL_PREFIX + "deployment": ""}
            known = {c["Labels"][LABEL_PREFIX + "deployment"] for c in self._host.containers(labels)}
            self._folders.sweep(known)

    def apply(self, routes: Sequence[Route]) -> None:
        check_routes(routes)
        with self._lock:
            self.ensure()
            wanted = deployments_of(routes)
            known = self._servers()
            self._add_servers(wanted - known)
            left = self._commit(text.map_entries(routes))
            write_routes(self._routes_file, routes)
            self._store(routes)
            self._drain(left)
            self._remove_servers(known - wanted)
            self._reachable = wanted

    def url(self, model: str, environment: str) -> str:
        found = self._addresses.chosen()
        return f"http://{ports.shown(found.bind)}:{found.port}/{environment}/{model}"

    def admin_url(self, deployment: str) -> str:
        check_deployment_id(deployment)
        found = self._addresses.chosen()
        with self._lock:
            if deployment not in self._reachable:
                self._add_servers({deployment} - self._servers())
                self._reachable.add(deployment)
        return f"http://{ports.shown(found.bind)}:{found.admin_port}/{deployment}"

    def admin_headers(self) -> dict[str, str]:
        return {TOKEN_HEADER: self._addresses.chosen().token}

    def close(self, *, stop: bool = False) -> None:
        if stop:
            with self._lock:
                self._host.remove(self._container)
                self._host.remove_volume(self._volume)
                self._host.remove_volume(self._folders.volume)  # stays while a deployment uses it
        self._host.close()

    # Starting

    def _start_somewhere(self, image: str) -> None:
        """Start at the chosen port. It may be taken between choice and start: then another, if it was never used."""
        for attempt in range(PORT_TRIES):
            chosen = self._addresses.free()
            try:
                self._start(image, chosen)
            except Conflict:
                with contextlib.suppress(WorkstationError):
                    self._host.remove(self._container)
                if chosen.used or attempt == PORT_TRIES - 1:
                    raise
                continue
            except WorkstationError:
                with contextlib.suppress(WorkstationError):
                    self._host.remove(self._container)
                raise
            self._addresses.used(chosen, EngineKind.DOCKER)
            return

    def _start(self, image: str, chosen: ports.Addresses) -> None:
        options: dict[str, Any] = {
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "mem_limit": 256 << 20,
            "pids_limit": 64,
            "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=1m,mode=1777"},  # noqa: S108 - its own /tmp
            "init": True,
            "ulimits": [{"Name": "nofile", "Soft": 16384, "Hard": 16384}],
            "restart_policy": {"Name": "unless-stopped"},
            "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            "binds": [f"{self._folders.volume}:{FOLDER}", f"{self._volume}:{text.CONFIG_FOLDER}"],
        }
        listen = self._listen(chosen)
        if self._host_network():
            options["network_mode"] = "host"
        else:
            options["port_bindings"] = {
                listen.port: (chosen.bind, chosen.port),
                listen.admin_port: (chosen.bind, chosen.admin_port),
            }
        self._host.create(
            self._container,
            image,
            options,
            entrypoint=["haproxy"],
            command=["-db", "-f", text.CONFIG],
            user=f"{USER}:{USER}",
            ports=[] if self._host_network() else [listen.port, listen.admin_port],
            labels={
                LABEL_PREFIX + "workspace": self._workspace,
                LABEL_PREFIX + "role": "gateway",
                LABEL_PREFIX + "shape": self._shape(),
            },
        )
        self._store(read_routes(self._routes_file))
        self._host.start(self._container)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(EngineUnavailable):
                self._runtime("show version")
                return
            found = self._host.inspect(self._container)
            ended = found is None or not found["State"]["Running"] or found["RestartCount"] > 0
            if ended or time.monotonic() > end:
                words = self._host.logs(self._container, "stderr", 10, None) if found else ""
                if any(sign in words for sign in _BIND_ERRORS):
                    raise ports.taken(self._addresses.chosen().port)
                raise EngineUnavailable("The gateway did not start.", "Its log ends: " + words.strip()[-500:])
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        """Whether a running gateway answers, or does so soon because Docker is starting it again."""
        try:
            self._wait()
        except (Conflict, EngineUnavailable):
            return False
        return True

    def _shape(self) -> str:
        """A hash of all that a running gateway can't change; another one needs a new container."""
        chosen = self._addresses.chosen()
        parts = [text.config(self._listen(chosen), ()), text.LUA, chosen.bind, *self._settings.gateway_images]
        return hashlib.sha256("\0".join([*parts, str(chosen.port), str(chosen.admin_port)]).encode()).hexdigest()[:16]

    def _listen(self, chosen: ports.Addresses) -> text.Listen:
        if self._host_network():
            return text.Listen(chosen.bind, chosen.port, chosen.admin_port, chosen.token)
        return text.Listen("0.0.0.0", 8600, 8601, chosen.token)  # noqa: S104 - published on `bind` only

    def _host_network(self) -> bool:
        """Whether it may listen on this computer itself: docker-proxy would halve its throughput.

        Not where the engine lives in a virtual machine or a network of its own (Docker Desktop, rootless).
        """
        if self._on_host_network is None:
            info = self._host.info()
            rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
            desktop = "Docker Desktop" in str(info.get("OperatingSystem", ""))
            self._on_host_network = sys.platform == "linux" and self._host.local and not rootless and not desktop
        return self._on_host_network

    def _store(self, routes: Sequence[Route]) -> None:
        """Put configuration and map where HAProxy reads them when Docker restarts it."""
        files = {
            "haproxy.cfg": text.config(self._listen(self._addresses.chosen()), deployments_of(routes)).encode(),
            "runtime.lua": text.LUA.encode(),
            "routes.map": text.map_text(text.map_entries(routes)).encode(),
        }
        self._host.put(self._container, text.CONFIG_FOLDER, file_tar(files, 0o400))

    # The runtime interface

    def _runtime(self, command: str) -> str:
        chosen = self._addresses.chosen()
        connection = http.client.HTTPConnection(ports.shown(chosen.bind), chosen.admin_port, timeout=10)
        with contextlib.closing(connection):
            try:
                connection.request(
                    "POST", text.RUNTIME_PATH, command.encode(), {TOKEN_HEADER: chosen.token, "connection": "close"}
                )
                response = connection.getresponse()
                body = response.read().decode(errors="replace")
            except (OSError, http.client.HTTPException) as error:
                raise EngineUnavailable("The gateway is not answering.", "Check Docker, then try again.") from error
        if response.status != 200:
            raise EngineUnavailable(
                f"The gateway's port {chosen.admin_port} answered {response.status}.", "Another program may have it."
            )
        return body

    def _servers(self) -> set[str]:
        """Deployments that the gateway knows now."""
        lines = self._runtime(f"show servers state {text.BACKEND}").splitlines()
        return {fields[3] for line in lines if len(fields := line.split()) > 5 and fields[1] == text.BACKEND}

    def _add_servers(self, deployments: set[str]) -> None:
        for deployment in sorted(deployments):
            name = f"{text.BACKEND}/{deployment}"
            answer = self._runtime(
                f"add server {text.BACKEND}/{text.server(deployment)}; set server {name} state ready"
            )
            if "New server registered" not in answer and "name" not in answer:  # the same name: another process did it
                raise EngineUnavailable(f"The gateway refused a deployment: {answer.strip()}", "Restart the gateway.")

    def _remove_servers(self, deployments: set[str]) -> None:
        """One with idle connections can't be removed yet; closed as it is, the next `apply` will."""
        for deployment in sorted(deployments):
            name = f"{text.BACKEND}/{deployment}"
            self._runtime(f"set server {name} state maint; del server {name}")

    def _commit(self, entries: dict[str, str]) -> set[str]:
        """Replace the map in one step; returns deployments that no longer get requests."""
        before = {}
        for line in self._runtime(f"show map {text.MAP}").splitlines():
            if len(fields := line.split()) == 3:
                before[fields[1]] = fields[2]
        if before == entries:
            return set()
        answer = self._runtime(f"prepare map {text.MAP}")
        if (match := _NEW_VERSION.search(answer)) is None:
            raise EngineUnavailable(f"The gateway refused new routes: {answer.strip()}", "Restart the gateway.")
        for chunk in _chunks(list(entries.items()), ENTRIES_A_COMMAND):
            self._runtime(f"add map @{match[1]} {text.MAP} <<\n" + "".join(f"{k} {d}\n" for k, d in chunk))
        self._runtime(f"commit map @{match[1]} {text.MAP}")
        return set(before.values()) - set(entries.values())

    def _drain(self, deployments: set[str]) -> None:
        """Wait until they have answered what they were given, but not longer than the setting says."""
        end = time.monotonic() + self._settings.drain_seconds
        while deployments and time.monotonic() < end:
            rows = (line.split(",") for line in self._runtime(f"show stat {text.BACKEND} 4 -1").splitlines())
            busy = {r[1] for r in rows if len(r) > 5 and r[4].isdigit() and int(r[4]) > 0}
            if not (deployments := deployments & busy):
                return
            time.sleep(POLL_SECONDS)


def _chunks(items: list[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    for i in range(0, len(items), size):
        yield items[i : i + size]
