"""What runs deployments: the interface that every engine keeps, and the values that go in and come out.

Services speak to this interface only. A deployment's id is chosen by the caller; it is the label of the container, the
name of the socket and the key of every method here, so that an engine needs no memory of its own.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlops_desktop.domain.deployments import EngineKind, EngineStatus, Limits, Usage
from mlops_desktop.domain.errors import InvalidInput

if TYPE_CHECKING:
    from mlops_desktop.runtime.jobs import JobContext

_ID = re.compile(r"[a-z0-9]{4,32}")


def check_deployment_id(deployment: str) -> str:
    """Return the id when it may become a label, a file name and a word of a gateway rule; else InvalidInput."""
    if not _ID.fullmatch(deployment):
        raise InvalidInput("A deployment id has 4 to 32 lower-case letters and digits.", "Leave the choice to the app.")
    return deployment


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What a version needs to be served.

    `bundle` is a folder with serving.json, model/ and optionally profile.json and examples.json. `requirements` are
    pinned lines (`name==version`); the serving program's own are added by the engine. `labels` are plain texts without
    prefix, such as `model`, `version`, `version-digest`.
    """

    version: str  # label of the version, "flight-delay@2"
    model: str
    bundle: Path
    requirements: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """The result of a build. `cached` says that nothing had to be built; `seconds` is the wall time."""

    name: str
    digest: str
    cached: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class StartSpec:
    """What to start: `image` is `BuiltImage.name`; `labels` as in ImageSpec (model, version, environment)."""

    deployment: str
    image: str
    limits: Limits = field(default_factory=Limits)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A deployment of this workspace that the engine knows of, running or not."""

    deployment: str
    handle: str
    running: bool
    state: str  # the engine's own word: running, restarting, created, exited ...
    exit_code: int | None
    oom_killed: bool  # also when only a child was killed and the exit code is 0
    restarts: int
    started_at: float | None  # epoch seconds
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    at: float  # epoch seconds; 0 when unknown
    stream: str  # stdout, stderr
    text: str


class Engine(Protocol):
    """Runs deployments. Safe to be called from several threads."""

    kind: EngineKind

    def status(self) -> EngineStatus:
        """Whether the engine can be used; never raises."""
        ...

    def build(self, spec: ImageSpec, context: JobContext) -> BuiltImage:
        """Make the image of a version, or find it; streams the log and can be cancelled.

        Raises InvalidInput (a requirement or label outside the grammar), NotAllowed (format that this engine must not
        run), DeploymentFailed (the build failed), StorageError (no space), EngineUnavailable, JobCancelled.
        """
        ...

    def start(self, spec: StartSpec) -> str:
        """Start a deployment and return its handle; a running one of that id is kept. It may not be ready yet.

        Raises DeploymentFailed or EngineUnavailable; nothing half-made is left.
        """
        ...

    def stop(self, deployment: str, grace_seconds: float) -> None:
        """Stop and remove a deployment with its socket; doing it twice is fine."""
        ...

    def list(self) -> list[Found]:
        """Every deployment of this workspace; EngineUnavailable when that can't be known."""
        ...

    def logs(self, deployment: str, tail: int = 1000, since: float | None = None) -> builtins.list[LogLine]:
        """The newest `tail` lines, oldest first; of a deployment that is gone: none."""
        ...

    def usage(self, deployment: str) -> Usage | None:
        """The last known use; None until the first reading, and when it does not run. Costs no waiting."""
        ...

    def close(self) -> None:
        """Let go of readers and connections; deployments go on."""
        ...
