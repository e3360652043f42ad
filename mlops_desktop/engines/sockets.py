"""Where deployments and gateway meet: one volume with a folder per deployment, in which lies its Unix socket.

The gateway mounts the volume, a deployment only its own folder. So a hostile model can neither reach another one nor
take its socket's place, although all run as the same user.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection

from mlops_desktop.domain.errors import EngineUnavailable, NotFound, WorkstationError
from mlops_desktop.engines.docker import DockerHost
from mlops_desktop.engines.images import LABEL_PREFIX, folder_tar

FOLDER = "/run/models"  # in every container


class SocketFolders:
    """The socket volume of a workspace."""

    def __init__(self, host: DockerHost, workspace: str) -> None:
        self._host = host
        self._workspace = workspace
        self._lock = threading.Lock()
        self.volume = f"mlops-desktop-{workspace}-sockets"
        self.gateway = f"mlops-desktop-{workspace}-gateway"  # the container that mounts the whole volume

    def ensure(self, image: str) -> str:
        """Make the volume if it is not there; returns where it lies on the engine's computer.

        A new volume's root belongs to root. Unpacking a folder over it in a container that never runs is the one way to
        change that through the engine's interface alone.
        """
        with self._lock:
            if (found := self._host.volume(self.volume)) is None:
                found = self._host.create_volume(self.volume, {LABEL_PREFIX + "workspace": self._workspace})
                self._unpack(image, [])
            return str(found["Mountpoint"])

    def make(self, deployment: str, image: str) -> str:
        """Make a deployment's folder; returns the path to bind."""
        root = self.ensure(image)
        try:
            self._host.put(self.gateway, FOLDER, folder_tar([deployment], 0o700))
        except (NotFound, EngineUnavailable):  # there is no gateway yet
            self._unpack(image, [deployment])
        return f"{root}/{deployment}"

    def remove(self, deployment: str) -> None:
        """Remove a deployment's folder if the gateway runs; else `sweep` will."""
        with contextlib.suppress(WorkstationError):
            self._host.execute(self.gateway, ["rm", "-rf", f"{FOLDER}/{deployment}"])

    def sweep(self, keep: Collection[str]) -> None:
        """Remove the folders of all other deployments."""
        with contextlib.suppress(WorkstationError):
            _, output = self._host.execute(self.gateway, ["ls", FOLDER])
            if gone := [f"{FOLDER}/{name}" for name in output.split() if name not in keep]:
                self._host.execute(self.gateway, ["rm", "-rf", *gone])

    def _unpack(self, image: str, deployments: list[str]) -> None:
        helper = f"mlops-desktop-{self._workspace}-folders"
        self._host.remove(helper)
        options = {"network_mode": "none", "binds": [f"{self.volume}:/sockets"]}
        container = self._host.create(
            helper, image, options, labels={LABEL_PREFIX + "workspace": self._workspace}, entrypoint=["/bin/true"]
        )
        try:
            self._host.put(container, "/", folder_tar(["sockets", *(f"sockets/{d}" for d in deployments)], 0o700))
        finally:
            # v=True on removal takes anonymous volumes only, the named one stays.
            self._host.remove(container)
