"""Opens the engine that the settings name, with the gateway that goes with it."""

from __future__ import annotations

import hashlib
import re

from mlops_desktop.domain.deployments import EngineKind
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.engines import addresses
from mlops_desktop.engines.engine import Engine
from mlops_desktop.engines.gateway import Gateway
from mlops_desktop.settings import Settings, WorkspacePaths


def open_engine(settings: Settings, paths: WorkspacePaths, workspace_id: str) -> tuple[Engine, Gateway]:
    """`auto`: Docker if it answers now, else the process engine. Nothing is started by this.

    A gateway of the other engine that was left running is stopped: both would want the same port.
    """
    if settings.engine not in {"auto", "docker", "process"}:
        raise InvalidInput(f"There is no engine “{settings.engine}”.", "Set engine to auto, docker or process.")
    workspace = short_id(workspace_id)
    from mlops_desktop.engines.process_gateway import ProcessGateway

    processes = ProcessGateway(settings, paths)
    left = addresses.read(paths.runtime / addresses.FILE)
    docker_left = left is not None and left.holder == EngineKind.DOCKER
    if settings.engine != "process" or docker_left:
        docker, gateway = _docker(settings, paths, workspace)
        available = settings.engine == "docker" or docker.status().available
        if settings.engine != "process" and available:
            processes.close(stop=True)
            return docker, gateway
        if available:
            gateway.close(stop=True)
        docker.close()
    from mlops_desktop.engines.process import ProcessEngine

    return ProcessEngine(paths), processes


def short_id(workspace_id: str) -> str:
    """A workspace's id where names of containers and folders are short; as it is when it already fits."""
    if re.fullmatch(r"[a-z0-9]{1,16}", workspace_id):
        return workspace_id
    return hashlib.sha256(workspace_id.encode()).hexdigest()[:12]


def _docker(settings: Settings, paths: WorkspacePaths, workspace: str) -> tuple[Engine, Gateway]:
    from mlops_desktop.engines.containers import DockerEngine
    from mlops_desktop.engines.docker import DockerHost
    from mlops_desktop.engines.haproxy import HaproxyGateway
    from mlops_desktop.engines.sockets import SocketFolders

    host = DockerHost(settings.docker_host)
    folders = SocketFolders(host, workspace)
    return (
        DockerEngine(settings, workspace, host, folders),
        HaproxyGateway(settings, paths.runtime, workspace, host, folders),
    )
