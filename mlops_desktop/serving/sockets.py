"""Where the program listens: a Unix socket in a folder shared with the gateway, or a port."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from mlops_desktop.serving.errors import CannotServe

_LONGEST_PATH = 107  # bytes, a limit of Linux


def open_unix_socket(path: Path) -> socket.socket:
    """Bind a Unix socket that every user may connect to: the gateway runs as somebody else, the folder decides who
    gets there. A socket file that nobody listens on any more is replaced; CannotServe if somebody does.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise CannotServe(f"The socket's path {str(path)!r} is longer than {_LONGEST_PATH} bytes.")
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise CannotServe(f"There is a file at {str(path)!r} that is no socket.")
        if _answers(path):
            raise CannotServe(f"Another program listens on {str(path)!r}.")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Only the creator's own bits count between bind and chmod: with a mask there would be a moment in which the gateway
    # is turned away.
    before = os.umask(0o111)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise CannotServe(f"The socket {str(path)!r} can't be made: {error.strerror}.") from None
    finally:
        os.umask(before)
    return listener


def open_port(host: str, port: int) -> socket.socket:
    """Bind a TCP port (0: any free one); CannotServe if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotServe(f"Port {port} on {host} can't be used: {error.strerror}.") from None
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
