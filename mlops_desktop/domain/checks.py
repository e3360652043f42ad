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

    @property
    def next_step(self) -> str:
        """What to do about the checks that did not pass: one that could not be carried out says it itself."""
        if any(result.verdict is Verdict.FAIL for result in self.results):
            return "Mend what they found and register a new version, or ask an admin about the policy."
        steps = (hint for r in self.results if r.verdict is Verdict.ERROR for hint in r.evidence if hint)
        return " ".join(dict.fromkeys(steps)) or "Put right what kept them from being carried out, then try again."
