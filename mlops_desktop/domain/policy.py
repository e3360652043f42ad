"""The versioned rules of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

QUESTIONS: Mapping[str, str] = {
    "artifact-digest": "Are the stored files those that were registered?",
    "format-inspection": "What could its files do when they are loaded?",
    "metric-thresholds": "Does every metric keep its limit?",
    "not-worse-than-current": "Is it no worse than the version that answers now?",
    "answers-examples": "Does its container answer the stored examples as it should?",
}
CHECKS = tuple(QUESTIONS)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a version must fulfil before it may serve in `environment`.

    `thresholds` maps a metric to its least value, or its greatest if it is an error; `tolerances` a metric to how much
    worse than the current version's it may be, in the metric's own unit. `approval_hours` is how long an approval may
    wait for its deployment.
    """

    environment: str
    version: int = 1
    required_checks: tuple[str, ...] = CHECKS
    reviewers: int = 1
    approval_hours: float = 72.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    tolerances: Mapping[str, float] = field(default_factory=lambda: {"roc_auc": 0.01, "accuracy": 0.01})
    answer_tolerance: float = 1e-4

    def to_dict(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "version": self.version,
            "required_checks": list(self.required_checks),
            "reviewers": self.reviewers,
            "approval_hours": self.approval_hours,
            "thresholds": dict(self.thresholds),
            "tolerances": dict(self.tolerances),
            "answer_tolerance": self.answer_tolerance,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Policy:
        return cls(**{**data, "required_checks": tuple(data["required_checks"])})


DEFAULT_POLICIES = (
    Policy("staging", reviewers=0),
    Policy("production", reviewers=1),
)
