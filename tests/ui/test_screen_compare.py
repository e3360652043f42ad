"""Compare: two versions, what differs, their training data, and taking it along."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.registry import Lineage, ModelVersion
from mlops_desktop.serving.bins import Profile, category_bins, number_bins
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.compare.presenter import create
from mlops_desktop.ui.screens.compare.view import CompareView
from tests.ui.checks import assert_accessible
from tests.ui.conftest import Toasts
from tests.unit.services.registry_kit import SIGNATURE, model_file

ContextFor = Callable[[str], ScreenContext]
ONE, TWO = "flight-delay@1", "flight-delay@2"


def opened(qtbot: QtBot, context: ScreenContext, **params: str) -> CompareView:
    view = create(context)
    assert isinstance(view, CompareView)
    qtbot.addWidget(view)
    view.resize(1072, 748)
    view.show()
    context.navigator.open("compare", **params)
    view.opened.emit(params)
    return view


def compared(qtbot: QtBot, context: ScreenContext, left: str = ONE, right: str = TWO) -> CompareView:
    view = opened(qtbot, context, left=left, right=right)
    qtbot.waitUntil(lambda: view.table.isVisible())
    return view


def registered(context: ScreenContext, folder: Path, auc: float, **facts: object) -> ModelVersion:
    path = model_file(folder / f"m{auc}.onnx", auc)
    options: dict[str, object] = {"metrics": {"roc_auc": auc, "mae": 1 - auc}, "signature": SIGNATURE} | facts
    return context.workspace.registry.register_version(context.session, "flight-delay", path, **options)  # type: ignore[arg-type]


def rows(view: CompareView) -> dict[tuple[str, str], tuple[str, str, str]]:
    model = view.table.model
    cells = [[str(model.index(r, c).data()) for c in range(5)] for r in range(model.rowCount())]
    return {(section, name): (left, right, change) for section, name, left, right, change in cells}


def test_two_versions_side_by_side(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("vera")
    view = compared(qtbot, context)
    shown = rows(view)
    assert shown["Metrics", "roc_auc"] == ("0.7", "0.75", "+0.05 better")
    assert shown["Files", "model-2.onnx"][2] == "Added"
    assert ("Schema", "input a") not in shown
    headers = [view.table.model.headerData(i, Qt.Orientation.Horizontal) for i in (2, 3)]
    assert headers == [ONE, TWO]
    assert "1 metric better" in view.summary.text()
    assert "registered" not in view.left.note.text()
    qtbot.waitUntil(lambda: "version 1" in view.left.note.text())
    assert "not known" in view.warning.accessibleName()  # neither says what it was measured on
    # What the window shows is what every front end gets.
    told = {
        (d.section.capitalize(), d.name) for d in context.workspace.registry.compare(ONE, TWO).differences if d.changed
    }
    assert set(shown) == told
    assert_accessible(view)


def test_everything_and_one_section(qtbot: QtBot, context_for: ContextFor) -> None:
    view = compared(qtbot, context_for("vera"))
    view.only.setChecked(False)
    assert rows(view)["Schema", "input a"] == ("double", "double", "Same")
    view.sections["metrics"].click()
    assert {section for section, _ in rows(view)} == {"Metrics"}
    view.only.setChecked(True)
    view.sections["schema"].click()
    assert rows(view) == {}
    qtbot.waitUntil(lambda: view.same.isVisible())
    view.same.button.click()
    assert rows(view)["Schema", "input a"][2] == "Same"


def test_x_swaps_and_the_judgement_turns_around(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("vera")
    view = compared(qtbot, context)
    view.table.view.setFocus()
    qtbot.keyClick(view.table.view, Qt.Key.Key_X)
    qtbot.waitUntil(lambda: rows(view).get(("Metrics", "roc_auc")) == ("0.75", "0.7", "-0.05 worse"))
    assert context.navigator.here == Place("compare", {"left": TWO, "right": ONE})
    assert "1 metric worse" in view.summary.text()


def test_lower_is_better_where_it_is(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    registered(context, tmp_path, 0.8)
    registered(context, tmp_path, 0.9)
    view = compared(qtbot, context, "flight-delay@3", "flight-delay@4")
    assert rows(view)["Metrics", "mae"][2] == "-0.1 better"
    assert rows(view)["Metrics", "roc_auc"][2] == "+0.1 better"
    assert "2 metrics better" in view.summary.text()


def test_different_test_data_hide_the_judgement_everywhere(
    qtbot: QtBot, context_for: ContextFor, tmp_path: Path
) -> None:
    context = context_for("dan")
    for auc, data in ((0.8, "aa"), (0.9, "bb")):
        registered(context, tmp_path, auc, lineage=Lineage(data={"test": data * 32}))
    view = compared(qtbot, context, "flight-delay@3", "flight-delay@4")
    assert view.warning.isVisible()
    assert "different test data" in view.warning.accessibleName()
    assert rows(view)["Metrics", "roc_auc"] == ("0.8", "0.9", "Other data")
    assert "better" not in view.summary.text()
    view.copy.click()
    text = QGuiApplication.clipboard().text()
    assert "different test data" in text
    assert "+0.1" not in text
    path = tmp_path / "out.csv"
    view.export_chosen.emit(str(path))
    qtbot.waitUntil(lambda: isinstance(context.toast, Toasts) and len(context.toast.said) == 2)
    lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    [line] = [found for found in lines if found["name"] == "roc_auc"]
    assert (line["difference"], line["change"]) == ("", "other data")
    # The same two with what both were measured on: no warning.
    registered(context, tmp_path, 0.95, lineage=Lineage(data={"test": "bb" * 32}))
    view.side_chosen.emit("left", "flight-delay@5")
    qtbot.waitUntil(lambda: rows(view).get(("Metrics", "roc_auc"), ("",))[0] == "0.95")
    assert not view.warning.isVisible()


@pytest.mark.qt_log_ignore("grabbing the keyboard")  # the list under the field, on a platform without a keyboard
def test_choosing_by_search_and_by_label(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("vera")
    view = opened(qtbot, context)
    assert view.empty.isVisible()
    assert "Choose two versions" in view.empty.accessibleName()
    assert not view.copy.isEnabled()
    assert_accessible(view)
    edit = view.left.edit
    edit.setFocus()
    qtbot.keyClicks(edit, "flight")
    qtbot.waitUntil(lambda: view.left._popup.isVisible() and view.left._found.rowCount() == 2)
    qtbot.keyClick(view.left._popup, Qt.Key.Key_Down)
    qtbot.keyClick(view.left._popup, Qt.Key.Key_Return)
    assert view.left.label == TWO  # the newest is the first
    assert "Choose the other version" in view.empty.accessibleName()
    qtbot.waitUntil(lambda: "onnx" in view.left.note.text())
    view.right.edit.setText(TWO)
    view.right.edit.returnPressed.emit()
    assert "twice" in view.empty.accessibleName()
    view.right.edit.setText(ONE)
    view.right.edit.returnPressed.emit()
    qtbot.waitUntil(lambda: view.table.isVisible())
    assert context.navigator.here == Place("compare", {"left": TWO, "right": ONE})


@pytest.mark.parametrize("typed", ["nonsense", "flight-delay@", "flight-delay@0", "@1", "<b>@x"])
def test_what_names_no_version_is_told_at_its_side(qtbot: QtBot, context_for: ContextFor, typed: str) -> None:
    view = compared(qtbot, context_for("vera"))
    view.right.edit.setText(typed)
    view.right.edit.returnPressed.emit()
    assert "names no version" in view.right.note.text()
    assert view.right.edit.text() == typed
    assert rows(view)  # what was compared stays
    assert_accessible(view)


@pytest.mark.parametrize("label", ["flight-delay@9", "nobody@1"])
def test_a_version_that_is_not_there(qtbot: QtBot, context_for: ContextFor, label: str) -> None:
    view = opened(qtbot, context_for("vera"), left=ONE, right=label)
    qtbot.waitUntil(lambda: "no " in view.right.note.text())
    qtbot.waitUntil(lambda: "Nothing to compare" in view.empty.accessibleName())
    assert "onnx" in view.left.note.text() or view.left.note.text() == ""
    view.side_chosen.emit("right", TWO)
    qtbot.waitUntil(lambda: view.table.isVisible())


def test_the_export_is_harmless_and_complete(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    evil = {"=cmd()": "a|b", "<img src=x>": "`x`\nsecond"}
    registered(context, tmp_path, 0.8, params=evil)
    registered(context, tmp_path, 0.9)
    view = compared(qtbot, context, "flight-delay@3", "flight-delay@4")
    path = tmp_path / "report.csv"
    view.export_chosen.emit(str(path))
    qtbot.waitUntil(lambda: isinstance(context.toast, Toasts) and context.toast.said == ["Written to report.csv."])
    table = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    [auc] = [line for line in table if line["name"] == "roc_auc"]
    assert float(auc["difference"]) == pytest.approx(0.1)
    assert auc["change"] == "better"
    assert "'=cmd()" in [line["name"] for line in table]
    view.copy.click()
    text = QGuiApplication.clipboard().text()
    assert "| roc\\_auc | 0.8 | 0.9 | +0.1 better |" in text
    assert "\\<img src=x\\> | \\`x\\` second" in text
    assert len({line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    view.export_chosen.emit(str(tmp_path / "no" / "where.md"))
    qtbot.waitUntil(view.banner.isVisible)
    assert "can't be written" in view.banner.accessibleName()


def test_training_data_of_both(qtbot: QtBot, context_for: ContextFor, tmp_path: Path) -> None:
    context = context_for("dan")
    generator = np.random.default_rng(4)
    for auc, mean, carriers in ((0.8, 0.0, "AAB"), (0.9, 2.0, "ABB")):
        features = {"distance": number_bins(generator.normal(mean, 1, 2_000)), "carrier": category_bins(carriers)}
        profile = Profile(2_000, {**features, "hour": number_bins([1, 2, 3])})
        registered(context, tmp_path, auc, profile=profile.to_dict())
    view = compared(qtbot, context, "flight-delay@3", "flight-delay@4")
    view.tabs.open("training")
    table = view.training.table
    qtbot.waitUntil(lambda: table.model.rowCount() == 3)
    assert [table.model.index(r, 0).data() for r in range(3)] == ["distance", "carrier", "hour"]
    assert "far" in table.model.index(0, 1).data()
    assert table.model.index(2, 1).data() == "Same"
    assert view.training.picture.title.text() == "distance"
    assert "interpolated" in view.training._note.text()
    view.training.choose("carrier")
    assert "flight-delay@3" in view.training.bars.accessibleDescription()
    assert "66.7%" in view.training.bars.accessibleDescription()
    view.training.choose("hour")
    assert "same values" in view.training._note.text()
    assert_accessible(view)


def test_without_a_profile_it_says_how_to_get_one(qtbot: QtBot, context_for: ContextFor) -> None:
    view = compared(qtbot, context_for("vera"))
    view.tabs.open("training")
    qtbot.waitUntil(lambda: "no file for profile" in view.training.nothing.accessibleName())
    assert "training script" in view.training.nothing.accessibleName()
    assert not view.banner.isVisible()
