"""Two distributions side by side, bin by bin: the reference and what comes in now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from mlops_desktop.ui.theme import CAPTION, colours, font
from mlops_desktop.ui.widgets.plain_label import tip

AXIS, FOOT, HEAD = 44, 20, 24
LABEL = 130  # pixels of the longest label of a bin
TOPS = (0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 1.0)  # ends of the axis whose half is a round number too


class BarCompare(QWidget):
    """Shares (0 to 1) of the reference and of now; the reference is an outline, now is filled."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._words = ("reference", "now")
        self._bins: Sequence[str] = ()
        self._reference: Sequence[float] = ()
        self._current: Sequence[float] = ()
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(150)
        self.setAccessibleName(name)

    def set_shares(
        self, bins: Sequence[str], reference: Sequence[float], current: Sequence[float], name: str = ""
    ) -> None:
        self._bins, self._reference, self._current = bins, reference, current
        self._name = name or self._name
        worst = max(zip(bins, reference, current, strict=False), key=lambda row: abs(row[2] - row[1]), default=None)
        self.setAccessibleName(self._name)
        self.setAccessibleDescription(f"Largest difference in {self._told(*worst)}." if worst else "")
        self.update()

    def set_words(self, reference: str, current: str) -> None:
        """What the two are called, where they are not the reference and what comes in now."""
        self._words = (reference, current)
        self.update()

    def _told(self, name: str, reference: float, current: float) -> str:
        before, after = self._words
        if self._words == ("reference", "now"):
            return f"{name}: {reference:.1%} in the reference, {current:.1%} now"
        return f"{name}: {reference:.1%} in {before}, {current:.1%} in {after}"

    def sizeHint(self) -> QSize:
        return QSize(420, 200)

    def _width(self) -> float:
        return (self.width() - AXIS - 8) / max(1, len(self._bins))

    def paintEvent(self, event: QPaintEvent) -> None:
        now, painter = colours(), QPainter(self)
        small = font(CAPTION, tabular=True)
        metrics = QFontMetrics(small)
        painter.setFont(small)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        left = float(AXIS)
        for words, filled in ((self._words[0], False), (self._words[1], True)):
            square = QRectF(left, HEAD / 2 - 5, 10, 10)
            if filled:
                painter.fillRect(square, QColor(now.series[0]))
            else:
                painter.setPen(QPen(QColor(now.muted), 1))
                painter.drawRect(square)
            painter.setPen(QColor(now.text))
            painter.drawText(QRectF(left + 16, 0, metrics.horizontalAdvance(words) + 4, HEAD), middle, words)
            left += 16 + metrics.horizontalAdvance(words) + 16
        area = QRectF(AXIS, HEAD, self.width() - AXIS - 8, self.height() - HEAD - FOOT)
        largest = max([*self._reference, *self._current, 0.0])
        top = next((t for t in TOPS if t >= largest), TOPS[-1])
        painter.setPen(QPen(QColor(now.border), 1))
        for step in range(3):
            y = area.bottom() - area.height() * step / 2
            painter.setPen(QPen(QColor(now.border), 1))
            painter.drawLine(round(area.left()), round(y), round(area.right()), round(y))
            painter.setPen(QColor(now.muted))
            painter.drawText(
                QRectF(0, y - 9, AXIS - 8, 18), middle | int(Qt.AlignmentFlag.AlignRight), f"{top * step / 2:.0%}"
            )
        width = self._width()
        widest = min(LABEL, max(metrics.horizontalAdvance(words) for words in self._bins) + 10) if self._bins else LABEL
        every = max(1, math.ceil(widest / max(width, 1)))
        for index, words in enumerate(self._bins):
            x = area.left() + index * width
            for shares, filled in ((self._current, True), (self._reference, False)):
                share = shares[index] if index < len(shares) else 0.0
                height = area.height() * share / top
                bar = QRectF(x + width * 0.12, area.bottom() - height, max(width * 0.76, 1.0), height)
                if filled:
                    painter.fillRect(bar, QColor(now.series[0]))
                else:
                    painter.setPen(QPen(QColor(now.text), 1))
                    painter.drawRect(bar)
            room = width * every - 4
            # The last one may not be cut at the edge: its tool tip says it.
            if index % every == 0 and x + min(room, metrics.horizontalAdvance(words)) <= self.width():
                painter.setPen(QColor(now.muted))
                label = metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(room))
                painter.drawText(QRectF(x + 2, area.bottom() + 2, room, FOOT), middle, label)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = int((event.pos().x() - AXIS) // max(self._width(), 0.01))
            if 0 <= index < min(len(self._bins), len(self._reference), len(self._current)):
                words = self._told(self._bins[index], self._reference[index], self._current[index])
                QToolTip.showText(event.globalPos(), tip(words), self)
            return True
        return super().event(event)
