"""What a check is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.policy import Policy
from mlops_desktop.domain.registry import ModelVersion

if TYPE_CHECKING:
    from mlops_desktop.artifacts.store import ArtifactStore
    from mlops_desktop.runtime.jobs import JobContext

# Column names and rows to the serving program's answer: `predictions` and, where the model has them, `scores`.
Answers = Callable[[Sequence[str], Sequence[Sequence[object]]], Mapping[str, Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class CheckContext:
    """One version against one environment's policy.

    `current` is the version that answers there now. `answers` asks the version itself, served as it would be when it is
    deployed; None where there is no engine.
    """

    version: ModelVersion
    policy: Policy
    current: ModelVersion | None
    artifacts: ArtifactStore
    job: JobContext
    answers: Answers | None = None
