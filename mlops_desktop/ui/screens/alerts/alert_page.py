"""One alert as somebody who was called should see it: what happened, how it went, who does what about it."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.domain.alerts import TITLES, AlertState, RuleState, number_of
from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.ui.screens.alerts.limit_chart import LimitChart
from mlops_desktop.ui.screens.alerts.rows import STATES, Detail, limit_words, state_badge
from mlops_desktop.ui.theme import L, M, S
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.items import Item, ItemList
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.words import MACHINE, ago, exactly, lasting

SNOOZES = (("half-hour", "For 30 minutes"), ("four-hours", "For 4 hours"), ("tomorrow", "Until tomorrow, 8:00"))
EVENTS = {
    "AlertOpened": ("bell-ring", "critical"),
    "AlertAcknowledged": ("eye", "accent"),
    "AlertSnoozed": ("clock", "muted"),
    "AlertWoken": ("bell", "muted"),
    "AlertResolved": ("circle-check", "ok"),
}


class AlertPage(QWidget):
    """`show_detail`; wishes are acknowledge_wanted, snooze_wanted(key), wake_wanted, chart_wanted, roll_back_wanted."""

    acknowledge_wanted = Signal()
    snooze_wanted = Signal(str)  # a key of SNOOZES
    wake_wanted = Signal()
    chart_wanted = Signal()
    roll_back_wanted = Signal()
    rule_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown: Detail | None = None
        self.empty = EmptyState("bell", "Nothing is open", "Choose an alert on the left.")
        self.acknowledge = Button("Acknowledge", "eye", "primary", clicked=self.acknowledge_wanted.emit)
        self.snooze = Button("Snooze", "clock", clicked=self.open_snooze)
        self.chart_button = Button("Open chart", "activity", "link", clicked=self.chart_wanted.emit)
        self.roll_back = Button("Roll back …", "undo-2", clicked=self.roll_back_wanted.emit)
        self.rule_button = Button("Edit the rule", "pencil", "link", clicked=self.rule_wanted.emit)
        self.menu = QMenu(self.snooze)
        self.menu.setAccessibleName("Snooze")
        for key, words in SNOOZES:
            self.menu.addAction(words).triggered.connect(lambda _=False, key=key: self.snooze_wanted.emit(key))
        self.chart = LimitChart("The figure and its limit")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def show_nothing(self, title: str, text: str, icon: str = "bell") -> None:
        self.shown = None
        self.empty.show_text(title, text)
        self._stack.setCurrentIndex(0)

    def show_detail(self, detail: Detail, account: Account) -> None:
        """Fill the page; a refresh changes words in place and keeps the scroll position."""
        self.shown = detail
        alert, rule, condition = detail.alert, detail.rule, detail.condition
        now = datetime.now(UTC)
        if alert is not None:
            self._severity.show_badge(badge_of(alert.severity))
            self._state.show_badge(state_badge(alert))
            self._sentence.setText(alert.sentence)
            self._when.setText(_when(detail, now))
        elif rule is not None and condition is not None:
            self._severity.show_badge(badge_of(rule.severity))
            self._state.show_badge(STATES[condition.state])
            value = "" if condition.value is None else f" is {number_of(condition.value, rule.figure)}"
            self._sentence.setText(f"{TITLES[rule.figure]} of {detail.label} in {detail.environment}{value}.")
            since = lasting(now.timestamp() - condition.since)
            self._when.setText(f"Breached for {since}. It fires {limit_words(rule)}; nobody is called yet.")
        self._show_buttons(detail, account, now)
        self._chart_card.setVisible(rule is not None)
        if rule is not None and detail.past is not None:
            self.chart.show_past(rule, detail.past)
        elif rule is not None:
            self.chart.show_message("Its past can't be shown: the deployment is gone.")
        self._facts.show_facts(_facts(detail))
        self._events_card.setVisible(alert is not None)
        self.timeline.show_items([_item(event) for event in detail.events])
        self._stack.setCurrentIndex(1)

    def open_snooze(self) -> None:
        """The choices below the button, or the end of a snooze."""
        if self.shown is not None and self.shown.alert is not None and self.shown.alert.snoozed(datetime.now(UTC)):
            self.wake_wanted.emit()
        else:
            self.menu.popup(self.snooze.mapToGlobal(QPoint(0, self.snooze.height() + 2)))

    def _show_buttons(self, detail: Detail, account: Account, now: datetime) -> None:
        alert = detail.alert
        is_open = alert is not None and alert.open
        for button in (self.acknowledge, self.snooze, self.roll_back):
            button.setVisible(is_open)
        snoozed = alert is not None and alert.snoozed(now)
        self.snooze.setText("Remind me again" if snoozed else "Snooze")
        self.snooze.show_icon("bell" if snoozed else "clock")
        self.acknowledge.permit(account, Action.MANAGE_ALERTS)
        self.snooze.permit(account, Action.MANAGE_ALERTS)
        if alert is not None and alert.state is AlertState.ACKNOWLEDGED:
            self.acknowledge.forbid(f"{alert.acknowledged_by} looks after it already.")
        if self.roll_back.permit(account, Action.ROLL_BACK) and not detail.current:
            self.roll_back.forbid("The deployment carries no traffic any more.")

    def _page(self) -> QWidget:
        page = Page(margin=0)
        page.body.setSpacing(M)
        self._severity, self._state = StateBadge(), StateBadge()
        badges = QHBoxLayout()
        badges.setSpacing(S)
        badges.addWidget(self._severity)
        badges.addWidget(self._state)
        badges.addStretch(1)
        self._sentence = PlainLabel("", "section", wrap=True, selectable=True)
        self._when = PlainLabel("", "muted", wrap=True)
        actions = QHBoxLayout()
        actions.setSpacing(S)
        for button in (self.acknowledge, self.snooze, self.roll_back):
            actions.addWidget(button)
        actions.addStretch(1)
        self._chart_card = Card("Against the limit", "chart-line")
        self._chart_card.header.addWidget(self.chart_button)
        self._chart_card.header.addWidget(self.rule_button)
        self._chart_card.add(self.chart)
        self._events_card = Card("What happened", "history", padding=0)
        self.timeline = ItemList("Nothing is written down about it.")
        self._events_card.add(self.timeline)
        self._events_card.body.setContentsMargins(0, 0, 0, S)
        self._facts = FactList(name_width=112)
        facts = Card("Details", "info")
        facts.add(self._facts)
        page.body.addLayout(badges)
        page.body.addWidget(self._sentence)
        page.body.addWidget(self._when)
        page.body.addLayout(actions)
        page.body.addSpacing(L - M)
        page.body.addWidget(self._chart_card)
        page.body.addWidget(self._events_card)
        page.body.addWidget(facts)
        page.body.addStretch(1)
        return page


def _when(detail: Detail, now: datetime) -> str:
    alert = detail.alert
    assert alert is not None  # noqa: S101 - asked for alerts only
    if alert.resolved_at is not None:
        return f"Resolved {ago(alert.resolved_at, now)} after {lasting(alert.resolved_at - alert.opened_at)}."
    words = f"Open for {lasting(now - alert.opened_at)}."
    if detail.condition is not None and detail.condition.state is RuleState.UNKNOWN:
        words += f" Whether it still holds is not known: {detail.condition.note or 'no figures'}."
    if alert.acknowledged_by:
        words += f" {alert.acknowledged_by} looks after it{': ' + alert.comment if alert.comment else '.'}"
    if alert.snoozed(now) and alert.snoozed_until is not None:
        words += f" {alert.snoozed_by} put it off until {alert.snoozed_until.astimezone():%a %H:%M}."
    return words


def _facts(detail: Detail) -> dict[str, str]:
    alert, rule, condition = detail.alert, detail.rule, detail.condition
    facts = {"Deployment": f"{detail.label} in {detail.environment} ({detail.deployment})"}
    if rule is not None:
        facts["Rule"] = f"{TITLES[rule.figure]}: {limit_words(rule)}{'' if rule.enabled else ', switched off'}"
    if alert is not None:
        facts["Opened"] = exactly(alert.opened_at)
        facts["Value then"] = number_of(alert.value, alert.figure)
        if alert.resolved_at is not None:
            facts["Resolved"] = exactly(alert.resolved_at)
        if alert.acknowledged_by:
            facts["Acknowledged"] = f"by {alert.acknowledged_by}{', “' + alert.comment + '”' if alert.comment else ''}"
    if condition is not None and condition.value is not None and rule is not None:
        facts["Value now"] = number_of(condition.value, rule.figure)
    return facts


def _item(event: AuditEvent) -> Item:
    icon, colour = EVENTS.get(event.event, ("circle", "muted"))
    who = "" if event.actor == MACHINE else event.actor
    comment = str(event.details.get("comment") or "")
    until = str(event.details.get("until") or "")
    words = {
        "AlertOpened": "It opened",
        "AlertAcknowledged": f"{who} acknowledged it",
        "AlertSnoozed": f"{who} put it off until {_moment(until)}",
        "AlertWoken": f"{who} ended the snooze" if who else "The snooze is over",
        "AlertResolved": "It was resolved",
    }
    at = datetime.fromisoformat(event.at)
    text = f"{exactly(at)}{': ' + comment if comment else ''}"
    return Item(str(event.sequence), icon, words.get(event.event, event.sentence), text, colour)


def _moment(iso: str) -> str:
    try:
        return f"{datetime.fromisoformat(iso).astimezone():%a %H:%M}"
    except ValueError:
        return iso
