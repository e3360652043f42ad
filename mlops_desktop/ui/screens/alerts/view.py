"""Alerts: what fires, what may soon, what is over; and the rules that decide about it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account
from mlops_desktop.domain.alerts import Alert, AlertRule
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.alerts.alert_page import AlertPage
from mlops_desktop.ui.screens.alerts.dialogs import AcknowledgeDialog, RuleDialog
from mlops_desktop.ui.screens.alerts.rows import OPEN_COLUMNS, PENDING_COLUMNS, RESOLVED_COLUMNS, Lists
from mlops_desktop.ui.screens.alerts.rules_page import RulesPage
from mlops_desktop.ui.theme import S, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.split import list_and_page
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import count, exactly

TABS = ("firing", "pending", "resolved", "rules")


class AlertsView(Screen):
    """J and K move, A acknowledges, Z snoozes, G opens the chart, E edits the rule."""

    tab_chosen = Signal(str)
    record_chosen = Signal(object)  # Alert, PendingRow or None
    edit_wanted = Signal(object)  # AlertRule

    def __init__(self) -> None:
        super().__init__("Alerts")
        self.notice = Banner()
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Which alerts")
        for key in TABS:
            self.tabs.addTab(key.capitalize())
        self.tables = {
            "firing": RecordTable("alerts-firing", OPEN_COLUMNS, lambda a: a.id, title="Firing alerts"),
            "pending": RecordTable("alerts-pending", PENDING_COLUMNS, lambda r: r.key, title="Pending rules"),
            "resolved": RecordTable("alerts-resolved", RESOLVED_COLUMNS, lambda a: a.id, title="Resolved alerts"),
        }
        self.empties = {
            "firing": EmptyState("bell", "Nothing is firing"),
            "pending": EmptyState("hourglass", "Nothing is pending", "A breach waits here until it has lasted."),
            "resolved": EmptyState("history", "Nothing was resolved yet", "Alerts that are over stay here."),
        }
        self._lists = QStackedWidget()
        for key, table in self.tables.items():
            table.set_empty(self.empties[key])
            table.current_changed.connect(self._on_current)
            self._lists.addWidget(table)
        self.page = AlertPage()
        self.rules = RulesPage()
        self._pages = QStackedWidget()
        self._pages.addWidget(list_and_page([self._lists], self.page, (460, 580)))
        self._pages.addWidget(self.rules)
        top = QVBoxLayout()
        top.setSpacing(S)
        top.addWidget(self.tabs)
        top.addWidget(self._pages, 1)
        self.body.addWidget(self.notice)
        self.body.addLayout(top, 1)
        self.tabs.currentChanged.connect(self._on_tab)
        self.rules.edit_wanted.connect(self.edit_wanted)
        self.page.rule_wanted.connect(self._on_rule_of_page)
        self.dialog: AcknowledgeDialog | RuleDialog | None = None
        self.add_key("J", "Next alert", lambda: self.table.move_cursor(1))
        self.add_key("K", "Previous alert", lambda: self.table.move_cursor(-1))
        self.add_key("A", "Acknowledge", lambda: _press(self.page.acknowledge))
        self.add_key("Z", "Snooze, or be reminded again", lambda: _press(self.page.snooze))
        self.add_key("G", "Open the chart", lambda: _press(self.page.chart_button))
        self.add_key("E", "Edit the rule", self._on_edit)

    @property
    def tab(self) -> str:
        return TABS[self.tabs.currentIndex()]

    @property
    def table(self) -> RecordTable:
        return self.tables.get(self.tab, self.rules.table)

    def open_tab(self, key: str) -> None:
        """Quietly: the presenter shows what belongs there next."""
        blocker = QSignalBlocker(self.tabs)
        self.tabs.setCurrentIndex(TABS.index(key))
        blocker.unblock()
        self._turn()

    def show_lists(self, lists: Lists, calling: int, account: Account) -> None:
        numbers = (calling, len(lists.pending), len(lists.resolved), len(lists.rules))
        for index, (key, number) in enumerate(zip(TABS, numbers, strict=True)):
            self.tabs.setTabText(index, f"{key.capitalize()}  {number:,}")
        watching = sum(row.rule.enabled for row in lists.rules)
        self.empties["firing"].show_text(
            "Nothing is firing",
            f"{count(watching, 'rule watches', 'rules watch')} what is deployed."
            if watching
            else "No rule watches anything yet: they are made with a model's first deployment.",
        )
        self.tables["firing"].set_records(lists.open)
        self.tables["pending"].set_records(lists.pending)
        self.tables["resolved"].set_records(lists.resolved)
        self.rules.show_rules(lists.rules, lists.suggested, account)
        if lists.silent_since is not None and lists.rules:
            title = f"Nothing has been evaluated since {exactly(lists.silent_since)}."
            self.notice.show_message(title, "What the rules say is unknown until figures are collected.", Tone.WARNING)
        else:
            self.notice.clear()

    def ask_acknowledge(self, alert: Alert) -> AcknowledgeDialog:
        dialog = AcknowledgeDialog(alert, self.window())
        self._open(dialog)
        return dialog

    def ask_rule(self, rule: AlertRule) -> RuleDialog:
        dialog = RuleDialog(rule, self.window())
        self._open(dialog)
        return dialog

    def _open(self, dialog: AcknowledgeDialog | RuleDialog) -> None:
        self.dialog = dialog
        dialog.finished.connect(self._on_dialog_finished)
        dialog.open()

    def _on_dialog_finished(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def _on_tab(self) -> None:
        self._turn()
        self.tab_chosen.emit(self.tab)

    def _turn(self) -> None:
        self._pages.setCurrentIndex(1 if self.tab == "rules" else 0)
        if self.tab in self.tables:
            self._lists.setCurrentWidget(self.tables[self.tab])

    def _on_current(self, record: object) -> None:
        if self.sender() is self.table or self.table.current() is record:
            self.record_chosen.emit(record)

    def _on_rule_of_page(self) -> None:
        if self.page.shown is not None and self.page.shown.rule is not None:
            self.edit_wanted.emit(self.page.shown.rule)

    def _on_edit(self) -> None:
        if self.tab == "rules":
            _press(self.rules.edit)
        else:
            self._on_rule_of_page()


def _press(button: QWidget) -> None:
    """What a key does: nothing where the button is hidden or forbidden."""
    click = getattr(button, "click", None)
    if click is not None and button.isVisible() and button.isEnabled():
        click()
