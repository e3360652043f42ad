"""One entry of the trail in full."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.ui.screens.audit.columns import json_of, moment_of, sentence_of, words_of
from mlops_desktop.ui.theme import mono_font
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import FactList
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.words import exactly


class EntryDialog(Dialog):
    """What was written down, word for word; `place_wanted` goes to what the entry is about."""

    place_wanted = Signal(object)

    def __init__(self, event: AuditEvent, *, can_open: bool, parent: QWidget | None = None) -> None:
        super().__init__(sentence_of(event), accept="Copy JSON", parent=parent)
        self.event_shown = event
        self.resize(640, 560)
        self.body.addWidget(
            FactList(
                {
                    "Entry": f"{event.sequence:,}",
                    "When": exactly(moment_of(event)),
                    "Who": event.actor,
                    "Subject": event.subject,
                    "Kind": words_of(event.event),
                }
            )
        )
        text = QPlainTextEdit(json_of(event))
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setFont(mono_font())
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        text.setAccessibleName("The entry as JSON")
        text.setMinimumHeight(220)
        self.body.addWidget(text, 1)
        self.cancel_button.setText("Close")
        if can_open:
            self.buttons.insertWidget(0, Button("Show what it is about", "external-link", clicked=self._on_place))

    def on_accept(self) -> None:
        QGuiApplication.clipboard().setText(json_of(self.event_shown))
        self.accept_button.setText("Copied")

    def _on_place(self) -> None:
        self.reject()
        self.place_wanted.emit(self.event_shown)
