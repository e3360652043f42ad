"""Which file systems a workspace may lie on: SQLite's WAL needs shared memory, which network ones don't give."""

from __future__ import annotations

from pathlib import Path

from mlops_desktop.domain.errors import StorageError

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "9p", "fuse.glusterfs", "ceph", "lustre"}
)


def refuse_network_file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Raise StorageError when `folder` lies on a network file system; where mounts can't be read, all is accepted."""
    kind = file_system_of(folder, mounts)
    if kind in NETWORK:
        raise StorageError(
            f"{folder} is on a network file system ({kind}), where SQLite can damage its database.",
            "Choose a folder on this computer's own disk.",
        )


def file_system_of(folder: Path, mounts: Path) -> str:
    """The type of the file system that holds `folder`, empty when that can't be told."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    target = folder.resolve()
    best, kind = -1, ""
    for line in lines:
        _, point, type_, *_ = line.split(" ")
        mount = Path(point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        if target.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), type_
    return kind
