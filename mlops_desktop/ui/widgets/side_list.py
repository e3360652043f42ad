"""A searchable list of pages at the left of a screen: the chosen one is shown beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import S, colours
from mlops_desktop.ui.widgets.plain_label import PlainLabel, tip

WIDTH = 208
KEY = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True, slots=True)
class SideEntry:
    key: str
    title: str
    icon: str


class SideList(QWidget):
    """`opened(key)` when another page is chosen, `searched(text)` while somebody types; the owner says what fits."""

    opened = Signal(str)
    searched = Signal(str)

    def __init__(self, name: str, placeholder: str, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self.search = QLineEdit()
        self.search.setPlaceholderText(placeholder)
        self.search.setAccessibleName(placeholder)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda text: self.searched.emit(text.strip()))
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(name)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._on_current)
        self._nothing = PlainLabel(nothing, "muted", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addWidget(self.search)
        layout.addWidget(self._nothing)
        layout.addWidget(self.list, 1)
        self._nothing.hide()
        self._entries: dict[str, SideEntry] = {}

    @property
    def current(self) -> str:
        item = self.list.currentItem()
        return str(item.data(KEY)) if item is not None else ""

    @property
    def shown(self) -> list[str]:
        """The keys that fit the search."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [str(item.data(KEY)) for item in items if not item.isHidden()]

    def set_entries(self, entries: Sequence[SideEntry]) -> None:
        """Replaces all; the chosen page stays chosen."""
        before = self.current
        self._entries = {entry.key: entry for entry in entries}
        self.list.blockSignals(True)
        self.list.clear()
        for entry in entries:
            item = QListWidgetItem(entry.title)
            item.setData(KEY, entry.key)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._draw_icons()
        self.open(before)

    def open(self, key: str) -> None:
        """Choose a page without telling of it."""
        for row in range(self.list.count()):
            if self.list.item(row).data(KEY) == key:
                self.list.blockSignals(True)
                self.list.setCurrentRow(row)
                self.list.blockSignals(False)

    def show_fitting(self, notes: Mapping[str, str] | None) -> None:
        """Only these pages, each with a note such as “3 found” as its tool tip; None shows all."""
        for row in range(self.list.count()):
            item = self.list.item(row)
            key = str(item.data(KEY))
            item.setHidden(notes is not None and key not in notes)
            item.setToolTip(tip((notes or {}).get(key, "")))
        self._nothing.setVisible(notes is not None and not notes)

    def focus_filter(self) -> bool:
        self.search.setFocus()
        self.search.selectAll()
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.search and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in {Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._enter_list()
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}:
            self._draw_icons()

    def _enter_list(self) -> None:
        """To the page that fits: the chosen one, else the first."""
        shown = self.shown
        if shown and self.current not in shown:
            self.open(shown[0])
            self.opened.emit(shown[0])
        if shown:
            self.list.setFocus()

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            # Opening a page takes the focus there; who goes through the list wants to go on.
            held = self.list.hasFocus()
            self.opened.emit(str(item.data(KEY)))
            if held:
                self.list.setFocus()

    def _draw_icons(self) -> None:
        shade = colours().muted
        for row in range(self.list.count()):
            item = self.list.item(row)
            item.setIcon(icons.icon(self._entries[str(item.data(KEY))].icon, shade))
