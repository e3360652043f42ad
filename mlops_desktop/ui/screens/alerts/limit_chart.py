"""One figure over time against its limit: the line, the limit, and the stretches in which an alert was open.

Painted by hand: a chart library takes a third of a second to import, and this picture has to be there at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from mlops_desktop.domain.alerts import AlertRule, Comparator, number_of
from mlops_desktop.ui.theme import CAPTION, colours, font

LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 22
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
GAP = 5  # times the usual distance of two values: beyond that nothing joins them


@dataclass(frozen=True, slots=True)
class Past:
    """A figure's past: NaN is a gap. `open` are stretches in which an alert was open; None: it still is."""

    start: float
    end: float
    times: Sequence[float]
    values: Sequence[float]
    open: Sequence[tuple[float, float | None]] = ()

    @property
    def known(self) -> list[tuple[float, float]]:
        return [(t, v) for t, v in zip(self.times, self.values, strict=True) if not math.isnan(v)]


class LimitChart(QWidget):
    """`show_past(rule, past)`; the mouse, or the arrow keys, tell single values."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._rule: AlertRule | None = None
        self._past = Past(0, 1, (), ())
        self._at: int | None = None  # index into the known values
        self._message = "Reading …"
        self.setMinimumSize(240, 150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(420, 170)

    def show_past(self, rule: AlertRule, past: Past) -> None:
        self._rule, self._past, self._message = rule, past, "No data in this time"
        known = past.known
        if self._at is not None and self._at >= len(known):
            self._at = None
        limit = number_of(rule.threshold, rule.figure)
        if known:
            values = [v for _, v in known]
            self._describe(
                f"now {number_of(values[-1], rule.figure)}, from {number_of(min(values), rule.figure)}"
                f" to {number_of(max(values), rule.figure)}, limit {limit}"
            )
        else:
            self._describe(f"no data, limit {limit}")
        self.update()

    def show_message(self, text: str) -> None:
        """Instead of a picture: nothing is known yet, or it could not be read."""
        self._rule, self._message = None, text
        self._describe(text)
        self.update()

    def _describe(self, words: str) -> None:
        self.setAccessibleDescription(words)

    # Looking at single values

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        known = self._past.known
        if known and self._rule is not None:
            at = self._time_at(event.position().x())
            self._at = min(range(len(known)), key=lambda i: abs(known[i][0] - at))
            self.update()

    def leaveEvent(self, event: object) -> None:
        self._at = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        known = self._past.known
        if step is None or not known or self._rule is None:
            super().keyPressEvent(event)
            return
        before = len(known) if self._at is None else self._at
        self._at = max(0, min(before + step, len(known) - 1))
        at, value = known[self._at]
        self._describe(f"{_clock(at, seconds=True)}: {number_of(value, self._rule.figure)}")
        self.update()

    # Painting

    @property
    def _plot(self) -> QRectF:
        return QRectF(LEFT, TOP, max(1, self.width() - LEFT - RIGHT), max(1, self.height() - TOP - BOTTOM))

    def _time_at(self, x: float) -> float:
        share = (x - self._plot.left()) / self._plot.width()
        return self._past.start + share * (self._past.end - self._past.start)

    def _x(self, at: float) -> float:
        span = max(self._past.end - self._past.start, 1e-9)
        return self._plot.left() + max(0.0, min(1.0, (at - self._past.start) / span)) * self._plot.width()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, now = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = font(CAPTION, tabular=True)
        painter.setFont(small)
        if self.hasFocus():
            painter.setPen(QPen(QColor(now.accent_fill), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        known = self._past.known
        if self._rule is None or not known:
            painter.setPen(QColor(now.muted))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self._message)
            return
        ticks = _ticks([v for _, v in known], self._rule.threshold)
        low, high = ticks[0], ticks[-1]

        def y(value: float) -> float:
            return self._plot.bottom() - (value - low) / (high - low) * self._plot.height()

        self._paint_open(painter)
        self._paint_axes(painter, ticks, y)
        self._paint_limit(painter, self._rule, y(self._rule.threshold))
        self._paint_line(painter, y)
        if self._at is not None and self._at < len(known):
            self._paint_cursor(painter, known[self._at], y, QFontMetrics(small))

    def _paint_open(self, painter: QPainter) -> None:
        shade = QColor(colours().critical_soft)
        for opened, over in self._past.open:
            left, right = self._x(opened), self._x(self._past.end if over is None else over)
            painter.fillRect(QRectF(left, self._plot.top(), max(2.0, right - left), self._plot.height()), shade)

    def _paint_axes(self, painter: QPainter, ticks: Sequence[float], y: Callable[[float], float]) -> None:
        now, plot = colours(), self._plot
        for tick in ticks:
            painter.setPen(QPen(QColor(now.border), 1))
            painter.drawLine(QPointF(plot.left(), y(tick)), QPointF(plot.right(), y(tick)))
            painter.setPen(QColor(now.muted))
            place = QRectF(0, y(tick) - 9, LEFT - 8, 18)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), f"{tick:,.4g}")
        below = QRectF(plot.left(), plot.bottom() + 4, plot.width(), BOTTOM - 4)
        seconds = self._past.end - self._past.start < 600
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft), _clock(self._past.start, seconds=seconds))
        painter.drawText(below, int(Qt.AlignmentFlag.AlignRight), _clock(self._past.end, seconds=seconds))

    def _paint_limit(self, painter: QPainter, rule: AlertRule, height: float) -> None:
        now, plot = colours(), self._plot
        painter.setPen(QPen(QColor(now.critical), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), height), QPointF(plot.right(), height))
        above = rule.comparator is Comparator.ABOVE
        words = f"limit {number_of(rule.threshold, rule.figure)}"
        place = QRectF(plot.left() + 4, height - 18 if height > plot.top() + 18 else height + 1, plot.width() - 8, 17)
        painter.setPen(QColor(now.critical))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignRight), words if above else f"{words}, at least")

    def _paint_line(self, painter: QPainter, y: Callable[[float], float]) -> None:
        shade = QColor(colours().series[0])
        for run in _runs(self._past):
            points = [QPointF(self._x(at), y(value)) for at, value in run]
            painter.setPen(QPen(shade, 1.6))
            painter.drawPolyline(QPolygonF(points))
            if len(run) < 40:  # few values are seen better as dots, and one alone has no line
                painter.setBrush(shade)
                painter.setPen(Qt.PenStyle.NoPen)
                for point in points:
                    painter.drawEllipse(point, 2.4, 2.4)
                painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_cursor(
        self, painter: QPainter, one: tuple[float, float], y: Callable[[float], float], metrics: QFontMetrics
    ) -> None:
        assert self._rule is not None  # noqa: S101 - only painted with one
        now, plot, x = colours(), self._plot, self._x(one[0])
        painter.setPen(QPen(QColor(now.muted), 1))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setBrush(QColor(now.series[0]))
        painter.drawEllipse(QPointF(x, y(one[1])), 3.5, 3.5)
        words = f"{number_of(one[1], self._rule.figure)}  at {_clock(one[0], seconds=True)}"
        width = metrics.horizontalAdvance(words) + 14
        left = min(max(plot.left(), x - width / 2), plot.right() - width)
        box = QRectF(left, plot.top() - 8, width, 22)
        painter.setPen(QPen(QColor(now.border_strong), 1))
        painter.setBrush(QColor(now.surface))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(now.text))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _runs(past: Past) -> list[list[tuple[float, float]]]:
    """The known values in stretches without a gap: a value that is missing, or none for several times the usual."""
    steps = [after - before for before, after in pairwise(past.times)]
    longest = GAP * median(steps) if steps else math.inf
    runs: list[list[tuple[float, float]]] = [[]]
    before = -math.inf
    for at, value in zip(past.times, past.values, strict=True):
        if math.isnan(value) or at - before > longest:
            runs.append([])
        if not math.isnan(value):
            runs[-1].append((at, value))
        before = at
    return [run for run in runs if run]


def _ticks(values: Sequence[float], limit: float) -> list[float]:
    """Round numbers that hold all values and the limit, zero too unless values are below it."""
    low, high = min(0.0, limit, *values), max(limit, *values)
    if high <= low:
        high = low + 1.0
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in NICE if n * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step + 0.05)
    return [number * step for number in range(first, last + 1)]


def _clock(at: float, *, seconds: bool) -> str:
    moment = datetime.fromtimestamp(at, UTC).astimezone()
    days = (datetime.now(UTC) - moment).days
    if days >= 1:
        return f"{moment:%d %b, %H:%M}"
    return f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
