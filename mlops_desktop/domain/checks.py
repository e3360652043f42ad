"""The verdict of one automated gate of Model CI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, no secret
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"  # the check itself could not be carried out: never read as a pass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found. `summary` is one sentence; figures are numbers with the unit in their name."""

    check: str  # name in checks/catalogue.py, e.g. "artifact-digest"
    verdict: Verdict
    summary: str
    figures: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRun:
    """All results of one run of a version's checks against an environment's policy."""

    id: int
    model: str
    version: int
    environment: str
    version_digest: str
    results: tuple[CheckResult, ...]
    started_at: datetime
    seconds: float
    run_by: str

    @property
    def passed(self) -> bool:
        return bool(self.results) and all(r.verdict in {Verdict.PASS, Verdict.WARN} for r in self.results)
