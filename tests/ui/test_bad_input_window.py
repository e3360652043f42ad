"""Bad input and bad luck at the whole window: each is one sentence with a next step, and nothing is lost."""

from __future__ import annotations

import gc
import json
import pickle
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot
from sklearn.linear_model import LinearRegression

from mlops_desktop.domain.deployments import DeploymentState
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.domain.registry import Column, Signature, Task
from mlops_desktop.ui.program import Program
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.deployments.view import DeploymentsView
from mlops_desktop.ui.screens.models.dialogs import RegisterDialog
from mlops_desktop.ui.screens.models.view import ModelsView
from mlops_desktop.ui.screens.version.view import VersionView
from mlops_desktop.ui.single_instance import SingleInstance
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.workspace import Workspace, open_workspace
from tests.integration.wire import Wire
from tests.ui.conftest import PASSWORD, QUICK_CHECKS, SETTINGS
from tests.ui.test_screen_deployments import INPUTS, sum_model
from tests.unit.services.registry_kit import model_file

SOON = 15_000  # argon2 takes its time on a busy machine
BUILD = 60_000


@pytest.fixture
def program(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    # The window ends the application when it is closed; the tests go on.
    monkeypatch.setattr(qapp, "quit", lambda: None)
    program = Program(qapp)
    program.window.resize(1280, 800)
    yield program
    program.window.may_close = lambda: True
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting needs the rights of the administrator")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def wire(tmp_path_factory: pytest.TempPathFactory, docker_engine: object) -> Iterator[Wire]:
    found = Wire(tmp_path_factory.mktemp("wire") / "d.sock")
    yield found
    found.cut()
    gc.collect()  # a socket that docker-py forgot is to be noticed here


def configure(folder: Path, **settings: object) -> None:
    (folder / "settings.json").write_text(json.dumps({"engine": "process", "gateway_port": 0} | settings))


def register_price(workspace: Workspace, folder: Path, *, unbuilt: bool = False) -> None:
    """price@1 may go to staging without an approval; `unbuilt` is one whose environment nobody has built before."""
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    policy = workspace.policies.policy("staging")
    workspace.policies.set_policy(mila, replace(policy, required_checks=QUICK_CHECKS))
    if unbuilt:
        file = folder / "sum.pkl"
        file.write_bytes(pickle.dumps(LinearRegression().fit([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0])))
    else:
        file = sum_model(folder / "sum.onnx", 10.0)
    workspace.registry.register_version(
        workspace.accounts.sign_in("dan", PASSWORD),
        "price",
        file,
        task=Task.REGRESSION,
        signature=Signature(INPUTS, (Column("y", "double"),)),
        requirements="scikit-learn==0.0.3\n" if unbuilt else None,
    )


def sign_in(program: Program, folder: Path, name: str, qtbot: QtBot) -> ScreenContext:
    program.show_sign_in(folder)
    program.window.show()
    view = program._gate_view
    assert view is not None
    view.form.fields["name"].set_text(name)
    view.form.fields["password"].set_text(PASSWORD)
    qtbot.keyClick(view.form.fields["password"].input, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: program.window.at_desk, timeout=SOON)
    assert program.context is not None
    return program.context


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def registering(program: Program, qtbot: QtBot, path: Path) -> RegisterDialog:
    """The dialog with a file that was read."""
    assert program.context is not None
    program.context.navigator.open("models", files=[str(path)])
    view = program.window.desk.current
    assert isinstance(view, ModelsView)
    qtbot.waitUntil(lambda: view.dialog is not None)
    assert view.dialog is not None
    qtbot.waitUntil(lambda: not view.dialog._facts.text().startswith("Reading"), timeout=SOON)
    return view.dialog


def deploying(program: Program, qtbot: QtBot) -> VersionView:
    """The page of price@1 after Deploy was pressed."""
    assert program.context is not None
    program.context.navigator.open("version", model="price", version=1)
    view = program.window.desk.current
    assert isinstance(view, VersionView)
    qtbot.waitUntil(lambda: view.header.deploy.isVisible() and view.header.deploy.isEnabled(), timeout=SOON)
    view.header.deploy.click()
    qtbot.waitUntil(lambda: view.deploy_dialog is not None)
    dialog = view.deploy_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: bool(dialog.engine.text()), timeout=SOON)
    dialog.accept_button.click()
    return view


