"""The database's own promises: one writer, no lost event, clear refusals (A07, A11, A14, A17, H02)."""

import hashlib
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.events import WorkspaceCreated
from mlops_desktop.runtime.event_bus import EventBus
from mlops_desktop.store.database import Database
from mlops_desktop.store.file_systems import refuse_network_file_system
from mlops_desktop.store.migrations import CURRENT


@pytest.fixture
def bus():
    return EventBus()


@pytest.fixture
def database(tmp_path, bus):
    database = Database.create(tmp_path / "registry.db", bus)
    yield database
    database.close()


def _insert(tx, name):
    tx.db.execute("INSERT INTO workspace VALUES (?, ?, 0.0)", (name, name))


def _names(database):
    return [row["id"] for row in database.read().query("SELECT id FROM workspace ORDER BY rowid")]


def test_events_are_told_after_the_commit_only(database, bus):
    heard = []
    bus.subscribe(lambda published: heard.append((published.event.workspace, published.sequence, _names(database))))
    with database.write() as tx:
        _insert(tx, "one")
        tx.record(WorkspaceCreated("one"), "ada")
        assert heard == []
    assert heard == [("one", 1, ["one"])]


def test_a_closed_database_begins_no_new_connection(database):
    database.close()
    with pytest.raises(StorageError, match="closed"):
        database.read()
    with pytest.raises(StorageError, match="closed"), database.write():
        pass
    database.close()


def test_nothing_of_a_failed_write_stays(database, bus):
    heard = []
    bus.subscribe(heard.append)
    with pytest.raises(RuntimeError), database.write() as tx:
        _insert(tx, "one")
        tx.record(WorkspaceCreated("one"), "ada")
        raise RuntimeError
    assert (_names(database), heard) == ([], [])
    assert database.read().execute("SELECT count(*) FROM audit").fetchone()[0] == 0


def test_a_nested_write_can_fail_alone(database, bus):
    heard = []
    bus.subscribe(lambda published: heard.append(published.event.workspace))
    with database.write() as tx:
        _insert(tx, "outer")
        tx.record(WorkspaceCreated("outer"), "ada")
        with pytest.raises(RuntimeError), database.write() as inner:
            _insert(inner, "inner")
            inner.record(WorkspaceCreated("inner"), "ada")
            raise RuntimeError
    assert (_names(database), heard) == (["outer"], ["outer"])


def test_threads_read_while_one_writes(database):
    seen = []
    with database.write() as tx:
        _insert(tx, "one")
        reader = threading.Thread(target=lambda: seen.append(_names(database)))
        reader.start()
        reader.join(5)
    assert seen == [[]]
    assert _names(database) == ["one"]


def test_the_log_stays_bounded(database, tmp_path):
    for number in range(60):
        with database.write() as tx:
            _insert(tx, f"{number}-" + "x" * 200_000)
    assert (tmp_path / "registry.db-wal").stat().st_size < 8 * 2**20


def test_data_version_changes_with_another_process(database, tmp_path):
    before = database.data_version()
    other = Database.open(tmp_path / "registry.db", EventBus())
    with other.write() as tx:
        _insert(tx, "one")
    other.close()
    assert database.data_version() != before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a database"),
        (b"SQLite format 3\0", "not a database"),
        (b"hello" * 100, "not a database"),
        (b"SQLite format 3\0" + bytes(200), "belongs to another program"),
    ],
)
def test_a11_a_file_that_is_no_workspace_is_refused_untouched(tmp_path, bus, content, said):
    path = tmp_path / "registry.db"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=said) as caught:
        Database.open(path, bus)
    assert caught.value.hint
    assert path.read_bytes() == content


def test_a_missing_database_is_named(tmp_path, bus):
    with pytest.raises(StorageError, match="is not a workspace"):
        Database.open(tmp_path / "registry.db", bus)


def test_h02_a_newer_schema_is_refused_untouched(tmp_path, bus):
    path = tmp_path / "registry.db"
    Database.create(path, bus).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version={CURRENT + 1}")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(StorageError, match="newer MLOps Desktop"):
        Database.open(path, bus)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a17_network_file_systems_are_refused(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {tmp_path} nfs4 rw 0 0\n")
    with pytest.raises(StorageError, match=r"network file system \(nfs4\)"):
        refuse_network_file_system(tmp_path / "deep" / "er", mounts)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a07_a_full_disk_is_said_and_the_next_write_works(tmp_path, bus):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], check=True)
    try:
        ballast = small / "ballast"
        database = Database.create(small / "registry.db", bus)
        ballast.write_bytes(bytes(1_200_000))
        acknowledged = []
        with pytest.raises(StorageError, match="full"):
            for number in range(1000):
                name = f"{number}-" + "x" * 20_000
                with database.write() as tx:
                    _insert(tx, name)
                acknowledged.append(name)
        ballast.unlink()
        with database.write() as tx:
            _insert(tx, "after")
        assert _names(database) == [*acknowledged, "after"]
        assert database.integrity_problems() == []
        database.close()
    finally:
        subprocess.run(["umount", small], check=True)


WRITER = """
import sys
from pathlib import Path
from mlops_desktop.runtime.event_bus import EventBus
from mlops_desktop.store.database import Database
from mlops_desktop.domain.events import WorkspaceCreated
database = Database.open(Path(sys.argv[1]), EventBus())
for n in range(60):
    with database.write() as tx:
        count = tx.db.execute("SELECT count(*) FROM workspace").fetchone()[0]
        tx.db.execute("INSERT INTO workspace VALUES (?, ?, 0.0)", (f"{sys.argv[2]}-{n}", str(count)))
        tx.record(WorkspaceCreated(f"{sys.argv[2]}-{n}"), "ada")
print("60 acknowledged")
"""

# Control: what sqlite3 does by default, a deferred transaction that reads before it writes, must be seen to fail.
DEFERRED_WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=15)
failed = 0
for n in range(60):
    try:
        db.execute("BEGIN")
        count = db.execute("SELECT count(*) FROM workspace").fetchone()[0]
        db.execute("INSERT INTO workspace VALUES (?, ?, 0.0)", (f"{sys.argv[2]}-{n}", str(count)))
        db.execute("COMMIT")
    except sqlite3.OperationalError:
        failed += 1
        if db.in_transaction:
            db.execute("ROLLBACK")
print(failed, "failed")
"""


def _six_processes(program, path):
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path), str(n)], stdout=subprocess.PIPE, text=True)
        for n in range(6)
    ]
    return [process.communicate(timeout=120)[0].strip() for process in processes]


def test_a14_six_processes_write_and_nobody_is_turned_away(tmp_path, bus):
    path = tmp_path / "registry.db"
    database = Database.create(path, bus)
    assert _six_processes(WRITER, path) == ["60 acknowledged"] * 6
    counts = [int(row["name"]) for row in database.read().query("SELECT name FROM workspace")]
    assert sorted(counts) == list(range(360))
    sequences = [row["sequence"] for row in database.read().query("SELECT sequence FROM audit ORDER BY sequence")]
    assert sequences == list(range(1, 361))
    assert database.integrity_problems() == []
    database.close()


def test_a14_control_deferred_writers_do_fail(tmp_path, bus):
    path = tmp_path / "registry.db"
    Database.create(path, bus).close()
    failures = [int(line.split()[0]) for line in _six_processes(DEFERRED_WRITER, path)]
    assert sum(failures) > 0
