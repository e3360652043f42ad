"""Realised performance over time against the reference, how many labels it rests on, and each deployment's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.domain.monitoring import LabelReport, PerformancePoint
from mlops_desktop.ui.screens.monitoring.columns import SCORE_COLUMNS, coverage_words
from mlops_desktop.ui.screens.monitoring.live_page import LABEL_SHARE, SavableChart, label_texts
from mlops_desktop.ui.screens.monitoring.live_reading import Happening
from mlops_desktop.ui.screens.monitoring.performance_reading import METRIC_NAMES, PerformancePicture
from mlops_desktop.ui.theme import L, M, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Page
from mlops_desktop.ui.widgets.chart_group import ChartGroup
from mlops_desktop.ui.widgets.charts import Line, Mark
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import ClampedLabel
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import count

HOW_TO = (
    "Send the true outcomes as a CSV file with the columns prediction_id and label; every answer of the model carries "
    "its prediction id. The command “mlops-desktop labels FILE” does the same."
)


class PerformancePage(QStackedWidget):
    """`report` stands above everything, as a file may be sent from the empty state too."""

    metric_chosen = Signal(str)
    labels_wanted = Signal()
    save_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.report = Banner()
        self.group = ChartGroup(parent=self)
        self.summary = ClampedLabel("", "muted", lines=1)
        self.metric_box = QComboBox()
        self.metric_box.setAccessibleName("Metric")
        self.metric_box.setMinimumWidth(120)
        self.metric_box.activated.connect(lambda _: self.metric_chosen.emit(str(self.metric_box.currentData())))
        self.send = Button("Send labels", "upload", clicked=self.labels_wanted.emit)
        self.performance = SavableChart("Realised performance", "", 180, from_zero=False)
        self.labels = SavableChart("Predictions and labels", "", 110)
        self.group.add(self.performance)
        self.group.add(self.labels)
        self.performance.wanted.connect(lambda kind: self.save_wanted.emit("performance", kind))
        self.labels.wanted.connect(lambda kind: self.save_wanted.emit("labels", kind))
        self.table = RecordTable(
            "performance",
            SCORE_COLUMNS,
            lambda s: s.deployment.id,
            title="Each deployment over its whole life",
            filterable=False,
            heading=True,
        )
        self.empty = EmptyState("chart-line", "No labels yet", HOW_TO, "Send labels", "Copy the command")
        self.empty.action.connect(self.labels_wanted)
        self.page = Page(margin=0)
        self.page.body.setContentsMargins(0, M, 0, L)
        head = QHBoxLayout()
        head.setSpacing(M)
        head.addWidget(self.metric_box)
        head.addWidget(self.summary, 1)
        head.addWidget(self.send)
        self.page.body.addLayout(head)
        self.page.body.addWidget(self.performance)
        self.page.body.addWidget(self.labels)
        self.page.body.addWidget(self.table)
        self.page.body.addStretch(1)
        # Charts without a line would say that there is no data before anybody looked.
        self.addWidget(EmptyState("chart-line", "Reading the outcomes", "Predictions are joined with their labels."))
        self.addWidget(self.page)
        self.addWidget(self.empty)

    def permit(self, account: Account) -> None:
        self.send.permit(account, Action.SEND_LABELS)
        self.empty.button.permit(account, Action.SEND_LABELS)

    def show_picture(self, picture: PerformancePicture, happenings: Sequence[Happening]) -> None:
        if not picture.labels and not picture.scores:
            self.show_empty(picture.predictions)
            return
        self.setCurrentWidget(self.page)
        self._show_metrics(picture)
        share = f" ({coverage_words(picture.labels, picture.predictions)})" if picture.predictions else ""
        self.summary.setText(
            f"{count(picture.labels, 'label')} of {count(picture.predictions, 'prediction')} in this time{share}. "
            "All versions together."
        )
        self.group.window = picture.end - picture.start
        self.group.set_now(picture.end)
        points = with_breaks(picture.points)
        middle = [(p.start + p.end) / 2 for p in points]
        name, low, high = (
            METRIC_NAMES.get(picture.metric, picture.metric),
            [p.low for p in points],
            [p.high for p in points],
        )
        lines = [Line(name, middle, [p.value for p in points], 0, dots=True, low=low, high=high)]
        for title, steps, colour in (("reference", picture.reference, 1), ("alert limit", picture.limit, 2)):
            if steps:
                lines.append(Line(title, [at for at, _ in steps], [value for _, value in steps], colour, dashed=True))
        self.performance.set_lines(lines)
        self.labels.set_lines(
            [
                Line("predictions", middle, [amount(p, p.predictions) for p in points], 5, dots=len(points) < 40),
                Line("with a label", middle, [amount(p, p.labels) for p in points], 0, dots=len(points) < 40),
            ]
        )
        inside = [h for h in happenings if picture.start <= h.at <= picture.end and h.short != "alert"]
        texts = label_texts(inside, (picture.end - picture.start) * LABEL_SHARE)
        for chart, words in ((self.performance, texts), (self.labels, [""] * len(inside))):
            chart.set_marks([Mark(h.at, text, Tone(h.colour)) for h, text in zip(inside, words, strict=True)])
        self.table.set_records(picture.scores)
        self.table.fit_rows(least=2, most=8)

    def show_empty(self, predictions: int) -> None:
        """Without a label there is no performance: say how to send some."""
        title = "No labels yet" if predictions else "No predictions in this time"
        waiting = (
            f"{count(predictions, 'prediction')} of this time wait for their true outcome. " if predictions else ""
        )
        self.empty.show_text(title, waiting + HOW_TO)
        self.setCurrentWidget(self.empty)

    def show_report(self, report: LabelReport, file: str) -> None:
        """What became of the labels of a file."""
        title = f"{count(report.matched + report.replaced, 'label')} of {file} joined"
        parts = [f"{report.replaced:,} replaced an earlier one." if report.replaced else ""]
        if report.unknown:
            ids = ", ".join(report.unknown_ids[:3])
            more = f" and {report.unknown - 3:,} more" if report.unknown > 3 else ""
            kept = "They are kept for a day, in case the predictions come later."
            parts.append(f"{report.unknown:,} name a prediction that is not known: {ids}{more}. {kept}")
        tone = Tone.WARNING if report.unknown else Tone.OK
        self.report.show_message(title, " ".join(p for p in parts if p), tone)

    def _show_metrics(self, picture: PerformancePicture) -> None:
        known = [self.metric_box.itemData(i) for i in range(self.metric_box.count())]
        if known != list(picture.metrics):
            self.metric_box.clear()
            for metric in picture.metrics:
                self.metric_box.addItem(METRIC_NAMES.get(metric, metric), metric)
        self.metric_box.setCurrentIndex(max(0, self.metric_box.findData(picture.metric)))


def with_breaks(points: Sequence[PerformancePoint]) -> list[PerformancePoint]:
    """An unknown point wherever a step had no prediction, so that no line leads over it."""
    found: list[PerformancePoint] = []
    for point in points:
        if found and point.start - found[-1].end > 0.5 * (point.end - point.start):
            before, nan = found[-1], math.nan
            found.append(replace(point, start=before.end, end=point.start, value=nan, low=nan, high=nan, predictions=0))
        found.append(point)
    return found


def amount(point: PerformancePoint, number: int) -> float:
    return float(number) if point.predictions else math.nan
