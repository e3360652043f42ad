"""A lock between processes: a file held with the operating system's advisory lock."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mlops_desktop.domain.errors import StorageError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def lock_file(path: Path, seconds: float) -> Iterator[None]:
    """Hold `path` while the block runs; StorageError if another process does not let go of it within `seconds`.

    The system frees the lock when its holder dies, so nothing has to be cleaned up after a crash.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        end, pause = time.monotonic() + seconds, 0.0005
        while not _try_lock(descriptor):
            if time.monotonic() > end:
                raise StorageError("Another program holds the workspace's database.", "Close it, then try again.")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
        yield
    finally:
        os.close(descriptor)


class HeldLock:
    """A lock that is kept for as long as this process wants it: who collects metrics, who has the window."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take it if it is free; True when this process holds it."""
        if self._descriptor is None:
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
            if not _try_lock(descriptor):
                os.close(descriptor)
                return False
            self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