# What is registered


def test_a_pickle_that_names_unknown_code_says_what_it_names(
    program: Program, workspace_folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    configure(workspace_folder)
    context = sign_in(program, workspace_folder, "dan", qtbot)
    path = tmp_path / "own.pkl"
    path.write_bytes(b"\x80\x04\x8c\x0bacme_secret\x8c\x05Model\x93)\x81.")
    dialog = registering(program, qtbot, path)
    assert dialog._verdict.badge.word == "Review"
    assert "acme_secret.Model" in dialog._findings.toPlainText()
    assert "inside a container only" in dialog._facts.text()
    dialog.form.fields["inputs"].set_text("a double")
    dialog.form.fields["task"].set_text("regression")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: program.window.desk.current.crumbs[-1].title == "Version 1", timeout=SOON)
    assert "acme_secret.Model" in context.workspace.registry.version("own@1").inspection.findings[0]


def test_a_folder_without_mlmodel_keeps_what_was_typed(
    program: Program, workspace_folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    configure(workspace_folder)
    sign_in(program, workspace_folder, "dan", qtbot)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "weights.bin").write_bytes(b"1")
    dialog = registering(program, qtbot, tmp_path / "bare")
    assert "no MLmodel file" in dialog.problem.accessibleName()
    assert "Give the folder that MLflow saved" in words(dialog.problem)
    assert not dialog.accept_button.isEnabled()
    dialog.form.fields["description"].set_text("keep me")
    dialog.choose(model_file(tmp_path / "good.onnx"))
    qtbot.waitUntil(dialog.accept_button.isEnabled, timeout=SOON)
    assert not dialog.problem.isVisible()
    assert dialog.form.text("description") == "keep me"
    dialog.reject()


# The disk


def test_a_full_disk_loses_nothing_that_was_typed(
    program: Program, workspace_template: Path, small_disk: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = small_disk / "workspace"
    subprocess.run(["cp", "-r", str(workspace_template), str(folder)], check=True)
    configure(folder)
    context = sign_in(program, folder, "dan", qtbot)
    dialog = registering(program, qtbot, model_file(tmp_path / "model.onnx", 0.8))
    dialog.form.fields["model"].set_text("flight-delay")
    dialog.form.fields["description"].set_text("keep me")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    dialog.accept_button.click()
    qtbot.waitUntil(dialog.problem.isVisible, timeout=SOON)
    assert "disk is full" in dialog.problem.accessibleName()
    assert "Free some space" in words(dialog.problem)
    assert dialog.form.text("description") == "keep me"
    assert context.workspace.registry.count_versions() == 2
    ballast.unlink()
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: context.workspace.registry.count_versions() == 3, timeout=SOON)
    assert context.workspace.registry.version("flight-delay@3").description == "keep me"
    qtbot.waitUntil(lambda: not context.tasks.running and not context.tasks.reading, timeout=SOON)
    assert context.workspace.audit.problems() == []


@pytest.mark.parametrize("kind", ["newer", "damaged"])
def test_what_can_not_be_opened_is_said_at_the_gate(
    program: Program, workspace_folder: Path, qtbot: QtBot, kind: str
) -> None:
    file = workspace_folder / "registry.db"
    if kind == "newer":
        with sqlite3.connect(file) as db:
            db.execute("PRAGMA user_version=999")
        db.close()
    else:
        content = bytearray(file.read_bytes())
        content[4096 : 4096 * 40] = bytes(255 for _ in range(4096 * 39))
        file.write_bytes(content)
    before = file.read_bytes()
    program.show_sign_in(workspace_folder)
    program.window.show()
    view = program._gate_view
    assert view is not None
    view.form.fields["name"].set_text("dan")
    qtbot.waitUntil(view.banner.isVisible, timeout=SOON)
    sentence, step = {
        "newer": ("made by a newer MLOps Desktop", "Update MLOps Desktop. Nothing was changed."),
        "damaged": ("is damaged", "Restore it from a backup."),
    }[kind]
    assert sentence in view.banner.accessibleName()
    assert step in words(view.banner)
    assert view.form.text("name") == "dan"
    view.form.fields["password"].set_text(PASSWORD)
    view.button.click()  # in vain: it is said again, and never left at “One moment …”
    qtbot.waitUntil(lambda: view.button.isEnabled() and view.banner.isVisible(), timeout=SOON)
    assert view.form.text("password") == PASSWORD
    assert file.read_bytes() == before
    view.others_wanted.emit()
    assert program._first_run is not None
    assert program._first_run.parent().isVisible(), "another workspace can be opened"


