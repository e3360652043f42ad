"""The audit chain's rows: appended inside every write, never changed, read by pages and walked when verified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.audit import GENESIS, AuditEntry, AuditEvent, link_hash
from mlops_desktop.domain.events import Event
from mlops_desktop.domain.registry import canonical_json
from mlops_desktop.store.rows import Row, first, moment, text_query

if TYPE_CHECKING:
    from mlops_desktop.store.sql import Sql

_PAGE = 5_000
_COLUMNS = "a.sequence, a.body, a.previous, a.hash"
# What the columns of a row say beside its body; the body is what was hashed.
_DISAGREEING = """
SELECT sequence FROM audit
WHERE NOT json_valid(CAST(body AS TEXT))
   OR actor IS NOT json_extract(CAST(body AS TEXT), '$.actor')
   OR event IS NOT json_extract(CAST(body AS TEXT), '$.event')
   OR subject IS NOT json_extract(CAST(body AS TEXT), '$.subject')
   OR abs(at - json_extract(CAST(body AS TEXT), '$.at')) > 0.001
ORDER BY sequence LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are wanted; empty fields want all. `before` continues after a page's last sequence."""

    subject: str = ""
    actor: str = ""
    event: str = ""
    search: str = ""
    before: int | None = None


def append(db: Sql, event: Event, actor: str, at: float) -> int:
    """Add one link inside the caller's transaction; returns its sequence."""
    last = first(db, "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", {})
    sequence, previous = (last["sequence"] + 1, bytes(last["hash"])) if last else (1, GENESIS)
    name, subject, details = type(event).__name__, event.subject, event.details()
    content = {
        "at": at,
        "actor": actor,
        "event": name,
        "subject": subject,
        "sentence": event.sentence,
        "details": details,
    }
    body = canonical_json(content)
    db.execute(
        "INSERT INTO audit (sequence, at, actor, event, subject, body, previous, hash)"
        " VALUES (:sequence, :at, :actor, :event, :subject, :body, :previous, :hash)",
        {
            "sequence": sequence,
            "at": at,
            "actor": actor,
            "event": name,
            "subject": subject,
            "body": body,
            "previous": previous,
            "hash": link_hash(sequence, previous, body),
        },
    )
    words = " ".join([actor, name, subject, event.sentence, *(v for v in details.values() if isinstance(v, str))])
    db.execute("INSERT INTO audit_text (rowid, text) VALUES (:sequence, :text)", {"sequence": sequence, "text": words})
    return sequence


def events_of(db: Sql, wanted: AuditFilter, limit: int) -> list[AuditEvent]:
    """Newest first."""
    conditions, values = _conditions(wanted)
    tables, place = "audit a", "a.sequence"
    if wanted.search.strip():
        # The table of words leads: it comes in the order of sequences by itself, so a page ends the search.
        tables, place = "audit_text CROSS JOIN audit a ON a.sequence = audit_text.rowid", "audit_text.rowid"
        conditions.append("audit_text MATCH :query")
        # A search without a letter or digit finds nothing, instead of everything.
        values["query"] = text_query(wanted.search) or '"\x01"'
    if wanted.before is not None:
        conditions.append(f"{place} < :before")
        values["before"] = wanted.before
    where = " AND ".join(conditions) or "1"
    sql = f"SELECT {_COLUMNS} FROM {tables} WHERE {where} ORDER BY {place} DESC LIMIT :limit"  # noqa: S608 - constants
    return [_event(row) for row in db.query(sql, {**values, "limit": limit})]


def events_after(db: Sql, sequence: int, limit: int = _PAGE) -> list[tuple[int, str]]:
    """Sequence and event name of what came later, oldest first; for noticing other processes."""
    sql = "SELECT sequence, event FROM audit WHERE sequence > :after ORDER BY sequence LIMIT :limit"
    return [(row["sequence"], row["event"]) for row in db.query(sql, {"after": sequence, "limit": limit})]


def events_about(db: Sql, subject: str, events: Sequence[str]) -> list[AuditEvent]:
    """These kinds of events about one subject, oldest first."""
    places = ", ".join(f":event{i}" for i in range(len(events)))
    sql = f"SELECT {_COLUMNS} FROM audit a WHERE a.subject = :subject AND a.event IN ({places})"  # noqa: S608 - places
    values = {"subject": subject, **{f"event{i}": name for i, name in enumerate(events)}}
    return [_event(row) for row in db.query(sql + " ORDER BY a.sequence", values)]


def last_sequence(db: Sql) -> int:
    row = first(db, "SELECT coalesce(max(sequence), 0) AS last FROM audit", {})
    return int(row["last"]) if row else 0


def entries_of(db: Sql) -> Iterator[AuditEntry]:
    """All links in order."""
    for sequence, body, previous, digest in db.tuples(
        "SELECT sequence, body, previous, hash FROM audit ORDER BY sequence"
    ):
        yield AuditEntry(sequence, bytes(body), bytes(previous), bytes(digest))


def first_disagreeing(db: Sql) -> int | None:
    """The first row whose columns say something else than the body that was hashed."""
    row = first(db, _DISAGREEING, {})
    return None if row is None else int(row["sequence"])


def all_events(db: Sql, *events: str) -> Iterator[AuditEvent]:
    """Oldest first; only these events when any are named."""
    sql = f"SELECT {_COLUMNS} FROM audit a"  # noqa: S608 - constants
    if events:
        sql += " WHERE a.event IN (" + ", ".join(f":event{i}" for i in range(len(events))) + ")"
    values = {f"event{i}": name for i, name in enumerate(events)}
    for row in db.query(sql + " ORDER BY a.sequence", values):
        yield _event(row)


def _conditions(wanted: AuditFilter) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for name in ("subject", "actor", "event"):
        if value := getattr(wanted, name):
            conditions.append(f"a.{name} = :{name}")
            values[name] = value
    return conditions, values


def _event(row: Row) -> AuditEvent:
    body = json.loads(bytes(row["body"]))
    return AuditEvent(
        row["sequence"],
        moment(body["at"]).isoformat(timespec="milliseconds"),
        body["actor"],
        body["event"],
        body["subject"],
        body["sentence"],
        body["details"],
        bytes(row["hash"]).hex(),
    )
