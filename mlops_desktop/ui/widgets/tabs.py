"""Tabs of a page, reachable by Ctrl+Tab and the arrow keys, with a count beside a title where it helps."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QWidget


class Tabs(QTabWidget):
    """Pages by key; `opened` is emitted with the key of the page that is shown."""

    opened = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.tabBar().setExpanding(False)
        self.tabBar().setDrawBase(False)
        self.tabBar().setAccessibleName(name)
        self._keys: list[str] = []
        self._titles: list[str] = []
        self.currentChanged.connect(self._on_changed)

    def add(self, key: str, title: str, page: QWidget) -> None:
        self._keys.append(key)
        self._titles.append(title)
        # & would make a letter a shortcut; a title is shown as it is.
        self.addTab(page, title.replace("&", "&&"))

    def open(self, key: str) -> None:
        if key in self._keys:
            self.setCurrentIndex(self._keys.index(key))

    @property
    def current(self) -> str:
        return self._keys[self.currentIndex()] if self._keys else ""

    def count_of(self, key: str, count: int | None) -> None:
        """Show a number beside a title, or none."""
        index = self._keys.index(key)
        text = self._titles[index] if count is None else f"{self._titles[index]}  {count}"
        self.setTabText(index, text.replace("&", "&&"))

    def _on_changed(self, index: int) -> None:
        if 0 <= index < len(self._keys):
            self.opened.emit(self._keys[index])
