"""Reference profiles of deployed versions, read once and kept."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.registry import FileRole, Task
from mlops_desktop.services.bundles import classes_of, positive_of
from mlops_desktop.store.versions import version_of

if TYPE_CHECKING:
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.serving.bins import Profile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    task: Task
    profile: Profile | None = None
    positive: str | None = None


class Profiles:
    """Versions never change, so neither does what was read. Safe from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], _Known] = {}

    def of(self, deployment: Deployment) -> Profile | None:
        """The profile of the deployed version; None when it has none or it can't be read (which is logged)."""
        return self._read(deployment.model, deployment.version).profile

    def task(self, deployment: Deployment) -> Task:
        return self._read(deployment.model, deployment.version).task

    def positive(self, deployment: Deployment) -> str | None:
        """The class whose probability the score is, as the serving program is told; None when that is not known."""
        return self._read(deployment.model, deployment.version).positive

    def bins(self, deployment: Deployment) -> Mapping[str, Mapping[str, int]]:
        """Number of bins of each column, what the deployment's chunks must fit."""
        profile = self.of(deployment)
        if profile is None:
            return {}
        return {
            "features": {name: bins.size for name, bins in profile.features.items()},
            "predictions": {name: bins.size for name, bins in profile.predictions.items()},
        }

    def _read(self, model: str, number: int) -> _Known:
        with self._lock:
            if (model, number) not in self._known:
                self._known[model, number] = self._load(model, number)
            return self._known[model, number]

    def _load(self, model: str, number: int) -> _Known:
        from mlops_desktop.serving.bins import Profile, ProfileError

        version = version_of(self._parts.database.read(), model, number)
        if version is None:
            return _Known(Task.CLASSIFICATION)
        file = version.file(FileRole.PROFILE)
        if file is None:
            return _Known(version.task)
        try:
            with self._parts.artifacts.open(file.digest) as stream:
                text = stream.read()
            profile = Profile.from_json(text)
        except (WorkstationError, ProfileError) as error:
            log.warning("no drift for %s@%d: %s", model, number, error)
            return _Known(version.task)
        # The parsed profile keeps no classes: they matter to who serves and who judges the answers.
        return _Known(version.task, profile, positive_of(classes_of(json.loads(text))))
