"""Rules on figures of deployments that carry traffic, the alerts they open, and what people say to them.

A figure that is not known neither opens nor clears anything: both clocks start again when it is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.alerts import FIGURES, Alert, AlertRule, AlertState, Comparator, Severity
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotFound
from mlops_desktop.domain.events import AlertAcknowledged, AlertOpened, AlertResolved, RuleChanged
from mlops_desktop.domain.names import check_name, check_text
from mlops_desktop.store import alerts as store
from mlops_desktop.store.rows import moment

if TYPE_CHECKING:
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.store.database import Transaction

APP = "mlops-desktop"  # the actor of what no person did
MAX_FOR_SECONDS = 7 * 86_400.0

# (figure, threshold, seconds, severity); all are "above"
DEFAULTS = (
    ("error_rate", 5.0, 10.0, Severity.WARNING),
    ("p95_ms", 500.0, 30.0, Severity.WARNING),
    ("memory_percent", 90.0, 30.0, Severity.WARNING),
    ("drifted_features", 0.0, 0.0, Severity.WARNING),
    ("prediction_drift", 0.0, 0.0, Severity.WARNING),
    ("performance_loss", 0.03, 0.0, Severity.CRITICAL),
)


class AlertsService:
    """The list of alerts and rules for people; `evaluate` is what the collector calls after each round."""

    def __init__(self, parts: Parts, accounts: AccountsService) -> None:
        self._parts = parts
        self._accounts = accounts
        # (rule, deployment) -> whether it was breached, and since when without a break
        self._since: dict[tuple[int, str], tuple[bool, float]] = {}
        self._with_rules: set[tuple[str, str]] = set()

    # What people ask and do

    def rules(self, model: str | None = None) -> list[AlertRule]:
        """In the order in which they were made."""
        return store.rules_of(self._parts.database.read(), model)

    def alerts(self, state: AlertState | None = None) -> list[Alert]:
        """Newest first."""
        return store.alerts_of(self._parts.database.read(), state)

    def open_count(self) -> int:
        """Alerts that nobody acknowledged yet."""
        return sum(a.state is AlertState.FIRING for a in store.open_alerts(self._parts.database.read()))

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
            tx.record(RuleChanged(rule.model, rule.environment, _rule_text(saved)), account.name)
        self._since = {key: value for key, value in self._since.items() if key[0] != saved.id}
        return saved

    def acknowledge(self, session: Session, identifier: int, comment: str = "") -> Alert:
        """Say that somebody looks after it. Acknowledging twice adds nothing; a resolved one is over."""
        account = self._accounts.authorise(session, Action.MANAGE_ALERTS)
        comment = check_text(comment, "comment", 2000).strip()
        with self._parts.database.write() as tx:
            alert = store.alert_of(tx.db, identifier)
            if alert is None:
                raise NotFound(f"There is no alert {identifier}.", "The command `alerts` lists them.")
            if alert.state is AlertState.RESOLVED:
                raise Conflict(f"Alert {identifier} is resolved already.", "Nothing is left to do.")
            if alert.state is AlertState.ACKNOWLEDGED:
                raise Conflict(f"Alert {identifier} was acknowledged by {alert.acknowledged_by}.", "Talk to them.")
            store.update_alert(
                tx, identifier, state=AlertState.ACKNOWLEDGED, acknowledged_by=account.name, comment=comment
            )
            tx.record(AlertAcknowledged(alert.model, alert.environment, identifier, comment), account.name)
            changed = store.alert_of(tx.db, identifier)
        assert changed is not None  # noqa: S101 - it was there in this transaction
        return changed

    # What the app does by itself

    def ensure_default_rules(self, model: str, environment: str) -> None:
        """Make the default rules if the pair never had any; called when it gets its first deployment."""
        if (model, environment) in self._with_rules:
            return
        if not store.rules_of(self._parts.database.read(), model, environment):
            with self._parts.database.write() as tx:
                if not store.rules_of(tx.db, model, environment):
                    for figure, threshold, seconds, severity in DEFAULTS:
                        store.save_rule(
                            tx,
                            AlertRule(0, model, environment, figure, Comparator.ABOVE, threshold, seconds, severity),
                        )
                    tx.record(RuleChanged(model, environment, f"made {len(DEFAULTS)} default rules"), APP)
        self._with_rules.add((model, environment))

    def evaluate(
        self,
        deployments: Sequence[Deployment],
        figures: Mapping[str, Mapping[str, float | None]],
        now: float,
        details: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Hold every enabled rule against the figures of the deployments that carry traffic.

        `figures[deployment][figure]` is None where it is not known; `details` adds words to a figure's sentence.
        Alerts of deployments that carry no traffic any more are resolved: what they warned of is over.
        """
        carrying = {d.id: d for d in deployments if d.state.live and d.weight > 0}
        opened = {(a.rule, a.deployment): a for a in store.open_alerts(self._parts.database.read())}
        to_open: list[tuple[AlertRule, Deployment, float, str]] = []
        to_resolve = [a for a in opened.values() if a.deployment not in carrying]
        rules = self.rules()
        watched: set[tuple[int, str]] = set()
        for rule in rules:
            for deployment in carrying.values():
                if (deployment.model, deployment.environment) != (rule.model, rule.environment):
                    continue
                key = (rule.id, deployment.id)
                alert = opened.get(key)
                if not rule.enabled:
                    to_resolve += [alert] if alert else []
                    continue
                watched.add(key)
                value = figures.get(deployment.id, {}).get(rule.figure)
                held = self._held(key, rule, value, now)
                if value is None or held is None or held[1] < rule.for_seconds:
                    continue
                if held[0] and alert is None:
                    words = (details or {}).get(deployment.id, {}).get(rule.figure, "")
                    to_open.append((rule, deployment, value, words))
                elif not held[0] and alert is not None:
                    to_resolve.append(alert)
        self._since = {key: value for key, value in self._since.items() if key in watched}
        if to_open or to_resolve:
            with self._parts.database.write() as tx:
                for rule, deployment, value, words in to_open:
                    self._open(tx, rule, deployment, value, words)
                for alert in to_resolve:
                    self._resolve(tx, alert)

    def _held(
        self, key: tuple[int, str], rule: AlertRule, value: float | None, now: float
    ) -> tuple[bool, float] | None:
        """Whether the rule is breached and for how many seconds that has been so without a break."""
        if value is None or math.isnan(value):
            self._since.pop(key, None)
            return None
        breached = rule.breached(value)
        known, since = self._since.get(key, (breached, now))
        if known != breached or since > now:  # the second: the computer's clock was set back
            since = now
        self._since[key] = (breached, since)
        return breached, now - since

    def _open(self, tx: Transaction, rule: AlertRule, deployment: Deployment, value: float, words: str) -> None:
        # Another process may have opened it between our reading and this transaction.
        if any((a.rule, a.deployment) == (rule.id, deployment.id) for a in store.open_alerts(tx.db)):
            return
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
            sentence=sentence_of(rule, deployment, value, words),
            value=value,
            opened_at=moment(tx.now),
        )
        alert = store.insert_alert(tx, alert)
        tx.record(AlertOpened(alert.model, alert.environment, alert.id, alert.severity.value, alert.sentence), APP)

    def _resolve(self, tx: Transaction, alert: Alert) -> None:
        present = store.alert_of(tx.db, alert.id)
        if present is None or present.state is AlertState.RESOLVED:
            return
        store.update_alert(tx, alert.id, state=AlertState.RESOLVED, resolved_at=tx.now)
        tx.record(AlertResolved(alert.model, alert.environment, alert.id), APP)


