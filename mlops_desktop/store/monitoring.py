"""Chunks, usage samples and drift verdicts: written each second, rolled up, read by time range.

All times are epoch seconds on the collector's clock. A chunk belongs to the range in which it ends.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.monitoring import Chunk
from mlops_desktop.store.rows import Row, first, to_json

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

# (age in seconds, width in seconds): chunks and samples older than the age are merged into stretches of that width.
ROLL_UPS = ((3600.0, 60.0), (2 * 86_400.0, 300.0))
CHUNK_DAYS = 90.0
VERDICT_DAYS = 365.0
MERGES_A_CALL = 200  # stretches, so that one round's transaction stays short


@dataclass(frozen=True, slots=True)
class UsageSample:
    """What the engine said of a deployment at one moment; `answered`: its program answered the collector then."""

    deployment: str
    at: float
    cpu_percent: float | None
    memory_bytes: int | None
    answered: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """A chunk without its body; `latency` are its counts where they were asked for."""

    start: float
    end: float
    requests: int
    rows: int
    errors: int
    latency: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The verdict on one feature of one drift chunk; `body` are the figures of FeatureDrift and its `strength`."""

    deployment: str
    start: float
    end: float
    feature: str
    breached: bool | None
    state: str
    body: Mapping[str, Any]


# Sequences that were merged into a roll-up must not come in again, hence the comparison with the boot's highest.
_INSERT_CHUNK = """
INSERT OR IGNORE INTO chunks (deployment, boot, sequence, start, end, requests, rows, errors, body)
SELECT :deployment, :boot, :sequence, :start, :end, :requests, :rows, :errors, :body
 WHERE :sequence > COALESCE((SELECT MAX(sequence) FROM chunks WHERE deployment = :deployment AND boot = :boot), -1)
"""
_CHUNKS = """
SELECT deployment, boot, sequence, start, end, requests, rows, errors, body FROM chunks
 WHERE deployment IN (SELECT value FROM json_each(:deployments)) AND end > :start AND end <= :end ORDER BY end, sequence
"""
_TRAFFIC = """
SELECT start, end, requests, rows, errors FROM chunks
 WHERE deployment IN (SELECT value FROM json_each(:deployments)) AND end > :start AND end <= :end ORDER BY end
"""
_USAGE = """
SELECT deployment, at, cpu_percent, memory_bytes, answered FROM usage
 WHERE deployment IN (SELECT value FROM json_each(:deployments)) AND at > :start AND at <= :end ORDER BY at
"""
_ROLL_UP_USAGE = """
INSERT OR REPLACE INTO usage (deployment, at, cpu_percent, memory_bytes, answered)
SELECT deployment, MAX(at), AVG(cpu_percent), MAX(memory_bytes), MIN(answered) FROM usage
 WHERE at > :after AND at <= :cutoff GROUP BY deployment, CAST(at / :width AS INTEGER) HAVING COUNT(*) > 1
"""
_DROP_ROLLED_USAGE = """
DELETE FROM usage WHERE at > :after AND at <= :cutoff AND EXISTS (
    SELECT 1 FROM usage later WHERE later.deployment = usage.deployment AND later.at > usage.at
       AND later.at <= :cutoff AND CAST(later.at / :width AS INTEGER) = CAST(usage.at / :width AS INTEGER))
"""


def insert_chunks(tx: Transaction, chunks: Sequence[Chunk]) -> int:
    """Add new chunks; those that are known, alone or merged, are ignored. Returns how many were new."""
    added = 0
    for chunk in sorted(chunks, key=lambda c: c.sequence):
        added += tx.db.execute(_INSERT_CHUNK, _chunk_row(chunk)).rowcount
    return added


def last_chunk(db: Sql, deployment: str) -> tuple[str, int] | None:
    """Boot and sequence of the newest chunk, where collecting goes on."""
    row = first(
        db,
        "SELECT boot, sequence FROM chunks WHERE deployment = :deployment ORDER BY end DESC, sequence DESC LIMIT 1",
        {"deployment": deployment},
    )
    return None if row is None else (row["boot"], row["sequence"])


def chunks_between(db: Sql, deployments: Iterable[str], start: float, end: float) -> list[Chunk]:
    """Chunks with their bodies, in order of their end."""
    return [_chunk(row) for row in db.query(_CHUNKS, _range(deployments, start, end))]


def traffic_between(db: Sql, deployments: Iterable[str], start: float, end: float) -> list[Traffic]:
    """The same without bodies, which are what costs time."""
    rows = db.query(_TRAFFIC, _range(deployments, start, end))
    return [Traffic(r["start"], r["end"], r["requests"], r["rows"], r["errors"]) for r in rows]


