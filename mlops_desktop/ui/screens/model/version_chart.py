"""The key metric over a model's versions, as a small picture that opens the version under the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mlops_desktop.ui.theme import CAPTION, colours, font
from mlops_desktop.ui.widgets.plain_label import tip

LEFT, RIGHT, TOP, FOOT = 60.0, 14.0, 10.0, 20.0
NEAR = 24.0  # pixels from a point that still mean it


@dataclass(frozen=True, slots=True)
class Point:
    """A version with its value; `data` is what it was measured on, where that is known."""

    number: int
    value: float
    data: str = ""

    def comparable(self, other: Point) -> bool:
        return not (self.data and other.data) or self.data == other.data


class VersionChart(QWidget):
    """Versions at equal distances, oldest left; what answers in production has a ring.

    Arrow keys move the cursor, whose words are spoken; Enter or a click opens its version.
    """

    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self._points: Sequence[Point] = ()
        self._serving: int | None = None
        self._at = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(84)
        self.set_points("", (), None)

    def set_points(self, name: str, points: Sequence[Point], serving: int | None) -> None:
        """Oldest first."""
        self._name, self._points, self._serving = name, points, serving
        self._at = min(self._at, len(points) - 1)
        values = [point.value for point in points]
        words = f"from {min(values):.4g} to {max(values):.4g} over {len(points)} versions" if points else "no values"
        self.setAccessibleName(f"{name or 'Key metric'}: {words}")
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 96)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._points:
            return
        now, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(CAPTION, tabular=True))
        area, low, high = self._area(), *self._limits()
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        levels = ((area.bottom(), low), (area.top(), high)) if high > low else ((area.center().y(), low),)
        for y, value in levels:
            painter.setPen(QPen(QColor(now.border), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right() + 8, y))
            painter.setPen(QColor(now.muted))
            words = QRectF(0, y - 9, LEFT - 12, 18)
            painter.drawText(words, middle | int(Qt.AlignmentFlag.AlignRight), f"{value:.4g}")
        places = [self._place(i) for i in range(len(self._points))]
        for index, (one, other) in enumerate(pairwise(self._points)):
            # Figures of different test data say nothing of better or worse, so no full line leads there.
            if one.comparable(other):
                painter.setPen(QPen(QColor(now.accent), 1.6))
            else:
                painter.setPen(QPen(QColor(now.border_strong), 1.2, Qt.PenStyle.DotLine))
            painter.drawLine(places[index], places[index + 1])
        dots = 3.0 if len(places) <= 40 else 1.6
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(now.accent))
        for place in places:
            painter.drawEllipse(place, dots, dots)
        for index, point in enumerate(self._points):
            if point.number == self._serving:
                painter.setBrush(QColor(now.surface))
                painter.setPen(QPen(QColor(now.ok), 2.4))
                painter.drawEllipse(places[index], 5.0, 5.0)
        if 0 <= self._at < len(places) and (self.hasFocus() or self.underMouse()):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(now.text), 1.4))
            painter.drawEllipse(places[self._at], 7.5, 7.5)
        self._paint_foot(painter, places)

    def _paint_foot(self, painter: QPainter, places: Sequence[QPointF]) -> None:
        """The first and the last version, production between them where there is room, and the cursor's."""
        now, metrics = colours(), painter.fontMetrics()
        wanted = {len(places) - 1: now.muted, 0: now.muted}
        for index, point in enumerate(self._points):
            if point.number == self._serving:
                wanted[index] = now.text
        taken: list[tuple[float, float]] = []
        for index in sorted(wanted, key=lambda i: (self._points[i].number != self._serving, -i)):
            number = self._points[index].number
            words = f"{number} production" if number == self._serving else str(number)
            width = metrics.horizontalAdvance(words)
            left = max(0.0, min(places[index].x() - width / 2, self.width() - width - 2.0))
            if any(left < end + 8 and left + width + 8 > start for start, end in taken):
                continue
            taken.append((left, left + width))
            painter.setPen(QColor(wanted[index]))
            painter.drawText(QRectF(left, self.height() - FOOT + 2, width + 2, FOOT - 2), words)

    def _area(self) -> QRectF:
        return QRectF(LEFT, TOP, max(self.width() - LEFT - RIGHT, 1.0), max(self.height() - TOP - FOOT - 6, 1.0))

    def _limits(self) -> tuple[float, float]:
        values = [point.value for point in self._points]
        return min(values), max(values)

    def _place(self, index: int) -> QPointF:
        area, (low, high) = self._area(), self._limits()
        part = (self._points[index].value - low) / (high - low) if high > low else 0.5
        step = area.width() / max(len(self._points) - 1, 1)
        x = area.left() + step * index if len(self._points) > 1 else area.center().x()
        return QPointF(x, area.bottom() - part * area.height())

    def _index_at(self, x: float) -> int:
        """The version whose place is nearest, or -1."""
        found = min(range(len(self._points)), key=lambda i: abs(self._place(i).x() - x), default=-1)
        return found if found >= 0 and abs(self._place(found).x() - x) <= NEAR else -1

    def _words(self, index: int) -> str:
        point = self._points[index]
        serving = ", in production" if point.number == self._serving else ""
        before = self._points[index - 1] if index else point
        data = "" if point.comparable(before) else f", measured on other data than version {before.number}"
        return f"Version {point.number}: {self._name} {point.value:.6g}{serving}{data}"

    def _describe(self) -> None:
        inside = 0 <= self._at < len(self._points)
        self.setAccessibleDescription(self._words(self._at) if inside else "Arrow keys go from version to version.")

    def _move_to(self, index: int) -> None:
        if index != self._at:
            self._at = index
            self._describe()
            self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self._index_at(event.pos().x())
            if index >= 0:
                QToolTip.showText(event.globalPos(), tip(self._words(index)), self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move_to(self._index_at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x())
        if event.button() is Qt.MouseButton.LeftButton and index >= 0:
            self.opened.emit(self._points[index].number)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._at < 0:
            self._move_to(len(self._points) - 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._points) - 1
        places = {
            Qt.Key.Key_Left: max(self._at - 1, 0),
            Qt.Key.Key_Right: min(self._at + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        key = Qt.Key(event.key())
        if key in places and self._points:
            self._move_to(places[key])
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and 0 <= self._at <= last:
            self.opened.emit(self._points[self._at].number)
        else:
            super().keyPressEvent(event)
