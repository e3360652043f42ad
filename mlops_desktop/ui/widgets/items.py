"""A short list of things that can be opened: an icon, a line, and a smaller one below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import L, M, S, set_role
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, IconLabel, PlainLabel


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    icon: str
    title: str
    text: str
    colour: str = "muted"


class ItemRow(QFrame):
    """One item; its words change in place."""

    pressed = Signal(str)

    def __init__(self, item: Item) -> None:
        super().__init__()
        self._item = item
        set_role(self, "item")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._icon = IconLabel(item.icon, item.colour)
        self._title = ElidedLabel()
        self._text = ElidedLabel("", "caption")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._title)
        words.addWidget(self._text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(L, S, L, S)
        layout.setSpacing(M)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        self.show_item(item)

    def show_item(self, item: Item) -> None:
        self._item = item
        self._icon.show_icon(item.icon, item.colour)
        self._title.setText(item.title)
        self._text.setText(item.text)
        self.setAccessibleName(f"{item.title}. {item.text}")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.pressed.emit(self._item.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.pressed.emit(self._item.key)
        else:
            super().keyPressEvent(event)


class ItemList(QWidget):
    """`show_items`, `opened(key)`; says `nothing` when there are none."""

    opened = Signal(str)

    def __init__(self, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ItemRow] = []
        self._nothing = PlainLabel(nothing, "muted")
        self._nothing.setContentsMargins(L, S, L, S)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._nothing)

    def show_items(self, items: Sequence[Item]) -> None:
        while len(self._rows) > len(items):
            row = self._rows.pop()
            row.hide()
            row.deleteLater()
        for index, item in enumerate(items):
            if index < len(self._rows):
                self._rows[index].show_item(item)
            else:
                row = ItemRow(item)
                row.pressed.connect(self.opened)
                self._rows.append(row)
                self._layout.addWidget(row)
        self._nothing.setVisible(not items)