def latencies_between(db: Sql, deployments: Iterable[str], start: float, end: float) -> list[Traffic]:
    """With the counts of latency, which stand at the beginning of a body: the rest, its longest part, is not parsed."""
    return [
        Traffic(r["start"], r["end"], r["requests"], r["rows"], r["errors"], _latency(r["body"]))
        for r in db.query(_CHUNKS, _range(deployments, start, end))
    ]


def traffic_since(db: Sql, deployment: str, after: float) -> tuple[float, float, int] | None:
    """Start, end and rows of all chunks that end later than `after`; None if there are none."""
    row = first(
        db,
        "SELECT MIN(start) AS start, MAX(end) AS end, SUM(rows) AS rows FROM chunks"
        " WHERE deployment = :deployment AND end > :after",
        {"deployment": deployment, "after": after},
    )
    return None if row is None or row["start"] is None else (row["start"], row["end"], row["rows"])


def insert_usage(tx: Transaction, samples: Sequence[UsageSample]) -> None:
    """Add samples; a second one of the same moment is ignored."""
    tx.db.executemany(
        "INSERT OR IGNORE INTO usage (deployment, at, cpu_percent, memory_bytes, answered) VALUES (?, ?, ?, ?, ?)",
        [(s.deployment, s.at, s.cpu_percent, s.memory_bytes, int(s.answered)) for s in samples],
    )


def usage_between(db: Sql, deployments: Iterable[str], start: float, end: float) -> list[UsageSample]:
    """Samples in order of time."""
    return [
        UsageSample(r["deployment"], r["at"], r["cpu_percent"], r["memory_bytes"], bool(r["answered"]))
        for r in db.query(_USAGE, _range(deployments, start, end))
    ]


def last_answer_at(db: Sql, deployment: str, before: float = math.inf) -> float | None:
    """When the deployment's program last answered the collector, up to a moment."""
    row = first(
        db,
        "SELECT at FROM usage WHERE deployment = :deployment AND at <= :before AND answered = 1"
        " ORDER BY at DESC LIMIT 1",
        {"deployment": deployment, "before": before},
    )
    return None if row is None else float(row["at"])


def last_traffic_at(db: Sql, deployment: str, before: float = math.inf) -> float | None:
    """When the newest chunk up to a moment ended: a second without a request makes none."""
    row = first(
        db,
        "SELECT MAX(end) AS at FROM chunks WHERE deployment = :deployment AND end <= :before",
        {"deployment": deployment, "before": before},
    )
    return None if row is None else row["at"]


def roll_up(tx: Transaction, now: float, before: float | None = None) -> bool:
    """Merge old chunks of one boot into stretches (exact: counts add up); whether all that was due is done.

    `before` is the time of the last call that was done with all: what it had reached is not read again.
    """
    done = True
    for age, width in reversed(ROLL_UPS):
        cutoff = (now - age) // width * width
        after = 0.0 if before is None else (before - age) // width * width - width
        for deployment in [r["id"] for r in tx.db.query("SELECT id FROM deployments")]:
            done &= _roll_up_chunks(tx, deployment, width, after, cutoff)
        values = {"after": after, "cutoff": cutoff, "width": width}
        tx.db.execute(_ROLL_UP_USAGE, values)
        tx.db.execute(_DROP_ROLLED_USAGE, values)
    return done


def forget_old(tx: Transaction, now: float) -> None:
    """Delete what is older than its retention."""
    cutoff = now - CHUNK_DAYS * 86_400
    tx.db.execute("DELETE FROM chunks WHERE end < :cutoff", {"cutoff": cutoff})
    tx.db.execute("DELETE FROM usage WHERE at < :cutoff", {"cutoff": cutoff})
    tx.db.execute("DELETE FROM verdicts WHERE end < :cutoff", {"cutoff": now - VERDICT_DAYS * 86_400})


def insert_verdicts(tx: Transaction, verdicts: Sequence[StoredVerdict]) -> None:
    """Add the verdicts of one closed drift chunk; closing it a second time changes nothing."""
    tx.db.executemany(
        "INSERT OR IGNORE INTO verdicts (deployment, start, end, feature, breached, state, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(v.deployment, v.start, v.end, v.feature, v.breached, v.state, to_json(dict(v.body))) for v in verdicts],
    )


def last_verdict_end(db: Sql, deployment: str) -> float | None:
    """Where the newest drift chunk ended."""
    row = first(
        db,
        "SELECT end FROM verdicts WHERE deployment = :deployment ORDER BY start DESC LIMIT 1",
        {"deployment": deployment},
    )
    return None if row is None else float(row["end"])


