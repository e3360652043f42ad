"""Lines over time on pyqtgraph. Import this module late: with it comes numpy, which the first paint can do without.

Lines are one pixel wide, drawn at most ten times a second, only while they can be seen, and never bridge a gap.
"""

from __future__ import annotations

import bisect
import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QKeyEvent, QPixmap, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from mlops_desktop.ui.theme import CAPTION, M, S, Tone, colours, font
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.decimation import decimate, with_gaps
from mlops_desktop.ui.widgets.export import safe_cell
from mlops_desktop.ui.widgets.legend import Legend
from mlops_desktop.ui.widgets.time_box import TimeBox

REDRAW_MS = 100
AXIS_WIDTH = 56


@dataclass(frozen=True, slots=True)
class Line:
    """One figure over time: epoch seconds and values, NaN is a gap. `colour` is a place in the palette's series."""

    name: str
    times: Sequence[float]
    values: Sequence[float]
    colour: int = 0
    dashed: bool = False
    dots: bool = False
    low: Sequence[float] | None = None  # a band around it, for confidence
    high: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a deployment, a roll-back, a note."""

    at: float
    text: str
    tone: Tone = Tone.ACCENT


class TimeChart(Card):
    """`set_lines`, `set_marks`, `set_threshold`; add it to a ChartGroup to move and point together with others."""

    pointed = Signal(float)  # the time under the pointer, NaN when it left
    zoomed = Signal(float, float)  # the person dragged over a stretch of time
    live_wanted = Signal()  # double click
    pause_wanted = Signal()  # Space
    annotate_wanted = Signal(float)  # M, at the crosshair or now

    def __init__(
        self,
        name: str,
        unit: str = "",
        *,
        from_zero: bool = True,
        gap_seconds: float = 0.0,
        height: int = 168,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(padding=0, parent=parent)
        self.name, self.unit = name, unit
        self.setAccessibleName(name)
        self._from_zero, self._gap = from_zero, gap_seconds
        self._lines: tuple[Line, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._threshold: tuple[float, str] | None = None
        self._at = math.nan
        self._dirty, self._last_range = False, (math.nan, math.nan)
        self._items: list[Any] = []
        self.legend = Legend(name, unit)
        self._box = TimeBox()
        axes = {"bottom": pg.DateAxisItem(orientation="bottom"), "left": pg.AxisItem(orientation="left")}
        self.plot = pg.PlotWidget(viewBox=self._box, axisItems=axes, background=None)
        self.plot.setMinimumHeight(height)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.setAccessibleName(f"Chart: {name}")
        self.plot.getAxis("left").setWidth(AXIS_WIDTH)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        head = QHBoxLayout()
        head.setContentsMargins(M, S, M, 0)
        head.addWidget(self.legend)
        self.body.setSpacing(0)
        self.body.setContentsMargins(0, 0, S, S)
        self.body.addLayout(head)
        self.body.addWidget(self.plot, 1)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self._box.addItem(self._cross, ignoreBounds=True)
        self._timer = QTimer(self, interval=REDRAW_MS, singleShot=True)
        self._timer.timeout.connect(self._draw_if_due)
        self.plot.scene().sigMouseMoved.connect(self._on_moved)
        self._box.dragged.connect(self.zoomed)
        self._box.double_clicked.connect(self.live_wanted)
        self.plot.installEventFilter(self)
        self._style()

    def set_lines(self, lines: Sequence[Line]) -> None:
        """What is drawn from now on; drawn when visible and not sooner than a tenth of a second after the last time."""
        self._lines = tuple(lines)
        self._due()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        self._marks = tuple(marks)
        self._due()

    def set_threshold(self, value: float | None, text: str = "") -> None:
        self._threshold = None if value is None else (value, text)
        self._due()

    def show_range(self, start: float, end: float) -> None:
        if math.isfinite(start) and math.isfinite(end) and end > start:
            self._box.setXRange(start, end, padding=0)
            self._due()

    def point_at(self, at: float) -> None:
        """Move the crosshair; NaN takes it away and the legend shows the last values."""
        self._at = at
        self._cross.setVisible(math.isfinite(at))
        if math.isfinite(at):
            self._cross.setPos(at)
        self._show_values()

    def to_png(self) -> QPixmap:
        return self.grab()

    def to_csv(self) -> str:
        """time (ISO 8601, UTC offset), series, value; gaps are empty."""
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        writer.writerow(["time", "series", f"value ({self.unit})" if self.unit else "value"])
        for line in self._lines:
            for at, value in zip(line.times, line.values, strict=True):
                moment = datetime.fromtimestamp(at).astimezone().isoformat()
                writer.writerow([moment, safe_cell(line.name), value if math.isfinite(value) else ""])
        return out.getvalue()

    # Drawing

    def _due(self) -> None:
        self._dirty = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _draw_if_due(self) -> None:
        if self._dirty and self.isVisible():
            self._draw()

    def _draw(self) -> None:
        self._dirty = False
        now = colours()
        for item in self._items:
            self._box.removeItem(item)
        self._items = []
        (start, end), _ = self._box.viewRange()
        least, greatest = math.inf, -math.inf
        for line in self._lines:
            shade = QColor(now.series[line.colour % len(now.series)])
            x, y = with_gaps(line.times, line.values, self._gap)
            seen = (x >= start) & (x <= end) & np.isfinite(y)
            if seen.any():
                least, greatest = min(least, float(y[seen].min())), max(greatest, float(y[seen].max()))
            if line.low is not None and line.high is not None:
                self._band(line, shade)
                least = min(least, float(np.nanmin(line.low, initial=least)))
                greatest = max(greatest, float(np.nanmax(line.high, initial=greatest)))
            x, y = decimate(x, y)
            style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
            curve = pg.PlotDataItem(
                x,
                y,
                pen=pg.mkPen(shade, width=1, style=style),
                connect="finite",
                antialias=False,
                skipFiniteCheck=False,
                symbol="o" if line.dots or int(np.isfinite(y).sum()) == 1 else None,
                symbolSize=5,
                symbolBrush=shade,
                symbolPen=None,
            )
            self._box.addItem(curve, ignoreBounds=True)
            self._items.append(curve)
        if self._threshold is not None:
            value, text = self._threshold
            pen = pg.mkPen(now.warning, width=1, style=Qt.PenStyle.DashLine)
            options = {"position": 0.02, "anchors": [(0, 1), (0, 1)], "color": now.warning}
            limit = pg.InfiniteLine(value, angle=0, pen=pen, label=text or None, labelOpts=options)
            self._box.addItem(limit, ignoreBounds=True)
            self._items.append(limit)
            if math.isfinite(greatest):
                greatest, least = max(greatest, value), min(least, value)
        for mark in self._marks:
            pen = pg.mkPen(now.tone(mark.tone), width=1, style=Qt.PenStyle.DotLine)
            options = {"position": 0.98, "anchors": [(0, 0), (0, 0)], "color": now.tone(mark.tone)}
            line_item = pg.InfiniteLine(mark.at, angle=90, pen=pen, label=mark.text, labelOpts=options)
            self._box.addItem(line_item, ignoreBounds=True)
            self._items.append(line_item)
        self._scale(least, greatest)
        self._show_values()

    def _band(self, line: Line, shade: QColor) -> None:
        fill = QColor(shade)
        fill.setAlpha(38)
        x = np.asarray(line.times, dtype=np.float64)
        edges = [
            pg.PlotCurveItem(x, np.asarray(part, dtype=np.float64), pen=pg.mkPen(fill), connect="finite")
            for part in (line.low, line.high)
        ]
        band = pg.FillBetweenItem(edges[0], edges[1], brush=fill)
        for item in (*edges, band):
            self._box.addItem(item, ignoreBounds=True)
            self._items.append(item)

    def _scale(self, least: float, greatest: float) -> None:
        if not math.isfinite(least):
            least, greatest = 0.0, 1.0
        if self._from_zero:
            least = min(0.0, least)
        room = (greatest - least) * 0.08 or (abs(greatest) * 0.1 or 1.0)
        low = least if self._from_zero and least == 0 else least - room
        # The words of marks stand above the lines.
        high = greatest + room * (3 if any(mark.text for mark in self._marks) else 1)
        self._box.setYRange(low, high, padding=0)

    def _show_values(self) -> None:
        now = colours()
        self.legend.show_values(
            [
                (line.name, now.series[line.colour % len(now.series)], _value_at(line, self._at), line.dashed)
                for line in self._lines
            ],
            self._at,
        )

    def _style(self) -> None:
        now = colours()
        small = font(CAPTION - 1, tabular=True)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(now.border))
            axis.setTextPen(pg.mkPen(now.muted))
            axis.setTickFont(small)
            axis.setStyle(tickLength=-4, hideOverlappingLabels=True)
        self.plot.getAxis("left").setGrid(28)
        self._cross.setPen(pg.mkPen(now.muted, width=1))
        self._due()

    # What the person does

    def _on_moved(self, position: QPointF) -> None:
        if self._box.sceneBoundingRect().contains(position):
            self.pointed.emit(float(self._box.mapSceneToView(position).x()))
        else:
            self.pointed.emit(math.nan)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Leave:
            self.pointed.emit(math.nan)
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Space:
                self.pause_wanted.emit()
                return True
            if event.key() == Qt.Key.Key_M:
                self.annotate_wanted.emit(self._at)
                return True
            if event.key() in {Qt.Key.Key_Left, Qt.Key.Key_Right}:
                (start, end), _ = self._box.viewRange()
                at = self._at if math.isfinite(self._at) else end
                step = (end - start) / 100 * (1 if event.key() == Qt.Key.Key_Right else -1)
                self.pointed.emit(max(start, min(at + step, end)))
                return True
        return bool(super().eventFilter(watched, event))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_if_due()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange} and hasattr(self, "_timer"):
            self._style()


def _value_at(line: Line, at: float) -> float:
    """The value at or just before a time; the last one when the time is NaN."""
    if not line.times:
        return math.nan
    if math.isnan(at):
        return float(line.values[-1])
    index = bisect.bisect_right(line.times, at) - 1
    if index + 1 < len(line.times) and (index < 0 or line.times[index + 1] - at < at - line.times[index]):
        index += 1
    return float(line.values[index])
