"""The inbox: requests on the left, the one that is read on the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QTabBar

from mlops_desktop.domain.promotions import Decision, Promotion, ReviewBrief
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.inbox.columns import REQUEST_COLUMNS
from mlops_desktop.ui.screens.inbox.dialogs import DecisionDialog
from mlops_desktop.ui.screens.inbox.review_page import ReviewPage
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.split import list_and_page
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import count


class InboxView(Screen):
    """J and K move, A approves, X rejects."""

    request_chosen = Signal(object)  # Promotion or None
    shown_changed = Signal(bool)  # whether all are shown
    decision_wanted = Signal(object)  # Decision

    def __init__(self) -> None:
        super().__init__("Inbox")
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Which requests")
        self.tabs.addTab("Waiting for you")
        self.tabs.addTab("All")
        self.tabs.currentChanged.connect(lambda _: self.shown_changed.emit(self.all_shown))
        self.table = RecordTable("inbox", REQUEST_COLUMNS, lambda p: p.id, title="Requests")
        self.empty = EmptyState("inbox", "Nothing waits for you", "Requests that you can decide about appear here.")
        self.table.set_empty(self.empty)
        self.table.current_changed.connect(self.request_chosen)
        self.page = ReviewPage()
        split = list_and_page([self.tabs, self.table], self.page, (430, 610))
        self.body.addWidget(split, 1)
        self.page.approve_wanted.connect(lambda: self._decide(Decision.APPROVE))
        self.page.reject_wanted.connect(lambda: self._decide(Decision.REJECT))
        self.add_key("J", "Next request", lambda: self.table.move_cursor(1))
        self.add_key("K", "Previous request", lambda: self.table.move_cursor(-1))
        self.add_key("A", "Approve", lambda: self._decide(Decision.APPROVE))
        self.add_key("X", "Reject", lambda: self._decide(Decision.REJECT))
        self.dialog: DecisionDialog | None = None

    @property
    def all_shown(self) -> bool:
        return self.tabs.currentIndex() == 1

    def show_all(self) -> None:
        """Quietly: the presenter shows the list next."""
        blocker = QSignalBlocker(self.tabs)
        self.tabs.setCurrentIndex(1)
        blocker.unblock()

    def show_requests(self, requests: Sequence[Promotion], waiting: int, total: int) -> None:
        self.tabs.setTabText(0, f"Waiting for you  {waiting}")
        self.tabs.setTabText(1, f"All  {total}")
        if self.all_shown:
            self.empty.show_text("No requests yet", "Ask for a version's promotion on its page.")
        else:
            others = f" {count(total, 'request')} on the other tab." if total else ""
            self.empty.show_text("Nothing waits for you", f"Requests that you can decide about appear here.{others}")
        self.table.set_records(requests)

    def open_decision(self, brief: ReviewBrief, decision: Decision) -> DecisionDialog:
        self.dialog = DecisionDialog(brief, decision, self.window())
        self.dialog.finished.connect(self._on_dialog_finished)
        self.dialog.open()
        return self.dialog

    def _on_dialog_finished(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def _decide(self, decision: Decision) -> None:
        button = self.page.approve if decision is Decision.APPROVE else self.page.reject
        if button.isVisible() and button.isEnabled():
            self.decision_wanted.emit(decision)
