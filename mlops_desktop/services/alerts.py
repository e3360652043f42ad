"""Rules on figures of deployments that carry traffic, the alerts they open, and what people say to them.

A figure that is not known neither opens nor clears anything, and its rules are "unknown". That nobody collects is
noticed twice: by readers, because evaluations are old, and by `watch_collector`, which opens an alert of its own.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.alerts import (
    FIGURES,
    Alert,
    AlertRule,
    AlertState,
    Comparator,
    Condition,
    Held,
    Reading,
    RuleState,
    Severity,
    held_next,
)
from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotFound
from mlops_desktop.domain.events import (
    AlertAcknowledged,
    AlertOpened,
    AlertResolved,
    AlertSnoozed,
    AlertWoken,
    ConditionsChanged,
    RuleChanged,
)
from mlops_desktop.domain.names import check_name, check_text
from mlops_desktop.services.alert_words import rule_text, sentence_of
from mlops_desktop.store import alerts as store
from mlops_desktop.store import audit as audit_store
from mlops_desktop.store import deployments as deployment_store
from mlops_desktop.store.rows import moment

if TYPE_CHECKING:
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.store.database import Transaction

APP = "mlops-desktop"  # the actor of what no person did
MAX_FOR_SECONDS = 7 * 86_400.0
LONGEST_SNOOZE = timedelta(days=7)
NOTED_SECONDS = 5.0  # a value that changed, and that somebody collects, is written down so often
STALE_SECONDS = 30.0  # evaluations older than this say nothing of the present

# (figure, threshold, seconds, severity); all are "above"
DEFAULTS = (
    ("error_rate", 5.0, 10.0, Severity.WARNING),
    ("p95_ms", 500.0, 30.0, Severity.WARNING),
    ("memory_percent", 90.0, 30.0, Severity.WARNING),
    ("drifted_features", 0.0, 0.0, Severity.WARNING),
    ("prediction_drift", 0.0, 0.0, Severity.WARNING),
    ("performance_loss", 0.03, 0.0, Severity.CRITICAL),
    ("no_data", 30.0, 10.0, Severity.CRITICAL),
    ("no_requests", 900.0, 0.0, Severity.WARNING),
)


class AlertsService:
    """The list of alerts and rules for people; `evaluate` is what the collector calls after each round."""

    def __init__(self, parts: Parts, accounts: AccountsService) -> None:
        self._parts = parts
        self._accounts = accounts
        self._lock = threading.Lock()  # people change rules while the collector evaluates them
        self._held: dict[tuple[int, str], Held] = {}
        self._noted: dict[tuple[int, str], Condition] | None = None
        self._with_rules: set[tuple[str, str]] = set()
        self._watching: tuple[float, float] | None = None  # first and last look at the collector

    # What people ask

    def rules(self, model: str | None = None) -> list[AlertRule]:
        """In the order in which they were made."""
        return store.rules_of(self._parts.database.read(), model)

    def suggested(self, model: str, environment: str) -> list[AlertRule]:
        """The default rules whose figure no rule of the pair watches; their id is 0."""
        watched = {rule.figure for rule in store.rules_of(self._parts.database.read(), model, environment)}
        return [
            AlertRule(0, model, environment, figure, Comparator.ABOVE, threshold, seconds, severity)
            for figure, threshold, seconds, severity in DEFAULTS
            if figure not in watched
        ]

    def conditions(self) -> list[Condition]:
        """What each enabled rule says of each deployment it watches; all UNKNOWN while nobody collects."""
        database, now = self._parts.database.read(), self._now()
        found, at = store.conditions_of(database), store.evaluated_at(database)
        if at is None or now - at <= STALE_SECONDS:
            return found
        words = "nobody collects figures"
        return [replace(c, state=RuleState.UNKNOWN, value=None, since=at, note=words) for c in found]

    def collected_at(self) -> datetime | None:
        """When rules were last evaluated, by whichever process collects; None if never."""
        at = store.evaluated_at(self._parts.database.read())
        return None if at is None else moment(at)

    def alerts(self, state: AlertState | None = None) -> list[Alert]:
        """Newest first."""
        return store.alerts_of(self._parts.database.read(), state)

    def alert(self, identifier: int) -> Alert:
        found = store.alert_of(self._parts.database.read(), identifier)
        if found is None:
            raise NotFound(f"There is no alert {identifier}.", "The command `alerts` lists them.")
        return found

    def open_count(self) -> int:
        """Alerts that want somebody: nobody acknowledged them or put them off."""
        now = self._parts.clock()
        return sum(a.calls(now) for a in store.open_alerts(self._parts.database.read()))

    def timeline(self, identifier: int) -> list[AuditEvent]:
        """What happened to an alert, oldest first."""
        alert, database = self.alert(identifier), self._parts.database.read()
        found = []
        for kind in (AlertOpened, AlertAcknowledged, AlertSnoozed, AlertWoken, AlertResolved):
            wanted = audit_store.AuditFilter(subject=alert.model, event=kind.__name__)
            events = audit_store.events_of(database, wanted, 500)
            found += [event for event in events if event.details.get("alert") == identifier]
        return sorted(found, key=lambda event: event.sequence)

    # What people do

    def set_rule(self, session: Session, rule: AlertRule) -> AlertRule:
        """Add a rule (id 0) or change one; InvalidInput says what is wrong with it."""
        account = self._accounts.authorise(session, Action.MANAGE_ALERTS)
        check_name(rule.model)
        check_name(rule.environment, "environment")
        if rule.figure not in FIGURES:
            raise InvalidInput(f"There is no figure “{rule.figure[:80]}”.", f"Figures are {', '.join(FIGURES)}.")
        if not math.isfinite(rule.threshold):
            raise InvalidInput("The threshold must be a finite number.")
        if not 0 <= rule.for_seconds <= MAX_FOR_SECONDS:
            raise InvalidInput("The time must be between 0 seconds and 7 days.")
        with self._parts.database.write() as tx:
            before = store.rule_of(tx.db, rule.id) if rule.id else None
            if rule.id and before is None:
                raise NotFound(f"There is no rule {rule.id}.", "It may have been removed; look at the list again.")
            if before is not None and (before.model, before.environment) != (rule.model, rule.environment):
                raise Conflict(f"Rule {rule.id} belongs to {before.model} in {before.environment}.", "Add a new rule.")
            saved = store.save_rule(tx, rule)
            tx.record(RuleChanged(rule.model, rule.environment, rule_text(saved)), account.name)
        with self._lock:
            self._held = {key: held for key, held in self._held.items() if key[0] != saved.id}
        return saved

    def acknowledge(self, session: Session, identifier: int, comment: str = "") -> Alert:
        """Say that somebody looks after it. Acknowledging twice adds nothing; a resolved one is over."""
        account = self._accounts.authorise(session, Action.MANAGE_ALERTS)
        comment = check_text(comment, "comment", 2000).strip()
        with self._parts.database.write() as tx:
            alert = self._open_one(tx, identifier)
            if alert.state is AlertState.ACKNOWLEDGED:
                raise Conflict(f"Alert {identifier} was acknowledged by {alert.acknowledged_by}.", "Talk to them.")
            store.update_alert(
                tx, identifier, state=AlertState.ACKNOWLEDGED, acknowledged_by=account.name, comment=comment
            )
            tx.record(AlertAcknowledged(alert.model, alert.environment, identifier, comment), account.name)
        return self.alert(identifier)

    def snooze(self, session: Session, identifier: int, until: datetime, comment: str = "") -> Alert:
        """Remind nobody of the alert, nor of one that the same rule opens for it meanwhile, until a moment."""
        account = self._accounts.authorise(session, Action.MANAGE_ALERTS)
        comment = check_text(comment, "comment", 2000).strip()
        now = self._parts.clock()
        if until.tzinfo is None or not now < until <= now + LONGEST_SNOOZE:
            raise InvalidInput("An alert can be put off for at most 7 days.", "Choose a moment in the next 7 days.")
        with self._parts.database.write() as tx:
            alert = self._open_one(tx, identifier)
            store.snooze_alert(tx, identifier, until, account.name)
            told = AlertSnoozed(
                alert.model, alert.environment, identifier, until.isoformat(timespec="minutes"), comment
            )
            tx.record(told, account.name)
        return self.alert(identifier)

    def wake(self, session: Session, identifier: int) -> Alert:
        """End a snooze before its time."""
        account = self._accounts.authorise(session, Action.MANAGE_ALERTS)
        with self._parts.database.write() as tx:
            alert = self._open_one(tx, identifier)
            if not alert.snoozed(self._parts.clock()):
                raise Conflict(f"Alert {identifier} is not put off.", "Nothing is left to do.")
            store.snooze_alert(tx, identifier, None, "")
            tx.record(AlertWoken(alert.model, alert.environment, identifier), account.name)
        return self.alert(identifier)

    # What the app does by itself

    def ensure_default_rules(self, model: str, environment: str) -> None:
        """Make the default rules if the pair never had any; called when it gets its first deployment."""
        if (model, environment) in self._with_rules:
            return
        if not store.rules_of(self._parts.database.read(), model, environment):
            with self._parts.database.write() as tx:
                if not store.rules_of(tx.db, model, environment):
                    for rule in self.suggested(model, environment):
                        store.save_rule(tx, rule)
                    tx.record(RuleChanged(model, environment, f"made {len(DEFAULTS)} default rules"), APP)
        self._with_rules.add((model, environment))

    def evaluate(
        self,
        watched: Sequence[Deployment],
        readings: Mapping[str, Mapping[str, Reading]],
        now: float,
    ) -> None:
        """Hold every enabled rule against the figures of the deployments that are watched.

        Alerts of deployments that are not watched any more are resolved: what they warned of is over.
        """
        database = self._parts.database
        opened = {(a.rule, a.deployment): a for a in store.open_alerts(database.read())}
        deployments = {d.id: d for d in watched}
        to_open: list[tuple[AlertRule, Deployment, Reading]] = []
        to_resolve = {a.id: a for a in opened.values() if a.deployment not in deployments}
        conditions: dict[tuple[int, str], Condition] = {}
        held: dict[tuple[int, str], Held] = {}
        with self._lock:
            before = dict(self._held)
        for rule in self.rules():
            for deployment in watched:
                if (deployment.model, deployment.environment) != (rule.model, rule.environment):
                    continue
                key = (rule.id, deployment.id)
                alert = opened.get(key)
                if not rule.enabled:
                    to_resolve |= {alert.id: alert} if alert else {}
                    continue
                reading = readings.get(deployment.id, {}).get(rule.figure, Reading(None))
                one = held[key] = held_next(rule, before.get(key), reading, now, firing=alert is not None)
                value = reading.value if reading.known else None
                conditions[key] = Condition(
                    rule.id, deployment.id, deployment.version, one.state, value, one.since, now, reading.words
                )
                if one.state is RuleState.FIRING and alert is None:
                    to_open.append((rule, deployment, reading))
                elif one.state is RuleState.OK and alert is not None:
                    to_resolve[alert.id] = alert
        with self._lock:  # a rule that a person changed meanwhile begins anew
            self._held = {key: one for key, one in held.items() if key not in before or key in self._held}
        woken = [a for a in opened.values() if a.snoozed_until is not None and a.snoozed_until.timestamp() <= now]
        self._write(to_open, [*to_resolve.values()], woken, conditions, now)

    def watch_collector(self) -> None:
        """Open the alert of each `no_data` rule when no process has evaluated anything for the rule's time.

        To be called every few seconds by a thread that is not the collector's. Time in which nobody watched, such as
        before the start or while the computer slept, does not count.
        """
        now = self._now()
        first, last = self._watching or (now, now)
        first = now if not 0 <= now - last <= STALE_SECONDS else first
        self._watching = (first, now)
        at = store.evaluated_at(self._parts.database.read())
        if at is None or now - max(at, first) <= STALE_SECONDS:
            return
        with self._parts.database.write() as tx:
            live = deployment_store.deployments_of(tx.db, live_only=True)
            opened = {(a.rule, a.deployment) for a in store.open_alerts(tx.db)}
            for rule in store.rules_of(tx.db):
                for deployment in live:
                    pair = (deployment.model, deployment.environment)
                    if rule.figure != "no_data" or not rule.enabled or pair != (rule.model, rule.environment):
                        continue
                    if deployment.weight > 0 and rule.breached(now - at) and (rule.id, deployment.id) not in opened:
                        self._open(tx, rule, deployment, Reading(now - at, "the collector has stopped"))

    def _write(
        self,
        to_open: Sequence[tuple[AlertRule, Deployment, Reading]],
        to_resolve: Sequence[Alert],
        woken: Sequence[Alert],
        conditions: Mapping[tuple[int, str], Condition],
        now: float,
    ) -> None:
        database = self._parts.database
        if self._noted is None:
            self._noted = {(c.rule, c.deployment): c for c in store.conditions_of(database.read())}
        noted = self._noted
        changed = [c for key, c in conditions.items() if key not in noted or noted[key].state is not c.state]
        gone = [key for key in noted if key not in conditions]
        at = store.evaluated_at(database.read())
        due = bool(conditions) and (at is None or not 0 <= now - at < NOTED_SECONDS)
        if not (to_open or to_resolve or woken or changed or gone or due):
            return
        fresh = list(conditions.values()) if due else changed
        with database.write() as tx:
            for rule, deployment, reading in to_open:
                self._open(tx, rule, deployment, reading)
            for alert in to_resolve:
                self._resolve(tx, alert)
            for alert in woken:
                store.snooze_alert(tx, alert.id, None, "")
                if alert not in to_resolve:
                    tx.record(AlertWoken(alert.model, alert.environment, alert.id), APP)
            store.save_conditions(tx, fresh, gone)
            store.note_evaluated(tx, now)
            if changed or gone:
                tx.record(ConditionsChanged(len(changed) + len(gone)), APP)
        saved = {(c.rule, c.deployment): c for c in fresh}
        self._noted = {key: saved.get(key) or noted[key] for key in conditions}

    def _open(self, tx: Transaction, rule: AlertRule, deployment: Deployment, reading: Reading) -> None:
        # Another process may have opened it between our reading and this transaction.
        if any((a.rule, a.deployment) == (rule.id, deployment.id) for a in store.open_alerts(tx.db)):
            return
        value = reading.value if reading.value is not None else math.nan
        last = store.last_alert(tx.db, rule.id, deployment.id)
        until = last.snoozed_until if last is not None else None
        put_off = last is not None and until is not None and until.timestamp() > tx.now
        alert = Alert(
            id=0,
            rule=rule.id,
            model=deployment.model,
            environment=deployment.environment,
            version=deployment.version,
            deployment=deployment.id,
            figure=rule.figure,
            severity=rule.severity,
            state=AlertState.FIRING,
            sentence=sentence_of(rule, deployment, value, reading.words),
            value=value,
            opened_at=moment(tx.now),
            snoozed_until=until if put_off else None,
            snoozed_by=last.snoozed_by if last is not None and put_off else "",
        )
        alert = store.insert_alert(tx, alert)
        tx.record(AlertOpened(alert.model, alert.environment, alert.id, alert.severity.value, alert.sentence), APP)

    def _resolve(self, tx: Transaction, alert: Alert) -> None:
        present = store.alert_of(tx.db, alert.id)
        if present is None or present.state is AlertState.RESOLVED:
            return
        store.update_alert(tx, alert.id, state=AlertState.RESOLVED, resolved_at=tx.now)
        tx.record(AlertResolved(alert.model, alert.environment, alert.id), APP)

    def _open_one(self, tx: Transaction, identifier: int) -> Alert:
        alert = store.alert_of(tx.db, identifier)
        if alert is None:
            raise NotFound(f"There is no alert {identifier}.", "The command `alerts` lists them.")
        if alert.state is AlertState.RESOLVED:
            raise Conflict(f"Alert {identifier} is resolved already.", "Nothing is left to do.")
        return alert

    def _now(self) -> float:
        return self._parts.clock().timestamp()