# A second window


def test_a_second_window_offers_to_stay_or_to_close(
    program: Program, workspace_folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = [1, 0]

    def answer(dialog: Dialog) -> int:
        assert dialog.parent().window().isVisible(), "the question belongs to a window that can be seen"
        asked.append(words(dialog))
        return answers.pop(0)

    monkeypatch.setattr(Dialog, "exec", answer)
    first = SingleInstance()
    assert first.take(workspace_folder)
    with qtbot.waitSignal(first.asked):
        program.begin(workspace_folder)
        program.window.show()  # as a start does: first the page, then the window
    qtbot.waitUntil(lambda: len(asked) == 1)
    assert str(workspace_folder) in asked[0]
    assert "another workspace here" in asked[0]
    assert program.window.isVisible()
    assert program.workspace is None
    program.show_sign_in(workspace_folder)
    qtbot.waitUntil(lambda: not program.window.isVisible())
    assert len(asked) == 2
    first.release()


def test_a_temporary_folder_that_is_full_is_no_second_window(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(small_disk))
    with pytest.raises(OSError, match="No space"), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    instance = SingleInstance()
    assert instance.take(tmp_path)
    instance.release()


# What serves


def test_a_port_that_was_taken_is_said_and_the_request_still_counts(
    program: Program, workspace_folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    configure(workspace_folder)
    with open_workspace(workspace_folder, settings=SETTINGS) as before:
        register_price(before, tmp_path)
        mila = before.accounts.sign_in("mila", PASSWORD)
        before.delivery.deploy(mila, "price", 1, "staging")
        port = int(before.delivery.endpoint("price", "staging").url.split(":")[2].split("/")[0])
        before.delivery.shut_down(mila)
    context = sign_in(program, workspace_folder, "mila", qtbot)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        view = deploying(program, qtbot)
        qtbot.waitUntil(view.outcome.isVisible, timeout=SOON)
        assert f"Port {port} is in use by another program." in words(view.outcome)
        qtbot.waitUntil(view.header.deploy.isEnabled, timeout=SOON)
    delivery = context.workspace.delivery
    assert delivery.deployments(model="price", live_only=True) == []
    view = deploying(program, qtbot)
    qtbot.waitUntil(lambda: bool(delivery.deployments(model="price", live_only=True)), timeout=SOON)
    qtbot.waitUntil(lambda: not context.tasks.running, timeout=SOON)
    assert delivery.endpoint("price", "staging").current == 1
    delivery.shut_down(context.session)


def test_a_test_request_with_missing_and_unknown_columns_stays_as_it_was_typed(
    program: Program, workspace_folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    configure(workspace_folder)
    with open_workspace(workspace_folder, settings=SETTINGS) as before:
        register_price(before, tmp_path)
    context = sign_in(program, workspace_folder, "mila", qtbot)
    delivery = context.workspace.delivery
    deployed = delivery.deploy(context.session, "price", 1, "staging")
    context.navigator.open("deployments", deployment=deployed.id)
    view = program.window.desk.current
    assert isinstance(view, DeploymentsView)
    qtbot.waitUntil(lambda: view.at_page and view.page.address.text().startswith("http"), timeout=SOON)
    view.page.tabs.open("try")
    tried = view.page.try_it
    qtbot.waitUntil(lambda: "a" in tried._fields, timeout=SOON)
    tried.modes.open("json")
    typed = '{"dataframe_split": {"columns": ["n", "colour"], "data": [[1, "red"]]}}'
    tried.json.setPlainText(typed)
    tried.send.click()
    qtbot.waitUntil(lambda: "'a' is missing" in tried.words.text(), timeout=SOON)
    assert tried.words.text().endswith("Check the input against the signature.")
    assert "{" not in tried.words.text(), "a sentence, and no JSON"
    assert tried.json.toPlainText() == typed
    assert tried.send.isEnabled()
    delivery.shut_down(context.session)


# Docker


pytest_docker = [
    pytest.mark.docker,
    # docker-py leaves its own socket open when the engine goes away just between our look and its connect().
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]


def marked(test: Callable[..., None]) -> Callable[..., None]:
    for mark in pytest_docker:
        test = mark(test)
    return test


@pytest.fixture
def docked(workspace_folder: Path, wire: Wire, tmp_path: Path) -> Iterator[Path]:
    """A workspace whose Docker is at the end of the wire, with something to build."""
    with open_workspace(workspace_folder, settings=SETTINGS) as before:
        register_price(before, tmp_path, unbuilt=True)
    configure(workspace_folder, engine="docker", docker_host=f"unix://{wire.path}")
    yield workspace_folder
    if not wire.path.exists():
        wire.join()
    with open_workspace(workspace_folder) as left:
        left.delivery.shut_down(left.accounts.sign_in("mila", PASSWORD))


@marked
@pytest.mark.expect_log("could not remove deployment .*: Docker is not")
def test_docker_that_goes_away_during_a_build(docked: Path, wire: Wire, program: Program, qtbot: QtBot) -> None:
    wire.builds = "held"
    context = sign_in(program, docked, "mila", qtbot)
    view = deploying(program, qtbot)
    qtbot.waitUntil(wire.held.is_set, timeout=BUILD)
    wire.cut()
    qtbot.waitUntil(view.outcome.isVisible, timeout=SOON)
    assert "Docker" in words(view.outcome)
    assert "Start Docker" in words(view.outcome)
    qtbot.waitUntil(view.header.deploy.isEnabled, timeout=SOON)  # it can be tried again
    [failed] = context.workspace.delivery.deployments(model="price")
    assert failed.state is DeploymentState.FAILED
    [request] = context.workspace.promotions.promotions(model="price")
    assert request.state is PromotionState.APPROVED, "the request still counts"


@marked
def test_docker_without_space_is_said(docked: Path, wire: Wire, program: Program, qtbot: QtBot) -> None:
    wire.builds = "full"
    context = sign_in(program, docked, "mila", qtbot)
    view = deploying(program, qtbot)
    qtbot.waitUntil(view.outcome.isVisible, timeout=BUILD)
    assert "Docker has no space left on its disk." in words(view.outcome)
    assert "Remove unused images or free space" in words(view.outcome)
    assert context.workspace.delivery.deployments(model="price", live_only=True) == []


@marked
def test_closing_the_window_during_a_build_tidies_up(
    docked: Path, wire: Wire, program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = [0, 1]

    def answer(dialog: Dialog) -> int:
        asked.append(words(dialog))
        return answers.pop(0)

    monkeypatch.setattr(Dialog, "exec", answer)
    wire.builds = "held"
    context = sign_in(program, docked, "mila", qtbot)
    deploying(program, qtbot)
    qtbot.waitUntil(wire.held.is_set, timeout=BUILD)
    assert not program.window.close()
    assert "Deploy price@1 to staging" in asked[0]
    assert "what is deployed keeps serving" in asked[0]
    assert context.tasks.running, "the person stayed, and it goes on"
    assert program.window.close()
    assert program.workspace is None
    with open_workspace(docked) as again:
        [stopped] = again.delivery.deployments(model="price")
        assert (stopped.state, stopped.handle) == (DeploymentState.STOPPED, "")
        [request] = again.promotions.promotions(model="price")
        assert request.state is PromotionState.APPROVED, "it can be deployed without asking again"
        assert again.audit.problems() == []
