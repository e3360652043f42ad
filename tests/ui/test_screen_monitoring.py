"""Monitoring: from a real request to chart, drift map and realised performance; and what is said without."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.alerts import AlertRule, Comparator, Severity
from mlops_desktop.domain.deployments import DeploymentState
from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.monitoring import (
    DriftReport,
    DriftState,
    FeatureDrift,
    LabelReport,
    PerformancePoint,
    Series,
)
from mlops_desktop.domain.registry import Column, Signature, Task
from mlops_desktop.serving.bins import Profile, number_bins
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.monitoring import live_reading as live
from mlops_desktop.ui.screens.monitoring.columns import FEATURE_COLUMNS
from mlops_desktop.ui.screens.monitoring.drift_reading import Spot, headline, heat_map, rank
from mlops_desktop.ui.screens.monitoring.live_page import label_texts
from mlops_desktop.ui.screens.monitoring.performance_page import with_breaks
from mlops_desktop.ui.screens.monitoring.performance_reading import alert_limit, steps_of
from mlops_desktop.ui.screens.monitoring.presenter import create
from mlops_desktop.ui.screens.monitoring.stretches import HOUR, Target, choose, pairs_of, step_of
from mlops_desktop.ui.screens.monitoring.view import MonitoringView
from mlops_desktop.workspace import Workspace, open_workspace
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD, QUICK_CHECKS, SETTINGS, stop_everything
from tests.ui.deployment_kit import NOW, a_deployment

ContextFor = Callable[[str], ScreenContext]
AT = NOW.timestamp()
ROWS = 300


@pytest.fixture
def workspace(workspace_folder: Path) -> Iterator[Workspace]:
    """With chunks of a second, so that a verdict doesn't take five minutes."""
    settings = replace(SETTINGS, drift_chunk_seconds=1.0, performance_chunk_seconds=1.0)
    opened = open_workspace(workspace_folder, settings=settings)
    yield opened
    opened.close()
    stop_everything(workspace_folder)


