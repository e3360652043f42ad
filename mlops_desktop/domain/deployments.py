"""Deployments: one version running in one environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EngineKind(StrEnum):
    DOCKER = "docker"
    PROCESS = "process"


class DeploymentState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    UNKNOWN = "unknown"  # the engine does not answer: neither running nor stopped is known

    @property
    def live(self) -> bool:
        """Whether a container or process may exist."""
        return self in {
            DeploymentState.STARTING,
            DeploymentState.RUNNING,
            DeploymentState.STOPPING,
            DeploymentState.UNKNOWN,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment may use."""

    memory_mb: int = 512
    cpus: float = 1.0
    processes: int = 64
    tmp_mb: int = 64

    def to_dict(self) -> dict[str, Any]:
        return {"memory_mb": self.memory_mb, "cpus": self.cpus, "processes": self.processes, "tmp_mb": self.tmp_mb}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Limits:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Deployment:
    """`weight` is its share of the environment's traffic in percent; a warm one runs with weight 0."""

    id: str  # short hex; the label on the container, the name of the socket
    model: str
    version: int
    environment: str
    engine: EngineKind
    state: DeploymentState
    weight: int
    limits: Limits
    image: str  # name of the image, empty for the process engine
    image_digest: str
    handle: str  # container id or "pid:start time"
    promotion: int | None
    created_by: str
    created_at: datetime
    ready_at: datetime | None = None
    stopped_at: datetime | None = None
    message: str = ""  # why it failed or what is known of its state
    seconds: Mapping[str, float] = field(default_factory=dict)  # build, start, ready, switch

    @property
    def label(self) -> str:
        return f"{self.model}@{self.version}"

    @property
    def current(self) -> bool:
        return self.state is DeploymentState.RUNNING and self.weight > 0


class ReleaseKind(StrEnum):
    DEPLOY = "deploy"
    ROLL_BACK = "roll-back"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Release:
    """A finished move of an environment's traffic."""

    id: int
    model: str
    environment: str
    kind: ReleaseKind
    deployment: str | None  # None: traffic was stopped
    version: int | None
    previous: str | None
    previous_version: int | None
    by: str
    reason: str
    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a deployment uses at one moment."""

    at: float  # epoch seconds
    cpu_percent: float  # of one core
    memory_bytes: int
    restarts: int = 0
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Whether an engine can be used, in words for the person."""

    kind: EngineKind
    available: bool
    version: str
    message: str  # one sentence; empty when all is well
    hint: str = ""
    disk_free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The stable address of a model in an environment."""

    model: str
    environment: str
    url: str  # http://127.0.0.1:PORT/ENVIRONMENT/MODEL
    current: int | None  # version number that answers now
