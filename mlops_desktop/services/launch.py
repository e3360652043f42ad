"""From a version to a running, ready container: bundle, image, start, first answer."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits
from mlops_desktop.domain.errors import Conflict, DeploymentFailed, EngineUnavailable, PolicyViolation
from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.services.bundles import requirements_of, write_bundle
from mlops_desktop.store import deployments as store
from mlops_desktop.store.locks import HeldLock

if TYPE_CHECKING:
    from mlops_desktop.engines.engine import BuiltImage
    from mlops_desktop.services.engine_room import EngineRoom
    from mlops_desktop.services.parts import Parts

READY_POLL_SECONDS = 0.05
CLAIM_SECONDS = 10.0


class _Recorded(JobContext):
    """Hands everything on to another context and keeps the log lines in a file."""

    def __init__(self, context: JobContext, file: Path) -> None:
        super().__init__()
        self._inner = context
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)

    def progress(self, fraction: float | None, message: str = "") -> None:
        self._inner.progress(fraction, message)

    def log(self, line: str, step: str = "") -> None:
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(f"{step}\t{line}\n" if step else f"{line}\n")
        self._inner.log(line, step)

    def check_cancelled(self) -> None:
        self._inner.check_cancelled()

    def on_cancel(self, callback: Any) -> None:
        self._inner.on_cancel(callback)


class Launch:
    """Starts deployments and waits for them; owners are marked by lock files, which end with their process."""

    def __init__(self, parts: Parts, room: EngineRoom) -> None:
        self._parts = parts
        self._room = room
        self._claims: dict[str, HeldLock] = {}

    def folder(self, deployment: str) -> Path:
        """Where the deployment's bundle lies; the process engine serves from there."""
        return self._parts.paths.runtime / "deployments" / deployment

    def log_file(self, deployment: str) -> Path:
        return self._parts.paths.logs / f"build-{deployment}.log"

    def claim(self, deployment: str) -> bool:
        """Mark this process as the one that is bringing the deployment up or down; False if another one is."""
        claims = self._parts.paths.runtime / "claims"
        claims.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = HeldLock(claims / deployment)
        if not lock.acquire():
            return False
        self._claims[deployment] = lock
        return True

    def release(self, deployment: str) -> None:
        if (lock := self._claims.pop(deployment, None)) is not None:
            (self._parts.paths.runtime / "claims" / deployment).unlink(missing_ok=True)
            lock.release()

    @contextlib.contextmanager
    def claimed(self, deployment: str) -> Iterator[None]:
        """Claim it while the block runs; Conflict when somebody else does not let go of it soon."""
        end = time.monotonic() + CLAIM_SECONDS
        while not self.claim(deployment):
            if time.monotonic() > end:
                raise Conflict(f"Deployment {deployment} is being started or stopped.", "Wait for it, then try again.")
            time.sleep(READY_POLL_SECONDS)
        try:
            yield
        finally:
            self.release(deployment)

    def owned(self, deployment: str) -> bool:
        """Whether some living process, this one included, is bringing it up or down."""
        if deployment in self._claims:
            return True
        file = self._parts.paths.runtime / "claims" / deployment
        if not file.exists():
            return False
        lock = HeldLock(file)
        free = lock.acquire()
        lock.release()
        return not free

    def run(self, deployment: Deployment, version: ModelVersion, context: JobContext) -> Deployment:
        """Build and start it; returns the deployment with image, handle and the seconds of each step."""
        context = _Recorded(context, self.log_file(deployment.id))
        began = time.monotonic()
        image = self.build(deployment.id, version, deployment.engine, context)
        deployment = replace(deployment, image=image.name, image_digest=image.digest)
        return self._start(deployment, {"build": time.monotonic() - began}, context)

    def start_again(self, deployment: Deployment, version: ModelVersion, context: JobContext) -> Deployment:
        """Bring a stopped or failed deployment back under its own id; its image is built again if it is gone."""
        if not self.claim(deployment.id):
            raise DeploymentFailed(f"{deployment.label} is being started already.", "Wait for it.")
        try:
            self._room.engine.stop(deployment.id, 1.0)
            with self._parts.database.write() as tx:
                store.update_deployment(
                    tx, deployment.id, state=DeploymentState.STARTING, weight=0, handle="", message=""
                )
            started = self.run(deployment, version, context)
            now = self._parts.clock()
            with self._parts.database.write() as tx:
                store.update_deployment(
                    tx, deployment.id, state=DeploymentState.RUNNING, ready_at=now, seconds=started.seconds
                )
        except BaseException as error:
            # An engine that does not answer says nothing about the deployment: it keeps its place.
            gone = isinstance(error, EngineUnavailable)
            with self._parts.database.write() as tx:
                store.update_deployment(
                    tx,
                    deployment.id,
                    state=DeploymentState.UNKNOWN if gone else DeploymentState.FAILED,
                    weight=deployment.weight if gone else 0,
                    message=str(error),
                )
            raise
        finally:
            self.release(deployment.id)
        return replace(started, state=DeploymentState.RUNNING, ready_at=now, weight=0)

    def build(self, name: str, version: ModelVersion, engine: EngineKind, context: JobContext) -> BuiltImage:
        """Make the bundle and the image; the process engine only takes formats that hold no code."""
        from mlops_desktop.engines.engine import ImageSpec

        if engine is EngineKind.PROCESS and not version.format.code_free:
            raise PolicyViolation(
                f"{version.label} is {version.format}, which can run code when it is loaded.",
                "Without Docker only ONNX is served. Start Docker, or register an ONNX version.",
            )
        context.progress(0.05, "Copying and verifying the files")
        folder = self.folder(name)
        shutil.rmtree(folder, ignore_errors=True)
        write_bundle(version, self._parts.artifacts, folder)
        context.progress(0.1, "Building the image")
        spec = ImageSpec(
            version=version.label,
            model=version.model,
            bundle=folder,
            requirements=requirements_of(version, self._parts.artifacts),
            labels={"model": version.model, "version": str(version.number), "version-digest": version.digest},
        )
        image = self._room.engine.build(spec, context)
        if engine is EngineKind.DOCKER:
            shutil.rmtree(folder, ignore_errors=True)
        return image

    def answers(
        self, version: ModelVersion, columns: Sequence[str], rows: Sequence[Sequence[object]], context: JobContext
    ) -> dict[str, list[object]]:
        """What the version's own container says to `rows`: started for this question only, then removed.

        Returns the serving program's `predictions` and, where it has them, `scores`.
        """
        from mlops_desktop.engines.engine import StartSpec

        trial = f"trial{uuid4().hex[:8]}"
        engine = self._room.engine
        self.claim(trial)
        try:
            image = self.build(trial, version, engine.kind, context)
            engine.start(StartSpec(deployment=trial, image=image.name, limits=Limits()))
            self._room.apply_routes(trial=[(version.model, trial)])
            self._wait_until_ready(trial, context)
            body = json.dumps({"dataframe_split": {"columns": list(columns), "data": [list(r) for r in rows]}})
            answer = self._room.fetch(trial, "/invocations", method="POST", body=body.encode(), timeout=60.0)
            if answer.status != 200:
                raise DeploymentFailed(f"The container answered {answer.status}: {answer.text[:300]}")
            found: dict[str, list[object]] = json.loads(answer.body)
            return found
        finally:
            engine.stop(trial, 1.0)
            shutil.rmtree(self.folder(trial), ignore_errors=True)
            self.release(trial)
            self._room.apply_routes()

    def _start(self, deployment: Deployment, seconds: dict[str, float], context: JobContext) -> Deployment:
        from mlops_desktop.engines.engine import StartSpec

        context.progress(0.7, "Starting the container")
        began = time.monotonic()
        spec = StartSpec(
            deployment=deployment.id,
            image=deployment.image,
            limits=deployment.limits,
            labels={
                "model": deployment.model,
                "version": str(deployment.version),
                "environment": deployment.environment,
            },
        )
        handle = self._room.engine.start(spec)
        deployment = replace(deployment, handle=handle)
        with self._parts.database.write() as tx:
            store.update_deployment(
                tx,
                deployment.id,
                image=deployment.image,
                image_digest=deployment.image_digest,
                handle=handle,
                seconds=seconds,
            )
        self._room.apply_routes()
        seconds["start"] = time.monotonic() - began
        context.progress(0.85, "Waiting for its first answer")
        began = time.monotonic()
        self._wait_until_ready(deployment.id, context)
        seconds["ready"] = time.monotonic() - began
        return replace(deployment, seconds=seconds)

    def _wait_until_ready(self, deployment: str, context: JobContext) -> None:
        """Until it has answered its warm-up prediction; fails early when its process ended."""
        limit = self._parts.settings.ready_timeout_seconds
        end = time.monotonic() + limit
        looked = time.monotonic()
        while True:
            context.check_cancelled()
            try:
                if self._room.fetch(deployment, "/v2/health/ready", timeout=2.0).status == 200:
                    return
            except EngineUnavailable:
                if not self._room.engine.status().available:
                    raise
            now = time.monotonic()
            if now - looked > 0.5:
                looked = now
                found = next((f for f in self._room.engine.list() if f.deployment == deployment), None)
                if found is None or not found.running or found.restarts > 2:
                    raise DeploymentFailed("The container ended before it was ready.", self._last_words(deployment))
            if now > end:
                raise DeploymentFailed(f"The container was not ready within {limit:g} s.", self._last_words(deployment))
            time.sleep(READY_POLL_SECONDS)

    def _last_words(self, deployment: str) -> str:
        lines = [line.text for line in self._room.engine.logs(deployment, 5)]
        return ("Its log ends: " + " / ".join(lines))[:600] if lines else "It wrote nothing to its log."
