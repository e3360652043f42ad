"""The gateway's ports and token: chosen once, remembered in the workspace, so that an address never moves silently."""

from __future__ import annotations

import errno
import json
import secrets
import socket
import threading
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mlops_desktop.domain.deployments import EngineKind
from mlops_desktop.domain.errors import Conflict, InvalidInput
from mlops_desktop.engines.routes_file import write_private

FILE = "gateway.json"  # in the run/ folder
TRIES = 100  # how far beyond a taken port a free one is looked for


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a workspace's gateway listens. `configured` is the setting at the time of the choice."""

    bind: str
    port: int
    admin_port: int
    token: str
    configured: int
    used: bool = False  # it has listened there at least once: people may know the address
    holder: str = ""  # the engine whose gateway listened there last


class AddressBook:
    """The addresses of one workspace, kept in a file of its run/ folder. `configured` is the setting gateway_port.

    A port that was never used gives way: the next free one is taken when another program has the configured one. A port
    that was used does not, because clients know it; that is a Conflict. A changed setting is a new choice.
    """

    def __init__(self, file: Path, bind: str, configured: int) -> None:
        self._file = file
        self._bind = bind
        self._configured = configured
        self._lock = threading.Lock()

    def chosen(self) -> Addresses:
        """What was chosen, by this or another process of the workspace; chooses when nothing was."""
        with self._lock:
            found = read(self._file)
            if found is None or (found.bind, found.configured) != (self._bind, self._configured):
                found = self._choose(found)
                self._remember(found)
            return found

    def free(self) -> Addresses:
        """The addresses for a gateway that is about to start, moved where nobody depends on them.

        Raises Conflict when the port that people know is taken.
        """
        found = self.chosen()
        if not is_free(found.bind, found.port):
            if found.used:
                raise taken(found.port)
            found = replace(found, port=free_port(found.bind, found.port))
        if not is_free(found.bind, found.admin_port):
            found = replace(found, admin_port=free_port(found.bind, 0, exclude={found.port}))
        self._remember(found)
        return found

    def used(self, addresses: Addresses, holder: EngineKind) -> None:
        """Note that the gateway of this engine listens there."""
        if (addresses.used, addresses.holder) != (True, holder.value):
            self._remember(replace(addresses, used=True, holder=holder.value))

    def _choose(self, old: Addresses | None) -> Addresses:
        if not 0 <= self._configured <= 65535:
            raise InvalidInput(
                f"The port {self._configured} is outside 0 to 65535.", "Change the setting gateway_port."
            )
        port = free_port(self._bind, self._configured)
        admin = free_port(self._bind, 0, exclude={port})
        return Addresses(self._bind, port, admin, old.token if old else secrets.token_urlsafe(32), self._configured)

    def _remember(self, addresses: Addresses) -> None:
        write_private(self._file, json.dumps(asdict(addresses)))


def read(file: Path) -> Addresses | None:
    """What was remembered, or None."""
    try:
        return Addresses(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def free_port(bind: str, wanted: int, exclude: Collection[int] = ()) -> int:
    """`wanted`, or the next free one after it; any free one for 0. Conflict when there is none."""
    if wanted == 0:
        while True:
            with socket.socket() as probe:
                probe.bind((bind, 0))
                port = int(probe.getsockname()[1])
            if port not in exclude:
                return port
    for port in range(wanted, min(wanted + TRIES, 65536)):
        if port not in exclude and is_free(bind, port):
            return port
    raise taken(wanted)


def is_free(bind: str, port: int) -> bool:
    """Whether a program could listen there now; InvalidInput when `bind` is no address of this computer."""
    with socket.socket() as probe:
        # As the gateway itself will do: connections of a former gateway in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise InvalidInput(
                f"“{bind}” is no address of this computer.",
                "Change the setting bind_address, for example to 127.0.0.1.",
            ) from None
        probe.listen(1)  # two sockets with SO_REUSEADDR may bind the same port, but only one may listen
        return True


def taken(port: int) -> Conflict:
    """The error for a port that somebody else has."""
    return Conflict(
        f"Port {port} is in use by another program.",
        "Stop that program, or set gateway_port to another port (0 takes any free one).",
    )


def shown(bind: str) -> str:
    """The address that reaches a gateway which listens on `bind`."""
    return "127.0.0.1" if bind in {"0.0.0.0", ""} else bind  # noqa: S104
