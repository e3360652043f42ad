"""What people read and press: labels, banners, logs, charts, forms, dialogs."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.accounts import Account, Action, Role
from mlops_desktop.domain.checks import Verdict
from mlops_desktop.domain.deployments import DeploymentState
from mlops_desktop.domain.errors import EngineUnavailable
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.store.database import utc_now
from mlops_desktop.ui.widgets.badges import NOTHING, StateBadge, badge_of
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.chart_group import ChartGroup
from mlops_desktop.ui.widgets.charts import Line, Mark, TimeChart
from mlops_desktop.ui.widgets.decimation import LIMIT, decimate, with_gaps
from mlops_desktop.ui.widgets.dialogs import AskText, TypedNameDialog
from mlops_desktop.ui.widgets.forms import Form, password_field, text_field
from mlops_desktop.ui.widgets.log_model import LogEntry, StepState
from mlops_desktop.ui.widgets.log_view import LogView
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel, tip
from mlops_desktop.ui.widgets.sparkline import Cell, HeatMap
from tests.ui.checks import assert_accessible
from tests.ui.gallery import gallery

HOSTILE = ["<b>bold</b>", '<img src="file:///etc/passwd">', "a<b and c>d", "Model: <font color=white>x", "A&amp;B"]


@pytest.mark.parametrize("text", HOSTILE)
def test_e10_text_is_shown_as_it_is(text: str, qtbot: QtBot) -> None:
    for label in (PlainLabel(text), ElidedLabel(text)):
        qtbot.addWidget(label)
        assert label.textFormat() is Qt.TextFormat.PlainText
        assert label.text() == text
        label.setToolTip(text)
        assert text not in label.toolTip()
        assert label.toolTip().startswith("<qt>")
    assert tip("plain words") == "plain words"


def test_the_gallery_follows_the_rules(qtbot: QtBot) -> None:
    window = gallery()
    qtbot.addWidget(window)
    window.show()
    assert_accessible(window)


def test_states_are_words_with_icons() -> None:
    assert badge_of(DeploymentState.UNKNOWN).word == "Unknown"
    assert badge_of(DriftState.UNKNOWN) is not NOTHING
    assert badge_of(Verdict.WARN).tone is not badge_of(Verdict.PASS).tone
    for kind in (Verdict, DeploymentState, DriftState):
        assert all(badge_of(state) is not NOTHING for state in kind)
    badge = StateBadge(badge_of(Verdict.FAIL))
    assert badge.accessibleName() == "Fail"


def test_a_banner_says_what_to_do(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    banner = Banner(parent)
    banner.show_problem(EngineUnavailable("Docker is not answering.", "Start Docker, then press Retry."))
    assert banner.accessibleName() == "Docker is not answering. Start Docker, then press Retry."
    with qtbot.waitSignal(banner.retry):
        banner._retry.click()
    banner._copy.click()
    assert "EngineUnavailable" in QGuiApplication.clipboard().text()
    banner.show_problem(ValueError("secret thing"))
    assert "secret thing" not in banner.accessibleName()
    banner._copy.click()
    assert "ValueError: secret thing" in QGuiApplication.clipboard().text()


def test_what_a_role_forbids_says_who_may(qtbot: QtBot) -> None:
    button = Button("Deploy", "rocket", tool_tip="Start it")
    qtbot.addWidget(button)
    viewer = Account("vic", "Vic", frozenset({Role.VIEWER}), utc_now())
    engineer = Account("eng", "Eng", frozenset({Role.ML_ENGINEER}), utc_now())
    assert not button.permit(viewer, Action.DEPLOY)
    assert not button.isEnabled()
    assert "ml-engineer" in button.toolTip()
    assert button.permit(engineer, Action.DEPLOY)
    assert button.toolTip() == "Start it"


def test_enter_presses_a_button(qtbot: QtBot) -> None:
    pressed: list[int] = []
    button = Button("Go", clicked=lambda: pressed.append(1))
    qtbot.addWidget(button)
    qtbot.keyClick(button, Qt.Key.Key_Return)
    assert pressed == [1]


def test_a_form_keeps_what_was_typed(qtbot: QtBot) -> None:
    form = Form()
    qtbot.addWidget(form)
    form.add("name", text_field("Name", "Lower case"))
    form.add("password", password_field("Password"))
    form.show()
    qtbot.keyClicks(form.fields["name"].input, "Flight Delay")
    form.show_problem("name", "That can't be a name.")
    assert form.text("name") == "Flight Delay"
    assert form.fields["name"].problem == "That can't be a name."
    qtbot.keyClicks(form.fields["name"].input, "!")
    assert form.fields["name"].problem == ""
    assert form.fields["password"].input.echoMode() is QLineEdit.EchoMode.Password
    assert_accessible(form)


def test_deleting_asks_for_the_name(qtbot: QtBot) -> None:
    dialog = TypedNameDialog("Delete?", "It can't be undone.", "flight-delay", "Delete")
    qtbot.addWidget(dialog)
    assert not dialog.accept_button.isEnabled()
    qtbot.keyClicks(dialog.field.input, "flight-delay")
    assert dialog.accept_button.isEnabled()


def test_control_and_return_accept_also_from_a_field_of_several_lines(qtbot: QtBot) -> None:
    dialog = AskText("Roll back?", "", "Reason", "Roll back")
    qtbot.addWidget(dialog)
    dialog.open()
    field = dialog.form.fields["text"].input
    qtbot.keyClicks(field, "It is worse.")
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert dialog.words == "It is worse."


def test_a_rejection_needs_words_and_a_password(qtbot: QtBot) -> None:
    dialog = AskText("Reject?", "", "Why", "Reject", required=True, password=True)
    qtbot.addWidget(dialog)
    dialog.on_accept()
    assert dialog.form.fields["text"].problem
    dialog.form.fields["text"].set_text("no")
    dialog.on_accept()
    assert dialog.form.fields["password"].problem
    assert dialog.result() == 0


def test_a_log_folds_follows_and_finds(qtbot: QtBot) -> None:
    log = LogView("Build")
    qtbot.addWidget(log)
    log.resize(600, 240)
    log.show()
    log.append(LogEntry(f"base {n}", "base", n / 100) for n in range(300))
    log.append([LogEntry("cached", "install", 4.0), LogEntry("copied needle here", "copy", 4.5)])
    log.append(LogEntry(f"copy {n}", "copy", 5.0) for n in range(100))
    qtbot.waitUntil(lambda: not log._timer.isActive())
    steps = log.model.steps
    assert [(s.name, s.folded) for s in steps] == [("base", True), ("install", True), ("copy", False)]
    assert steps[1].state is StepState.CACHED
    bar = log.list.verticalScrollBar()
    assert bar.value() == bar.maximum()
    bar.setSliderDown(True)
    bar.setValue(0)
    bar.setSliderDown(False)
    assert not log.following
    log.append(LogEntry(f"more {n}", "copy", 6.0) for n in range(240))
    qtbot.waitUntil(lambda: not log._timer.isActive())
    assert bar.value() == 0
    assert log._jump.text() == "240 new"
    log._jump.click()
    assert bar.value() == bar.maximum()
    qtbot.keyClicks(log.search, "needle")
    assert log._found.text() == "1 found"
    qtbot.keyClick(log.search, Qt.Key.Key_Return)
    assert log.list.currentIndex().data() == "copied needle here"
    log.finish(failed=True, at=7.0)
    qtbot.waitUntil(lambda: steps[-1].state is StepState.FAILED)
    assert_accessible(log)


def test_fifty_thousand_lines_never_freeze_the_window(qtbot: QtBot) -> None:
    log = LogView("Long")
    qtbot.addWidget(log)
    log.resize(600, 400)
    log.show()
    longest, before = 0.0, time.perf_counter()
    log.append(LogEntry(f"line {n}", "install", n / 1000) for n in range(50_000))
    while log._timer.isActive():
        began = time.perf_counter()
        qtbot.wait(1)
        longest = max(longest, time.perf_counter() - began)
    assert log.model.rowCount() == 50_001
    assert longest < 0.25, f"{longest:.3f} s at a stretch, {time.perf_counter() - before:.1f} s in all"


def test_decimation_keeps_extremes_and_gaps() -> None:
    times = np.arange(1_000_000, dtype=float)
    values = np.sin(times / 5_000)
    values[123_456], values[700_001], values[500_000:500_010] = 99.0, -99.0, math.nan
    x, y = decimate(times, values)
    assert len(x) <= LIMIT * 1.3
    assert np.nanmax(y) == 99.0
    assert np.nanmin(y) == -99.0
    assert np.isnan(y).any()
    assert (np.diff(x) > 0).all()
    assert x[0] == 0
    assert x[-1] == 999_999
    few = decimate([1.0, 2.0], [3.0, math.nan])
    assert len(few[0]) == 2


def test_missing_data_is_a_gap() -> None:
    x, y = with_gaps([0.0, 1.0, 2.0, 60.0, 61.0], [1.0, 1.0, 1.0, 2.0, 2.0], 5.0)
    assert list(x) == [0.0, 1.0, 2.0, 4.5, 60.0, 61.0]
    assert math.isnan(y[3])


def test_charts_move_zoom_and_point_together(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    group = ChartGroup(100.0, window)
    first, second = (group.add(TimeChart(name, "ms", parent=window)) for name in ("p50", "p95"))
    times = [1000.0 + n for n in range(50)]
    first.set_lines([Line("p50", times, [float(n) for n in range(50)])])
    second.set_lines([Line("p95", times, [math.nan] * 50)])
    first.set_marks([Mark(1010.0, "version 2")])
    window.show()
    group.set_now(1050.0)
    assert first._box.viewRange()[0] == [950.0, 1050.0]
    asked: list[tuple[float, float]] = []
    group.range_changed.connect(lambda a, b: asked.append((a, b)))
    first.zoomed.emit(1010.0, 1020.0)
    assert second._box.viewRange()[0] == [1010.0, 1020.0]
    assert asked == [(1010.0, 1020.0)]
    group.set_now(1060.0)
    assert first._box.viewRange()[0] == [1010.0, 1020.0], "zoomed in, time stands still"
    first.live_wanted.emit()
    group.set_now(1060.0)
    assert first._box.viewRange()[0] == [960.0, 1060.0]
    qtbot.keyClick(first.plot, Qt.Key.Key_Space)
    assert group.paused
    group.set_now(1090.0)
    assert first._box.viewRange()[0] == [960.0, 1060.0]
    first.pointed.emit(1005.2)
    assert "p50 5 ms" in first.legend.accessibleDescription()
    assert "p95 –" in second.legend.accessibleDescription()
    assert "p50" in first.to_csv()
    assert second.to_csv().splitlines()[1].endswith('"p95",""')


def test_hidden_charts_draw_nothing(qtbot: QtBot) -> None:
    chart = TimeChart("p50")
    qtbot.addWidget(chart)
    chart.set_lines([Line("p50", [1.0, 2.0], [1.0, 2.0])])
    qtbot.wait(150)
    assert chart._items == []
    chart.show()
    qtbot.waitUntil(lambda: len(chart._items) == 1)


def test_a_heat_map_is_walked_with_arrows(qtbot: QtBot) -> None:
    heat = HeatMap("Drift")
    qtbot.addWidget(heat)
    heat.set_cells(
        ["temp", "hour"], ["10:00", "10:05"], [[Cell(0.1), Cell(None, words="no data")], [Cell(1, True)] * 2]
    )
    heat.resize(500, 100)
    heat.show()
    opened: list[tuple[int, int]] = []
    heat.cell_opened.connect(lambda r, c: opened.append((r, c)))
    qtbot.keyClick(heat, Qt.Key.Key_Right)
    assert heat.accessibleDescription() == "temp, 10:05: no data"
    qtbot.keyClick(heat, Qt.Key.Key_Down)
    qtbot.keyClick(heat, Qt.Key.Key_Return)
    assert opened == [(1, 1)]
