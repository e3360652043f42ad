"""The versioned policies of the environments; an environment exists when it has one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from mlops_desktop.domain.policy import Policy
from mlops_desktop.store.rows import Row, first, insert, moment, readable, to_json

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql


def policy_of(db: Sql, environment: str) -> Policy | None:
    """The newest policy."""
    sql = "SELECT body FROM policies WHERE environment = :environment ORDER BY version DESC LIMIT 1"
    row = first(db, sql, {"environment": environment})
    return None if row is None else _policy(environment, row)


def changed_at(db: Sql, environment: str) -> datetime | None:
    """When the newest policy was made."""
    sql = "SELECT max(changed_at) AS at FROM policies WHERE environment = :environment"
    row = first(db, sql, {"environment": environment})
    return None if row is None or row["at"] is None else moment(row["at"])


def history_of(db: Sql, environment: str) -> list[Policy]:
    """All policies of the environment, oldest first."""
    sql = "SELECT body FROM policies WHERE environment = :environment ORDER BY version"
    return [_policy(environment, row) for row in db.query(sql, {"environment": environment})]


def environments(db: Sql) -> list[str]:
    """In the order in which they were added."""
    sql = "SELECT environment FROM policies WHERE version = 1 ORDER BY rowid"
    return [row["environment"] for row in db.query(sql)]


def insert_policy(tx: Transaction, policy: Policy, changed_by: str) -> None:
    row = {"environment": policy.environment, "version": policy.version, "body": to_json(policy.to_dict())}
    insert(tx.db, "policies", {**row, "changed_by": changed_by, "changed_at": tx.now})


def _policy(environment: str, row: Row) -> Policy:
    with readable(f"the policy of {environment}"):
        return Policy.from_dict(json.loads(row["body"]))
