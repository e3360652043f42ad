"""Small pictures by QPainter, cheap enough for the first screen: a line, and a map of states over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mlops_desktop.ui.theme import CAPTION, Tone, colours, font
from mlops_desktop.ui.widgets.cells import paint_spark
from mlops_desktop.ui.widgets.plain_label import tip

NARROW = 12  # pixels of a cell below which a thick frame would be all of it


class Sparkline(QWidget):
    """Values in order, NaN is a gap. The accessible name says first, last, least and greatest."""

    def __init__(self, name: str, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._unit = name, unit
        self._values: Sequence[float] = ()
        self._tone = Tone.ACCENT
        self.setMinimumSize(64, 24)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_values(())

    def set_values(self, values: Sequence[float], tone: Tone = Tone.ACCENT) -> None:
        self._values, self._tone = values, tone
        finite = [v for v in values if v == v]
        if finite:
            words = f"{self._name}: now {finite[-1]:.4g} {self._unit}, from {min(finite):.4g} to {max(finite):.4g}"
        else:
            words = f"{self._name}: no data"
        self.setAccessibleName(words)
        self.setToolTip(tip(words))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect()).adjusted(3, 4, -3, -4)
        if not any(v == v for v in self._values):
            painter.setPen(QPen(QColor(colours().border_strong), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left(), area.center().y()), QPointF(area.right(), area.center().y()))
            return
        paint_spark(painter, area, self._values, QColor(colours().tone(self._tone)))


@dataclass(frozen=True, slots=True)
class Cell:
    """One square: how strong (0 to 1, None is no data), whether it is a verdict of drift, and the words for it."""

    strength: float | None
    marked: bool = False
    words: str = ""


class HeatMap(QWidget):
    """Rows by columns (features by time). Stronger is darker, a verdict has a frame, no data is hatched.

    `cell_opened(row, column)` on click or Enter; arrow keys move the cursor, whose words are spoken.
    """

    cell_opened = Signal(int, int)
    cell_hovered = Signal(int, int)

    ROW, HEAD = 22, 20

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._rows: Sequence[str] = ()
        self._columns: Sequence[str] = ()
        self._cells: Sequence[Sequence[Cell]] = ()
        self._at = (0, 0)

    def set_cells(self, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Cell]]) -> None:
        self._rows, self._columns, self._cells = rows, columns, cells
        self._at = (min(self._at[0], max(0, len(rows) - 1)), min(self._at[1], max(0, len(columns) - 1)))
        self.setMinimumHeight(self.HEAD + self.ROW * len(rows) + 4)
        self.updateGeometry()
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, self.HEAD + self.ROW * max(1, len(self._rows)) + 4)

    def _describe(self) -> None:
        row, column = self._at
        if row < len(self._cells) and column < len(self._cells[row]):
            words = self._cells[row][column].words
            self.setAccessibleDescription(f"{self._rows[row]}, {self._columns[column]}: {words}")

    @property
    def name_width(self) -> int:
        """Pixels for the names of the rows: where there is little room, the cells get half of it."""
        return min(148, self.width() // 2)

    def _width(self) -> float:
        return (self.width() - self.name_width) / max(1, len(self._columns))

    def _cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        row, column = int((y - self.HEAD) // self.ROW), int((x - self.name_width) // max(self._width(), 0.01))
        inside = 0 <= row < len(self._rows) and 0 <= column < len(self._columns) and x >= self.name_width
        return (row, column) if inside else None

    def paintEvent(self, event: QPaintEvent) -> None:
        now, painter = colours(), QPainter(self)
        small = font(CAPTION, tabular=True)
        painter.setFont(small)
        metrics, width = QFontMetrics(small), self._width()
        painter.setPen(QColor(now.muted))
        widest = max((metrics.horizontalAdvance(words) for words in self._columns), default=0) + 12
        every = max(1, math.ceil(widest / max(width, 1)))
        frame = 2 if width >= NARROW else 1
        for c in range(0, len(self._columns), every):
            x = self.name_width + c * width
            if x + metrics.horizontalAdvance(self._columns[c]) <= self.width():
                painter.drawText(QRectF(x, 0, 200, self.HEAD - 3), int(Qt.AlignmentFlag.AlignVCenter), self._columns[c])
        none = QColor(now.unknown_soft)
        for r, (name, cells) in enumerate(zip(self._rows, self._cells, strict=False)):
            top = self.HEAD + r * self.ROW
            painter.setPen(QColor(now.text))
            words = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, self.name_width - 12)
            painter.drawText(QRectF(0, top, self.name_width - 8, self.ROW), int(Qt.AlignmentFlag.AlignVCenter), words)
            for c, cell in enumerate(cells[: len(self._columns)]):
                square = QRectF(self.name_width + c * width + 0.5, top + 1, max(width - 1.5, 1), self.ROW - 2)
                painter.fillRect(square, none if cell.strength is None else _shade(cell.strength))
                if cell.strength is None:
                    painter.fillRect(square, _hatch(now.border_strong))
                if cell.marked:
                    painter.setPen(QPen(QColor(now.text), frame))
                    painter.drawRect(square.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.hasFocus() and self._rows and self._columns:
            painter.setPen(QPen(QColor(now.accent_fill), 2))
            r, c = self._at
            painter.drawRect(QRectF(self.name_width + c * width, self.HEAD + r * self.ROW, width, self.ROW))

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = self._cell_at(event.pos().x(), event.pos().y())
            if at is not None:
                words = f"{self._rows[at[0]]}, {self._columns[at[1]]}: {self._cells[at[0]][at[1]].words}"
                QToolTip.showText(event.globalPos(), tip(words), self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if (at := self._cell_at(event.position().x(), event.position().y())) is not None:
            self.cell_hovered.emit(*at)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (at := self._cell_at(event.position().x(), event.position().y())) is not None:
            self._move_to(*at)
            self.cell_opened.emit(*at)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, column = self._at
        steps = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
        step = steps.get(Qt.Key(event.key()))
        if step is not None:
            self._move_to(row + step[0], column + step[1])
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._rows and self._columns:
            self.cell_opened.emit(row, column)
        else:
            super().keyPressEvent(event)

    def _move_to(self, row: int, column: int) -> None:
        self._at = (max(0, min(row, len(self._rows) - 1)), max(0, min(column, len(self._columns) - 1)))
        self._describe()
        self.update()


def _shade(strength: float) -> QColor:
    """From nearly nothing to the critical colour, in one hue, so that stronger is never mistaken for other."""
    now = colours()
    low, high, part = QColor(now.critical_soft), QColor(now.critical), max(0.0, min(strength, 1.0))

    def mix(a: int, b: int) -> int:
        return round(a + (b - a) * part)

    return QColor(mix(low.red(), high.red()), mix(low.green(), high.green()), mix(low.blue(), high.blue()))


def _hatch(line: str) -> QBrush:
    return QBrush(QColor(line), Qt.BrushStyle.BDiagPattern)
