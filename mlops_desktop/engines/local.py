"""Processes of this computer that outlive the application: how they are started, recognised again and ended.

A process is known by its id and its start time, because ids are used again. Each is started through a shell that writes
the id to a file before it becomes the program, so that not even an application killed at that moment loses it.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_desktop.domain.errors import DeploymentFailed, EngineUnavailable

POLL_SECONDS = 0.02
KILL_SECONDS = 5.0
SOCKET_PATH_BYTES = 107  # a limit of Linux; 103 elsewhere
OPEN_FILES = 4096
PACKAGE_PARENT = Path(__file__).resolve().parents[2]

# What a program of ours needs of the environment; everything else may be a secret.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_LINUX = sys.platform == "linux"
_SHELL = (
    'echo $$ > "$0.part" && mv "$0.part" "$0"; '
    'ulimit -c 0; ulimit -n "$1"; [ "$2" = 0 ] || ulimit -d "$2"; shift 2; exec "$@"'
)


def start(
    module: str,
    arguments: Sequence[str],
    *,
    pid_file: Path,
    log: Path,
    environment: Mapping[str, str],
    data_kib: int = 0,
) -> str:
    """Start `python -m module`, writing to `log`, in a session of its own; returns its handle.

    `data_kib` limits its private memory (0: no limit).
    """
    python = [sys.executable, "-P", "-m", module, *arguments]
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = OPEN_FILES if files == resource.RLIM_INFINITY else min(OPEN_FILES, files)
    command = ["/bin/sh", "-c", _SHELL, str(pid_file), str(limit), str(data_kib), *python]
    values = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | dict(environment)
    if "site-packages" not in PACKAGE_PARENT.parts:
        values["PYTHONPATH"] = str(PACKAGE_PARENT)
    for file in (pid_file, log):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pid_file.unlink(missing_ok=True)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # posix_spawn and not Popen: nobody here owns the process, and Popen complains about one that it leaves behind.
        pid = os.posix_spawn(
            command[0],
            command,
            values,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, out, 2),
            ],
            setsid=True,
        )
    except OSError as error:
        raise DeploymentFailed(
            f"The program could not be started: {error.strerror}.", "Close other programs."
        ) from error
    finally:
        os.close(out)
    if (handle := handle_of(pid)) is None:
        raise DeploymentFailed("The program ended at once.", f"See {log.name} in the workspace's logs.")
    return handle


def handle_of(pid: int) -> str | None:
    """`pid:start time` of a process that is there, else None."""
    moment = _start_time(pid)
    return f"{pid}:{moment}" if moment else None


def pid_of(handle: str) -> int:
    return int(handle.partition(":")[0])


def alive(handle: str) -> bool:
    """Whether that very process still runs; one that has ended but was not waited for does not."""
    return bool(handle) and handle_of(pid_of(handle)) == handle


def runs(pid_file: Path, word: str) -> str:
    """The handle of the process of a pid file if it is the one whose command line holds `word`; else nothing."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return ""
    return (handle_of(pid) or "") if word in _command(pid) else ""


def exit_code(pid: int) -> int | None:
    """How a child of this process ended (minus the signal's number when killed), else None. Can be asked once."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if found else None


def end(handle: str, grace_seconds: float) -> None:
    """Ask the process to end, and kill its whole session when it does not do so in time."""
    pid = pid_of(handle)
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, KILL_SECONDS)):
        if not alive(handle):
            return
        try:
            if number is signal.SIGTERM:
                os.kill(pid, number)
            else:
                os.killpg(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while alive(handle) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def cpu_and_memory(pid: int) -> tuple[float, int] | None:
    """CPU seconds since its start and resident bytes, or None when it is gone."""
    if _LINUX:
        try:
            fields = _stat(pid)
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")
    words = _ps(pid, "time=,rss=").split()
    if len(words) != 2:
        return None
    seconds = 0.0
    for part in words[0].replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds, int(words[1]) * 1024


def socket_folder(workspace: Path) -> Path:
    """A short private folder for a workspace's Unix sockets, whose paths may not be long.

    EngineUnavailable when somebody else has made it: he could put sockets of his own there.
    """
    own = os.getuid()
    parent = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(os.fsencode(parent)) > 40 or not os.access(parent, os.W_OK):
        parent = Path("/tmp")  # noqa: S108 - the folder in it is checked below
    key = hashlib.sha256(os.fsencode(workspace.resolve())).hexdigest()[:12]
    folder = parent / f"mlops-desktop-{own}" / key
    for path in (folder.parent, folder):
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != own or found.st_mode & 0o077:
            raise EngineUnavailable(f"The folder {path} belongs to somebody else.", "Ask its owner to remove it.")
    return folder


def _start_time(pid: int) -> str:
    """When a process began, in a form that stays the same; nothing for a zombie or none."""
    if _LINUX:
        try:
            fields = _stat(pid)
        except (OSError, IndexError):
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    words = _ps(pid, "stat=,lstart=").split()
    return "" if not words or words[0].startswith("Z") else "-".join(words[1:])


def _stat(pid: int) -> list[str]:
    # The name of the program, in brackets, may hold spaces and brackets itself.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _command(pid: int) -> str:
    if _LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return _ps(pid, "command=")


def _ps(pid: int, columns: str) -> str:
    return subprocess.run(["ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False).stdout
