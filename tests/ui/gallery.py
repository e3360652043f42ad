"""Every widget on one page, to look at: `python -m tests.ui.gallery light|dark [PICTURE]`."""

from __future__ import annotations

import math
import sys
from collections import namedtuple
from datetime import UTC, datetime

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QCheckBox, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from mlops_desktop.domain.checks import Verdict
from mlops_desktop.domain.deployments import DeploymentState
from mlops_desktop.domain.errors import EngineUnavailable
from mlops_desktop.ui.theme import Appearance, Tone, install_theme
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.bars import BarCompare
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.cards import Card, FactList, FigureCard, Page
from mlops_desktop.ui.widgets.chart_group import ChartGroup
from mlops_desktop.ui.widgets.charts import Line, Mark, TimeChart
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.forms import Form, choice_field, password_field, text_field
from mlops_desktop.ui.widgets.log_model import LogEntry
from mlops_desktop.ui.widgets.log_view import LogView
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress
from mlops_desktop.ui.widgets.sparkline import Cell, HeatMap
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.widgets.tabs import Tabs

Row = namedtuple("Row", "name state auc history age")
ROWS = [
    Row(f"flight-delay-{n}", list(DeploymentState)[n % 6], 0.7 + n / 100, [math.sin(i / 2 + n) for i in range(20)], n)
    for n in range(12)
]
COLUMNS = (
    Column("name", "Name", lambda r: r.name, stretch=True, strong=True),
    Column("state", "State", lambda r: r.state, kind=Kind.BADGE, badge=lambda r: badge_of(r.state), width=120),
    Column("auc", "ROC AUC", lambda r: f"{r.auc:.3f}", value=lambda r: r.auc, kind=Kind.NUMBER, width=96),
    Column("p95", "p95, 1 h", lambda r: "", kind=Kind.SPARK, spark=lambda r: r.history, width=120, sortable=False),
    Column("age", "Age", lambda r: f"{r.age} h", value=lambda r: r.age, muted=True, width=80),
)


