"""Alerts: what fires and what people say to it, what is pending, what is over, and the rules."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.alerts import AlertState, Reading
from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits
from mlops_desktop.store.deployments import insert_deployment, update_deployment
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.alerts.dialogs import AcknowledgeDialog, RuleDialog
from mlops_desktop.ui.screens.alerts.limit_chart import LimitChart, Past, _runs
from mlops_desktop.ui.screens.alerts.presenter import create, until_of
from mlops_desktop.ui.screens.alerts.view import AlertsView
from mlops_desktop.ui.theme import Appearance, choose_appearance
from mlops_desktop.workspace import Workspace
from tests.ui.checks import assert_accessible

ContextFor = Callable[[str], ScreenContext]
ERRORS = {"error_rate": Reading(50.0), "memory_percent": Reading(20.0), "no_requests": Reading(None, "too few")}


def opened(qtbot: QtBot, context: ScreenContext, **params: object) -> AlertsView:
    view = create(context)
    assert isinstance(view, AlertsView)
    qtbot.addWidget(view)
    view.resize(1072, 748)
    view.show()
    view.opened.emit(params)
    qtbot.waitUntil(lambda: "  " in view.tabs.tabText(0))
    return view


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def read(qtbot: QtBot, view: AlertsView) -> None:
    qtbot.waitUntil(lambda: view.page.shown is not None)


def choose(view: AlertsView, tab: str) -> None:
    view.tabs.setCurrentIndex(("firing", "pending", "resolved", "rules").index(tab))


@pytest.fixture
def deployment(workspace: Workspace) -> Deployment:
    """Version 2 carries the traffic of production, and has the default rules."""
    now = datetime.now(UTC)
    made = Deployment(
        "d1",
        "flight-delay",
        2,
        "production",
        EngineKind.PROCESS,
        DeploymentState.RUNNING,
        100,
        Limits(),
        "",
        "",
        "1:1",
        None,
        "mila",
        now - timedelta(minutes=20),
        now - timedelta(minutes=20),
    )
    with workspace._parts.database.write() as tx:
        insert_deployment(tx, made)
        update_deployment(tx, "d1", ready_at=made.ready_at)
    workspace.alerts.ensure_default_rules("flight-delay", "production")
    return made


@pytest.fixture
def firing(workspace: Workspace, deployment: Deployment) -> int:
    """The id of an alert about errors."""
    now = time.time()
    for moment in (now - 12, now - 1):
        workspace.alerts.evaluate([deployment], {"d1": ERRORS}, moment)
    (alert,) = workspace.alerts.alerts()
    return alert.id


def test_nothing_fires_and_nothing_is_watched(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    assert view.tabs.tabText(0) == "Firing  0"
    assert "No rule watches anything yet" in words(view)
    choose(view, "rules")
    assert "made with a model's first deployment" in words(view)
    went: list[Place] = []
    context.navigator.moved.connect(went.append)
    view.rules.deploy_wanted.emit()
    assert went == [Place("deployments")]
    assert_accessible(view)


def test_an_alert_says_what_happened_and_how_it_went(qtbot: QtBot, context_for: ContextFor, firing: int) -> None:
    view = opened(qtbot, context_for("mila"))
    read(qtbot, view)
    shown = words(view.page)
    assert view.tabs.tabText(0) == "Firing  1"
    assert "The error rate of flight-delay@2 in production is 50 %, above the limit 5 % for 10 s." in shown
    assert "Warning" in shown
    assert "Firing" in shown
    qtbot.waitUntil(lambda: "It opened" in words(view.page))
    assert "Error rate: above 5 % for 10 s" in shown
    assert "limit 5 %" in view.page.chart.accessibleDescription()
    assert_accessible(view)


def test_a_key_acknowledges_with_a_note_and_the_badge_agrees(
    qtbot: QtBot, context_for: ContextFor, firing: int
) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    read(qtbot, view)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A)
    dialog = view.dialog
    assert isinstance(dialog, AcknowledgeDialog)
    assert_accessible(dialog)
    dialog.form.fields["note"].set_text("rolling it back")
    qtbot.keyClick(dialog.form.fields["note"].input, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: view.dialog is None)
    qtbot.waitUntil(lambda: "mila looks after it: rolling it back" in words(view.page))
    assert context.workspace.alerts.alert(firing).state is AlertState.ACKNOWLEDGED
    qtbot.waitUntil(lambda: view.tabs.tabText(0) == "Firing  0")  # it calls nobody any more, as in the rail
    assert context.workspace.alerts.open_count() == 0
    qtbot.waitUntil(lambda: "mila acknowledged it" in words(view.page))
    assert not view.page.acknowledge.isEnabled()
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert view.dialog is None


def test_a_refused_acknowledgement_keeps_what_was_typed(qtbot: QtBot, context_for: ContextFor, firing: int) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    read(qtbot, view)
    view.page.acknowledge.click()
    dialog = view.dialog
    assert isinstance(dialog, AcknowledgeDialog)
    dialog.form.fields["note"].set_text("mine, thanks")
    workspace = context.workspace
    workspace.alerts.acknowledge(context_for("rosa").session, firing, "I have it")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.problem.isVisible())
    assert "acknowledged by rosa" in words(dialog.problem)
    assert dialog.form.text("note") == "mine, thanks"
    dialog.reject()


def test_a_snooze_can_be_chosen_and_undone(
    qtbot: QtBot, context_for: ContextFor, firing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    read(qtbot, view)
    popped: list[object] = []
    monkeypatch.setattr(view.page.menu, "popup", popped.append)  # a popup grabs a keyboard that isn't there
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Z)
    assert len(popped) == 1
    assert [a.text() for a in view.page.menu.actions()] == ["For 30 minutes", "For 4 hours", "Until tomorrow, 8:00"]
    view.page.menu.actions()[1].trigger()
    qtbot.waitUntil(lambda: "mila put it off until" in words(view.page))
    assert context.workspace.alerts.alert(firing).snoozed(datetime.now(UTC) + timedelta(hours=3))
    assert view.page.snooze.text() == "Remind me again"
    qtbot.waitUntil(lambda: view.tabs.tabText(0) == "Firing  0")
    view.page.snooze.click()
    qtbot.waitUntil(lambda: view.page.snooze.text() == "Snooze")
    assert context.workspace.alerts.open_count() == 1


def test_tomorrow_is_eight_in_the_morning() -> None:
    now = datetime(2026, 3, 5, 22, 30, tzinfo=UTC)
    tomorrow = until_of("tomorrow", now)
    assert (tomorrow.hour, tomorrow.minute) == (8, 0)
    assert now < tomorrow <= now + timedelta(hours=36)
    assert until_of("half-hour", now) - now == timedelta(minutes=30)


def test_the_chart_and_the_roll_back_open_elsewhere(qtbot: QtBot, context_for: ContextFor, firing: int) -> None:
    context = context_for("rosa")
    went: list[Place] = []
    context.navigator.moved.connect(went.append)
    view = opened(qtbot, context, alert=firing)
    read(qtbot, view)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_G)
    view.page.roll_back.click()
    where = {"model": "flight-delay", "environment": "production", "deployment": "d1", "tab": "live"}
    assert went == [Place("monitoring", where), Place("deployments", {"deployment": "d1"})]


def test_a_viewer_reads_everything_and_changes_nothing(qtbot: QtBot, context_for: ContextFor, firing: int) -> None:
    view = opened(qtbot, context_for("vera"))
    read(qtbot, view)
    for button in (view.page.acknowledge, view.page.snooze, view.page.roll_back):
        assert button.isVisible()
        assert not button.isEnabled()
        assert "Your roles don't permit this" in button.toolTip()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A)
    qtbot.keyClick(view, Qt.Key.Key_Z)
    assert view.dialog is None
    assert not view.page.menu.isVisible()
    choose(view, "rules")
    view.rules.table.view.selectRow(0)
    assert not view.rules.switch.isEnabled()
    view.page.rule_button.click()
    dialog = view.dialog
    assert isinstance(dialog, RuleDialog)
    assert not dialog.accept_button.isEnabled()
    dialog.reject()


def test_what_resolves_meanwhile_stays_open_and_says_so(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, deployment: Deployment, firing: int
) -> None:
    view = opened(qtbot, context_for("mila"))
    read(qtbot, view)
    now = time.time()
    fine = {"d1": {"error_rate": Reading(0.0)}}
    for moment in (now, now + 31):
        workspace.alerts.evaluate([deployment], fine, moment)
    qtbot.waitUntil(lambda: "It was resolved" in words(view.page))
    qtbot.waitUntil(lambda: view.tabs.tabText(2) == "Resolved  1")
    assert not view.page.acknowledge.isVisible()
    choose(view, "resolved")
    qtbot.waitUntil(lambda: "Resolved just now" in words(view.page))


def test_a_breach_that_does_not_last_yet_is_pending(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, deployment: Deployment
) -> None:
    workspace.alerts.evaluate([deployment], {"d1": ERRORS}, time.time())
    view = opened(qtbot, context_for("mila"))
    assert view.tabs.tabText(1) == "Pending  1"
    choose(view, "pending")
    read(qtbot, view)
    assert "Error rate of flight-delay@2 in production is 50 %." in words(view.page)
    assert "nobody is called yet" in words(view.page)
    assert not view.page.acknowledge.isVisible()


def test_rules_say_unknown_rather_than_ok(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, deployment: Deployment, firing: int
) -> None:
    view = opened(qtbot, context_for("mila"))
    choose(view, "rules")
    model = view.rules.table.model
    records = [model.record(row) for row in range(model.rowCount())]
    said = {record.rule.figure: record.badge.word for record in records}
    assert said["error_rate"] == "Firing"
    assert said["memory_percent"] == "OK"
    assert said["no_requests"] == said["performance_loss"] == "Unknown"
    view.rules.table.view.selectRow(7)
    assert "too few" in view.rules.note.text()


def test_old_evaluations_are_told(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, deployment: Deployment
) -> None:
    workspace.alerts.evaluate([deployment], {"d1": {"memory_percent": Reading(20.0)}}, time.time() - 300)
    view = opened(qtbot, context_for("mila"))
    qtbot.waitUntil(lambda: view.notice.isVisible())
    assert "Nothing has been evaluated since" in words(view.notice)
    record = view.rules.table.model.record(2)
    assert record.badge.word == "Unknown"


def test_a_rule_is_edited_after_a_look_at_the_past(qtbot: QtBot, context_for: ContextFor, firing: int) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    choose(view, "rules")
    view.rules.table.view.selectRow(0)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_E)
    dialog = view.dialog
    assert isinstance(dialog, RuleDialog)
    assert_accessible(dialog)
    qtbot.waitUntil(lambda: "can't be tried" in dialog.verdict.text() or "fired" in dialog.verdict.text())
    dialog.fields["limit"].set_text("many")
    dialog.accept_button.click()
    assert "A number" in dialog.fields["limit"].problem
    dialog.fields["limit"].set_text("7,5")
    dialog.fields["seconds"].set_text("-3")
    dialog.accept_button.click()
    assert "from 0 to" in dialog.fields["seconds"].problem
    dialog.fields["seconds"].set_text("60")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.dialog is None)
    saved = context.workspace.alerts.rules("flight-delay")[0]
    assert (saved.threshold, saved.for_seconds) == (7.5, 60.0)
    qtbot.waitUntil(lambda: view.rules.table.model.record(0).rule.threshold == 7.5)


def test_switching_a_rule_off_and_adding_what_is_suggested(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, firing: int
) -> None:
    view = opened(qtbot, context_for("mila"))
    choose(view, "rules")
    view.rules.table.view.selectRow(0)
    view.rules.switch.click()
    qtbot.waitUntil(lambda: view.rules.table.model.record(0).badge.word == "Off")
    assert not workspace.alerts.rules()[0].enabled
    with workspace._parts.database.write() as tx:
        tx.db.execute("UPDATE alert_rules SET figure = 'cpu_percent' WHERE figure = 'no_data'")
    view.refresh_wanted.emit()
    qtbot.waitUntil(lambda: view.rules.suggestion.isVisible())
    assert "no data after 40 s" in words(view.rules.suggestion)
    view.rules.suggestion.action.emit()
    qtbot.waitUntil(lambda: "no_data" in {r.figure for r in workspace.alerts.rules()})
    qtbot.waitUntil(lambda: not view.rules.suggestion.isVisible())


def test_an_alert_that_is_not_there(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("mila"), alert=99)
    qtbot.waitUntil(lambda: "There is no alert 99." in words(view.page))


@pytest.mark.parametrize("appearance", [Appearance.LIGHT, Appearance.DARK])
def test_the_chart_paints_gaps_nothing_and_single_values(
    qtbot: QtBot, workspace: Workspace, deployment: Deployment, appearance: Appearance
) -> None:
    choose_appearance(appearance)
    rule = workspace.alerts.rules()[0]
    chart = LimitChart("Errors")
    qtbot.addWidget(chart)
    chart.resize(420, 170)
    chart.show()
    nan = float("nan")
    empty = chart.grab().toImage()
    for values in ((1.0, nan, 9.0, 3.0), (2.0, nan, nan, nan), (nan,) * 4, (0.0,) * 4, (-5.0, 1e6, 3.0, 2.0)):
        chart.show_past(rule, Past(0.0, 40.0, (5.0, 15.0, 25.0, 35.0), values, [(20.0, None)]))
        assert chart.grab().toImage() != empty or values[0] != values[0]
    chart.show_past(rule, Past(0.0, 40.0, (5.0, 15.0, 25.0, 35.0), (1.0, nan, 9.0, 3.0), [(20.0, 30.0)]))
    assert chart.accessibleDescription() == "now 3 %, from 1 % to 9 %, limit 5 %"
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.accessibleDescription().endswith("3 %")
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.accessibleDescription().endswith("9 %")


def test_a_time_without_values_is_no_line() -> None:
    times = [10.0, 11.0, 12.0, 13.0, 60.0, 61.0, 62.0]
    values = [1.0, 2.0, math.nan, 3.0, 4.0, 5.0, 6.0]
    assert _runs(Past(0.0, 70.0, times, values)) == [
        [(10.0, 1.0), (11.0, 2.0)],
        [(13.0, 3.0)],
        [(60.0, 4.0), (61.0, 5.0), (62.0, 6.0)],
    ]
