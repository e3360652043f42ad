"""What a page of charts shares: the stretch of time, the crosshair, following and pausing."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject, Signal

from mlops_desktop.ui.widgets.charts import TimeChart


class ChartGroup(QObject):
    """Live: the last `window` seconds move with `set_now`. A drag zooms all; a double click returns.

    `range_changed(start, end)` asks the presenter for figures of that stretch; `state_changed` when live or paused did.
    """

    range_changed = Signal(float, float)
    state_changed = Signal()

    def __init__(self, window: float = 900.0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.window = window
        self._charts: list[TimeChart] = []
        self._now = math.nan
        self._zoom: tuple[float, float] | None = None
        self._paused = False

    def add(self, chart: TimeChart) -> TimeChart:
        self._charts.append(chart)
        chart.pointed.connect(self._on_pointed)
        chart.zoomed.connect(self.zoom)
        chart.live_wanted.connect(self.go_live)
        chart.pause_wanted.connect(self.toggle_pause)
        start, end = self.range
        chart.show_range(start, end)
        return chart

    @property
    def live(self) -> bool:
        return self._zoom is None and not self._paused

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def range(self) -> tuple[float, float]:
        """The stretch of time that is shown, epoch seconds."""
        return self._zoom if self._zoom is not None else (self._now - self.window, self._now)

    def set_now(self, now: float) -> None:
        """The right edge while live."""
        if self.live or math.isnan(self._now):
            self._now = now
            if self._zoom is None:
                self._show()

    def set_window(self, seconds: float) -> None:
        """Another length of time, live."""
        self.window = seconds
        self.go_live()

    def zoom(self, start: float, end: float) -> None:
        self._zoom = (start, end)
        self._show()
        self.range_changed.emit(start, end)
        self.state_changed.emit()

    def go_live(self) -> None:
        self._zoom, self._paused = None, False
        self._show()
        self.range_changed.emit(*self.range)
        self.state_changed.emit()

    def toggle_pause(self) -> None:
        self._paused = not self._paused
        self.state_changed.emit()

    def _on_pointed(self, at: float) -> None:
        for chart in self._charts:
            chart.point_at(at)

    def _show(self) -> None:
        start, end = self.range
        for chart in self._charts:
            chart.show_range(start, end)
