"""The gateway's ports and token: chosen once, remembered in the workspace, so that an address never moves silently."""

from __future__ import annotations

import errno
import json
import secrets
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops_desktop.domain.errors import Conflict, InvalidInput
from mlops_desktop.engines.routes_file import write_private

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


def choose(file: Path, bind: str, configured: int) -> Addresses:
    """The remembered addresses, or new ones.

    A port that was never used gives way: the next free one is taken when another program has the configured one. A port
    that was used does not, because clients know it: `check_free` reports it instead. A changed setting is a new choice.
    """
    if not 0 <= configured <= 65535:
        raise InvalidInput(f"The gateway port {configured} is outside 0 to 65535.", "Change the setting gateway_port.")
    old = read(file)
    if old and old.used and (old.bind, old.configured) == (bind, configured):
        return old
    port = free_port(bind, configured)
    admin = free_port(bind, 0, exclude={port})
    return Addresses(bind, port, admin, old.token if old else secrets.token_urlsafe(32), configured)


def read(file: Path) -> Addresses | None:
    """What was remembered, or None."""
    try:
        return Addresses(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def remember(file: Path, addresses: Addresses) -> None:
    """Write atomically, for this user only: the token opens every deployment's recorded predictions."""
    write_private(file, json.dumps(asdict(addresses)))


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
                f"“{bind}” is no address of this computer.", "Change the setting bind_address, for example to 127.0.0.1."
            ) from None
        probe.listen(1)  # two sockets with SO_REUSEADDR may bind the same port, but only one may listen
        return True


def taken(port: int) -> Conflict:
    """The error for a port that somebody else has."""
    return Conflict(
        f"Port {port} is in use by another program.",
        "Stop that program, or set gateway_port to another port (0 takes any free one).",
    )
