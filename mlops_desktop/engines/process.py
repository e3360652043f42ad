"""The process engine: each deployment is a serving program of this user, reached through a Unix socket.

There is no isolation, so it only takes formats that hold no code. Deployments outlive the application and are adopted
again by the process id and start time that were written down.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import json
import shutil
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import EngineKind, EngineStatus, Usage
from mlops_desktop.domain.errors import DeploymentFailed, EngineUnavailable, NotAllowed, StorageError
from mlops_desktop.engines import local
from mlops_desktop.engines.engine import BuiltImage, Found, ImageSpec, LogLine, StartSpec, check_deployment_id
from mlops_desktop.engines.images import bundle_format
from mlops_desktop.engines.routes_file import write_private
from mlops_desktop.settings import WorkspacePaths

if TYPE_CHECKING:
    from mlops_desktop.runtime.jobs import JobContext

CODE_FREE = frozenset({"onnx"})
# onnxruntime reserves address space far beyond what it touches: the limit stops a runaway, it does not measure.
DATA_HEADROOM_MIB = 1024
LOG_BYTES = 10 << 20  # a longer log is put aside at the next start
TAIL_BYTES = 2 << 20
USAGE_SECONDS = 0.5
STAGED = "staged:"
STAGED_SECONDS = 3600.0  # how long a copy that nobody has started yet is kept


@dataclass(frozen=True, slots=True)
class _Record:
    """What is written down about a deployment; `handle` is empty until it has started."""

    deployment: str
    image: str
    handle: str
    started_at: float
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reading:
    moment: float  # monotonic
    cpu_seconds: float
    usage: Usage


class ProcessEngine:
    """Runs deployments of one workspace as processes."""

    kind = EngineKind.PROCESS

    def __init__(self, paths: WorkspacePaths) -> None:
        self._paths = paths
        self._records = paths.runtime / "processes"
        self._staged = paths.runtime / "staged"
        self._lock = threading.RLock()
        self._exits: dict[str, int] = {}  # by handle, of children of this process
        self._readings: dict[str, _Reading] = {}

    def status(self) -> EngineStatus:
        if sys.platform == "win32":
            return EngineStatus(self.kind, False, "", "Models can't run as processes on Windows.", "Start Docker.")
        free = None
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(self._paths.root).free
        return EngineStatus(
            self.kind,
            True,
            sys.version.split()[0],
            "Models run without Docker, as processes of this computer: no isolation, no limits, and only ONNX.",
            "With Docker they run in containers, and every format is served: start it, and see Settings, Engine.",
            free,
        )

    def build(self, spec: ImageSpec, context: JobContext) -> BuiltImage:
        began = time.monotonic()
        form = bundle_format(spec.bundle)
        if form not in CODE_FREE:
            raise NotAllowed(
                f"{spec.version} is {form}, which can run code of its own when it is loaded.",
                "Without Docker only ONNX is served. Start Docker, or register the model as ONNX.",
            )
        context.progress(0.0, "Copying the files")
        files = sorted(p for p in spec.bundle.rglob("*") if p.is_file() and not p.is_symlink())
        digest = hashlib.sha256()
        for file in files:
            with file.open("rb") as source:
                content = hashlib.file_digest(source, "sha256").hexdigest()
            digest.update(f"{file.relative_to(spec.bundle).as_posix()}\0{content}\0".encode())
        key = digest.hexdigest()
        target = self._staged / key
        cached = target.exists()
        if not cached:
            try:
                self._stage(spec.bundle, files, target, context)
            except OSError as error:
                raise StorageError(f"The files can't be copied: {error.strerror}.", "Free some space.") from error
        else:
            target.touch()  # somebody is about to start it: `_sweep` has to wait again
        self._sweep(keep=key)
        context.log(f"{len(files)} files {'are there already' if cached else 'copied'}", step="Bundle")
        context.progress(1.0, "Ready to start")
        return BuiltImage(f"{STAGED}{key}", f"sha256:{key}", cached, time.monotonic() - began)

    def start(self, spec: StartSpec) -> str:
        deployment = check_deployment_id(spec.deployment)
        bundle = self._staged / spec.image.removeprefix(STAGED)
        if not spec.image.startswith(STAGED) or not bundle.is_dir():
            raise DeploymentFailed("The files of this deployment are gone.", "Deploy the version again.")
        with self._lock:
            old = self._record(deployment)
            if old is not None and local.alive(old.handle):
                return old.handle
            socket = self._socket(deployment)
            log = self._log(deployment)
            if log.exists() and log.stat().st_size > LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))
            record = _Record(deployment, spec.image, "", time.time(), dict(spec.labels))
            self._write(record)
            handle = local.start(
                "mlops_desktop.serving",
                ["--bundle", str(bundle), "--uds", str(socket), "--deployment", deployment],
                pid_file=self._records / f"{deployment}.pid",
                log=log,
                environment={"MLOPS_DEPLOYMENT": deployment, "PYTHONUNBUFFERED": "1", "HOME": str(self._records)},
                data_kib=(spec.limits.memory_mb + DATA_HEADROOM_MIB) << 10,
            )
            self._write(_Record(deployment, spec.image, handle, record.started_at, record.labels))
            return handle

    def stop(self, deployment: str, grace_seconds: float) -> None:
        with self._lock:
            record = self._record(check_deployment_id(deployment))
        if record is None:
            return
        if record.handle:
            local.end(record.handle, grace_seconds)
            local.exit_code(local.pid_of(record.handle))
        with self._lock:
            self._exits.pop(record.handle, None)
            self._readings.pop(deployment, None)
            self._socket(deployment).unlink(missing_ok=True)
            for suffix in (".json", ".pid"):
                (self._records / f"{deployment}{suffix}").unlink(missing_ok=True)

    def list(self) -> list[Found]:
        with self._lock:
            return [self._found(record) for record in self._all()]

    def logs(self, deployment: str, tail: int = 1000, since: float | None = None) -> builtins.list[LogLine]:
        try:
            with self._log(check_deployment_id(deployment)).open("rb") as source:
                size = source.seek(0, 2)
                source.seek(max(0, size - TAIL_BYTES))
                lines = source.read().decode(errors="replace").splitlines()
        except OSError:
            return []
        if size > TAIL_BYTES:
            lines = lines[1:]  # its beginning was cut off
        found: builtins.list[LogLine] = []
        at = 0.0
        for line in lines:
            at = _moment(line) or at  # a line without a time of its own belongs to the one before
            if since is None or at >= since:
                found.append(LogLine(at, "stdout", line))
        return found[-tail:]

    def usage(self, deployment: str) -> Usage | None:
        record = self._record(check_deployment_id(deployment))
        if record is None or not local.alive(record.handle):
            return None
        with self._lock:
            now = time.monotonic()
            before = self._readings.get(deployment)
            if before is not None and now - before.moment < USAGE_SECONDS:
                return before.usage
            if (read := local.cpu_and_memory(local.pid_of(record.handle))) is None:
                return None
            seconds, memory = read
            if before is not None and seconds >= before.cpu_seconds:
                percent = (seconds - before.cpu_seconds) / (now - before.moment) * 100
            else:
                percent = seconds / max(0.1, time.time() - record.started_at) * 100
            usage = Usage(time.time(), percent, memory)
            self._readings[deployment] = _Reading(now, seconds, usage)
            return usage

    def close(self) -> None:
        """Nothing is held open; deployments go on."""

    def _stage(self, bundle: Path, files: builtins.list[Path], target: Path, context: JobContext) -> None:
        part = target.with_name(target.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir(mode=0o700, parents=True)
            for file in files:
                context.check_cancelled()
                copy = part / file.relative_to(bundle)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                copy.chmod(0o400)
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _sweep(self, keep: str) -> None:
        """Remove copies that no deployment uses; young ones may just be waiting to be started."""
        used = {keep, *(r.image.removeprefix(STAGED) for r in self._all())}
        for folder in self._staged.iterdir():
            if folder.name not in used and time.time() - folder.stat().st_mtime > STAGED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def _found(self, record: _Record) -> Found:
        running = local.alive(record.handle)
        code = None if running or not record.handle else self._exit(record.handle)
        return Found(
            deployment=record.deployment,
            handle=record.handle,
            running=running,
            state="running" if running else "exited" if record.handle else "created",
            exit_code=code,
            oom_killed=False,  # the kernel does not tell whom it killed for memory
            restarts=0,
            started_at=record.started_at,
            labels=record.labels,
        )

    def _exit(self, handle: str) -> int | None:
        # The code can be asked for once, and only of a child; an ending one may not have it yet.
        if handle not in self._exits and (code := local.exit_code(local.pid_of(handle))) is not None:
            self._exits[handle] = code
        return self._exits.get(handle)

    def _all(self) -> builtins.list[_Record]:
        records = (self._record(file.stem) for file in sorted(self._records.glob("*.json")))
        return [r for r in records if r is not None]

    def _record(self, deployment: str) -> _Record | None:
        try:
            record = _Record(**json.loads((self._records / f"{deployment}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        if not record.handle:  # the application ended while it was being started
            handle = local.runs(self._records / f"{deployment}.pid", f"--deployment {deployment}")
            record = _Record(deployment, record.image, handle, record.started_at, record.labels)
        return record

    def _write(self, record: _Record) -> None:
        try:
            write_private(self._records / f"{record.deployment}.json", json.dumps(asdict(record)))
        except OSError as error:
            raise StorageError(f"The workspace can't be written: {error.strerror}.", "Free some space.") from error

    def _socket(self, deployment: str) -> Path:
        path = local.socket_folder(self._paths.root) / f"{deployment}.sock"
        if len(str(path).encode()) > local.SOCKET_PATH_BYTES:
            raise EngineUnavailable(f"The folder for sockets has too long a path: {path.parent}.", "Set TMPDIR.")
        return path

    def _log(self, deployment: str) -> Path:
        return self._paths.logs / f"serving-{deployment}.log"


def _moment(line: str) -> float | None:
    """When a structured line of the serving program was written, in epoch seconds."""
    if not line.startswith('{"at": "'):
        return None
    try:
        return datetime.fromisoformat(line[8 : line.index('"', 8)]).timestamp()
    except ValueError:
        return None
