"""Where things are, intervals and defaults; read once, frozen, passed in.

Values come from the defaults, then `settings.json` of the workspace, then `MLOPS_DESKTOP_…` variables.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field may be set by `MLOPS_DESKTOP_<FIELD>` in upper case or in the workspace's settings.json."""

    engine: str = "auto"  # auto (docker if it answers, else process), docker, process
    docker_host: str = ""  # empty: the environment's
    # The first that exists on this computer is taken; else the last is pulled.
    base_images: tuple[str, ...] = ("mlops-desktop/base:bookworm", "python:3.11-slim-bookworm")
    gateway_images: tuple[str, ...] = ("mlops-desktop/gateway:bookworm", "haproxy:lts")
    ca_bundle: str = ""  # PEM file copied into builds and named to pip; empty: none
    pip_index: str = ""  # company index for builds; empty: pip's default
    gateway_port: int = 8600  # 0: choose a free one
    bind_address: str = "127.0.0.1"
    collect_seconds: float = 1.0
    drift_chunk_seconds: float = 300.0  # a drift verdict is given for each such stretch of time
    performance_chunk_seconds: float = 300.0
    reconcile_seconds: float = 5.0
    ready_timeout_seconds: float = 60.0
    drain_seconds: float = 10.0
    lock_minutes: float = 15.0  # idle time after which the window locks
    job_threads: int = 4

    @classmethod
    def load(cls, workspace: Path) -> Settings:
        """Defaults, overridden by the workspace's settings.json, overridden by the environment."""
        values: dict[str, Any] = {}
        file = workspace / "settings.json"
        if file.exists():
            known = {f.name for f in fields(cls)}
            values = {k: v for k, v in json.loads(file.read_text()).items() if k in known}
        for f in fields(cls):
            if (text := os.environ.get(f"MLOPS_DESKTOP_{f.name.upper()}")) is not None:
                values[f.name] = text
        return replace(cls(), **{name: _convert(getattr(cls(), name), value) for name, value in values.items()})


def _convert(default: Any, value: Any) -> Any:
    if isinstance(default, tuple):
        return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
    return type(default)(value)


@dataclass(frozen=True, slots=True)
class WorkspacePaths:
    """The files of a workspace folder."""

    root: Path
    database: Path = field(init=False)
    artifacts: Path = field(init=False)
    backups: Path = field(init=False)
    logs: Path = field(init=False)
    runtime: Path = field(init=False)  # sockets, pid files, staging of the process engine and builds

    def __post_init__(self) -> None:
        for name, part in (
            ("database", "registry.db"),
            ("artifacts", "artifacts"),
            ("backups", "backups"),
            ("logs", "logs"),
            ("runtime", "run"),
        ):
            object.__setattr__(self, name, self.root / part)
