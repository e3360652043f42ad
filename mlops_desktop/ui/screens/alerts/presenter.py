"""Reads alerts, rules and what they say; hands over what people decide."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from PySide6.QtCore import QTimer

from mlops_desktop.domain.accounts import Action
from mlops_desktop.domain.alerts import (
    TITLES,
    Alert,
    AlertRule,
    Trial,
)
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.events import AccountEvent, AlertEvent, ConditionsChanged, DeploymentEvent, RuleChanged
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.alerts.dialogs import AcknowledgeDialog, RuleDialog
from mlops_desktop.ui.screens.alerts.reading import DAY, detail_of, lists_of
from mlops_desktop.ui.screens.alerts.rows import Detail, Lists, PendingRow
from mlops_desktop.ui.screens.alerts.view import AlertsView

LOOK_MS = 5_000  # times and values move on while nobody does anything
CHART_TABS = {
    "performance_loss": "performance",
    "drifted_features": "drift",
    "prediction_drift": "drift",
}


class AlertsPresenter(Presenter):
    """The alert that is read stays open on the right, also when it resolves meanwhile."""

    def __init__(self, view: AlertsView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._wanted: int | None = None
        self._shown: Alert | PendingRow | None = None
        self._lists: Lists | None = None
        view.tab_chosen.connect(self._on_tab)
        view.record_chosen.connect(self._choose)
        view.edit_wanted.connect(self._edit)
        view.page.acknowledge_wanted.connect(self._acknowledge)
        view.page.snooze_wanted.connect(self._snooze)
        view.page.wake_wanted.connect(self._wake)
        view.page.chart_wanted.connect(self._open_chart)
        view.page.roll_back_wanted.connect(self._open_roll_back)
        view.rules.switch_wanted.connect(self._switch)
        view.rules.suggested_wanted.connect(self._add_suggested)
        view.rules.deploy_wanted.connect(lambda: context.navigator.open("deployments"))
        self.listen(self.refresh, AlertEvent, RuleChanged, ConditionsChanged, DeploymentEvent, AccountEvent)
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(self._on_look)
        self._look.start()

    def open(self, params: dict[str, Any]) -> None:
        if (wanted := params.get("alert")) is not None:
            self._wanted = int(wanted)
        self.refresh()

    def _on_look(self) -> None:
        if self.view.isVisible():
            self.refresh()

    def refresh(self) -> None:
        self.read(lambda: lists_of(self.context.workspace), self._on_lists, name="lists")
        self._read_detail()

    # The lists

    def _on_lists(self, lists: Lists) -> None:
        self._lists = lists
        now = datetime.now(UTC)
        self.view.show_lists(lists, sum(a.calls(now) for a in lists.open), self.context.account)
        if self._wanted is not None:
            self._open_wanted(lists)
        elif self._shown is None:
            self._choose_first()

    def _open_wanted(self, lists: Lists) -> None:
        wanted, self._wanted = self._wanted, None
        tab = "firing" if any(a.id == wanted for a in lists.open) else "resolved"
        found = next((a for a in (*lists.open, *lists.resolved) if a.id == wanted), None)
        if found is None:
            self.view.page.show_nothing(f"There is no alert {wanted}.", "It may belong to another workspace.")
            return
        self.view.open_tab(tab)
        self.view.table.select(found.id)
        self._choose(found)

    def _on_tab(self) -> None:
        self._shown = None
        self._choose_first()

    def _choose_first(self) -> None:
        """What is under the cursor, else the first; an empty list has no page."""
        if self.view.tab == "rules" or self._lists is None:
            return
        table = self.view.table
        record = table.current()
        if record is None:
            records: dict[str, Sequence[Alert | PendingRow]] = {
                "firing": self._lists.open,
                "pending": self._lists.pending,
                "resolved": self._lists.resolved,
            }
            shown = records[self.view.tab]
            if not shown:
                self.view.page.show_nothing("Nothing is open", "What you choose on the left is shown here.")
                return
            first = shown[0]
            table.select(first.id if isinstance(first, Alert) else first.key)
            record = table.current() or first
        self._choose(record)

    def _choose(self, record: Alert | PendingRow | None) -> None:
        if record is None or (self._shown is not None and _key(record) == _key(self._shown)):
            return
        self._shown = record
        if isinstance(record, Alert):
            self.context.navigator.replace_params(alert=record.id)
        self._read_detail()

    # The one that is read

    def _read_detail(self) -> None:
        shown = self._shown
        if shown is None:
            return

        def done(detail: Detail) -> None:
            if self._shown is not None and _key(self._shown) == _key(shown):
                self.view.page.show_detail(detail, self.context.account)

        self.read(lambda: detail_of(self.context.workspace, shown), done, name="detail")

    # What people decide

    @property
    def _alert(self) -> Alert | None:
        return self._shown if isinstance(self._shown, Alert) else None

    def _acknowledge(self) -> None:
        alert = self._alert
        if alert is None or self.view.dialog is not None:
            return
        dialog = self.view.ask_acknowledge(alert)
        dialog.agreed.connect(lambda note: self._send_acknowledgement(dialog, alert.id, note))

    def _send_acknowledgement(self, dialog: AcknowledgeDialog, number: int, note: str) -> None:
        alerts, session = self.context.workspace.alerts, self.context.session

        def done(_: Alert) -> None:
            dialog.accept()
            self.context.toast("Acknowledged: the others see that you look after it.")
            self.refresh()

        self.read(lambda: alerts.acknowledge(session, number, note), done, dialog.show_refused, name="acknowledge")

    def _snooze(self, choice: str) -> None:
        alert = self._alert
        if alert is None:
            return
        alerts, session, until = (
            self.context.workspace.alerts,
            self.context.session,
            until_of(choice, datetime.now(UTC)),
        )

        def done(_: Alert) -> None:
            # Undo means this alert, whatever is shown by then.
            undo = partial(self._wake_alert, alert.id)
            self.context.toast(f"Put off until {until.astimezone():%a %H:%M}.", "Undo", undo)
            self.refresh()

        self.read(lambda: alerts.snooze(session, alert.id, until), done, self._refused, name="snooze")

    def _wake(self) -> None:
        if self._alert is not None:
            self._wake_alert(self._alert.id)

    def _wake_alert(self, number: int) -> None:
        alerts, session = self.context.workspace.alerts, self.context.session
        self.read(lambda: alerts.wake(session, number), lambda _: self.refresh(), self._refused, name="wake")

    def _refused(self, error: BaseException) -> None:
        """Somebody was faster, or the right is gone: say it, and show how things are."""
        self.refresh()
        self.view.show_problem(error, can_retry=False)

    # Rules

    def _edit(self, rule: AlertRule) -> None:
        if self.view.dialog is not None:
            return
        dialog = self.view.ask_rule(rule)
        if not self.context.account.may(Action.MANAGE_ALERTS):
            dialog.forbid_saving()
        dialog.agreed.connect(lambda changed: self._save(dialog, changed))
        dialog.trial_wanted.connect(lambda tried: self._try(dialog, tried))
        self._try(dialog, rule)

    def _try(self, dialog: RuleDialog, rule: AlertRule) -> None:
        monitoring, now = self.context.workspace.monitoring, time.time()

        def done(trial: Trial) -> None:
            if self.view.dialog is dialog:
                dialog.show_trial(rule, trial)

        def failed(error: BaseException) -> None:
            if self.view.dialog is dialog:
                dialog.show_no_trial(error.message if isinstance(error, WorkstationError) else str(error))

        self.read(lambda: monitoring.try_rule(rule, now - DAY, now), done, failed, name="trial")

    def _save(self, dialog: RuleDialog, rule: AlertRule) -> None:
        alerts, session = self.context.workspace.alerts, self.context.session

        def done(saved: AlertRule) -> None:
            dialog.accept()
            self.context.toast(f"Saved the rule on {TITLES[saved.figure].lower()}.")
            self.refresh()

        self.read(lambda: alerts.set_rule(session, rule), done, dialog.show_refused, name="save rule")

    def _switch(self, rule: AlertRule) -> None:
        alerts, session = self.context.workspace.alerts, self.context.session
        changed = replace(rule, enabled=not rule.enabled)

        def done(saved: AlertRule) -> None:
            undo = replace(saved, enabled=rule.enabled)
            word = "on" if saved.enabled else "off"
            self.context.toast(f"{TITLES[saved.figure]} is switched {word}.", "Undo", lambda: self._switch_back(undo))
            self.refresh()

        self.read(lambda: alerts.set_rule(session, changed), done, self._refused, name="switch")

    def _switch_back(self, rule: AlertRule) -> None:
        alerts, session = self.context.workspace.alerts, self.context.session
        self.read(lambda: alerts.set_rule(session, rule), lambda _: self.refresh(), self._refused, name="switch")

    def _add_suggested(self) -> None:
        alerts, session = self.context.workspace.alerts, self.context.session
        wanted = list(self._lists.suggested) if self._lists is not None else []

        def add() -> int:
            for rule in wanted:
                alerts.set_rule(session, rule)
            return len(wanted)

        self.read(add, lambda _: self.refresh(), self._refused, name="suggested")

    # Elsewhere

    def _open_chart(self) -> None:
        detail = self.view.page.shown
        if detail is None:
            return
        figure = detail.alert.figure if detail.alert else detail.rule.figure if detail.rule else ""
        self.context.navigator.open(
            "monitoring",
            model=detail.model,
            environment=detail.environment,
            deployment=detail.deployment,
            tab=CHART_TABS.get(figure, "live"),
        )

    def _open_roll_back(self) -> None:
        detail = self.view.page.shown
        if detail is not None:
            self.context.navigator.open("deployments", deployment=detail.deployment)


def _key(record: Alert | PendingRow) -> object:
    return record.id if isinstance(record, Alert) else record.key


def until_of(choice: str, now: datetime) -> datetime:
    """The moment that a choice of the snooze menu means; tomorrow at eight by this computer's clock."""
    if choice == "tomorrow":
        tomorrow = now.astimezone() + timedelta(days=1)
        return tomorrow.replace(hour=8, minute=0, second=0, microsecond=0)
    return now + (timedelta(minutes=30) if choice == "half-hour" else timedelta(hours=4))


def create(context: ScreenContext) -> Screen:
    view = AlertsView()
    AlertsPresenter(view, context)
    return view
