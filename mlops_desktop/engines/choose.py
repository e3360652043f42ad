"""Opens the engine that the settings name, with the gateway that goes with it."""

from __future__ import annotations

import hashlib
import re

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.engines.engine import Engine
from mlops_desktop.engines.gateway import Gateway
from mlops_desktop.settings import Settings, WorkspacePaths


def open_engine(settings: Settings, paths: WorkspacePaths, workspace_id: str) -> tuple[Engine, Gateway]:
    """`auto`: Docker if it answers now, else the process engine. Nothing is started by this."""
    if settings.engine not in {"auto", "docker", "process"}:
        raise InvalidInput(f"There is no engine “{settings.engine}”.", "Set engine to auto, docker or process.")
    workspace = short_id(workspace_id)
    if settings.engine != "process":
        docker, gateway = _docker(settings, paths, workspace)
        if settings.engine == "docker" or docker.status().available:
            return docker, gateway
        docker.close()
    from mlops_desktop.engines.process import ProcessEngine
    from mlops_desktop.engines.process_gateway import ProcessGateway

    return ProcessEngine(paths), ProcessGateway(settings, paths)


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