def gallery() -> QWidget:
    window = QWidget()
    window.setObjectName("window")
    outer = QVBoxLayout(window)
    outer.setContentsMargins(0, 0, 0, 0)
    page = Page()
    outer.addWidget(page)
    page.body.addWidget(PlainLabel("Gallery of widgets", "title"))
    banner = Banner()
    banner.show_problem(EngineUnavailable("Docker is not answering.", "Start Docker, then press Retry."))
    info = Banner()
    info.show_message("Version 2 was decided meanwhile.", "Rosa approved it at 10:42.", Tone.ACCENT, action="Reload")
    page.body.addWidget(banner)
    page.body.addWidget(info)
    cards = QHBoxLayout()
    for name, icon, figure, note in (
        ("Waiting for you", "inbox", "2", "flight-delay@2 to production"),
        ("Unhealthy", "triangle-alert", "1", "1 alert fires"),
        ("In production", "rocket", "3", "no drift"),
    ):
        card = FigureCard(name, icon)
        card.show_figure(figure, note, "accent")
        cards.addWidget(card)
    page.body.addLayout(cards)
    buttons = QHBoxLayout()
    for text, icon, role in (
        ("Deploy", "rocket", "primary"),
        ("Compare", "git-compare-arrows", ""),
        ("Plain", "copy", "plain"),
        ("Stop", "circle-stop", "danger"),
        ("Delete for ever", "trash-2", "danger-fill"),
        ("a link", "", "link"),
    ):
        buttons.addWidget(Button(text, icon, role))
    off = Button("Forbidden", "lock", "primary")
    off.forbid("Only reviewers may.")
    buttons.addWidget(off)
    buttons.addWidget(IconButton("refresh-cw", "Refresh"))
    buttons.addStretch(1)
    page.body.addLayout(buttons)
    badges = QHBoxLayout()
    for state in (*Verdict, *DeploymentState):
        badges.addWidget(StateBadge(badge_of(state)))
    badges.addStretch(1)
    page.body.addLayout(badges)
    tabs = Tabs("Example")
    table = RecordTable("gallery", COLUMNS, identity=lambda r: r.name, title="Deployments")
    table.set_records(ROWS)
    table.view.selectRow(1)
    table.setMinimumHeight(330)
    tabs.add("table", "Table", table)
    tabs.add("empty", "Empty", EmptyState("boxes", "No models yet", "Register one.", "Register a model", "Tour"))
    tabs.count_of("table", 12)
    page.body.addWidget(tabs)
    two = QHBoxLayout()
    form = Form()
    form.add("model", text_field("Model", "Lower-case letters, digits, dots and dashes.", "flight-delay"))
    form.add("password", password_field("Password"))
    form.add("task", choice_field("Task", ["classification", "regression"]))
    form.show_problem("password", "The password has fewer than 10 characters.")
    left = Card("A form", "pencil")
    left.add(form)
    box = QCheckBox("Only differences")
    box.setChecked(True)
    radio = QRadioButton("At once")
    radio.setChecked(True)
    left.add(box)
    left.add(radio)
    two.addWidget(left)
    right = Card("Facts", "info")
    right.add(FactList({"Owner": "Dan Okafor", "Format": "onnx", "Digest": "5f8a2c1d9e3b", "Note": "<b>as typed</b>"}))
    progress = JobProgress(with_log=True)
    progress.show_progress("Building flight-delay@2", 0.4, "installing packages", 12)
    right.add(progress)
    log = LogView("Build log")
    log.append(LogEntry(f"line {n} of the base", "base image", n / 10) for n in range(12))
    log.append([LogEntry("cached", "dependencies", 1.4)])
    log.append(LogEntry(f"copying file {n}", "model", 1.5 + n / 10) for n in range(6))
    log.finish(failed=True, at=3.0)
    log.setMinimumHeight(240)
    right.add(log, 1)
    two.addWidget(right)
    page.body.addLayout(two)
    group = ChartGroup(900, page)
    now = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
    times = [now - 900 + 3 * n for n in range(300)]
    p50 = [12 + 3 * math.sin(n / 20) for n in range(300)]
    gap = [math.nan if 120 < n < 150 else v for n, v in enumerate(p50)]
    latency = group.add(TimeChart("Latency", "ms"))
    latency.set_lines(
        [
            Line("p50", times, gap, 0),
            Line("p95", times, [v * 2 for v in gap], 1),
            Line("p99", times, [v * 3 for v in gap], 2),
        ]
    )
    latency.set_marks([Mark(now - 400, "version 2")])
    latency.set_threshold(50, "limit 50 ms")
    score = group.add(TimeChart("ROC AUC", "", from_zero=False))
    score.set_lines(
        [Line("realised", times[::20], [0.7 - n / 200 for n in range(15)], 3, dots=True,
              low=[0.66 - n / 200 for n in range(15)], high=[0.74 - n / 200 for n in range(15)])]
    )  # fmt: skip
    group.set_now(now)
    charts = QHBoxLayout()
    charts.addWidget(latency)
    charts.addWidget(score)
    page.body.addLayout(charts)
    latency.point_at(now - 300)
    drift = Card("Drift", "activity")
    heat = HeatMap("Drift by feature")
    names = ["temp", "distance", "carrier", "hour", "visib", "prediction"]
    cells = [
        [Cell(None if c in (4, 5) else abs(math.sin(r + c / 3)), r == 0 and c > 12, "PSI 0.2") for c in range(20)]
        for r in range(6)
    ]
    heat.set_cells(names, [f"10:{n:02d}" for n in range(20)], cells)
    drift.add(heat)
    bars = BarCompare("Temperature")
    bars.set_shares([f"{n}–{n + 5}" for n in range(0, 50, 5)], [0.1] * 10, [n / 45 for n in range(10)])
    bars.setMinimumHeight(200)
    drift.add(bars)
    page.body.addWidget(drift)
    return window


def main() -> None:
    application = QApplication([])
    install_theme(application, Appearance(sys.argv[1] if len(sys.argv) > 1 else "light"))
    window = gallery()
    window.resize(1200, 2300)
    window.show()
    if len(sys.argv) > 2:
        QTimer.singleShot(600, lambda: (window.grab().save(sys.argv[2]), application.quit()))
    application.exec()


if __name__ == "__main__":
    main()
