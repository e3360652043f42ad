"""Reference profiles of deployed versions, read once and kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.registry import FileRole, Task
from mlops_desktop.store.versions import version_of

if TYPE_CHECKING:
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.serving.bins import Profile

log = logging.getLogger(__name__)


class Profiles:
    """Versions never change, so neither does what was read. Safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[Task, Profile | None]] = {}

    def of(self, deployment: Deployment) -> Profile | None:
        """The profile of the deployed version; None when it has none or it can't be read (which is logged)."""
        return self._read(deployment.model, deployment.version)[1]

    def task(self, deployment: Deployment) -> Task:
        return self._read(deployment.model, deployment.version)[0]

    def bins(self, deployment: Deployment) -> Mapping[str, Mapping[str, int]]:
        """Number of bins of each column, what the deployment's chunks must fit."""
        profile = self.of(deployment)
        if profile is None:
            return {}
        return {
            "features": {name: bins.size for name, bins in profile.features.items()},
            "predictions": {name: bins.size for name, bins in profile.predictions.items()},
        }

    def _read(self, model: str, number: int) -> tuple[Task, Profile | None]:
        with self._lock:
            if (model, number) not in self._known:
                self._known[model, number] = self._load(model, number)
            return self._known[model, number]

    def _load(self, model: str, number: int) -> tuple[Task, Profile | None]:
        from mlops_desktop.serving.bins import Profile, ProfileError

        version = version_of(self._parts.database.read(), model, number)
        if version is None:
            return Task.CLASSIFICATION, None
        file = version.file(FileRole.PROFILE)
        if file is None:
            return version.task, None
        try:
            with self._parts.artifacts.open(file.digest) as stream:
                return version.task, Profile.from_json(stream.read())
        except (WorkstationError, ProfileError) as error:
            log.warning("no drift for %s@%d: %s", model, number, error)
            return version.task, None
