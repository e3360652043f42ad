"""Deployments: the list, a real release of the process engine from dialog to roll-back, and a test request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.deployments import (
    DeploymentState,
    EngineKind,
    EngineStatus,
    Limits,
    Release,
    ReleaseKind,
)
from mlops_desktop.domain.errors import DeploymentFailed, InvalidInput
from mlops_desktop.domain.monitoring import Live
from mlops_desktop.domain.registry import Column, Signature, Task
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.deployments.dialogs import Deployable, DeployDialog
from mlops_desktop.ui.screens.deployments.engine_card import engine_words
from mlops_desktop.ui.screens.deployments.page import answer_sentence, state_sentence
from mlops_desktop.ui.screens.deployments.presenter import create, fresh_lines
from mlops_desktop.ui.screens.deployments.reading import readable
from mlops_desktop.ui.screens.deployments.release import entries_of, stored_lines
from mlops_desktop.ui.screens.deployments.rows import DEPLOYMENT_COLUMNS, DeploymentRow, roll_back_target, rows_of
from mlops_desktop.ui.screens.deployments.try_it import (
    Answer,
    Examples,
    answer_words,
    checked_json,
    curl_command,
    payload_of,
    pretty,
    shown,
)
from mlops_desktop.ui.screens.deployments.view import DeploymentsView
from mlops_desktop.ui.widgets.log_model import StepState
from mlops_desktop.workspace import Workspace
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD, QUICK_CHECKS
from tests.ui.deployment_kit import NOW, a_deployment

ContextFor = Callable[[str], ScreenContext]
INPUTS = (Column("a", "double"), Column("n", "long", required=False))


def sum_model(path: Path, weight: float) -> Path:
    """An ONNX file that adds up its two inputs and a number."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["x", "axes"], ["s"], keepdims=1),
            helper.make_node("Add", ["s", "w"], ["y"]),
        ],
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor("w", TensorProto.FLOAT, [1], [weight]),
            helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="kit")
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