def sentence_of(rule: AlertRule, deployment: Deployment, value: float, words: str = "") -> str:
    """What happened, in one sentence with the figure and its limit."""
    where = f"{deployment.label} in {deployment.environment}"
    limit = f"limit {_number(rule.threshold, rule.figure)}"
    beyond = "above" if rule.comparator is Comparator.ABOVE else "below"
    if rule.figure == "drifted_features" and rule.comparator is Comparator.ABOVE:
        number = int(value)
        return f"{number} feature{'s' if number != 1 else ''} of {where} drifted{': ' + words if words else ''}."
    if rule.figure == "prediction_drift" and rule.comparator is Comparator.ABOVE:
        return f"The predictions of {where} drifted{': ' + words if words else ''}."
    if rule.figure == "performance_loss":
        return f"{where} performs {_number(value, rule.figure)} worse than its reference ({limit})."
    held = f" for {rule.for_seconds:g} s" if rule.for_seconds else ""
    name = {"p95_ms": "95 % latency", "error_rate": "error rate", "request_rate": "request rate"}.get(
        rule.figure, rule.figure.replace("_percent", "").replace("_", " ").replace("cpu", "CPU")
    )
    return f"The {name} of {where} is {_number(value, rule.figure)}, {beyond} the {limit}{held}."


def _number(value: float, figure: str) -> str:
    unit = FIGURES[figure][1]
    return (
        f"{value:.3g}{' ' + unit if unit else ''}" if abs(value) < 1000 else f"{value:,.0f}{' ' + unit if unit else ''}"
    )


def _rule_text(rule: AlertRule) -> str:
    state = "" if rule.enabled else ", switched off"
    return (
        f"rule {rule.id} fires when {rule.figure} is {rule.comparator.value} {rule.threshold:g}"
        f" for {rule.for_seconds:g} s ({rule.severity.value}){state}"
    )
