"""News behind the bell: what others and the machine did that one may want to know, from the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.ui.shell.overlay import Overlay
from mlops_desktop.ui.shell.places import NOTABLE, place_of
from mlops_desktop.ui.theme import M, S, set_role
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Line, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel
from mlops_desktop.ui.words import ago, told

SHOWN = 40


class NewsRow(QFrame):
    """One piece of news; opens what it is about."""

    def __init__(self, event: AuditEvent, new: bool, opened: Callable[[AuditEvent], object]) -> None:
        super().__init__()
        self._event, self._opened = event, opened
        icon, colour = NOTABLE[event.event]
        set_role(self, "news-new" if new else "news")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        text = told(event.actor, event.sentence)
        when = ago(datetime.fromisoformat(event.at), datetime.now(UTC))
        self.setAccessibleName(f"{text}. {when}")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(PlainLabel(text, wrap=True))
        words.addWidget(PlainLabel(when, "caption"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(M, S, M, S)
        layout.setSpacing(M)
        layout.addWidget(IconLabel(icon, colour, 18), 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._opened(self._event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self._opened(self._event)
        else:
            super().keyPressEvent(event)


class NewsCentre(Overlay):
    """`opened(Place)` when a row is pressed; `all_read` when everything was seen."""

    opened = Signal(object)
    all_read = Signal()

    def __init__(self, parent: QWidget, anchor: QWidget) -> None:
        super().__init__(parent, "News")
        self._anchor = anchor
        self._shown: tuple[int, ...] = ()
        head = QHBoxLayout()
        head.setContentsMargins(M, 4, S, 4)
        head.addWidget(PlainLabel("News", "section"))
        head.addStretch(1)
        head.addWidget(Button("Mark all as read", "check", "plain", clicked=self.all_read.emit))
        self._page = Page(margin=0)
        self._page.body.setContentsMargins(0, 0, 0, 0)
        self._page.body.setSpacing(0)
        self._empty = EmptyState("bell", "No news", "Alerts, requests, decisions and deployments show up here.")
        self.content.addLayout(head)
        self.content.addWidget(Line())
        self.content.addWidget(self._page, 1)
        self.content.addWidget(self._empty, 1)

    def place(self) -> None:
        self.drop_below(self._anchor, 400, 480)

    def show_news(self, events: Sequence[AuditEvent], read_up_to: int) -> None:
        """Newest first; those after `read_up_to` are marked as new."""
        shown = tuple(e.sequence for e in events[:SHOWN])
        body = self._page.body
        while (item := body.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for event in events[:SHOWN]:
            body.addWidget(NewsRow(event, event.sequence > read_up_to, self._open))
        body.addStretch(1)
        self._shown = shown
        self._empty.setVisible(not shown)
        self._page.setVisible(bool(shown))

    def _open(self, event: AuditEvent) -> None:
        self.close_panel()
        self.opened.emit(place_of(event))
