"""What the kernel says of the cgroup that a container's process is in, where Docker does not tell.

Docker's own flag for a lack of memory is lost with a restart, and with cgroup v1 its figures and notifications cease
altogether while some other program has a hierarchy mounted that containerd can't see ("cannot find cgroup mount
destination", seen with engine 20.10). The kernel's files are right, but can only be read on the engine's own computer
and while the container runs.
"""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROCESSES = Path("/proc")


def kills(pid: int, root: Path = _ROOT, processes: Path = _PROCESSES) -> int:
    """How often something in it was killed because its memory was used up; 0 when that can't be read."""
    folders = _folders(pid, root, processes)
    if (folder := folders.get("memory")) is not None:
        return _words(folder / "memory.oom_control").get("oom_kill", 0)
    return _words(folders[""] / "memory.events").get("oom_kill", 0) if "" in folders else 0


def reading(pid: int, root: Path = _ROOT, processes: Path = _PROCESSES) -> tuple[float, int] | None:
    """CPU seconds since it was made, and bytes of memory without page cache that can be dropped; None if unreadable."""
    folders = _folders(pid, root, processes)
    if (folder := folders.get("memory")) is not None and (cpu := folders.get("cpuacct")) is not None:
        used, nanoseconds = _number(folder / "memory.usage_in_bytes"), _number(cpu / "cpuacct.usage")
        if used is None or nanoseconds is None:
            return None
        return nanoseconds / 1e9, max(0, used - _words(folder / "memory.stat").get("total_inactive_file", 0))
    if (folder := folders.get("")) is None or (used := _number(folder / "memory.current")) is None:
        return None
    microseconds = _words(folder / "cpu.stat").get("usage_usec", 0)
    return microseconds / 1e6, max(0, used - _words(folder / "memory.stat").get("inactive_file", 0))


def _folders(pid: int, root: Path, processes: Path) -> dict[str, Path]:
    """Controller (empty: cgroup v2) -> folder."""
    found: dict[str, Path] = {}
    try:
        lines = (processes / str(pid) / "cgroup").read_text().splitlines() if pid > 0 else []
    except OSError:
        return {}
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for name in controllers.split(","):
            found[name] = (root / name if name else root) / path.lstrip("/")
    return found


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _words(file: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    try:
        pairs = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
