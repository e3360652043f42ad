"""The one row that says which workspace this is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.store.rows import first, insert, moment

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """`id` is random and part of everything that is signed."""

    id: str
    name: str
    created_at: datetime


def insert_workspace(tx: Transaction, workspace_id: str, name: str) -> None:
    insert(tx.db, "workspace", {"id": workspace_id, "name": name, "created_at": tx.now})


def workspace_of(db: Sql) -> WorkspaceRecord:
    """StorageError if the workspace was never finished."""
    row = first(db, "SELECT id, name, created_at FROM workspace ORDER BY created_at LIMIT 1", {})
    if row is None:
        raise StorageError(
            "This workspace was not completely created.", "Remove its folder and create it again, or open another."
        )
    return WorkspaceRecord(row["id"], row["name"], moment(row["created_at"]))


def engine_version(db: Sql) -> str:
    """Which SQLite reads and writes here."""
    row = first(db, "SELECT sqlite_version() AS version", {})
    return str(row["version"]) if row else ""


def schema_version(db: Sql) -> int:
    """The number of the last migration that this workspace has seen."""
    row = first(db, "SELECT user_version AS version FROM pragma_user_version", {})
    return int(row["version"]) if row else 0
