"""The trail: filters, what a verification finds, and the export."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading

import pytest

from mlops_desktop.domain.audit import link_hash
from mlops_desktop.domain.errors import StorageError
from mlops_desktop.services.registry import RegistryService
from tests.unit.services.registry_kit import Kit


def test_events_are_filtered_and_paged(kit: Kit) -> None:
    kit.register()
    kit.register("eng", model="churn", metrics={})
    audit = kit.workspace.audit
    everything = audit.events(limit=1000)
    assert [e.sequence for e in everything] == list(range(len(everything), 0, -1))
    assert audit.events(subject="delay@1")[0].sentence.startswith("registered delay@1 (onnx, digest ")
    assert {e.actor for e in audit.events(actor="eng")} == {"eng"}
    assert {e.subject for e in audit.events(event="ModelCreated")} == {"delay", "churn"}
    assert {e.subject for e in audit.events(search="churn")} == {"churn", "churn@1"}
    assert audit.events(search='churn" OR "delay') == []
    assert audit.events(search="%") == []
    first = audit.events(limit=3)
    assert [e.sequence for e in audit.events(limit=2, before=first[-1].sequence)] == [
        first[-1].sequence - 1,
        first[-1].sequence - 2,
    ]
    assert first[0].at.endswith("+00:00")


def test_it_is_intact_after_ordinary_work(kit: Kit) -> None:
    kit.request(kit.register())
    state = kit.workspace.audit.verify()
    assert state.intact
    assert state.problem == ""
    assert state.head == kit.workspace.audit.events(limit=1)[0].hash


TAMPERING = {
    "edited": (
        "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), '\"', '\" ') AS BLOB) WHERE sequence = 8",
        8,
        "was altered",
    ),
    "deleted": ("DELETE FROM audit WHERE sequence = 8", 8, "is missing"),
    "actor": ("UPDATE audit SET actor = 'eve' WHERE sequence = 8", 8, "columns of entry 8"),
    "subject": ("UPDATE audit SET subject = 'x' WHERE sequence = 8", 8, "columns of entry 8"),
    "time": ("UPDATE audit SET at = at + 60 WHERE sequence = 8", 8, "columns of entry 8"),
    "hash": ("UPDATE audit SET hash = zeroblob(32) WHERE sequence = 8", 8, "was altered"),
    "previous": ("UPDATE audit SET previous = zeroblob(32) WHERE sequence = 8", 8, "does not follow"),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_d01_tampering_is_found_at_the_link(kit: Kit, how: str) -> None:
    kit.register()
    statement, place, problem = TAMPERING[how]
    kit.sql(statement)
    state = kit.workspace.audit.verify()
    assert not state.intact
    assert state.broken_at == place
    assert problem in state.problem


def test_d01_swapped_and_inserted_links_are_found(kit: Kit) -> None:
    kit.register()
    rows = kit.workspace._parts.database.read().execute("SELECT body FROM audit WHERE sequence IN (8, 9)").fetchall()
    kit.sql("UPDATE audit SET body = ? WHERE sequence = 8", rows[1][0])
    assert kit.workspace.audit.verify().broken_at == 8
    kit.sql("UPDATE audit SET body = ? WHERE sequence = 8", rows[0][0])
    assert kit.workspace.audit.verify().intact
    last = kit.workspace.audit.events(limit=1)[0].sequence
    body = b'{"actor":"eve","at":0,"details":{},"event":"SignedIn","sentence":"","subject":""}'
    digest = link_hash(last + 1, bytes(32), body)
    kit.sql("INSERT INTO audit VALUES (?, 0, 'eve', 'SignedIn', '', ?, ?, ?)", last + 1, body, bytes(32), digest)
    assert kit.workspace.audit.verify().broken_at == last + 1


@pytest.mark.parametrize("column", ["description", "metrics", "params", "lineage", "digest", "signature", "inspection"])
def test_a10_every_flipped_bit_of_a_version_is_found(kit: Kit, column: str) -> None:
    """`PRAGMA integrity_check` sees none of them."""
    kit.register(description="first", params={"C": "1"})
    database = kit.workspace._parts.database
    text = database.read().execute(f"SELECT {column} FROM versions").fetchone()[0]
    for place in range(0, len(text), max(1, len(text) // 6)):
        flipped = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        connection = sqlite3.connect(kit.folder / "registry.db")
        connection.execute(f"UPDATE versions SET {column} = ?", (flipped,))
        connection.commit()
        connection.close()
        assert database.integrity_problems() == []
        found = kit.workspace.audit.verify()
        assert not found.intact
        assert "delay@1" in found.problem


def test_d05_removed_rows_are_found(kit: Kit) -> None:
    kit.register()
    kit.sql("DELETE FROM version_files")
    kit.sql("DELETE FROM version_metrics")
    kit.sql("DELETE FROM versions")
    assert kit.workspace.audit.problems() == ["version delay@1 is missing"]


def test_the_export_is_whole_and_verifies_by_itself(kit: Kit) -> None:
    kit.register()
    path = kit.files / "trail.jsonl"
    number = kit.workspace.audit.export(path)
    previous = bytes(32)
    lines = path.read_bytes().splitlines()
    assert len(lines) == number
    for sequence, line in enumerate(lines, start=1):
        entry = json.loads(line)
        body = line[line.index(b'"body":') + 7 : -1]
        prefix = b"audit-v1\0" + sequence.to_bytes(8, "big") + previous + len(body).to_bytes(8, "big")
        assert hashlib.sha256(prefix + body).hexdigest() == entry["hash"]
        previous = bytes.fromhex(entry["hash"])
    with pytest.raises(StorageError, match="could not be written"):
        kit.workspace.audit.export(kit.files / "missing" / "trail.jsonl")
    assert list(kit.files.glob(".partial*")) == []


def test_a_verification_sees_one_moment(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is registered while the tables are compared is in neither of the two."""
    from mlops_desktop.services import audit

    real, once = audit.verify_chain, []

    def slow(entries):
        state = real(entries)
        if not once:
            thread = threading.Thread(target=lambda: once.append(kit.register()))
            thread.start()
            thread.join()
        return state

    kit.session("ada")
    monkeypatch.setattr(audit, "verify_chain", slow)
    assert kit.workspace.audit.verify().intact
    assert isinstance(kit.workspace.registry, RegistryService)
    assert kit.workspace.audit.verify().entries > 10
