"""What an empty screen says: what belongs here, and the next step."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XL, S
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel


class EmptyState(QWidget):
    """An icon, a title, a sentence and up to two buttons: `action` (primary) and `second`."""

    action = Signal()
    second = Signal()

    def __init__(
        self, icon: str, title: str, text: str = "", action: str = "", second: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._title = PlainLabel(title, "section")
        self._text = PlainLabel(text, "muted", wrap=True)
        self._text.setFixedWidth(400)
        self.button = Button(action, role="primary", clicked=self.action.emit)
        self.second_button = Button(second, clicked=self.second.emit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, XL)
        layout.setSpacing(S)
        layout.addStretch(1)
        layout.addWidget(IconLabel(icon, "muted", 32), 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, S, 0, 0)
        buttons.setSpacing(S)
        buttons.addStretch(1)
        buttons.addWidget(self.button)
        buttons.addWidget(self.second_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        layout.addStretch(2)
        self.show_text(title, text)
        self.button.setVisible(bool(action))
        self.second_button.setVisible(bool(second))

    def show_text(self, title: str, text: str = "") -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        # Beside an alignment a layout gives a label one line, however many its words need.
        self._text.setMinimumHeight(max(0, self._text.heightForWidth(self._text.width())))
        self.setAccessibleName(f"{title}. {text}")
