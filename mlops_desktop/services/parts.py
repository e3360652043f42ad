"""What every service is given: the open parts of one workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_desktop.artifacts.store import ArtifactStore
    from mlops_desktop.runtime.event_bus import EventBus
    from mlops_desktop.runtime.jobs import JobPool
    from mlops_desktop.settings import Settings, WorkspacePaths
    from mlops_desktop.store.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """`clock` gives the present moment in UTC; `workspace_id` is part of everything that is signed."""

    database: Database
    artifacts: ArtifactStore
    bus: EventBus
    jobs: JobPool
    settings: Settings
    paths: WorkspacePaths
    clock: Callable[[], datetime]
    workspace_id: str
    workspace_name: str
