"""The Docker engine: a deployment is a container without any network, reached through a socket in its own folder."""

from __future__ import annotations

import builtins
import contextlib
import re
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.deployments import EngineKind, EngineStatus, Limits, Usage
from mlops_desktop.domain.errors import Conflict, DeploymentFailed, InvalidInput, NotFound, WorkstationError
from mlops_desktop.engines import cgroups, images
from mlops_desktop.engines.builder import ImageBuilder
from mlops_desktop.engines.docker import STATUS_SECONDS, DockerHost
from mlops_desktop.engines.engine import BuiltImage, Found, ImageSpec, LogLine, StartSpec, check_deployment_id
from mlops_desktop.engines.failures import EngineRefused
from mlops_desktop.engines.images import LABEL_PREFIX, USER
from mlops_desktop.engines.sockets import FOLDER, SocketFolders
from mlops_desktop.engines.usage import UsageReaders
from mlops_desktop.settings import Settings

if TYPE_CHECKING:
    from mlops_desktop.runtime.jobs import JobContext

RESTARTS = 3
_WORKSPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


class DockerEngine:
    """Runs deployments of one workspace as containers."""

    kind = EngineKind.DOCKER

    def __init__(self, settings: Settings, workspace: str, host: DockerHost, folders: SocketFolders) -> None:
        if not _WORKSPACE.fullmatch(workspace):
            raise InvalidInput("A workspace id has 1 to 48 lower-case letters, digits and dashes.")
        self._workspace = workspace
        self._host = host
        self._folders = folders
        self._builder = ImageBuilder(settings, host)
        self._usage = UsageReaders(host)
        self._out_of_memory: set[str] = set()
        self._asked_to_end: set[str] = set()  # containers
        self._events_read = 1.0

    def status(self) -> EngineStatus:
        try:
            info = self._host.info(STATUS_SECONDS)
        except WorkstationError as error:
            return EngineStatus(self.kind, False, "", error.message, error.hint)
        free = _disk_free(str(info.get("DockerRootDir", "")))
        if free is not None and free < 1 << 30:
            sentence = f"Docker has only {free >> 20} MiB of disk left."
            return EngineStatus(self.kind, True, info["ServerVersion"], sentence, "Remove unused images.", free)
        return EngineStatus(self.kind, True, str(info["ServerVersion"]), "", disk_free_bytes=free)

    def build(self, spec: ImageSpec, context: JobContext) -> BuiltImage:
        return self._builder.build(spec, context)

    def start(self, spec: StartSpec) -> str:
        name = self._name(check_deployment_id(spec.deployment))
        if (old := self._host.inspect(name)) is not None:
            if old["State"]["Running"]:
                return str(old["Id"])
            self._host.remove(name)  # left over from a start that failed or was killed
        labels = images.check_labels({**spec.labels, "workspace": self._workspace, "deployment": spec.deployment})
        socket = f"{FOLDER}/{spec.deployment}.sock"
        try:
            folder = self._folders.make(spec.deployment, spec.image)
            container = self._host.create(
                name,
                spec.image,
                isolation(spec.limits) | {"mounts": [_bind(folder)]},
                command=["--uds", socket],
                environment={"MLOPS_DEPLOYMENT": spec.deployment, "MLOPS_SOCKET": socket},
                user=f"{USER}:{USER}",
                hostname="model",
                labels=labels,
            )
            self._host.start(container)
        except WorkstationError as error:
            with contextlib.suppress(WorkstationError):  # the first error is the one to tell
                self._host.remove(name)
                self._folders.remove(spec.deployment)
            if isinstance(error, NotFound):
                raise DeploymentFailed("The image of this deployment is gone.", "Deploy the version again.") from error
            if isinstance(error, EngineRefused | Conflict):
                raise DeploymentFailed(f"The container did not start. {error.message}", error.hint) from error
            raise
        return container

    def stop(self, deployment: str, grace_seconds: float) -> None:
        name = self._name(check_deployment_id(deployment))
        self._usage.forget(name)
        self._host.stop(name, grace_seconds)
        self._host.remove(name)
        self._folders.remove(deployment)
        self._out_of_memory.discard(deployment)

    def list(self) -> list[Found]:
        labels = {LABEL_PREFIX + "workspace": self._workspace, LABEL_PREFIX + "deployment": ""}
        listed = self._host.containers(labels)
        self._read_events()
        found = (self._host.inspect(c["Id"]) for c in listed)
        return [self._found(f) for f in found if f is not None]

    def logs(self, deployment: str, tail: int = 1000, since: float | None = None) -> builtins.list[LogLine]:
        name = self._name(check_deployment_id(deployment))
        lines: builtins.list[LogLine] = []
        for stream in ("stdout", "stderr"):
            with contextlib.suppress(NotFound):
                text = self._host.logs(name, stream, tail, since)
                lines += [_log_line(stream, line) for line in text.splitlines()]
        return sorted(lines, key=lambda line: line.at)[-tail:]

    def usage(self, deployment: str) -> Usage | None:
        return self._usage.last(self._name(check_deployment_id(deployment)))

    def close(self) -> None:
        self._usage.close()
        self._host.close()

    def _name(self, deployment: str) -> str:
        return f"mlops-desktop-{self._workspace}-{deployment}"

    def _read_events(self) -> None:
        """Remember who ran out of memory, for a restart clears the container's own flag.

        A death by signal 9 that nobody asked Docker for is the kernel's doing; the engine remembers its last 256
        events, so that one that happened while the application was closed is seen, too.
        """
        now = time.time()
        filters = {
            "type": "container",
            "event": ["oom", "kill", "die", "start"],
            "label": [f"{LABEL_PREFIX}workspace={self._workspace}"],
        }
        for event in self._host.events(self._events_read, now, filters):
            attributes = event["Actor"]["Attributes"]
            if not (deployment := attributes.get(LABEL_PREFIX + "deployment")):
                continue
            action = event["Action"]
            if action == "kill":
                self._asked_to_end.add(event["Actor"]["ID"])
            elif action == "start":
                self._asked_to_end.discard(event["Actor"]["ID"])
            elif action == "oom" or (
                attributes.get("exitCode") == "137" and event["Actor"]["ID"] not in self._asked_to_end
            ):
                self._out_of_memory.add(deployment)
        # Whole seconds only, and 0 means "from the beginning". What is read twice does no harm.
        self._events_read = max(1.0, now - 1)

    def _found(self, container: Mapping[str, Any]) -> Found:
        state = container["State"]
        labels = container["Config"]["Labels"]
        deployment = labels[LABEL_PREFIX + "deployment"]
        if self._host.shares_processes and cgroups.kills(int(state["Pid"])):
            self._out_of_memory.add(deployment)
        running = bool(state["Running"]) and not state["Restarting"]
        return Found(
            deployment=deployment,
            handle=container["Id"],
            running=running,
            state=state["Status"],
            exit_code=None if running or state["Status"] == "created" else int(state["ExitCode"]),
            oom_killed=bool(state["OOMKilled"]) or deployment in self._out_of_memory,
            restarts=int(container.get("RestartCount", 0)),
            started_at=_epoch(state["StartedAt"]),
            labels={k.removeprefix(LABEL_PREFIX): v for k, v in labels.items() if k.startswith(LABEL_PREFIX)},
        )


