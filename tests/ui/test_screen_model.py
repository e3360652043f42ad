"""Model: where it stands, its versions in pages, what can be changed and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.domain.registry import Format, Lineage, ModelVersion, VersionSummary
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.model.dialogs import EditDialog, read_tags
from mlops_desktop.ui.screens.model.facts import Standing, VersionRow
from mlops_desktop.ui.screens.model.presenter import create
from mlops_desktop.ui.screens.model.view import ModelView
from mlops_desktop.ui.widgets import records
from tests.ui.checks import assert_accessible
from tests.unit.services.registry_kit import SIGNATURE, model_file

ContextFor = Callable[[str], ScreenContext]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def opened(qtbot: QtBot, context: ScreenContext, model: str = "flight-delay") -> ModelView:
    view = create(context)
    assert isinstance(view, ModelView)
    qtbot.addWidget(view)
    view.resize(1072, 748)
    view.show()
    view.opened.emit({"model": model})
    return view


def read(qtbot: QtBot, context: ScreenContext) -> ModelView:
    view = opened(qtbot, context)
    qtbot.waitUntil(lambda: numbers(view) == ["2", "1"])
    return view


def numbers(view: ModelView) -> list[str]:
    model = view.table.model
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def cells(view: ModelView, row: int = 0) -> dict[str, str]:
    model = view.table.model
    return {c.key: str(model.index(row, i).data()) for i, c in enumerate(model.columns)}


def registered(context: ScreenContext, folder: Path, auc: float, **facts: object) -> ModelVersion:
    path = model_file(folder / f"m{auc}.onnx", auc)
    options: dict[str, object] = {"metrics": {"roc_auc": auc}, "signature": SIGNATURE} | facts
    return context.workspace.registry.register_version(context.session, "flight-delay", path, **options)  # type: ignore[arg-type]


def sort_by(view: ModelView, key: str, order: Qt.SortOrder) -> None:
    column = [c.key for c in view.table.model.columns].index(key)
    view.table.view.horizontalHeader().setSortIndicator(column, order)


def test_what_it_is_and_where_it_stands(qtbot: QtBot, context_for: ContextFor) -> None:
    view = read(qtbot, context_for("vera"))
    assert "owned by dan" in view._meta.text()
    assert "2 versions" in view._meta.text()
    assert view.standings["production"].accessibleName() == "Production: –. Nothing answers here."
    assert view.chart.accessibleName() == "roc_auc: from 0.7 to 0.75 over 2 versions"
    first = cells(view)
    assert (first["metric"], first["format"], first["inspection"]) == ("0.75", "onnx", "Allowed")
    assert first["stage"] == "Waits for production"
    assert cells(view, 1)["stage"] == "Registered"
    assert first["delta"] == ""  # nothing serves, so there is nothing to hold it against
    assert [c.title for c in view.crumbs] == ["Models", "flight-delay"]
    assert_accessible(view)


def test_where_things_lead(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = read(qtbot, context)
    assert not view.compare.isEnabled()
    assert not view.request.isEnabled()
    view.table.select(2)
    assert not view.compare.isEnabled()  # nothing serves that it could be compared with
    qtbot.keyClick(view.table.view, Qt.Key.Key_R)
    assert context.navigator.here == Place("version", {"model": "flight-delay", "version": 2, "tab": "reviews"})
    view.table.view.selectAll()
    qtbot.keyClick(view.table.view, Qt.Key.Key_C)
    assert context.navigator.here == Place("compare", {"left": "flight-delay@1", "right": "flight-delay@2"})
    view.table.select(1)
    qtbot.keyClick(view.table.view, Qt.Key.Key_Return)
    assert context.navigator.here == Place("version", {"model": "flight-delay", "version": 1})
    view.standings["staging"].opened.emit()
    assert context.navigator.here == Place("deployments", {"model": "flight-delay", "environment": "staging"})
    view.chart.setFocus()
    qtbot.keyClick(view.chart, Qt.Key.Key_Home)
    assert "Version 1: roc_auc 0.7" in view.chart.accessibleDescription()
    qtbot.keyClick(view.chart, Qt.Key.Key_Right)
    qtbot.keyClick(view.chart, Qt.Key.Key_Return)
    assert context.navigator.here == Place("version", {"model": "flight-delay", "version": 2})
    view.table._actions[3].trigger()
    assert QGuiApplication.clipboard().text() == "flight-delay@1"


def test_a_new_version_shows_up_and_sorts(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    view = read(qtbot, context)
    view.table.select(1)
    registered(context, tmp_path, 0.72, tags={"team": "blue"}, description="the third")
    registered(context, tmp_path, 0.6, metrics={"mae": 3.0})
    qtbot.waitUntil(lambda: numbers(view) == ["4", "3", "2", "1"])
    assert [row.number for row in view.table.selected()] == [] or view.table.selected()[0].number == 1
    assert cells(view)["metric"] == "–"
    assert cells(view, 1)["tags"] == "team=blue"
    sort_by(view, "metric", Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: numbers(view) == ["2", "3", "1", "4"])
    sort_by(view, "metric", Qt.SortOrder.AscendingOrder)
    qtbot.waitUntil(lambda: numbers(view) == ["1", "3", "2", "4"])  # without the metric: last in both
    sort_by(view, "number", Qt.SortOrder.AscendingOrder)
    qtbot.waitUntil(lambda: numbers(view) == ["1", "2", "3", "4"])
    view.table.set_filter("third")
    qtbot.waitUntil(lambda: numbers(view) == ["3"])
    view.table.set_filter("no such words")
    qtbot.waitUntil(lambda: numbers(view) == [])
    qtbot.waitUntil(view.table._nothing_found.isVisible)


def test_many_versions_come_by_pages(
    qtbot: QtBot, context_for: ContextFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PAGE", 4)
    context = context_for("dan")
    path = model_file(tmp_path / "many.onnx", 0.5)
    for index in range(14):
        context.workspace.registry.register_version(
            context.session, "flight-delay", path, signature=SIGNATURE, metrics={"roc_auc": 0.5 + index / 100}
        )
    view = opened(qtbot, context)
    qtbot.waitUntil(lambda: view.table.model.rowCount() == 16)
    qtbot.waitUntil(lambda: cells(view)["number"] == "16")
    view.table.view.scrollToBottom()
    qtbot.waitUntil(lambda: cells(view, 15)["number"] == "1")
    assert view.chart.accessibleName().endswith("over 16 versions")


def test_editing_changes_only_what_was_changed(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = read(qtbot, context)
    qtbot.keyClick(view.table.view, Qt.Key.Key_E)
    dialog = view.dialog
    assert isinstance(dialog, EditDialog)
    assert_accessible(dialog)
    dialog.form.fields["tags"].set_text("= blue")
    dialog.form.fields["description"].set_text("Late or not. <b>Goal</b>: 0.8")
    dialog.accept_button.click()
    assert "no name" in dialog.form.fields["tags"].problem
    dialog.form.fields["tags"].set_text("team = blue\nurgent")
    # Somebody else chooses another key metric meanwhile: it stays.
    context.workspace.registry.update_model(context.session, "flight-delay", key_metric="accuracy")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.dialog is None)
    model = context.workspace.registry.model("flight-delay")
    assert (model.description, dict(model.tags)) == ("Late or not. <b>Goal</b>: 0.8", {"team": "blue", "urgent": ""})
    assert context.workspace.registry.key_metric("flight-delay") == "accuracy"
    qtbot.waitUntil(lambda: view._description.text() == model.description)
    assert "team=blue" in view._meta.text()
    assert view._no_metric.text() == "No version tells accuracy."


def test_a_refusal_keeps_what_was_typed(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = read(qtbot, context)
    view.edit.click()
    dialog = view.dialog
    assert dialog is not None
    dialog.form.fields["description"].set_text("x" * 10_001)
    dialog.accept_button.click()
    qtbot.waitUntil(dialog.problem.isVisible)
    assert dialog.accept_button.isEnabled()
    assert len(dialog.form.text("description")) == 10_001
    dialog.reject()
    assert context.workspace.registry.model("flight-delay").description == ""


def test_a_viewer_sees_who_may(qtbot: QtBot, context_for: ContextFor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: pytest.fail("a viewer can't register"))
    context = context_for("vera")
    view = read(qtbot, context)
    view.table.select(2)
    for button in (view.register, view.edit, view.request):
        assert button.isVisible()
        assert not button.isEnabled()
        assert "data-scientist" in button.toolTip()
    for key in (Qt.Key.Key_N, Qt.Key.Key_E, Qt.Key.Key_R):
        qtbot.keyClick(view.table.view, key)
    assert view.dialog is None
    assert context.navigator.here is None


def test_registering_leads_to_the_models_with_the_file(
    qtbot: QtBot, context_for: ContextFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [("", ""), ("/some/model.onnx", "")]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: chosen.pop(0))
    context = context_for("dan")
    view = read(qtbot, context)
    view.register.click()
    assert context.navigator.here is None  # cancelled
    qtbot.keyClick(view.table.view, Qt.Key.Key_N)
    assert context.navigator.here == Place("models", {"files": ["/some/model.onnx"], "model": "flight-delay"})


def test_a_model_that_is_not_there(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("dan"), "nobody")
    qtbot.waitUntil(view.banner.isVisible)
    assert "no model" in view.banner.accessibleName()
    assert not view.edit.isEnabled()
    assert_accessible(view)
    view.opened.emit({"model": "flight-delay"})
    qtbot.waitUntil(lambda: numbers(view) == ["2", "1"])
    assert not view.banner.isVisible()


def summary(number: int, metrics: dict[str, float], test_data: str = "") -> VersionSummary:
    return VersionSummary("m", number, Format.ONNX, "d", "dan", NOW, metrics, "", test_data=test_data)


def test_a_row_is_judged_against_production_if_it_can_be() -> None:
    serving = summary(1, {"mae": 2.0, "odd": 1.0}, "aa")
    row = VersionRow(summary(2, {"mae": 1.5, "odd": 2.0}, "aa"), "mae", serving)
    assert row.change is not None
    assert row.change.word == "-0.5 better"
    odd = replace(row, key_metric="odd").change
    assert odd is not None
    assert odd.word == "+1"  # its direction isn't known
    other = replace(row, summary=summary(2, {"mae": 1.5}, "bb"))
    assert (other.delta, other.change and other.change.word) == (None, "Other data")
    same, own = replace(row, summary=summary(3, {"mae": 2.0}, "aa")), replace(row, summary=serving)
    assert (same.change and same.change.word, own.change and own.change.word) == ("Same", "Production")
    assert replace(row, summary=summary(2, {})).change is None


def test_an_environment_tells_state_and_health() -> None:
    running = Deployment(
        "ab",
        "m",
        3,
        "production",
        EngineKind.DOCKER,
        DeploymentState.RUNNING,
        100,
        Limits(),
        "",
        "",
        "",
        1,
        "mila",
        NOW,
    )
    well = Standing("production", running, 0, DriftState.OK)
    assert well.told(NOW) == "Running, no alerts, no drift. Deployed by mila just now."
    assert well.colour == "ok"
    ill = replace(well, alerts=2, deployment=replace(running, weight=10))
    assert ill.told(NOW).startswith("Running, 10 % of the traffic, 2 alerts")
    assert ill.colour == "critical"
    assert "without traffic" in replace(well, deployment=replace(running, weight=0)).told(NOW)


def test_tags_are_read() -> None:
    assert read_tags(" a = b=c \n\nplain") == {"a": "b=c", "plain": ""}
    for wrong in ("= b", "a\na = 1"):
        with pytest.raises(InvalidInput):
            read_tags(wrong)


def test_the_picture_tells_where_the_data_changed(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    registered(context, tmp_path, 0.8, lineage=Lineage(data={"test": "aa" * 32}))
    registered(context, tmp_path, 0.9, lineage=Lineage(data={"test": "bb" * 32}))
    view = opened(qtbot, context)
    qtbot.waitUntil(lambda: numbers(view) == ["4", "3", "2", "1"])
    view.chart.setFocus()
    assert "measured on other data than version 3" in view.chart.accessibleDescription()
    qtbot.keyClick(view.chart, Qt.Key.Key_Left)
    assert "other data" not in view.chart.accessibleDescription()  # what 2 was measured on isn't known
