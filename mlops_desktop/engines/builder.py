"""Builds the three images of a version with Docker, each only when its name does not exist yet."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mlops_desktop.domain.errors import DeploymentFailed, EngineUnavailable, InvalidInput, WorkstationError
from mlops_desktop.engines import images
from mlops_desktop.engines.docker import DockerHost, spooled
from mlops_desktop.engines.engine import BuiltImage, ImageSpec
from mlops_desktop.engines.failures import build_failure
from mlops_desktop.settings import Settings

if TYPE_CHECKING:
    from mlops_desktop.runtime.jobs import JobContext

PACKAGE = Path(__file__).resolve().parent.parent
BUILD_NAME = "mlops-desktop-build-"  # no label: the image, and so its containers, would inherit it
ABANDONED_SECONDS = 3600
ABANDONED = f"{ABANDONED_SECONDS}s"
CLEAN_ROUNDS, CLEAN_QUIET, CLEAN_PAUSE = 30, 3, 0.1  # seconds; quiet for three rounds is clean
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


class ImageBuilder:
    """Finds or builds images; two builds at once wait for each other where they share a layer."""

    def __init__(self, settings: Settings, host: DockerHost) -> None:
        self._settings = settings
        self._host = host
        self._lock = threading.Lock()  # two builds of the same dependencies would both download them

    def build(self, spec: ImageSpec, context: JobContext) -> BuiltImage:
        """See `Engine.build`."""
        began = time.monotonic()
        context.progress(0.0, "Preparing the image")
        requirements = images.requirements_of(spec, PACKAGE)
        base, base_digest = self._base(context)
        access = images.BuildAccess(_certificates(self._settings.ca_bundle), self._settings.pip_index)
        stage = uuid4().hex
        dependencies = images.dependency_layer(base, base_digest, requirements, access, stage)
        serving = images.serving_layer(dependencies, PACKAGE)
        model = images.model_image(serving, spec)
        found = self._host.image(model.name)
        cached = found is not None
        if found is None:
            context.progress(0.0, dependencies.title)
            self._make(dependencies, context, stage)
            context.progress(0.8, serving.title)
            self._make(serving, context)
            context.progress(0.9, "Model")
            self._add_model(serving.name, model, context)
            found = self._host.image(model.name)
        else:
            context.log(f"{model.name} is there already", step="Model: cached")
        if found is None:  # the stream ended without an error because the engine went away
            raise DeploymentFailed("The build ended without an image.", "Read the build log, then deploy again.")
        context.progress(1.0, "Image ready")
        return BuiltImage(model.name, str(found["Id"]), cached, time.monotonic() - began)

    def base(self, candidates: tuple[str, ...], context: JobContext, purpose: str) -> tuple[str, str]:
        """Name and digest of the first candidate that exists here; else the last one is pulled."""
        for name in candidates:
            if (found := self._host.image(images.check_image_name(name))) is not None:
                return name, str(found["Id"])
        if not candidates:
            raise InvalidInput(f"The settings name no image for {purpose}.", "Name one.")
        name = candidates[-1]
        step = f"Downloading {name}"

        def told(message: dict[str, Any]) -> None:
            context.check_cancelled()
            if error := message.get("error"):
                raise EngineUnavailable(f"The image {name} could not be downloaded: {error}", "See the settings.")
            if "progress" not in message:
                context.log(str(message.get("status", "")), step=step)

        context.log(f"None of {', '.join(candidates)} is here; downloading the last one.", step=step)
        try:
            self._host.pull(name, told, context.on_cancel)
        except WorkstationError as error:
            context.check_cancelled()
            raise EngineUnavailable(
                f"The image {name} is not here and could not be downloaded.",
                f"Connect to the internet, or make or load one of: {', '.join(candidates)}.",
            ) from error
        context.check_cancelled()
        if (found := self._host.image(name)) is None:
            raise EngineUnavailable(f"The image {name} could not be downloaded.", "Try again.")
        return name, str(found["Id"])

    def _base(self, context: JobContext) -> tuple[str, str]:
        return self.base(self._settings.base_images, context, "models")

    def _make(self, layer: images.Layer, context: JobContext, stage: str = "") -> None:
        with self._lock:
            context.check_cancelled()
            if self._host.image(layer.name) is not None:
                context.log(f"{layer.name} is there already", step=f"{layer.title}: cached")
                return
            log = _BuildLog(layer, context)
            try:
                self._host.build(
                    layer.name, layer.context, layer.labels, _proxy_arguments(), log.told, context.on_cancel
                )
                context.check_cancelled()  # a cancelled stream just ends
                if self._host.image(layer.name) is None:
                    raise DeploymentFailed(f"{layer.title}: the build ended without an image.", "Deploy again.")
            finally:
                if stage:
                    self._clean(stage)

    def _add_model(self, serving: str, model: images.ModelImage, context: JobContext) -> None:
        """Lay the bundle on the serving image: faster than a build, and no text of the version is an instruction."""
        step = "Model"
        context.log(f"Adding {len(model.files)} files, {model.size / 1e6:.1f} MB", step=step)
        self._remove_abandoned()
        container = self._host.create(f"{BUILD_NAME}{uuid4().hex[:12]}", serving, {"network_mode": "none"})
        try:
            with spooled(model.context) as tar:
                self._host.put(container, "/opt", tar)
            context.check_cancelled()
            self._host.commit(container, model.name, model.labels)
        finally:
            self._host.remove(container)
        context.log(f"Tagged {model.name}", step=step)

    def _remove_abandoned(self) -> None:
        """Remove the containers of builds whose application was killed between two calls."""
        for container in self._host.never_started(BUILD_NAME):
            if time.time() - float(container["Created"]) > ABANDONED_SECONDS:
                self._host.remove(str(container["Id"]))

    def _clean(self, stage: str) -> None:
        """Remove the first stage, which may know the company's index; a failure must not hide the build's own.

        The engine goes on for a moment after a cancelled build's stream was closed and may leave one more image. What
        builds of killed applications left is removed with it.
        """
        with contextlib.suppress(WorkstationError):
            self._host.prune_images(images.STAGE_LABEL, until=ABANDONED)
            label = f"{images.STAGE_LABEL}={stage}"
            quiet = 0
            for _ in range(CLEAN_ROUNDS):
                self._host.prune_images(label)
                quiet = 0 if self._host.has_untagged(label) else quiet + 1
                if quiet == CLEAN_QUIET:
                    return
                time.sleep(CLEAN_PAUSE)


class _BuildLog:
    """Turns the engine's messages into log lines folded by step, progress and errors."""

    def __init__(self, layer: images.Layer, context: JobContext) -> None:
        self._title = layer.title
        self._context = context
        self._step = layer.title

    def told(self, message: dict[str, Any]) -> None:
        self._context.check_cancelled()
        if error := message.get("error"):
            self._context.log(str(error), step=self._step)
            raise build_failure(str(error))
        for line in str(message.get("stream", "")).splitlines():
            if match := _STEP.match(line):
                self._step = f"{self._title}: step {match[1]}/{match[2]}"
            if text := line.rstrip():
                self._context.log(text.replace(" ---> Using cache", " ---> cached"), step=self._step)


def _proxy_arguments() -> dict[str, str]:
    # Docker knows these names and keeps them out of the image's history.
    return {name: os.environ[name] for name in _PROXY_VARIABLES if os.environ.get(name)}


def _certificates(configured: str) -> bytes | None:
    """The CA bundle that builds should trust: the setting's, else what SSL_CERT_FILE names on this computer."""
    name = configured or os.environ.get("SSL_CERT_FILE", "")
    if not name:
        return None
    try:
        return Path(name).read_bytes()
    except OSError as error:
        if not configured:
            return None
        raise InvalidInput(f"The CA bundle {name} can't be read: {error.strerror}.", "Change ca_bundle.") from error
