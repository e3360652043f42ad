"""The hash chain of who did what to which subject, when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One link. `body` is the stored canonical JSON, of which the hash is taken byte for byte."""

    sequence: int
    body: bytes
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A link as it is shown."""

    sequence: int
    at: str  # ISO 8601, UTC
    actor: str
    event: str  # class name in domain/events.py
    subject: str
    sentence: str
    details: dict[str, object]
    hash: str


@dataclass(frozen=True, slots=True)
class ChainState:
    """The outcome of a verification; `broken_at` names the first link that does not hold."""

    intact: bool
    entries: int
    head: str
    broken_at: int | None = None
    problem: str = ""


def link_hash(sequence: int, previous: bytes, body: bytes) -> bytes:
    """SHA256("audit-v1\\0" | seq | previous | length | body), integers as 8 bytes big-endian."""
    prefix = b"audit-v1\0" + sequence.to_bytes(8, "big") + previous + len(body).to_bytes(8, "big")
    return hashlib.sha256(prefix + body).digest()


def verify_chain(entries: Iterable[AuditEntry]) -> ChainState:
    """Walk the links in order and stop at the first that is missing, altered or out of place."""
    previous, count = GENESIS, 0
    for count, entry in enumerate(entries, start=1):
        if entry.sequence != count:
            return ChainState(False, count - 1, previous.hex(), count, f"entry {count} is missing")
        if entry.previous != previous:
            return ChainState(
                False, count - 1, previous.hex(), count, f"entry {count} does not follow entry {count - 1}"
            )
        if link_hash(entry.sequence, previous, entry.body) != entry.hash:
            return ChainState(False, count - 1, previous.hex(), count, f"entry {count} was altered")
        previous = entry.hash
    return ChainState(True, count, previous.hex())
