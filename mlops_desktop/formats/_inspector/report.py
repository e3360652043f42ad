"""What the inspector found: a verdict that only gets worse, sentences, and facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ALLOW, REVIEW, REJECT = "allow", "review", "reject"
_ORDER = (ALLOW, REVIEW, REJECT)
MAX_FINDINGS = 100
MAX_TEXT = 300
ACCEPTED = "Accepted are ONNX, skops and scikit-learn pickle files (.pkl, .joblib) and folders with an MLmodel file."


class NotAModel(Exception):
    """The file is something else: `message` says what it looks like."""

    def __init__(self, message: str, hint: str = ACCEPTED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Malformed(Exception):
    """The content is not what its format demands; it is rejected, because a loader might read it in another way."""


@dataclass
class Report:
    """Collected while a file is read."""

    verdict: str = ALLOW
    findings: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    signature: dict[str, Any] | None = None

    def note(self, verdict: str, sentence: str) -> None:
        """Add a finding; the verdict becomes at least as bad. A list that is too long can only hide repetitions."""
        if _ORDER.index(verdict) > _ORDER.index(self.verdict):
            self.verdict = verdict
            # What decided the verdict must be seen, also when the list is full.
            del self.findings[MAX_FINDINGS - 1 :]
        sentence = shown(sentence)
        if sentence not in self.findings and len(self.findings) < MAX_FINDINGS:
            self.findings.append(sentence)

    def merge(self, other: Report) -> None:
        """Take over what was found in a file inside this one."""
        for finding in other.findings:
            self.note(other.verdict, finding)
        if _ORDER.index(other.verdict) > _ORDER.index(self.verdict):
            self.verdict = other.verdict
        self.facts |= other.facts
        self.signature = self.signature or other.signature


def shown(text: str) -> str:
    """Text from a file as it may be shown: printable, of bounded length."""
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:MAX_TEXT])
    return plain.encode("utf-8", "replace").decode()
