"""The area of a chart in which a horizontal drag chooses a stretch of time."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

from mlops_desktop.ui.theme import colours


class TimeBox(pg.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types
    """A ViewBox whose range is ours alone: no panning, no wheel; `dragged(start, end)` and `double_clicked`."""

    dragged = Signal(float, float)
    double_clicked = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(x=False, y=False)
        self.disableAutoRange()
        self._chosen: Any = None

    def mouseDragEvent(self, event: Any, axis: Any = None) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        start = self.mapToView(event.buttonDownPos()).x()
        end = self.mapToView(event.pos()).x()
        if self._chosen is None:
            now = colours()
            fill = pg.mkColor(now.accent)
            fill.setAlpha(40)
            self._chosen = pg.LinearRegionItem((start, end), movable=False, brush=fill, pen=pg.mkPen(now.accent))
            self.addItem(self._chosen, ignoreBounds=True)
        self._chosen.setRegion((min(start, end), max(start, end)))
        if event.isFinish():
            self.removeItem(self._chosen)
            self._chosen = None
            if abs(event.pos().x() - event.buttonDownPos().x()) > 4:
                self.dragged.emit(float(min(start, end)), float(max(start, end)))

    def mouseClickEvent(self, event: Any) -> None:
        if event.double():
            event.accept()
            self.double_clicked.emit()

    def wheelEvent(self, event: Any, axis: Any = None) -> None:
        # The page scrolls; a chart that eats the wheel traps the reader.
        event.ignore()
