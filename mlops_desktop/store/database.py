"""The workspace's SQLite database: a reading connection a thread, one writer, events in the same transaction.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when two connections write or checkpoint at the same moment
(sqlite.org/wal.html, "the WAL-reset bug"). Below 3.51.3 a lock file is therefore held across every write and
checkpoint of any process, and automatic checkpoints are off: they are made under the same lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.events import Event
from mlops_desktop.runtime.event_bus import EventBus
from mlops_desktop.store import audit
from mlops_desktop.store.file_systems import refuse_network_file_system
from mlops_desktop.store.locks import lock_file
from mlops_desktop.store.migrations import APPLICATION_ID, CURRENT, MIGRATIONS
from mlops_desktop.store.sql import Sql

Clock = Callable[[], datetime]
BUSY_MILLISECONDS = 15_000
SAFE_SQLITE = (3, 51, 3)
CHECKPOINT_BYTES = 4 * 2**20
WAL_INDEX_BYTES = 32 * 2**10


def utc_now() -> datetime:
    return datetime.now(UTC)


class Transaction:
    """An open write: `db` to change rows, `record` to tell of it. Nothing is visible or told before the commit."""

    def __init__(self, db: Sql, now: float) -> None:
        self.db = db
        self.now = now
        self.recorded: list[tuple[Event, str, int | None]] = []

    def record(self, event: Event, actor: str) -> None:
        """Add the event to the audit chain (unless it is transient) and publish it after the commit."""
        sequence = audit.append(self.db, event, actor, self.now) if event.audited else None
        self.recorded.append((event, actor, sequence))


class Database:
    """One registry.db. Use `create` or `open`; `close` ends all connections."""

    def __init__(self, path: Path, bus: EventBus, clock: Clock = utc_now) -> None:
        self.path = path
        self._bus = bus
        self._clock = clock
        self._local = threading.local()
        self._write_lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._transaction: Transaction | None = None
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()
        self._closed = False
        self._needs_lock_file = sqlite3.sqlite_version_info < SAFE_SQLITE

    @classmethod
    def create(cls, path: Path, bus: EventBus, clock: Clock = utc_now) -> Database:
        """Make a new database file; StorageError if there is one already or the folder can't be used."""
        refuse_network_file_system(path.parent)
        if path.exists():
            raise StorageError(f"There is a workspace in {path.parent} already.", "Open it, or choose an empty folder.")
        database = cls(path, bus, clock)
        with _storage_errors(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            connection = database._writer_connection()
            # Before WAL, so that it is in the file itself, where it is looked for without opening the database.
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute("PRAGMA journal_mode=WAL")
        database._migrate(0)
        return database

    @classmethod
    def open(cls, path: Path, bus: EventBus, clock: Clock = utc_now) -> Database:
        """Open an existing database, bringing an older schema up to date; StorageError says what is wrong with it."""
        refuse_network_file_system(path.parent)
        version = _check_file(path)
        if version > CURRENT:
            raise StorageError(
                f"This workspace was made by a newer MLOps Desktop (schema {version}, this one knows {CURRENT}).",
                "Update MLOps Desktop. Nothing was changed.",
            )
        database = cls(path, bus, clock)
        if version < CURRENT:
            database._migrate(version)
        return database

    def read(self) -> Sql:
        """This thread's reading connection; rows read through `query` are dictionaries."""
        database: Sql | None = getattr(self._local, "database", None)
        if database is None:
            with _storage_errors(self.path):
                connection = self._connect(f"file:{_quoted(self.path)}?mode=ro")
            database = Sql(connection, lambda: _storage_errors(self.path))
            self._local.database = database
        return database

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction of the one writer. Nested calls join the outer one; its events are told after the commit."""
        with self._write_lock:
            if self._transaction is not None:
                with self._savepoint():
                    yield self._transaction
                return
            with _storage_errors(self.path), self._process_lock():
                connection = self._writer_connection()
                # IMMEDIATE: a deferred read-then-write fails at once with SQLITE_BUSY_SNAPSHOT,
                # whatever busy_timeout says.
                connection.execute("BEGIN IMMEDIATE")
                transaction = Transaction(Sql(connection), self._clock().timestamp())
                self._transaction = transaction
                try:
                    yield transaction
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    self._transaction = None
                self._checkpoint_when_long(connection)
            # Inside the writer's lock, so that subscribers hear events in the order of the chain.
            for event, actor, sequence in transaction.recorded:
                self._bus.publish(event, actor, sequence)

    def data_version(self) -> int:
        """Changes whenever another connection commits (PRAGMA data_version of this thread's reader)."""
        with _storage_errors(self.path):
            return int(self.read().execute("PRAGMA data_version").fetchone()[0])

    def integrity_problems(self) -> list[str]:
        """What `PRAGMA integrity_check` and `foreign_key_check` find; empty when all is well."""
        with _storage_errors(self.path):
            found = [str(row[0]) for row in self.read().execute("PRAGMA integrity_check(20)").fetchall()]
            broken = self.read().execute("PRAGMA foreign_key_check").fetchall()
        return [line for line in found if line != "ok"] + [
            f"{row[0]}: row {row[1]} refers to nothing" for row in broken
        ]

    def close(self) -> None:
        """End all connections; the log is written back first, so that the next start has nothing to recover."""
        with self._write_lock, self._connections_lock:
            readers = [c for c in self._connections if c is not self._writer]
            for connection in readers:
                connection.close()
            if self._writer is not None:
                # Under the lock: closing the last connection makes a checkpoint of its own. A log that another
                # process still reads, or a disk that is full, leaves it for the next one: nothing is lost.
                with contextlib.suppress(StorageError, sqlite3.OperationalError, OSError), self._process_lock():
                    self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._writer.close()
            self._connections.clear()
            self._closed = True
            self._writer = None
            self._local = threading.local()

    def _connect(self, uri: str) -> sqlite3.Connection:
        with self._connections_lock:
            # Whoever was slower than the end must not begin anew: nobody would close that connection.
            if self._closed:
                raise StorageError("The workspace was closed meanwhile.", "Open it again.")
            # autocommit mode: transactions are opened and closed by us alone.
            connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000
            )
            self._connections.append(connection)
            for pragma in ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
        return connection

    def _writer_connection(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect(f"file:{_quoted(self.path)}?mode=rw")
            if self._needs_lock_file:
                self._writer.execute("PRAGMA wal_autocheckpoint=0")
                # A log that was checkpointed whole is cut back to this, so that its size tells what is still to do.
                self._writer.execute(f"PRAGMA journal_size_limit={CHECKPOINT_BYTES}")
        return self._writer

    @contextlib.contextmanager
    def _savepoint(self) -> Iterator[None]:
        connection = self._writer_connection()
        told = len(self._transaction.recorded) if self._transaction else 0
        connection.execute("SAVEPOINT nested")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK TO nested")
            if self._transaction:
                del self._transaction.recorded[told:]
            raise
        finally:
            connection.execute("RELEASE nested")

    @contextlib.contextmanager
    def _process_lock(self) -> Iterator[None]:
        if not self._needs_lock_file:
            yield
            return
        with lock_file(self.path.with_suffix(".lock"), BUSY_MILLISECONDS / 1000):
            yield

    def _checkpoint_when_long(self, connection: sqlite3.Connection) -> None:
        wal = self.path.with_name(self.path.name + "-wal")
        if self._needs_lock_file and wal.exists() and wal.stat().st_size > CHECKPOINT_BYTES:
            # PASSIVE never waits for readers; the size stays bounded because the next write tries again.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _migrate(self, version: int) -> None:
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            with _storage_errors(self.path), self._write_lock, self._process_lock():
                connection = self._writer_connection()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    # Another process may have done this step while we waited.
                    if int(connection.execute("PRAGMA user_version").fetchone()[0]) < number:
                        for statement in _statements(migration.script):
                            connection.execute(statement)
                        connection.execute(f"PRAGMA user_version={number}")
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise


def _statements(script: str) -> Iterator[str]:
    """Whole statements of a script; `executescript` would commit the open transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _quoted(path: Path) -> str:
    return path.resolve().as_uri().removeprefix("file://")


def _check_file(path: Path) -> int:
    """The schema's version of the file; refuses what is no database of ours without changing a byte."""
    hint = "Choose the folder of a workspace, or restore it from a backup."
    if not path.exists():
        raise StorageError(f"{path.parent} is not a workspace: it has no {path.name}.", hint)
    with _storage_errors(path):
        file: IO[bytes]
        with path.open("rb") as file:
            head = file.read(100)
    if not head.startswith(b"SQLite format 3\0") or len(head) < 100:
        raise StorageError(f"{path.name} in {path.parent} is not a database, or it is damaged.", hint)
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise StorageError(f"{path.name} in {path.parent} belongs to another program.", hint)
    with _storage_errors(path), contextlib.closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextlib.contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    """Translate SQLite's and the system's errors; no other module sees them."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a bug or a race that the caller's module knows how to name
    except sqlite3.DatabaseError as error:
        raise _translated(error, path) from error
    except OSError as error:
        raise StorageError(
            f"The workspace's files can't be used: {error.strerror or error}.", _os_hint(error)
        ) from error


def _translated(error: sqlite3.DatabaseError, path: Path) -> StorageError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return StorageError("The disk is full; nothing was changed.", "Free some space and try again.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StorageError(f"The database {path.name} is damaged.", "Restore it from a backup.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageError("Another program holds the workspace's database.", "Close it, then try again.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StorageError(f"{path.name} can't be written.", "Check the rights of the workspace's folder.")
    if code == sqlite3.SQLITE_IOERR:
        return StorageError("Reading or writing the workspace's database failed.", "Check the disk and try again.")
    raise error


def _is_full(path: Path) -> bool:
    """Whether there is no room for the index of SQLite's log: without it a database can't even be read."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free < WAL_INDEX_BYTES
    return False


def _os_hint(error: OSError) -> str:
    return "Free some space and try again." if error.errno == 28 else "Check the folder and its rights."
