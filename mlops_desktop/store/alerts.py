"""Alert rules, what they last said of each deployment, and the alerts they opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.alerts import (
    Alert,
    AlertRule,
    AlertState,
    Comparator,
    Condition,
    RuleState,
    Severity,
)
from mlops_desktop.store.rows import Row, first, insert, moment, moment_or_none, seconds_of, update

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql


def rules_of(db: Sql, model: str | None = None, environment: str | None = None) -> list[AlertRule]:
    """In the order in which they were made."""
    rows = db.query(
        "SELECT * FROM alert_rules WHERE (:model IS NULL OR model = :model)"
        " AND (:environment IS NULL OR environment = :environment) ORDER BY model, environment, id",
        {"model": model, "environment": environment},
    )
    return [_rule(row) for row in rows]


def rule_of(db: Sql, identifier: int) -> AlertRule | None:
    row = first(db, "SELECT * FROM alert_rules WHERE id = :id", {"id": identifier})
    return None if row is None else _rule(row)


def save_rule(tx: Transaction, rule: AlertRule) -> AlertRule:
    """Add the rule (id 0) or change it; returns it with its id."""
    row: dict[str, Any] = {
        "model": rule.model,
        "environment": rule.environment,
        "figure": rule.figure,
        "comparator": rule.comparator.value,
        "threshold": rule.threshold,
        "for_seconds": rule.for_seconds,
        "severity": rule.severity.value,
        "enabled": int(rule.enabled),
    }
    if rule.id:
        update(tx.db, "alert_rules", {"id": rule.id}, row)
        return rule
    return replace(rule, id=insert(tx.db, "alert_rules", row))


def insert_alert(tx: Transaction, alert: Alert) -> Alert:
    """Add a firing alert; returns it with its id. The schema permits one open alert for a rule and deployment."""
    row: dict[str, Any] = {
        "rule": alert.rule,
        "model": alert.model,
        "environment": alert.environment,
        "version": alert.version,
        "deployment": alert.deployment,
        "figure": alert.figure,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "sentence": alert.sentence,
        "value": alert.value,
        "opened_at": seconds_of(alert.opened_at),
        "snoozed_until": None if alert.snoozed_until is None else seconds_of(alert.snoozed_until),
        "snoozed_by": alert.snoozed_by,
    }
    return replace(alert, id=insert(tx.db, "alerts", row))


def update_alert(
    tx: Transaction,
    identifier: int,
    *,
    state: AlertState | None = None,
    acknowledged_by: str | None = None,
    comment: str | None = None,
    sentence: str | None = None,
    value: float | None = None,
    resolved_at: float | None = None,
) -> None:
    """Change what is given; None leaves a field as it is."""
    given: dict[str, Any] = {
        "state": None if state is None else state.value,
        "acknowledged_by": acknowledged_by,
        "comment": comment,
        "sentence": sentence,
        "value": value,
        "resolved_at": resolved_at,
    }
    changes = {name: new for name, new in given.items() if new is not None}
    if changes:
        update(tx.db, "alerts", {"id": identifier}, changes)


def snooze_alert(tx: Transaction, identifier: int, until: datetime | None, by: str) -> None:
    """Put the alert off until a moment; None wakes it."""
    row = {"snoozed_until": None if until is None else seconds_of(until), "snoozed_by": by}
    update(tx.db, "alerts", {"id": identifier}, row)


def alert_of(db: Sql, identifier: int) -> Alert | None:
    row = first(db, "SELECT * FROM alerts WHERE id = :id", {"id": identifier})
    return None if row is None else _alert(row)


def alerts_of(db: Sql, state: AlertState | None = None, limit: int = 1000) -> list[Alert]:
    """Newest first."""
    rows = db.query(
        "SELECT * FROM alerts WHERE :state IS NULL OR state = :state ORDER BY id DESC LIMIT :limit",
        {"state": None if state is None else state.value, "limit": limit},
    )
    return [_alert(row) for row in rows]


def open_alerts(db: Sql) -> list[Alert]:
    """Firing or acknowledged, newest first."""
    rows = db.query("SELECT * FROM alerts WHERE state IN ('firing', 'acknowledged') ORDER BY id DESC")
    return [_alert(row) for row in rows]


def last_alert(db: Sql, rule: int, deployment: str) -> Alert | None:
    """The newest alert that the rule opened for the deployment."""
    row = first(
        db,
        "SELECT * FROM alerts WHERE rule = :rule AND deployment = :deployment ORDER BY id DESC LIMIT 1",
        {"rule": rule, "deployment": deployment},
    )
    return None if row is None else _alert(row)


def conditions_of(db: Sql) -> list[Condition]:
    """In order of rule and deployment."""
    rows = db.query("SELECT * FROM conditions ORDER BY rule, deployment")
    return [
        Condition(
            row["rule"],
            row["deployment"],
            row["version"],
            RuleState(row["state"]),
            row["value"],
            row["since"],
            row["at"],
            row["note"],
        )
        for row in rows
    ]


def save_conditions(tx: Transaction, conditions: Iterable[Condition], gone: Iterable[tuple[int, str]] = ()) -> None:
    """Add or replace conditions, and forget those of the pairs of rule and deployment in `gone`."""
    tx.db.executemany("DELETE FROM conditions WHERE rule = ? AND deployment = ?", list(gone))
    tx.db.executemany(
        "INSERT OR REPLACE INTO conditions (rule, deployment, version, state, value, since, at, note)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(c.rule, c.deployment, c.version, c.state.value, c.value, c.since, c.at, c.note) for c in conditions],
    )


def evaluated_at(db: Sql) -> float | None:
    """When rules were last evaluated, by whichever process collects."""
    row = first(db, "SELECT at FROM collector WHERE id = 1", {})
    return None if row is None else float(row["at"])


def note_evaluated(tx: Transaction, at: float) -> None:
    tx.db.execute("INSERT OR REPLACE INTO collector (id, at) VALUES (1, :at)", {"at": at})


def _rule(row: Row) -> AlertRule:
    return AlertRule(
        row["id"],
        row["model"],
        row["environment"],
        row["figure"],
        Comparator(row["comparator"]),
        row["threshold"],
        row["for_seconds"],
        Severity(row["severity"]),
        bool(row["enabled"]),
    )


def _alert(row: Row) -> Alert:
    return Alert(
        row["id"],
        row["rule"],
        row["model"],
        row["environment"],
        row["version"],
        row["deployment"],
        row["figure"],
        Severity(row["severity"]),
        AlertState(row["state"]),
        row["sentence"],
        row["value"],
        moment(row["opened_at"]),
        row["acknowledged_by"],
        row["comment"],
        moment_or_none(row["resolved_at"]),
        moment_or_none(row["snoozed_until"]),
        row["snoozed_by"],
    )
