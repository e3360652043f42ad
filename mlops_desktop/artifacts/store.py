"""Keep files by the SHA-256 of their content: written once, synced to disk, never changed in place.

A blob may be on disk before the row that names it is committed. Garbage collection therefore spares young blobs, and
every `add` makes its blob young again under the same lock, also when the content was there already.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

from mlops_desktop.domain.errors import InvalidArtifact, InvalidInput, NotFound, StorageError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20
GRACE_SECONDS = 24 * 3600.0
_TEMPORARY = "tmp"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A file that is safely in the store: its digest (hex) and its size in bytes."""

    digest: str
    size: int


class ArtifactStore:
    """The content-addressed files under `root`; safe between threads and between processes of one computer."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, source: Path) -> StoredArtifact:
        """Copy a regular file in. InvalidArtifact for anything else, StorageError when the disk refuses."""
        try:
            # NONBLOCK: opening a pipe that nobody writes to would wait for ever.
            handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _cannot_read(source, error) from None
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            os.close(handle)
            raise InvalidArtifact(f"{source.name} is no regular file.", "Give a file or a folder of files.")
        with os.fdopen(handle, "rb", buffering=0) as stream:
            stored = self._write(_chunks_of(stream))
            after = os.fstat(handle)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise InvalidArtifact(f"{source.name} changed while it was read.", "Wait until it is complete.")
        return stored

    def add_bytes(self, data: bytes) -> StoredArtifact:
        """Store bytes that were made here."""
        return self._write([data])

    def path(self, digest: str) -> Path:
        """Where the blob lies. Its content may have been damaged since: use `copy_to` for what will be run."""
        if not _DIGEST.fullmatch(digest):
            raise InvalidInput(f"“{digest[:80]}” is no SHA-256 digest.", "A digest has 64 hexadecimal digits.")
        return self._root / digest[:2] / digest

    def open(self, digest: str) -> BinaryIO:
        """The blob's bytes, unverified. NotFound when it is missing, InvalidArtifact when it is no regular file."""
        path = self.path(digest)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"The artifact {digest[:12]} is missing.", "Restore it from a backup.") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _damaged(digest, "was replaced by a link") from None
            raise StorageError(f"The artifact {digest[:12]} can't be read: {_reason(error)}.") from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _damaged(digest, "is no regular file")
        return os.fdopen(handle, "rb")

    def verify(self, digest: str) -> bool:
        """Whether the blob is there and still has its digest."""
        actual = hashlib.sha256()
        try:
            with self.open(digest) as stream:
                while chunk := stream.read(_CHUNK):
                    actual.update(chunk)
        except (NotFound, InvalidArtifact, StorageError, OSError):
            return False
        return actual.hexdigest() == digest

    def copy_to(self, digest: str, target: Path) -> None:
        """Copy the blob to `target` (mode 0600), hashing what is written; InvalidArtifact when it is damaged.

        The hash is of the bytes of the copy, so a blob that is swapped after a check can't get through.
        """
        actual = hashlib.sha256()
        temporary = None
        try:
            with self.open(digest) as stream:
                target.parent.mkdir(parents=True, exist_ok=True)
                handle, name = tempfile.mkstemp(prefix=".partial-", dir=target.parent)
                temporary = Path(name)
                with os.fdopen(handle, "wb", buffering=0) as out:
                    while chunk := stream.read(_CHUNK):
                        actual.update(chunk)
                        _write_all(out.fileno(), chunk)
                    os.fsync(out.fileno())
            if actual.hexdigest() != digest:
                raise _damaged(digest, "does not have its digest any more")
            temporary.replace(target)
            temporary = None
        except OSError as error:
            raise _cannot_write(error) from None
        finally:
            if temporary is not None:
                _unlink(temporary)

    def collect_garbage(self, referenced: Collection[str], grace_seconds: float = GRACE_SECONDS) -> int:
        """Remove blobs that nothing refers to and left-over temporary files, both older than the grace period.

        `referenced` may be older than this call: a blob that was added since is younger than the grace period.
        Returns the number of bytes that were freed.
        """
        freed = 0
        keep = frozenset(referenced)
        try:
            for path in self._candidates():
                if path.name in keep:
                    continue
                # A temporary file may belong to a writer that is at work.
                grace = max(grace_seconds, 3600.0) if path.parent.name == _TEMPORARY else grace_seconds
                # One lock a file: a writer never waits for the whole collection.
                with self._locked():
                    try:
                        found = path.lstat()
                    except FileNotFoundError:
                        continue
                    # A time in the future (the clock was set back) counts as young.
                    if not stat.S_ISDIR(found.st_mode) and time.time() - found.st_mtime > grace:
                        path.unlink()
                        freed += found.st_size
        except OSError as error:
            raise StorageError(f"The artifacts can't be cleaned up: {_reason(error)}.") from None
        return freed

    def digests(self) -> list[str]:
        """Every digest in the store, in order."""
        return sorted(p.name for p in self._candidates() if _DIGEST.fullmatch(p.name))

    def _candidates(self) -> Iterator[Path]:
        if not self._root.is_dir():
            return
        for folder in sorted(self._root.iterdir()):
            if folder.name == _TEMPORARY:
                yield from folder.iterdir()
            elif len(folder.name) == 2 and folder.is_dir() and not folder.is_symlink():
                yield from (p for p in sorted(folder.iterdir()) if _DIGEST.fullmatch(p.name))

    def _write(self, chunks: Iterable[bytes]) -> StoredArtifact:
        digest, size = hashlib.sha256(), 0
        temporary: Path | None = None
        try:
            folder = self._folder(_TEMPORARY)
            handle, name = tempfile.mkstemp(dir=folder)  # created exclusively with mode 0600
            temporary = Path(name)
            with os.fdopen(handle, "wb", buffering=0) as out:
                for chunk in chunks:
                    digest.update(chunk)
                    _write_all(out.fileno(), chunk)
                    size += len(chunk)
                # After a failed fsync the kernel may have dropped the pages: the file is given up, never synced again.
                os.fsync(out.fileno())
            target = self.path(digest.hexdigest())
            self._folder(target.parent.name)
            with self._locked():
                os.utime(temporary)
                # Also when the content is there already: it renews the lease and heals a damaged blob.
                temporary.replace(target)
                temporary = None
            _sync_folder(target.parent)
        except OSError as error:
            raise _cannot_write(error) from None
        finally:
            if temporary is not None:
                _unlink(temporary)
        return StoredArtifact(digest.hexdigest(), size)

    def _folder(self, name: str) -> Path:
        folder = self._root / name
        if not folder.is_dir():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._root)
        return folder

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # A descriptor of its own each time: flock then excludes threads as well as processes.
        handle = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _chunks_of(source: RawIOBase) -> Iterator[bytes]:
    while True:
        try:
            chunk = source.read(_CHUNK)
        except OSError as error:
            raise InvalidArtifact(f"The file can't be read: {_reason(error)}.", "Copy it to this computer.") from None
        if not chunk:
            return
        yield chunk


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _damaged(digest: str, what: str) -> InvalidArtifact:
    return InvalidArtifact(f"The artifact {digest[:12]} is damaged: it {what}.", "Restore it from a backup.")


def _cannot_read(source: Path, error: OSError) -> InvalidArtifact:
    if error.errno == errno.ELOOP:
        return InvalidArtifact(f"{source.name} is a symbolic link.", "Give the file itself.")
    if error.errno in {errno.ENXIO, errno.ENODEV}:
        return InvalidArtifact(f"{source.name} is no regular file.", "Give a file or a folder of files.")
    return InvalidArtifact(f"{source.name} can't be read: {_reason(error)}.", "Check the path and its permissions.")


def _cannot_write(error: OSError) -> StorageError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageError("The disk is full, so the file was not stored.", "Free some space, then try again.")
    if error.errno == errno.EFBIG:
        return StorageError("The file is larger than this system allows.", "Raise the limit on file sizes.")
    return StorageError(f"The file could not be stored: {_reason(error)}.", "Check the workspace's disk.")
