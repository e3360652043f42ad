"""Models: the list, and registering a file by dialog and by dropping it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.registry import Task
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.models.dialogs import RegisterDialog
from mlops_desktop.ui.screens.models.presenter import create
from mlops_desktop.ui.screens.models.registration import read_inputs, read_metrics
from mlops_desktop.ui.screens.models.view import ModelsView
from tests.ui.checks import assert_accessible
from tests.unit.services.registry_kit import model_file

ContextFor = Callable[[str], ScreenContext]


def opened(qtbot: QtBot, context: ScreenContext, **params: object) -> ModelsView:
    view = create(context)
    assert isinstance(view, ModelsView)
    qtbot.addWidget(view)
    view.resize(1072, 748)
    view.show()
    view.opened.emit(params)
    qtbot.waitUntil(lambda: view.table.model.rowCount() > 0)
    return view


def dialog_of(qtbot: QtBot, view: ModelsView) -> RegisterDialog:
    qtbot.waitUntil(lambda: view.dialog is not None)
    assert view.dialog is not None
    return view.dialog


def choose(qtbot: QtBot, view: ModelsView, path: Path) -> RegisterDialog:
    """Choose a file and wait until it was read."""
    view.register.click()
    dialog = dialog_of(qtbot, view)
    dialog.choose(path)
    qtbot.waitUntil(lambda: not dialog._facts.text().startswith("Reading"), timeout=15_000)
    return dialog


def cells(view: ModelsView) -> dict[str, str]:
    model = view.table.model
    return {c.key: model.index(0, i).data() for i, c in enumerate(model.columns)}


def column(view: ModelsView, key: str) -> list[str]:
    model = view.table.model
    at = [c.key for c in model.columns].index(key)
    return [model.index(row, at).data() for row in range(model.rowCount())]


def test_the_list_says_what_there_is(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("dan"))
    shown = cells(view)
    assert (shown["name"], shown["owner"], shown["latest"]) == ("flight-delay", "dan", "2")
    assert shown["metric"] == "roc_auc 0.75"
    assert shown["health"] == "Not serving"
    assert shown["production"] == "–"
    assert_accessible(view)


def test_opening_comparing_and_copying_go_where_they_should(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = opened(qtbot, context)
    assert not view.compare.isEnabled()
    view.table.select("flight-delay")
    view.compare.click()
    assert context.navigator.here == Place("compare", {"left": "flight-delay@1", "right": "flight-delay@2"})
    view.table._actions[2].trigger()
    assert QGuiApplication.clipboard().text() == "flight-delay"
    view.table.opened.emit(view.table.current())
    assert context.navigator.here == Place("model", {"model": "flight-delay"})


def test_a_new_registration_shows_up_by_itself(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    view = opened(qtbot, context)
    context.workspace.registry.register_version(
        context.session, "other", model_file(tmp_path / "o.onnx"), task=Task.REGRESSION
    )
    qtbot.waitUntil(lambda: view.table.model.rowCount() == 2)
    context.workspace.registry.register_version(context.session, "flight-delay", model_file(tmp_path / "f.onnx"))
    qtbot.waitUntil(lambda: "3" in column(view, "latest"))


def test_a_role_without_the_right_is_told_who_has_it(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("vera"))
    assert view.register.isVisible()
    assert not view.register.isEnabled()
    assert "data-scientist" in view.register.toolTip()
    qtbot.keyClick(view, Qt.Key.Key_N)
    assert view.dialog is None


def test_a_file_is_judged_before_it_is_registered(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    view = opened(qtbot, context)
    dialog = choose(qtbot, view, model_file(tmp_path / "Better model.onnx", 0.9))
    assert dialog._verdict.badge.word == "Allowed"
    assert "x  float" in dialog._inputs_view.toPlainText()
    assert dialog.form.text("model") == "better-model"  # a suggestion that keeps the rule
    assert_accessible(dialog)
    dialog.form.fields["model"].set_text("flight-delay")
    assert dialog.accept_button.text() == "Register version 3"
    assert not dialog.form.fields["task"].input.isEnabled()
    dialog.form.fields["metrics"].set_text("roc_auc = 0.9")
    dialog.form.fields["description"].set_text("by hand")
    assert len(context.workspace.registry.versions("flight-delay")) == 2
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: context.navigator.here is not None, timeout=15_000)
    assert context.navigator.here == Place("version", {"model": "flight-delay", "version": 3})
    version = context.workspace.registry.version("flight-delay@3")
    assert (version.metrics, version.description) == ({"roc_auc": 0.9}, "by hand")
    assert view.dialog is None


def test_what_was_typed_outlives_an_error(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    view = opened(qtbot, context)
    dialog = choose(qtbot, view, model_file(tmp_path / "new.onnx"))
    form = dialog.form
    form.fields["model"].set_text("New Model/1")
    assert "new-model-1" in form.fields["model"].problem  # the rule, while it is typed
    form.fields["metrics"].set_text("roc_auc is high")
    form.fields["description"].set_text("keep me")
    dialog.accept_button.click()
    assert form.fields["model"].problem
    form.fields["model"].set_text("new-model-1")
    dialog.accept_button.click()
    assert "no metric" in form.fields["metrics"].problem
    form.fields["metrics"].set_text("roc_auc = 0.7")
    dialog.accept_button.click()  # the file doesn't say its task, so the service refuses
    qtbot.waitUntil(lambda: dialog.problem.isVisible(), timeout=15_000)
    assert "what it is for" in dialog.problem.accessibleName()
    assert form.text("description") == "keep me"
    assert dialog.accept_button.isEnabled()
    form.fields["task"].set_text("classification")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: context.navigator.here is not None, timeout=15_000)
    assert context.workspace.registry.version("new-model-1@1").task is Task.CLASSIFICATION


def test_a_file_that_is_no_model_is_refused_in_words(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    view = opened(qtbot, context_for("dan"))
    path = tmp_path / "notes<b>.txt"
    path.write_text("not a model")
    dialog = choose(qtbot, view, path)
    assert dialog.problem.isVisible()
    assert not dialog.accept_button.isEnabled()
    dialog.reject()


def test_a_pickle_that_runs_code_can_not_be_registered(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    view = opened(qtbot, context_for("dan"))
    path = tmp_path / "evil.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    dialog = choose(qtbot, view, path)
    assert dialog._verdict.badge.word == "Refused"
    assert "system" in dialog._findings.toPlainText()
    assert not dialog.accept_button.isEnabled()
    assert "refused" in dialog.accept_button.toolTip()
    dialog.reject()


def test_a_dropped_file_opens_the_dialog(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    view = opened(qtbot, context_for("dan"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(model_file(tmp_path / "dropped.onnx")))])
    view.dropEvent(
        QDropEvent(
            QPointF(9, 9),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    dialog = dialog_of(qtbot, view)
    qtbot.waitUntil(lambda: dialog.accept_button.isEnabled(), timeout=15_000)
    assert dialog.form.text("model") == "dropped"
    dialog.reject()


@pytest.mark.parametrize("text", ["roc_auc", "roc_auc = high", "= 0.5", "a = 1\na = 2", "a = inf"])
def test_metrics_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_metrics(text)


def test_metrics_and_inputs_are_read() -> None:
    assert read_metrics(" roc_auc = 0.75\n\nmae: 3") == {"roc_auc": 0.75, "mae": 3.0}
    assert [(c.name, c.type) for c in read_inputs("distance\ncarrier string").inputs] == [
        ("distance", "double"),
        ("carrier", "string"),
    ]
    for wrong in ("", "a b c", "a number", "a\na"):
        with pytest.raises(InvalidInput):
            read_inputs(wrong)