def isolation(limits: Limits) -> dict[str, Any]:
    """Host options of a deployment's container: no network, nothing writable but its socket folder and a small /tmp."""
    most = limits.memory_mb << 20
    return {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": most,
        "memswap_limit": most,  # equal: no swap
        "nano_cpus": round(limits.cpus * 1e9),
        "pids_limit": limits.processes,
        "tmpfs": {"/tmp": f"rw,noexec,nosuid,nodev,size={limits.tmp_mb}m,mode=1777"},  # noqa: S108 - its own /tmp
        "shm_size": 16 << 20,
        "ipc_mode": "private",
        "init": True,  # without it a stop waits for the whole grace time
        "oom_score_adj": 500,  # when the computer is short of memory, models go first
        "restart_policy": {"Name": "on-failure", "MaximumRetryCount": RESTARTS},
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
    }


def _bind(folder: str) -> dict[str, Any]:
    return {"Type": "bind", "Source": folder, "Target": FOLDER, "ReadOnly": False}


def _log_line(stream: str, line: str) -> LogLine:
    stamp, _, text = line.partition(" ")
    return LogLine(_epoch(stamp) or 0.0, stream, text)


def _epoch(stamp: str) -> float | None:
    """Seconds since the epoch of the engine's RFC 3339 time with nanoseconds; None for its zero time."""
    try:
        moment, _, fraction = stamp.rstrip("Z").partition(".")
        at = datetime.fromisoformat(moment + "+00:00")
    except ValueError:
        return None
    return at.timestamp() + float(f"0.{fraction[:9] or 0}") if at.year > 1 else None


def _disk_free(root: str) -> int | None:
    """Free bytes where the engine keeps images, when that folder is on this computer."""
    if sys.platform != "linux" or not root or not Path(root).exists():
        return None
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return None
