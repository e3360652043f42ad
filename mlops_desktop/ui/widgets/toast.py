"""A short word of success at the lower edge; few, never for errors, and gone by itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from mlops_desktop.ui.theme import XL, M, S, set_role
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel

SHOWN_MS = 4_000


class Toast(QFrame):
    """One for the window: `show_text("Copied 3 rows.")`, or with an undo: `show_text("…", "Undo", undo)`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "popup")
        self._label = PlainLabel()
        self._undo: Callable[[], object] | None = None
        self._button = Button("", role="link", clicked=self._press)
        self._timer = QTimer(self, interval=SHOWN_MS, singleShot=True)
        self._timer.timeout.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(M, S, M, S)
        layout.setSpacing(S)
        layout.addWidget(IconLabel("circle-check", "ok"))
        layout.addWidget(self._label)
        layout.addWidget(self._button)
        self.hide()

    def show_text(self, text: str, action: str = "", callback: Callable[[], object] | None = None) -> None:
        self._label.setText(text)
        self._undo = callback
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self.setAccessibleName(text)
        self.adjustSize()
        window = self.parentWidget()
        if window is not None:
            self.move((window.width() - self.width()) // 2, window.height() - self.height() - XL)
        self.show()
        self.raise_()
        self._timer.start()

    def _press(self) -> None:
        self.hide()
        if self._undo is not None:
            self._undo()