def verdicts_between(db: Sql, deployment: str, start: float, end: float) -> list[StoredVerdict]:
    """Verdicts of the drift chunks that ended in the range, oldest first."""
    rows = db.query(
        "SELECT * FROM verdicts WHERE deployment = :deployment AND end > :start AND end <= :end"
        " ORDER BY start, feature",
        {"deployment": deployment, "start": start, "end": end},
    )
    return [_verdict(row) for row in rows]


def latest_verdicts(db: Sql, deployment: str, chunks: int = 1) -> list[StoredVerdict]:
    """Verdicts of the newest drift chunks, oldest first."""
    rows = db.query(
        "SELECT * FROM verdicts WHERE deployment = :deployment AND start IN ("
        " SELECT DISTINCT start FROM verdicts WHERE deployment = :deployment ORDER BY start DESC LIMIT :chunks)"
        " ORDER BY start, feature",
        {"deployment": deployment, "chunks": chunks},
    )
    return [_verdict(row) for row in rows]


def _roll_up_chunks(tx: Transaction, deployment: str, width: float, after: float, cutoff: float) -> bool:
    from mlops_desktop.serving.chunks import merge  # imports numpy

    stretches: dict[tuple[str, int], list[int]] = {}
    for row in tx.db.query(
        "SELECT boot, sequence, start FROM chunks WHERE deployment = :deployment AND end > :after AND end <= :cutoff",
        {"deployment": deployment, "after": after, "cutoff": cutoff},
    ):
        stretches.setdefault((row["boot"], int(row["start"] // width)), []).append(row["sequence"])
    several = [(boot, sequences) for (boot, _), sequences in stretches.items() if len(sequences) > 1]
    for boot, sequences in several[:MERGES_A_CALL]:
        key = {"deployment": deployment, "boot": boot, "sequences": json.dumps(sequences)}
        where = "deployment = :deployment AND boot = :boot AND sequence IN (SELECT value FROM json_each(:sequences))"
        chunks = [_chunk(row) for row in tx.db.query(f"SELECT * FROM chunks WHERE {where}", key)]  # noqa: S608 - constant
        try:
            body = merge([c.body for c in chunks])
        except ValueError:  # bins that differ can't be added: such chunks stay as they are
            continue
        tx.db.execute(f"DELETE FROM chunks WHERE {where}", key)  # noqa: S608 - constant
        merged = Chunk(
            deployment,
            boot,
            max(c.sequence for c in chunks),
            min(c.start for c in chunks),
            max(c.end for c in chunks),
            sum(c.requests for c in chunks),
            sum(c.rows for c in chunks),
            sum(c.errors for c in chunks),
            body,
        )
        columns = "(deployment, boot, sequence, start, end, requests, rows, errors, body)"
        values = "(:deployment, :boot, :sequence, :start, :end, :requests, :rows, :errors, :body)"
        tx.db.execute(f"INSERT INTO chunks {columns} VALUES {values}", _chunk_row(merged))  # noqa: S608 - constants
    return len(several) <= MERGES_A_CALL


def _range(deployments: Iterable[str], start: float, end: float) -> dict[str, Any]:
    return {"deployments": json.dumps(list(deployments)), "start": start, "end": end}


def _chunk_row(chunk: Chunk) -> dict[str, Any]:
    body = json.dumps(chunk.body, separators=(",", ":"), allow_nan=False).encode()
    return {
        "deployment": chunk.deployment,
        "boot": chunk.boot,
        "sequence": chunk.sequence,
        "start": chunk.start,
        "end": chunk.end,
        "requests": chunk.requests,
        "rows": chunk.rows,
        "errors": chunk.errors,
        "body": zlib.compress(body, 3),
    }


def _chunk(row: Row) -> Chunk:
    return Chunk(
        row["deployment"],
        row["boot"],
        row["sequence"],
        row["start"],
        row["end"],
        row["requests"],
        row["rows"],
        row["errors"],
        json.loads(zlib.decompress(row["body"])),
    )


_DECODER = json.JSONDecoder()
_LATENCY, _FEATURES = '"latency":', '"features":'


def _latency(body: bytes) -> tuple[int, ...]:
    """Only what comes before the features is looked through: a feature may be called latency."""
    text = zlib.decompress(body).decode()
    at = text.find(_LATENCY, 0, max(text.find(_FEATURES), 0))
    latency = _DECODER.raw_decode(text, at + len(_LATENCY))[0] if at >= 0 else json.loads(text)["latency"]
    return tuple(latency["counts"])


def _verdict(row: Row) -> StoredVerdict:
    breached = None if row["breached"] is None else bool(row["breached"])
    return StoredVerdict(
        row["deployment"], row["start"], row["end"], row["feature"], breached, row["state"], json.loads(row["body"])
    )
