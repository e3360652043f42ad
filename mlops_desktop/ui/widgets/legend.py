"""The line above a chart: its name, and each figure with its value now or under the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from mlops_desktop.ui.theme import CAPTION, SECTION, colours, font


class Legend(QWidget):
    """Painted rather than built of labels, as it changes with every move of the pointer."""

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._unit = name, unit
        self._values: Sequence[tuple[str, str, float, bool]] = ()
        self._at = math.nan
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(240, 24)

    def show_values(self, values: Sequence[tuple[str, str, float, bool]], at: float) -> None:
        """(name, colour, value, dashed) of each line; `at` NaN means that these are the last values."""
        self._values, self._at = values, at
        words = ", ".join(f"{name} {shown(value, self._unit)}" for name, _, value, _ in values)
        self.setAccessibleDescription(words or "no data")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        now, painter = colours(), QPainter(self)
        middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
        title, small = font(SECTION - 1, QFont.Weight.DemiBold), font(CAPTION, tabular=True)
        painter.setFont(title)
        painter.setPen(QColor(now.text))
        painter.drawText(self.rect(), middle, self._name)
        left = QFontMetrics(title).horizontalAdvance(self._name) + 16.0
        metrics = QFontMetrics(small)
        painter.setFont(small)
        right = float(self.width())
        if math.isfinite(self._at):
            moment = datetime.fromtimestamp(self._at).astimezone()
            today = moment.date() == datetime.now(UTC).astimezone().date()
            clock = f"{moment:%H:%M:%S}" if today else f"{moment:%d %b %H:%M:%S}"
            right -= metrics.horizontalAdvance(clock)
            painter.setPen(QColor(now.muted))
            painter.drawText(QRectF(right, 0, 200, self.height()), middle, clock)
        if not self._values:
            painter.setPen(QColor(now.muted))
            painter.drawText(QRectF(left, 0, 200, self.height()), middle, "no data")
        for name, colour, value, dashed in self._values:
            words = f"{name}  {shown(value, self._unit)}" if name else shown(value, self._unit)
            width = metrics.horizontalAdvance(words)
            if left + 16 + width > right - 8:
                break
            style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
            painter.setPen(QPen(QColor(colour), 2, style))
            painter.drawLine(QPointF(left, self.height() / 2), QPointF(left + 11, self.height() / 2))
            painter.setPen(QColor(now.text))
            painter.drawText(QRectF(left + 16, 0, width + 4, self.height()), middle, words)
            left += 16 + width + 16


def shown(value: float, unit: str) -> str:
    """A number with its unit, short enough to be read while it changes."""
    if not math.isfinite(value):
        return "–"
    if unit in {"B", "bytes"}:
        return megabytes(value)
    size = abs(value)
    if value == round(value):
        return f"{value:,.0f} {unit}".strip()
    text = f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
    if 0 < size < 0.01:
        text = f"{value:.2g}"
    return f"{text} {unit}".strip()


def megabytes(value: float) -> str:
    for limit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if abs(value) >= limit:
            return f"{value / limit:.1f} {name}"
    return f"{value:.0f} B"