def double_model(path: Path) -> Path:
    """An ONNX file that answers twice its input."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="kit")
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


@pytest.fixture
def serving(workspace: Workspace, tmp_path: Path) -> Workspace:
    """`price` version 1, with a reference profile, serves in staging."""
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    policy = workspace.policies.policy("staging")
    workspace.policies.set_policy(mila, replace(policy, required_checks=QUICK_CHECKS))
    rng = np.random.default_rng(5)
    known = rng.normal(10, 2, 4000)
    profile = Profile(
        4000, {"a": number_bins(known)}, {"score": number_bins(2 * known)}, {"a": 1.0}, {"rmse": 1.0, "mae": 0.8}
    )
    workspace.registry.register_version(
        workspace.accounts.sign_in("dan", PASSWORD),
        "price",
        double_model(tmp_path / "double.onnx"),
        task=Task.REGRESSION,
        signature=Signature((Column("a", "double"),), (Column("y", "double"),)),
        metrics={"rmse": 1.0},
        profile=profile.to_json(),
    )
    workspace.delivery.deploy(mila, "price", 1, "staging")
    return workspace


def send(context: ScreenContext, values: list[float]) -> dict[str, float]:
    """Prediction ids with what was answered."""
    body = json.dumps({"dataframe_split": {"columns": ["a"], "data": [[v] for v in values]}}).encode()
    answer = json.loads(context.workspace.delivery.predict(context.session, "price", "staging", body))
    return {f"{answer['prediction_id']}:{i}": float(v) for i, v in enumerate(np.ravel(answer["predictions"]))}


def opened(qtbot: QtBot, context: ScreenContext, **params: object) -> MonitoringView:
    view = create(context)
    assert isinstance(view, MonitoringView)
    qtbot.addWidget(view)
    # The desk does the same.
    context.navigator.moved.connect(lambda place: view.opened.emit(dict(place.params)))
    view.resize(1072, 748)
    view.show()
    context.navigator.open("monitoring", **params)
    qtbot.waitUntil(lambda: view.stack.currentWidget() is not view.loading, timeout=15_000)
    return view


def finite(values: Any) -> list[float]:
    return [v for v in values if math.isfinite(v)]


# The whole way


def test_a_request_moves_the_charts_drifts_and_is_judged(
    qtbot: QtBot, context_for: ContextFor, serving: Workspace, tmp_path: Path
) -> None:
    context = context_for("mila")
    serving.start_background()
    view = opened(qtbot, context, model="price")
    page = view.live
    assert view.pair.currentText() == "price in staging"
    assert view.crumbs[-1].title == "price in staging"
    qtbot.waitUntil(lambda: bool(finite(page._figures.get("request_rate", ()))), timeout=15_000)
    assert not any(finite(page._figures["request_rate"])), "zero, not a gap: the program answers"
    qtbot.waitUntil(lambda: "No requests" in page.notice._title.text(), timeout=15_000)

    # One request: a chart gains its point
    sent = time.monotonic()
    answered = send(context, [30.0] * ROWS)
    qtbot.waitUntil(lambda: any(v > 0 for v in finite(page._figures["request_rate"])), timeout=10_000)
    waited = time.monotonic() - sent
    assert waited < 3.5, "two seconds, and the machine of a test is shared"
    assert finite(page._figures["p95_ms"])
    assert "rate" in page.charts["requests"].legend.accessibleDescription()
    qtbot.waitUntil(lambda: not page.notice.isVisible())
    qtbot.waitUntil(lambda: "Version 1 took over" in [r._title.text() for r in page.happened._rows], timeout=10_000)
    assert page.charts["requests"]._marks[0].text.startswith("v1")
    assert {m.text for m in page.charts["latency"]._marks} == {""}, "the words stand in one chart only"
    assert_accessible(view)

    # Drift: suspected after one chunk, with the bins that show why
    view.tabs.open("drift")
    drift = view.drift
    qtbot.waitUntil(lambda: "a" in drift.picture.rows, timeout=20_000)
    assert drift.picture.rows[0] == "prediction score", "predictions have rows of their own, first"
    spot = drift.spot_of("a")
    assert spot is not None
    assert spot.drift.state in {DriftState.SUSPECTED, DriftState.DRIFT}
    drift._on_row(spot)
    qtbot.waitUntil(lambda: drift.name.text() == "a", timeout=10_000)
    assert "suspected: 1 of 3 chunks" in drift.sentence.text()
    assert drift.bars.accessibleDescription().startswith("Largest difference in")
    assert drift.facts._labels["Rows"].text() == f"{ROWS}"
    assert_accessible(view)

    # Performance: nothing before labels came, then a point against the reference
    view.tabs.open("performance")
    performance = view.performance
    qtbot.waitUntil(lambda: "300 predictions" in performance.empty.accessibleName(), timeout=10_000)
    assert "prediction_id" in performance.empty.accessibleName()
    assert_accessible(view)
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prediction_id", "label"])
        writer.writerows([i, v + 5.0] for i, v in answered.items())
        writer.writerow(["nobody:0", "1"])
    view.presenter.send_labels(labels)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: "300 labels" in performance.report._title.text(), timeout=10_000)
    assert "nobody:0" in performance.report._text.text()
    qtbot.waitUntil(lambda: performance.currentWidget() is performance.page, timeout=10_000)
    assert performance.metric_box.currentText() == "RMSE"
    assert performance.table.model.rowCount() == 1
    assert performance.table.model.index(0, 2).data() == "5.000"
    assert performance.table.model.index(0, 4).data() == "1.000"
    assert [line.name for line in performance.performance._lines] == ["RMSE", "reference", "alert limit"]
    assert "300 labels of 300 predictions" in performance.summary.text()
    assert_accessible(view)


def test_zoom_pause_and_keys(qtbot: QtBot, context_for: ContextFor, serving: Workspace) -> None:
    view = opened(qtbot, context_for("vera"))
    group = view.live.group
    assert view.state.badge.word == "Live"
    chart = view.live.charts["cpu"]
    now = time.time()
    chart.zoomed.emit(now - 60, now - 30)
    assert view.state.badge.word == "Zoomed"
    assert view.live.charts["requests"].plot.getViewBox().viewRange()[0] == pytest.approx([now - 60, now - 30])
    qtbot.waitUntil(lambda: len(view.live._figures.get("request_rate", ())) in {30, 31}, timeout=10_000)
    chart.live_wanted.emit()
    assert group.live
    assert view.state.badge.word == "Live"
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert view.state.badge.word.startswith("Paused at ")
    assert view.back_to_live.isVisible()
    edge = group.range[1]
    presenter: Any = view.presenter
    presenter._read_at["live"] = -math.inf
    presenter._on_tick()
    assert group.range[1] == edge, "the clock goes on, the charts don't"
    view.back_to_live.click()
    assert group.live
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.state.badge.word == "Zoomed"
    qtbot.keyClick(view, Qt.Key.Key_L)
    assert group.live


def test_what_was_chosen_is_remembered(qtbot: QtBot, context_for: ContextFor, serving: Workspace) -> None:
    context = context_for("vera")
    view = opened(qtbot, context)
    view.window_chosen.emit(HOUR)
    again = opened(qtbot, context)
    assert again.window_box.currentText() == "Last hour"
    assert again.live.group.window == HOUR
    view.window_chosen.emit(900.0)


def test_a_chart_is_saved(
    qtbot: QtBot, context_for: ContextFor, serving: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = opened(qtbot, context_for("vera"))
    qtbot.waitUntil(lambda: "request_rate" in view.live._figures, timeout=15_000)
    for kind in ("png", "csv"):
        monkeypatch.setattr(view, "ask_save", lambda name, kind: str(tmp_path / f"{name}.{kind}"))
        view.live.save_wanted.emit("requests", kind)
    assert (tmp_path / "requests.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "requests.csv").read_text().startswith('"time","series","value (/s)"')
    monkeypatch.setattr(view, "ask_save", lambda name, kind: str(tmp_path / "nowhere" / "chart.csv"))
    view.live.save_wanted.emit("requests", "csv")
    assert "chart.csv was not saved" in view.note._title.text()
    view.live.save_wanted.emit("requests", "copy")
    assert not QApplication.clipboard().pixmap().isNull()


def test_silence_is_said(qtbot: QtBot, context_for: ContextFor, serving: Workspace) -> None:
    context = context_for("mila")
    serving.monitoring.collect()
    view = opened(qtbot, context, model="price")
    target = view.presenter.target  # type: ignore[union-attr]
    rate = Series("request_rate", "1/s", (AT - 100, AT - 99), (0.0, 0.0))
    picture = live.LivePicture(AT - 900, AT, {"request_rate": rate}, 0.0, AT - 98, ())
    view.presenter._began = AT - 800  # type: ignore[union-attr]
    view.presenter._say(target, picture)  # type: ignore[union-attr]
    assert view.live.notice._title.text().startswith("No data since ")
    assert "does not answer" in view.live.notice._text.text()
    view.live.notice.hide()
    view.presenter._say(target, picture)  # type: ignore[union-attr]
    assert not view.live.notice.isVisible(), "what was dismissed doesn't come back each second"
    stopped = serving.delivery.deployments(live_only=True)[0]
    serving.delivery.stop(context.session, stopped.id)
    qtbot.waitUntil(lambda: view.state.badge.word == "Not serving", timeout=15_000)


# Without data, without rights, with wrong input


def test_nothing_was_ever_deployed(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    assert view.stack.currentWidget() is view.empty
    moved: list[Place] = []
    context.navigator.moved.connect(moved.append)
    view.empty.button.click()
    assert moved[-1].key == "deployments"
    assert_accessible(view)


def test_a_viewer_may_look_but_send_no_labels(qtbot: QtBot, context_for: ContextFor, serving: Workspace) -> None:
    view = opened(qtbot, context_for("vera"), deployment="0123456789ab")
    assert "0123456789ab" in view.note._title.text()
    view.tabs.open("performance")
    qtbot.waitUntil(lambda: "No predictions" in view.performance.empty.accessibleName(), timeout=10_000)
    for button in (view.performance.send, view.performance.empty.button):
        assert not button.isEnabled()
        assert "data-scientist" in button.toolTip()
    view.performance.labels_wanted.emit()
    assert "data-scientist" in view.note._title.text()
    view.tabs.open("drift")
    qtbot.waitUntil(lambda: "unknown" in view.drift.empty.accessibleName(), timeout=10_000)
    assert_accessible(view)


def test_a_bad_file_of_labels_is_refused_in_place(
    qtbot: QtBot, context_for: ContextFor, serving: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = opened(qtbot, context_for("dan"))
    view.tabs.open("performance")
    bad = tmp_path / "bad.csv"
    bad.write_text("prediction,label\nx,1\n")
    monkeypatch.setattr(view, "ask_labels_file", lambda: str(bad))
    view.performance.labels_wanted.emit()
    qtbot.waitUntil(lambda: "no column prediction_id" in view.performance.report._title.text(), timeout=10_000)
    monkeypatch.setattr(view, "ask_labels_file", lambda: "")
    view.performance.report.clear()
    view.performance.labels_wanted.emit()
    assert not view.performance.report.isVisible(), "the person thought better of it"


def test_a_model_without_a_profile_says_so(qtbot: QtBot, context_for: ContextFor, serving: Workspace) -> None:
    mila = serving.accounts.sign_in("mila", PASSWORD)
    serving.registry.register_version(
        serving.accounts.sign_in("dan", PASSWORD),
        "price",
        double_model(serving.path.parent / "other.onnx"),
        signature=Signature((Column("a", "double"),), (Column("y", "double"),)),
        metrics={"rmse": 0.9},
    )
    serving.delivery.deploy(mila, "price", 2, "staging")
    view = opened(qtbot, context_for("vera"), model="price", environment="staging")
    view.tabs.open("drift")
    qtbot.waitUntil(lambda: "Version 2 has no reference profile" in view.drift.empty.accessibleName(), timeout=10_000)


# Parts


def a_drift(feature: str, state: DriftState = DriftState.OK, psi: float = 0.05, kind: str = "number") -> FeatureDrift:
    return FeatureDrift(feature, kind, state, 500, psi, 0.1, 0.5, 0.1, 0.5, 0.0, f"{feature} says it.")


def a_report(start: float, *features: FeatureDrift, version: int = 1) -> DriftReport:
    return DriftReport("price", version, f"d{version}", start, start + 10, 500, features)


def test_what_to_look_at() -> None:
    other = a_deployment("d9", model="other", weight=0, state=DeploymentState.STOPPED)
    pairs = pairs_of([other, a_deployment("d1", weight=0), a_deployment("d2", 2)])
    assert [p.title for p in pairs] == ["price in staging", "other in staging"]
    assert choose([], {}, None, ("", "")) == (None, "")
    assert choose(pairs, {}, None, ("other", "staging")) == (Target(pairs[1]), "")
    assert choose(pairs, {"deployment": "d1"}, None, ("", "")) == (Target(pairs[0], "d1"), "")
    assert choose(pairs, {"deployment": "d2"}, None, ("", "")) == (Target(pairs[0]), ""), "with what came before"
    target, problem = choose(pairs, {"model": "none"}, None, ("", ""))
    assert target == Target(pairs[0])
    assert "“none” was never deployed" in problem


def test_a_gap_is_a_gap() -> None:
    nan = math.nan
    times = tuple(AT + i for i in range(10))
    points = {
        name: Series(name, "", times, (1.0, 1.0, nan, nan, nan, nan, 2.0, 2.0, nan, nan)) for name in live.FIGURES
    }
    found = live.picture(points, AT, AT + 10, now=AT + 10)
    assert found.gaps == ((AT + 1.5, AT + 5.5),)
    assert found.silent_since is None, "two seconds are no silence"
    assert len(found.figures["p50_ms"].values) == 8, "the newest known value is the last"
    later = live.picture(points, AT, AT + 60, now=AT + 60)
    assert later.silent_since == AT + 7.5
    assert len(later.figures["p50_ms"].values) == 10, "an old value is not the newest"
    assert live.needs_dots([nan, 1.0, nan])
    assert not live.needs_dots([1.0, 1.0, nan])
    assert not live.needs_dots([1.0] * 500 + [nan, 1.0, nan]), "a dense line is not hidden by its dots"
    assert live.needs_dots([1.0, nan] * 200)


def test_points_are_joined_without_doubles() -> None:
    old = Series("x", "", (1.0, 2.0, 3.0, 4.0), (1.0, 1.0, 1.0, 1.0))
    new = Series("x", "", (3.0, 4.0, 5.0), (2.0, 2.0, 2.0))
    assert live.joined(old, new, 1.5) == Series("x", "", (2.0, 3.0, 4.0, 5.0), (1.0, 2.0, 2.0, 2.0))


def test_marks_that_stand_close_share_their_words() -> None:
    def at(moment: float, short: str) -> live.Happening:
        return live.Happening("", moment, short, "", "", "", "accent")

    marks = [at(0, "v1"), at(1, "alert"), at(2, "alert"), at(50, "v2")]
    assert label_texts(marks, 10) == ["v1, 2 alerts", "", "", "v2"]
    assert label_texts([], 10) == []


def test_a_far_limit_does_not_flatten_the_line() -> None:
    rule = AlertRule(1, "price", "staging", "p95_ms", Comparator.ABOVE, 500.0, 30.0, Severity.WARNING)
    assert live.limit_of([rule], "p95_ms", [3.0, math.nan]) is None
    assert live.limit_of([rule], "p95_ms", [300.0]) == (500.0, "alert above 500")


def test_no_verdict_is_never_fine() -> None:
    reports = [
        a_report(0, a_drift("a"), a_drift("b", DriftState.DRIFT, 0.5)),
        a_report(40, a_drift("a"), a_drift("prediction score", kind="prediction"), version=2),
    ]
    rows, columns, cells = heat_map(reports, ["a", "b"], 0, 60, 10)
    assert rows == ("prediction score", "a", "b")
    assert len(columns) == 6
    assert [spot is None for spot in cells[1]] == [False, True, True, True, False, True]
    assert cells[2][0] is not None
    assert cells[2][0].drift.state is DriftState.DRIFT
    unknown = Spot(a_drift("a", DriftState.UNKNOWN), "d1", 1, 0, 10)
    assert unknown.strength is None
    assert [c.text(unknown) for c in FEATURE_COLUMNS] == ["a", "Unknown", "–", "50 %"]


def test_of_many_chunks_in_a_column_the_worst_counts() -> None:
    reports = [a_report(0, a_drift("a", DriftState.DRIFT, 0.4)), a_report(10, a_drift("a"))]
    _, _, cells = heat_map(reports, ["a"], 0, 20, 60)
    assert cells[0][0] is not None
    assert cells[0][0].start == 0


def test_the_verdict_in_words() -> None:
    report = a_report(
        AT,
        a_drift("a", DriftState.DRIFT),
        a_drift("b", DriftState.SUSPECTED),
        a_drift("c"),
        a_drift("prediction score", DriftState.DRIFT, kind="prediction"),
    )
    state, title, text = headline(report, AT + 20, 10)
    assert state is DriftState.DRIFT
    assert title == "1 of 3 inputs drifted: a; 1 of 3 inputs suspected: b; the predictions drifted"
    assert "500 rows, version 1" in text
    few = replace(a_drift("a", DriftState.UNKNOWN), sentence="a: only 14 rows, 200 are needed for a verdict.")
    state, title, _ = headline(a_report(AT, few), AT + 20, 10)
    assert (state, title) == (DriftState.UNKNOWN, "Unknown now: only 14 rows, 200 are needed for a verdict")
    state, title, _ = headline(report, AT + 500, 10)
    assert state is DriftState.UNKNOWN
    assert title.startswith("Unknown now: no verdict since")


def test_a_chunk_with_too_few_rows_does_not_shuffle_the_list() -> None:
    before = a_report(0, a_drift("b", DriftState.DRIFT, 0.9), a_drift("a"))
    newest = a_report(10, a_drift("a", DriftState.UNKNOWN, 0.0), a_drift("b", DriftState.UNKNOWN, 0.0))
    spots = [Spot(f, "d1", 1, 10, 20) for f in newest.features]
    assert [s.drift.feature for s in rank(spots, [before, newest])] == ["b", "a"]


def test_each_version_is_held_against_its_own_reference() -> None:
    turns = [(0.0, "d1"), (50.0, "d2"), (80.0, None)]
    corners = steps_of(turns, {"d1": 0.7, "d2": 0.8}, 10, 100)
    assert corners[:4] == ((10, 0.7), (50, 0.7), (50, 0.8), (80, 0.8))
    assert math.isnan(corners[-1][1])
    rule = AlertRule(1, "price", "staging", "performance_loss", Comparator.ABOVE, 0.05, 0, Severity.CRITICAL)
    assert alert_limit([rule], "roc_auc", 0.8) == pytest.approx(0.75)
    assert alert_limit([rule], "rmse", 2.0) == pytest.approx(2.1)
    assert math.isnan(alert_limit([], "rmse", 2.0))


def test_no_line_leads_over_a_time_without_predictions() -> None:
    def point(start: float) -> PerformancePoint:
        return PerformancePoint(start, start + 10, "rmse", 1.0, 0.9, 1.1, 5, 10)

    found = with_breaks([point(0), point(10), point(50)])
    assert [math.isnan(p.value) for p in found] == [False, False, True, False]


def test_steps_are_round() -> None:
    assert step_of(900, 1.0, 100) == 10
    assert step_of(900, 300.0, 100) == 300
    assert step_of(90 * 86_400, 300.0, 40) == 3 * 86_400


def test_a_report_of_labels_names_what_is_unknown(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("dan"))
    view.performance.show_report(LabelReport(1, 1, 5, ("a:0", "b:0", "c:0", "d:0", "e:0")), "labels.csv")
    assert view.performance.report._title.text() == "2 labels of labels.csv joined"
    assert "5 name a prediction that is not known: a:0, b:0, c:0 and 2 more" in view.performance.report._text.text()


def test_an_error_stays_until_figures_come_again(
    qtbot: QtBot, context_for: ContextFor, serving: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = opened(qtbot, context_for("vera"))
    qtbot.waitUntil(lambda: "request_rate" in view.live._figures, timeout=15_000)
    presenter: Any = view.presenter

    def fails(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.", "Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(presenter._live, "read", fails)
        qtbot.waitUntil(lambda: view.banner.isVisible() and "disk is full" in view.banner._title.text(), timeout=8_000)
        assert view.live._figures["request_rate"], "the last figures stay"
    qtbot.waitUntil(lambda: not view.banner.isVisible(), timeout=8_000)


def test_a_measurement_holds_for_a_moment_only() -> None:
    nan = math.nan
    held = live.bridged([nan, 1.0, nan, 2.0, nan, nan, 3.0, nan, nan, nan, 4.0, nan])
    assert [v if v == v else None for v in held] == [None, 1, 1, 2, 2, 2, 3, None, None, None, 4, None]
