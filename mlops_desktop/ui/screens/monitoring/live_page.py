"""The live charts: linked over one stretch of time, with what happened in it as vertical marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QSizePolicy, QToolButton

from mlops_desktop.domain.alerts import AlertRule
from mlops_desktop.ui.screens.monitoring.live_reading import Happening, LivePicture, bridged, limit_of, needs_dots
from mlops_desktop.ui.screens.monitoring.stretches import USUAL_WINDOW, clock, span_words
from mlops_desktop.ui.theme import L, M, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.cards import Card, Page
from mlops_desktop.ui.widgets.chart_group import ChartGroup
from mlops_desktop.ui.widgets.charts import Line, Mark, TimeChart
from mlops_desktop.ui.widgets.items import Item, ItemList
from mlops_desktop.ui.words import lasting

ASKED_FOR = {"cpu_percent", "memory_bytes"}  # by the collector, not told with each request
# In the order of the page. Chart -> (title, unit, figures with the names of their lines and their colours)
CHARTS = {
    "requests": ("Requests", "/s", (("request_rate", "rate", 0),)),
    "latency": ("Latency", "ms", (("p50_ms", "p50", 1), ("p95_ms", "p95", 0), ("p99_ms", "p99", 3))),
    "errors": ("Errors", "%", (("error_rate", "share", 6),)),
    "cpu": ("CPU", "%", (("cpu_percent", "core", 4),)),
    "memory": ("Memory", "MiB", (("memory_bytes", "used", 5),)),
}
WIDE, NARROW = {"requests": 150, "latency": 130}, 112  # heights; a wide chart has room for several values
NAMES_MARKS = "requests"
LISTED, MEBIBYTE = 8, 2**20
GAPS_LISTED, COLUMNS = 2, 3
LABEL_SHARE = 0.09  # of the stretch: marks that are closer than this share one label


class SavableChart(TimeChart):
    """A chart with its exports at the right end of its legend's line."""

    wanted = Signal(str)  # png, csv or copy

    def __init__(self, title: str, unit: str, height: int, *, from_zero: bool = True) -> None:
        super().__init__(title, unit, height=height, from_zero=from_zero)
        # As high as there is room, never as high as a plot would like to be.
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.button = IconButton("download", f"Save the chart {title}")
        menu = QMenu(self.button)
        menu.setAccessibleName(f"Save the chart {title}")
        for kind, text in (("png", "Save as PNG …"), ("csv", "Save as CSV …"), ("copy", "Copy the picture")):
            menu.addAction(text, partial(self.wanted.emit, kind))
        self.button.setMenu(menu)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        if (head := self.body.itemAt(0)) is not None and isinstance(line := head.layout(), QHBoxLayout):
            line.addWidget(self.button)


