"""The overlay behind `?`: every shortcut of the window and of the screen that is open."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from mlops_desktop.ui.shell.overlay import Overlay
from mlops_desktop.ui.theme import XL, L, M, S
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.plain_label import PlainLabel

EVERYWHERE = (
    ("Ctrl+K", "Search or run a command"),
    ("Ctrl+1 … Ctrl+8", "Open a screen of the rail"),
    ("Ctrl+,", "Settings"),
    ("Alt+Left, Alt+Right", "Back and forward"),
    ("F5", "Refresh"),
    ("Ctrl+F", "Filter or find"),
    ("Ctrl+J", "Jobs"),
    ("Ctrl+B", "News"),
    ("Ctrl+L", "Lock"),
    ("F1", "Manual"),
    ("?", "This list"),
    ("Ctrl+Q", "Close the window"),
)
IN_TABLES = (
    ("Enter", "Open the row"),
    ("Ctrl+C", "Copy the selected rows"),
    ("Shift or Ctrl", "Select several rows"),
    ("Menu key", "What can be done with the rows"),
)


class ShortcutOverlay(Overlay):
    """Filled anew each time, as every screen has its own."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "Shortcuts", dim=True)
        head = QHBoxLayout()
        head.addWidget(PlainLabel("Shortcuts", "title"))
        head.addStretch(1)
        self._close = IconButton("x", "Close", shortcut="Esc", clicked=self.close_panel)
        head.addWidget(self._close)
        self._columns = QHBoxLayout()
        self._columns.setSpacing(XL)
        self.content.setContentsMargins(XL, L, XL, XL)
        self.content.setSpacing(L)
        self.content.addLayout(head)
        self.content.addLayout(self._columns)
        self._groups: list[QWidget] = []

    def show_keys(self, screen: str, keys: Sequence[tuple[str, str]]) -> None:
        for old in self._groups:
            old.hide()
            old.deleteLater()
        self._groups = []
        groups = [("Everywhere", EVERYWHERE), ("In tables", IN_TABLES)]
        if keys:
            groups.insert(0, (f"On this screen: {screen}", tuple(keys)))
        for title, entries in groups:
            group = _group(title, entries)
            self._groups.append(group)
            self._columns.addWidget(group)
        self.open()

    def focus_first(self) -> None:
        self._close.setFocus()


def _group(title: str, entries: Sequence[tuple[str, str]]) -> QWidget:
    result = QWidget()
    grid = QGridLayout(result)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(M)
    grid.setVerticalSpacing(S)
    grid.addWidget(PlainLabel(title, "muted"), 0, 0, 1, 2)
    for row, (keys, text) in enumerate(entries, start=1):
        holder = QHBoxLayout()
        holder.addWidget(PlainLabel(keys, "key"))
        holder.addStretch(1)
        grid.addLayout(holder, row, 0)
        grid.addWidget(PlainLabel(text), row, 1)
    grid.setRowStretch(len(entries) + 1, 1)
    return result
