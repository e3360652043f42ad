"""How often the kernel has killed something in a container because its memory was used up.

Docker's own flag is lost with a restart, and stays unset altogether where containerd's notification fails (seen with
cgroup v1 on kernel 6.18). The kernel's counter is right, but can only be read on the engine's computer while the
container runs.
"""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROCESSES = Path("/proc")


def kills(pid: int, root: Path = _ROOT, processes: Path = _PROCESSES) -> int:
    """The counter of the cgroup that a process is in; 0 when it can't be read."""
    if pid <= 0:
        return 0
    try:
        lines = (processes / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "memory" in controllers.split(","):
            return _counter(root / "memory" / path.lstrip("/") / "memory.oom_control")
        if not controllers and (found := _counter(root / path.lstrip("/") / "memory.events")):
            return found
    return 0


def _counter(file: Path) -> int:
    try:
        words = dict(line.split()[:2] for line in file.read_text().splitlines() if len(line.split()) == 2)
        return int(words.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0