class LivePage(Page):
    """`group` knows the stretch that is shown; the presenter asks for its figures."""

    save_wanted = Signal(str, str)  # chart, kind
    happening_opened = Signal(str)
    traffic_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(margin=0)
        self.group = ChartGroup(USUAL_WINDOW, self)
        self.notice = Banner()
        self.notice.action.connect(self.traffic_wanted)
        self._said = ("", "")
        self._figures: dict[str, Sequence[float]] = {}
        self._happenings: Sequence[Happening] = ()
        self._rules: Sequence[AlertRule] = ()
        self._listed: list[Item] = []
        self._gaps: Sequence[tuple[float, float]] = ()
        self.charts: dict[str, SavableChart] = {}
        self.body.setContentsMargins(0, M, 0, L)
        self.body.addWidget(self.notice)
        grid = QGridLayout()
        grid.setSpacing(M)
        row, column = 0, 0
        for key, (title, unit, _) in CHARTS.items():
            chart = SavableChart(title, unit, WIDE.get(key, NARROW))
            chart.wanted.connect(partial(self.save_wanted.emit, key))
            self.charts[key] = chart
            self.group.add(chart)
            span = COLUMNS if key in WIDE else 1
            grid.addWidget(chart, row, column, 1, span)
            row, column = (row + 1, 0) if column + span >= COLUMNS else (row, column + span)
        for column in range(COLUMNS):
            grid.setColumnStretch(column, 1)
        self.body.addLayout(grid, 1)
        self.happened = ItemList("Nothing happened in this time.")
        self.happened.opened.connect(self.happening_opened)
        card = Card("In this time", "history", padding=0)
        card.body.setContentsMargins(0, 0, 0, M)
        card.add(self.happened)
        self.body.addWidget(card)

    # What is shown

    def show_figures(self, picture: LivePicture) -> None:
        self._figures = {name: series.values for name, series in picture.figures.items()}
        self._gaps = picture.gaps
        for key, (_, _, lines) in CHARTS.items():
            drawn = []
            for figure, name, colour in lines:
                series = picture.figures[figure]
                values = [v / MEBIBYTE for v in series.values] if series.unit == "bytes" else series.values
                if figure in ASKED_FOR:
                    values = bridged(values)
                drawn.append(Line(name, series.times, values, colour, dots=needs_dots(values)))
            self.charts[key].set_lines(drawn)
        self._show_limits()

    def show_happenings(self, happenings: Sequence[Happening], rules: Sequence[AlertRule]) -> None:
        self._happenings, self._rules = happenings, rules
        self.show_marks()
        self._show_limits()

    def show_marks(self) -> None:
        """Lines in every chart, words in the first only: five times the same would hide the figures."""
        start, end = self.group.range
        if not (math.isfinite(start) and math.isfinite(end)):
            return
        inside = [h for h in self._happenings if start <= h.at <= end]
        texts = label_texts(inside, (end - start) * LABEL_SHARE)
        for key, chart in self.charts.items():
            words = texts if key == NAMES_MARKS else [""] * len(inside)
            chart.set_marks([Mark(h.at, text, Tone(h.colour)) for h, text in zip(inside, words, strict=True)])
        items = [(h.at, Item(h.key, h.icon, h.title, f"{clock(h.at, end)} · {h.text}", h.colour)) for h in inside]
        for gap_start, gap_end in sorted(self._gaps, key=lambda gap: gap[0] - gap[1])[:GAPS_LISTED]:
            title = f"No data for {lasting(gap_end - gap_start)}"
            text = f"{span_words(gap_start, gap_end)} · nothing was collected in this time"
            items.append((gap_start, Item("gap", "circle-off", title, text)))
        newest = [item for _, item in sorted(items, key=lambda pair: pair[0], reverse=True)][:LISTED]
        if newest != self._listed:
            self._listed = newest
            self.happened.show_items(newest)

    def say(self, title: str, text: str = "", tone: Tone = Tone.WARNING, action: str = "") -> None:
        """A note above the charts, or none; one that was dismissed stays away until it says something else."""
        if (title, text) == self._said:
            return
        self._said = (title, text)
        if title:
            self.notice.show_message(title, text, tone, action=action)
        else:
            self.notice.clear()

    def _show_limits(self) -> None:
        for key, figure in (("errors", "error_rate"), ("latency", "p95_ms"), ("cpu", "cpu_percent")):
            limit = limit_of(self._rules, figure, self._figures.get(figure, ()))
            if limit is None:
                self.charts[key].set_threshold(None)
            else:
                self.charts[key].set_threshold(*limit)


def label_texts(happenings: Sequence[Happening], apart: float) -> list[str]:
    """The words beside each mark; those that stand too close together are gathered at the first of them."""
    texts = [""] * len(happenings)
    group: list[int] = []
    for index, happening in enumerate(happenings):
        if group and happening.at - happenings[group[0]].at > apart:
            texts[group[0]] = _together([happenings[i].short for i in group])
            group = []
        group.append(index)
    if group:
        texts[group[0]] = _together([happenings[i].short for i in group])
    return texts


def _together(words: Sequence[str]) -> str:
    alerts = sum(w == "alert" for w in words)
    others = [w for w in words if w != "alert"]
    if alerts:
        others.append("alert" if alerts == 1 else f"{alerts} alerts")
    return ", ".join(others)