@pytest.fixture
def priced(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two versions of a regression that may go to staging without an approval."""
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    policy = workspace.policies.policy("staging")
    workspace.policies.set_policy(mila, replace(policy, required_checks=QUICK_CHECKS))
    dan = workspace.accounts.sign_in("dan", PASSWORD)
    for number in (1, 2):
        workspace.registry.register_version(
            dan,
            "price",
            sum_model(tmp_path / f"sum-{number}.onnx", 10.0 * number),
            task=Task.REGRESSION,
            signature=Signature(INPUTS, (Column("y", "double"),)),
            metrics={"rmse": 1.0 / number},
            examples={"columns": ["a", "n"], "rows": [[1.5, 2]], "predictions": [3.5 + 10 * number]},
        )
    return workspace


def opened(qtbot: QtBot, context: ScreenContext, **params: object) -> DeploymentsView:
    view = create(context)
    assert isinstance(view, DeploymentsView)
    qtbot.addWidget(view)
    # The desk does the same.
    context.navigator.moved.connect(lambda place: view.opened.emit(dict(place.params)))
    view.resize(1072, 748)
    view.show()
    context.navigator.open("deployments", **params)
    qtbot.waitUntil(lambda: view.engine._name.text() != "Engine", timeout=15_000)
    return view


def a_release(number: int, to: str | None, before: str | None, kind: ReleaseKind = ReleaseKind.DEPLOY) -> Release:
    return Release(number, "price", "staging", kind, to, None, before, None, "mila", "", NOW, 0.1)


def cell(view: DeploymentsView, row: int, key: str) -> str:
    column = next(i for i, c in enumerate(DEPLOYMENT_COLUMNS) if c.key == key)
    return str(view.table.model.index(row, column).data())


# The whole way


def test_deploy_try_roll_back_and_stop(
    qtbot: QtBot, context_for: ContextFor, priced: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    assert "Process engine" in view.engine._name.text(), "the absence of Docker is said plainly"
    offered: list[Deployable] = []

    def choose(options: list[Deployable], status: EngineStatus, preferred: int = 0) -> tuple[Deployable, Limits]:
        offered[:] = [o for o in options if o.model == "price"]
        return next(o for o in offered if o.version == wanted), Limits()

    monkeypatch.setattr(view, "ask_deploy", choose)
    for wanted in (1, 2):
        view.deploy_wanted.emit()
        qtbot.waitUntil(lambda: view.at_release, timeout=15_000)
        qtbot.waitUntil(lambda: not view.release.result.isHidden(), timeout=60_000)
        assert "running" in view.release.result._title.text()
        assert not view.progress.isVisible()
        log = view.release.log.model
        qtbot.waitUntil(lambda m=log: bool(m.steps) and m.steps[-1].state in {StepState.DONE, StepState.CACHED})
        view.list_wanted.emit()
        qtbot.waitUntil(lambda n=wanted: view.table.model.rowCount() == n, timeout=15_000)
    assert {o.version for o in offered} == {2}, "what is current is not offered again"
    qtbot.waitUntil(lambda: cell(view, 0, "back") == "Version 1", timeout=15_000)
    assert [cell(view, r, "weight") for r in (0, 1)] == ["100 %", "warm"]
    assert view.roll_back.text() == "Roll back to version 1"
    assert_accessible(view)

    # The page of the current one, with a request to try
    view.table.view.selectRow(0)
    view.table.opened.emit(view.table.current())
    qtbot.waitUntil(lambda: view.at_page and view.page.address.text().startswith("http"), timeout=15_000)
    assert view.page.title.text() == "price@2 in staging"
    view.page.tabs.open("try")
    qtbot.waitUntil(lambda: "a" in view.page.try_it._fields)
    assert view.page.try_it._fields["a"].text() == "1.5", "the example is filled in"
    view.page.try_it.send.click()
    qtbot.waitUntil(lambda: "23.5" in view.page.try_it.words.text(), timeout=15_000)
    assert json.loads(view.page.try_it.raw.toPlainText())["predictions"] == [23.5]
    view.page.try_it.modes.open("json")
    view.page.try_it.json.setPlainText('{"dataframe_split": {"columns": ["z"], "data": [[1]]}}')
    view.page.try_it.send.click()
    qtbot.waitUntil(lambda: "400" in view.page.try_it.words.text(), timeout=15_000)
    view.page.copy_curl.click()
    assert QGuiApplication.clipboard().text().startswith("curl -sS http")
    view.page.tabs.open("build")
    qtbot.waitUntil(lambda: bool(view.page.build_log.model.steps))
    view.page.tabs.open("history")
    qtbot.waitUntil(lambda: view.page.history.model.rowCount() == 2)
    assert_accessible(view)

    # One click back, asked once
    monkeypatch.setattr(view, "ask_roll_back", lambda row: "it was better")
    view.page.roll_back.click()
    qtbot.waitUntil(lambda: priced.delivery.endpoint("price", "staging").current == 1, timeout=30_000)
    assert priced.delivery.releases("price", "staging")[0].reason == "it was better"
    qtbot.waitUntil(lambda: view.row is not None and view.row.deployment.weight == 0, timeout=15_000)
    assert "warm" in view.page.state_words.text()

    # Stopping asks; "no" changes nothing
    monkeypatch.setattr(view, "ask_stop", lambda row: False)
    view.page.stop.click()
    assert len(priced.delivery.deployments(live_only=True)) == 2
    monkeypatch.setattr(view, "ask_stop", lambda row: True)
    view.page.stop.click()
    qtbot.waitUntil(lambda: not view.page.start.isHidden(), timeout=30_000)
    for d in priced.delivery.deployments(live_only=True):
        priced.delivery.stop(context.session, d.id)
    context.navigator.open("deployments")
    qtbot.waitUntil(lambda: view.table.model.total == 0, timeout=15_000)
    assert "Nothing serves now" in view.empty.accessibleName()
    view.past.setChecked(True)
    assert view.table.model.total == 2


def test_a_failed_release_says_why_and_offers_to_try_again(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace
) -> None:
    context = context_for("mila")
    view = opened(qtbot, context)
    presenter = view.presenter
    assert presenter is not None
    presenter.deploy(Deployable("flight-delay", 1, "production", ""), Limits())  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not view.release.result.isHidden(), timeout=30_000)
    assert "not approved" in view.release.result._title.text()
    assert not view.release.result._retry.isHidden()
    assert workspace.delivery.deployments() == []


def test_a_viewer_sees_everything_and_may_press_nothing(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("vera"))
    for button in (view.deploy, view.page.stop, view.page.restart, view.page.start):
        assert not button.isEnabled()
        assert "ml-engineer" in button.toolTip()
    assert "reviewer" in view.roll_back.toolTip()
    view.deploy_wanted.emit()
    assert "ml-engineer" in view.banner._title.text(), "the key D is refused in words"
    assert_accessible(view)


def test_what_is_gone_leads_to_the_list(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("rosa"), deployment="0123456789ab")
    qtbot.waitUntil(lambda: "0123456789ab" in view.banner._title.text(), timeout=15_000)
    assert view.stack.currentWidget() is view._home


def test_the_row_opens_monitoring(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("rosa")
    view = opened(qtbot, context)
    moved: list[Place] = []
    context.navigator.moved.connect(moved.append)
    view.monitoring_wanted.emit(DeploymentRow(a_deployment()))
    assert moved[-1].key == "monitoring"
    assert moved[-1].params["deployment"] == "d1"


# Parts


def test_the_dialog_refuses_limits_that_make_no_sense(qtbot: QtBot) -> None:
    dialog = DeployDialog([Deployable("price", 1, "staging", "Approved by rosa.")], "Docker answers.")
    qtbot.addWidget(dialog)
    assert dialog.why.text() == "Approved by rosa."
    for name, text in (("memory", "0"), ("memory", "lots"), ("cpus", "nan"), ("cpus", "-1")):
        dialog.form.fields["memory"].set_text("512")
        dialog.form.fields["cpus"].set_text("1,5")
        dialog.form.fields[name].set_text(text)
        dialog.accept_button.click()
        assert dialog.form.fields[name].problem, text
        assert dialog.result() == 0
    dialog.form.fields["memory"].set_text("256")
    dialog.form.fields["cpus"].set_text("1,5")
    dialog.accept_button.click()
    assert dialog.result() == 1
    assert dialog.limits == Limits(memory_mb=256, cpus=1.5)
    assert_accessible(dialog)


def test_what_a_roll_back_returns_to() -> None:
    two = a_deployment("d2", 2)
    releases = [a_release(2, "d2", "d1"), a_release(1, "d1", None)]
    assert roll_back_target(two, releases) == "d1"
    assert roll_back_target(a_deployment("d1"), releases[1:]) is None
    restarted = [a_release(4, "d2", None), a_release(3, None, "d2", ReleaseKind.STOP), *releases]
    assert roll_back_target(two, restarted) == "d1"
    other = [replace(r, environment="production") for r in releases]
    assert roll_back_target(two, other) is None
    rows = rows_of([replace(two, weight=0), a_deployment("d1", 1)], releases, {})
    assert [r.deployment.id for r in rows] == ["d1", "d2"], "what carries the traffic stands on top"


def test_unknown_figures_are_no_zeros() -> None:
    texts = {c.key: c.text for c in DEPLOYMENT_COLUMNS}
    live = Live("d1", 0.0, float("nan"), float("nan"), float("nan"), float("nan"), float("nan"), float("nan"), 0)
    row = DeploymentRow(a_deployment(), live)
    assert [texts[k](row) for k in ("rate", "p95", "errors", "cpu", "memory")] == ["–"] * 5
    busy = DeploymentRow(a_deployment(), replace(live, requests_per_second=10.0, errors_per_second=1.0))
    assert texts["errors"](busy) == "10.0 %"
    stopped = DeploymentRow(a_deployment(state=DeploymentState.UNKNOWN), busy.live)
    assert texts["rate"](stopped) == "–", "figures of one whose state is unknown are old"


def test_the_engine_is_told_in_words() -> None:
    docker = EngineStatus(EngineKind.DOCKER, True, "20.10", "", disk_free_bytes=1 << 30)
    assert engine_words(docker)[:2] == ("Docker 20.10", "It answers, 1.0 GiB free for images.")
    gone = engine_words(EngineStatus(EngineKind.DOCKER, False, "", "Docker is not answering.", "Start it."))
    assert gone == ("Docker does not answer", "Docker is not answering. Start it.", "server-off", "critical")
    process = engine_words(EngineStatus(EngineKind.PROCESS, True, "", "No isolation.", "Start Docker."))
    assert process == ("Process engine, no containers", "No isolation. Start Docker.", "triangle-alert", "warning")


def test_values_of_the_form_become_json() -> None:
    body = json.loads(payload_of((*INPUTS, Column("b", "boolean"), Column("s", "string")), {"a": " 1.5", "b": "Yes"}))
    assert body == {"dataframe_split": {"columns": ["a", "n", "b", "s"], "data": [[1.5, None, True, None]]}}
    for texts in ({"a": "many"}, {"n": "1.5"}, {"n": "inf"}):
        with pytest.raises(InvalidInput, match=r"must be a"):
            payload_of(INPUTS, texts)
    with pytest.raises(InvalidInput, match="true or false"):
        payload_of((Column("b", "boolean"),), {"b": "maybe"})
    assert [shown(v) for v in (None, 46.04000091552734, 0.1, 3, "x")] == ["", "46.04", "0.1", "3", "x"]


def test_json_is_checked_before_it_is_sent() -> None:
    assert checked_json('{"a": 1}') == b'{"a": 1}'
    with pytest.raises(InvalidInput, match="line 2"):
        checked_json('{"a": 1,\n b}')
    assert json.loads(pretty(payload_of(INPUTS, {"a": "1"})))["dataframe_split"]["data"] == [[1.0, None]]
    assert pretty(b"\xff no json") == "� no json"


def test_examples_that_are_damaged_are_none() -> None:
    assert Examples.from_json(b"{") == Examples()
    assert Examples.from_json(b'{"columns": 3, "rows": []}') == Examples()
    assert Examples.from_json(b'{"columns": ["a"], "rows": [[1]]}').row(0) == {"a": 1}
    assert Examples().row(0) == {}


def test_the_answer_in_words() -> None:
    body = b'{"predictions": ["1"], "scores": [0.734], "prediction_id": "r"}'
    assert answer_words(Answer(body, 0.006, 2)) == "Prediction 1 with score 0.734, answered in 6 ms by version 2."
    assert answer_words(Answer(b"[]", 0.006, None)) == "Answered in 6 ms."


def test_curl_survives_quotes() -> None:
    line = curl_command("http://127.0.0.1:1/staging/price", b'{"s": "it\'s $HOME"}')
    assert line.endswith("""-d '{"s": "it'"'"'s $HOME"}'""")


def test_log_lines_come_once() -> None:
    one, two, three = (1.0, "a"), (2.0, "b"), (3.0, "c")
    assert fresh_lines([], [one]) == [one]
    assert fresh_lines([one, two], [one, two, three]) == [three]
    assert fresh_lines([one, two], [two, three]) == [two, three] or fresh_lines([one, two], [two, three]) == [three]
    assert fresh_lines([one], [three]) == [three]
    assert fresh_lines([one, two], [one, two]) == []
    assert readable('{"at": "2026-03-01T12:00:00+00:00", "level": "info", "message": "Serving.", "n": 1}').endswith(
        "INFO    Serving.  n=1"
    )
    assert readable("plain") == "plain"
    assert readable("[1]") == "[1]"


def test_steps_that_were_there_already_are_cached() -> None:
    entries = entries_of(stored_lines(["Model: cached\timage is there already", "a line", "S: step 1/2\t ---> cached"]))
    assert [(e.step, e.text) for e in entries] == [
        ("Model", "image is there already"),
        ("Model", "cached"),
        ("", "a line"),
        ("S: step 1/2", " ---> cached"),
        ("S: step 1/2", "cached"),
    ]


def test_sentences_about_the_state() -> None:
    failed = a_deployment(state=DeploymentState.FAILED, message="The build failed.")
    assert state_sentence(failed) == "It failed; the traffic stayed where it was. The build failed."
    assert state_sentence(a_deployment()) == ""
    from mlops_desktop.domain.deployments import Endpoint

    nobody = Endpoint("price", "staging", "http://x", None)
    assert "503" in answer_sentence(a_deployment(), nobody)
    assert "not version 1" in answer_sentence(a_deployment(), replace(nobody, current=2))


def test_a_problem_of_the_model_is_shown_in_place(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("rosa"))
    view.page.try_it.show_problem(DeploymentFailed("price answered 400: a is missing.", "Check the input."))
    assert view.page.try_it.words.text() == "price answered 400: a is missing. Check the input."
