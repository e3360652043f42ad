"""Accounts, their sealed keys, and how often a sign-in failed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Account, Role
from mlops_desktop.store.rows import Row, first, insert, moment, moment_or_none, readable, to_json, update

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

_COLUMNS = "name, full_name, roles, disabled, created_at, last_seen"


@dataclass(frozen=True, slots=True)
class Keys:
    """An account's key pair: the private half sealed under a key that is derived from the password and `salt`."""

    salt: bytes
    sealed: bytes
    public: bytes


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong passwords in a row, and when the last was given (epoch seconds)."""

    count: int
    last: float


def account_of(db: Sql, name: str) -> Account | None:
    row = first(db, f"SELECT {_COLUMNS} FROM accounts WHERE name = :name", {"name": name})  # noqa: S608 - constant
    return None if row is None else _account(row)


def accounts_of(db: Sql) -> list[Account]:
    """All accounts by name."""
    return [_account(row) for row in db.query(f"SELECT {_COLUMNS} FROM accounts ORDER BY name")]  # noqa: S608 - constant


def keys_of(db: Sql, name: str) -> Keys | None:
    row = first(db, "SELECT salt, sealed_key, public_key FROM accounts WHERE name = :name", {"name": name})
    return None if row is None else Keys(bytes(row["salt"]), bytes(row["sealed_key"]), bytes(row["public_key"]))


def insert_account(tx: Transaction, name: str, full_name: str, roles: frozenset[Role], keys: Keys) -> None:
    insert(
        tx.db,
        "accounts",
        {
            "name": name,
            "full_name": full_name,
            "roles": to_json(sorted(roles)),
            "salt": keys.salt,
            "sealed_key": keys.sealed,
            "public_key": keys.public,
            "created_at": tx.now,
        },
    )


def set_roles(tx: Transaction, name: str, roles: frozenset[Role]) -> None:
    update(tx.db, "accounts", {"name": name}, {"roles": to_json(sorted(roles))})


def set_disabled(tx: Transaction, name: str, disabled: bool) -> None:
    update(tx.db, "accounts", {"name": name}, {"disabled": int(disabled)})


def set_keys(tx: Transaction, name: str, keys: Keys) -> None:
    values = {"salt": keys.salt, "sealed_key": keys.sealed, "public_key": keys.public}
    update(tx.db, "accounts", {"name": name}, values)


def set_last_seen(tx: Transaction, name: str) -> None:
    update(tx.db, "accounts", {"name": name}, {"last_seen": tx.now})


def failures_of(db: Sql, who: str) -> Failures:
    row = first(db, "SELECT failures, failed_at FROM sign_in_failures WHERE who = :who", {"who": who})
    return Failures(0, 0.0) if row is None else Failures(row["failures"], row["failed_at"])


def add_failure(tx: Transaction, who: str, forget_before: float) -> None:
    """Count one more; those older than `forget_before` are dropped, so that made-up names can't fill the table."""
    tx.db.execute("DELETE FROM sign_in_failures WHERE failed_at < :before", {"before": forget_before})
    tx.db.execute(
        "INSERT INTO sign_in_failures (who, failures, failed_at) VALUES (:who, 1, :now)"
        " ON CONFLICT (who) DO UPDATE SET failures = failures + 1, failed_at = :now",
        {"who": who, "now": tx.now},
    )


def clear_failures(tx: Transaction, who: str) -> None:
    tx.db.execute("DELETE FROM sign_in_failures WHERE who = :who", {"who": who})


def _account(row: Row) -> Account:
    with readable(f"account {row['name']}"):
        return Account(
            row["name"],
            row["full_name"],
            frozenset(Role(role) for role in json.loads(row["roles"])),
            moment(row["created_at"]),
            bool(row["disabled"]),
            moment_or_none(row["last_seen"]),
        )
