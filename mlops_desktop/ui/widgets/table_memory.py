"""What a table remembers between starts: columns, widths, order, sort and filter."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QTimer
from PySide6.QtWidgets import QTableView

from mlops_desktop.ui.widgets.columns import Column
from mlops_desktop.ui.window_state import window_state

STORE_MS = 300


class TableMemory:
    """Restores at once, stores a moment after the last change."""

    def __init__(self, key: str, view: QTableView, columns: Sequence[Column]) -> None:
        self._key, self._header = key, view.horizontalHeader()
        self._columns = ",".join(column.key for column in columns)
        state = window_state()
        saved = state.value(f"{key}/columns")
        # After an update with other columns the old widths would fit the wrong ones.
        if state.value(f"{key}/keys") == self._columns and isinstance(saved, QByteArray):
            self._header.restoreState(saved)
        self._timer = QTimer(view, interval=STORE_MS, singleShot=True)
        self._timer.timeout.connect(self.store)
        for signal in (self._header.sectionResized, self._header.sectionMoved, self._header.sortIndicatorChanged):
            signal.connect(lambda *_: self._timer.start())

    @property
    def filter(self) -> str:
        text = window_state().value(f"{self._key}/filter", "")
        return text if isinstance(text, str) else ""

    @filter.setter
    def filter(self, text: str) -> None:
        window_state().setValue(f"{self._key}/filter", text)

    def store(self) -> None:
        state = window_state()
        state.setValue(f"{self._key}/keys", self._columns)
        state.setValue(f"{self._key}/columns", self._header.saveState())
