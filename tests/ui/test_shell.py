"""The window: from the gate to the desk, and everything that the shell offers there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.accounts import Role
from mlops_desktop.domain.errors import EngineUnavailable
from mlops_desktop.domain.events import ModelEvent, OtherProcessChanged, VersionEvent, VersionRegistered
from mlops_desktop.ui.app import default_workspace
from mlops_desktop.ui.event_bridge import EventBridge, concerns
from mlops_desktop.ui.idleness import Idleness
from mlops_desktop.ui.navigator import Navigator, Place
from mlops_desktop.ui.program import Program
from mlops_desktop.ui.recent import last_workspace
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.shell.fuzzy import score
from mlops_desktop.ui.single_instance import SingleInstance
from mlops_desktop.ui.task_runner import JobContext, TaskRunner
from mlops_desktop.ui.theme import DARK, Appearance, colours
from mlops_desktop.ui.widgets.choice import Choice
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.workspace import Workspace, create_workspace, open_workspace, recent_workspaces
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD

SOON = 15_000  # argon2 takes its time on a busy machine


@pytest.fixture
def program(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("MLOPS_DESKTOP_ENGINE", "process")
    monkeypatch.setenv("MLOPS_DESKTOP_GATEWAY_PORT", "0")
    # The window ends the application when it is closed; the tests go on.
    monkeypatch.setattr(qapp, "quit", lambda: None)
    program = Program(qapp)
    program.window.resize(1280, 800)
    yield program
    program.window.may_close = lambda: True
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()


def sign_in(program: Program, folder: Path, name: str, qtbot: QtBot) -> ScreenContext:
    program.show_sign_in(folder)
    program.window.show()
    view = program._gate_view
    assert view is not None
    view.form.fields["name"].set_text(name)
    qtbot.keyClicks(view.form.fields["password"].input, PASSWORD)
    qtbot.keyClick(view.form.fields["password"].input, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: program.window.at_desk, timeout=SOON)
    assert program.context is not None
    return program.context


def texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def test_first_run_by_keyboard_only(program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    program.begin(None)
    program.window.show()
    view = program._first_run.parent()
    assert_accessible(program.window)
    assert view.tour.isHidden(), "nobody would guide"
    program.offer_tour()
    with qtbot.waitSignal(program.tour_wanted):
        qtbot.keyClick(view.tour, Qt.Key.Key_Return)
    qtbot.keyClick(view.new, Qt.Key.Key_Return)
    form = view.form
    for name, words in (("folder", str(tmp_path / "new")), ("full_name", "Ada Lovelace")):
        form.fields[name].input.clear()
        qtbot.keyClicks(form.fields[name].input, words)
    assert form.text("admin") == "ada"
    qtbot.keyClicks(form.fields["password"].input, "short")
    qtbot.keyClick(form.fields["password"].input, Qt.Key.Key_Return)
    assert "fewer than 10" in form.fields["password"].problem
    assert form.text("full_name") == "Ada Lovelace"
    form.fields["password"].input.clear()
    qtbot.keyClicks(form.fields["password"].input, PASSWORD)
    qtbot.keyClick(form.fields["password"].input, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view.begin_button.isVisible(), timeout=SOON)
    qtbot.waitUntil(lambda: view._engine.badge.word != "Looking …", timeout=SOON)
    qtbot.keyClick(view.begin_button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: program.window.at_desk)
    assert program.context is not None
    assert program.context.account.name == "ada"
    qtbot.waitUntil(lambda: "Nothing serves yet" in texts(program.window), timeout=SOON)
    assert [w.path for w in recent_workspaces()] == [tmp_path / "new"]
    assert last_workspace() == default_workspace() == tmp_path / "new"


def test_first_run_has_room_for_recent_workspaces(program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    program.begin(None)
    program.window.resize(1280, 800)
    program.window.show()
    program.offer_tour()
    view = program._first_run.parent()
    view.show_recent([(f"Workspace {n}", str(tmp_path / str(n))) for n in range(4)])
    choices = view.findChildren(Choice)
    assert len(choices) == 7
    qtbot.waitUntil(lambda: all(c.height() >= c.sizeHint().height() for c in choices if c.isVisible()))
    view.show_create()
    view.show_start()
    qtbot.waitUntil(lambda: all(c.height() >= c.sizeHint().height() for c in choices if c.isVisible()))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("admin", "../ada", "can't be an account name"),
        ("password", "passwordpassword", "first that anybody would try"),
        ("full_name", " ", "Type your name"),
        ("folder", "{occupied}", "not empty"),
    ],
)
def test_first_run_says_what_is_wrong_beside_it(
    program: Program, qtbot: QtBot, tmp_path: Path, field: str, value: str, said: str
) -> None:
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "thesis.txt").write_text("mine")
    program.begin(None)
    program.window.show()
    view = program._first_run.parent()
    view.show_create()
    values = {"folder": str(tmp_path / "new"), "full_name": "Ada", "admin": "ada", "password": PASSWORD}
    for name, text in (values | {field: value.format(occupied=tmp_path / "occupied")}).items():
        view.form.fields[name].set_text(text)
    view.create_button.click()
    qtbot.waitUntil(lambda: said in view.form.fields[field].problem, timeout=SOON)
    assert view.form.text("password")
    assert (tmp_path / "occupied" / "thesis.txt").read_text() == "mine"


def test_a_wrong_password_keeps_the_name(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    program.show_sign_in(workspace_folder)
    program.window.show()
    view = program._gate_view
    assert view is not None
    assert_accessible(view)
    qtbot.keyClicks(view.form.fields["name"].input, "dan")
    qtbot.keyClicks(view.form.fields["password"].input, "not the password")
    view.button.click()
    qtbot.waitUntil(lambda: "wrong" in view.form.fields["password"].problem, timeout=SOON)
    assert view.form.text("name") == "dan"
    assert view.button.isEnabled()


def test_a_folder_that_is_no_workspace(program: Program, tmp_path: Path, qtbot: QtBot) -> None:
    program.show_sign_in(tmp_path)
    program.window.show()
    view = program._gate_view
    assert view is not None
    qtbot.waitUntil(view.banner.isVisible, timeout=SOON)
    assert view.banner.accessibleName()
    assert not list(tmp_path.iterdir())


def test_the_overview_shows_what_waits_for_me(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    context = sign_in(program, workspace_folder, "rosa", qtbot)
    screen = program.window.desk.current
    assert screen is not None
    qtbot.waitUntil(lambda: "flight-delay@2 to production" in texts(screen), timeout=SOON)
    qtbot.waitUntil(lambda: "It is better on every month." in texts(screen), timeout=SOON)
    qtbot.waitUntil(lambda: "registered flight-delay@2" in texts(screen), timeout=SOON)
    qtbot.waitUntil(lambda: "Process" in texts(screen), timeout=SOON)
    assert_accessible(program.window)
    moved: list[Place] = []
    context.navigator.moved.connect(moved.append)
    qtbot.keyClick(screen.cards["inbox"], Qt.Key.Key_Return)
    assert moved[-1].key == "inbox"
    qtbot.waitUntil(lambda: program.window.desk.bar.bell.count > 0, timeout=SOON)


def test_what_the_command_line_does_is_seen(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    context = sign_in(program, workspace_folder, "vera", qtbot)
    screen = program.window.desk.current
    assert screen is not None
    with open_workspace(workspace_folder) as other:
        dan = other.accounts.sign_in("dan", PASSWORD)
        other.registry.update_model(dan, "flight-delay", description="late by 15 minutes")
    qtbot.waitUntil(lambda: "dan changed the model flight-delay" in texts(screen), timeout=SOON)
    assert context.account.name == "vera"


def test_lock_and_come_back(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    context = sign_in(program, workspace_folder, "dan", qtbot)
    screen = program.window.desk.current
    program.lock()
    view = program._gate_view
    assert view is not None
    assert not program.window.at_desk
    assert "Locked by Dan Okafor" in texts(view)
    qtbot.keyClicks(view.form.fields["password"].input, "wrong password")
    view.button.click()
    qtbot.waitUntil(lambda: bool(view.form.fields["password"].problem), timeout=SOON)
    assert not program.window.at_desk
    view.form.fields["password"].set_text(PASSWORD)
    view.button.click()
    qtbot.waitUntil(lambda: program.window.at_desk, timeout=SOON)
    assert program.context is context
    assert program.window.desk.current is screen


def test_the_next_person_sees_nothing_of_the_one_before(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    sign_in(program, workspace_folder, "dan", qtbot)
    first = program.window.desk.current
    gone: list[int] = []
    assert first is not None
    first.destroyed.connect(lambda: gone.append(1))
    program.sign_out()
    assert program.window.desk.current is None
    view = program._gate_view
    assert view is not None
    view.form.fields["name"].set_text("rosa")
    view.form.fields["password"].set_text(PASSWORD)
    view.button.click()
    qtbot.waitUntil(lambda: program.window.at_desk, timeout=SOON)
    qtbot.waitUntil(lambda: bool(gone))
    assert program.context is not None
    assert program.context.account.name == "rosa"


def test_a_lowered_role_reaches_the_buttons(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    context = sign_in(program, workspace_folder, "dan", qtbot)
    mila = context.workspace.accounts.sign_in("mila", PASSWORD)
    before = program.window.desk.current
    context.workspace.accounts.set_roles(mila, "dan", {Role.VIEWER})
    qtbot.waitUntil(
        lambda: program.context is not None and program.context.account.roles == {Role.VIEWER}, timeout=SOON
    )
    assert program.window.desk.current is not before


def test_the_palette_finds_and_runs(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    context = sign_in(program, workspace_folder, "dan", qtbot)
    palette = program.window.desk.palette_panel
    palette.open()
    assert_accessible(palette)
    opened: list[Place] = []
    context.navigator.moved.connect(opened.append)
    qtbot.keyClicks(palette.search, "flight-delay@2")
    qtbot.waitUntil(lambda: palette._model.data(palette._model.index(0)) == "flight-delay@2, Version", timeout=SOON)
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert opened == [Place("version", {"model": "flight-delay", "version": 2})]
    assert palette.isHidden()
    palette.open()
    qtbot.keyClicks(palette.search, "dark")
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert colours() is DARK
    assert_accessible(program.window)
    program.choose_theme(Appearance.LIGHT)


def test_shortcuts_news_and_jobs_open_and_close(program: Program, workspace_folder: Path, qtbot: QtBot) -> None:
    context = sign_in(program, workspace_folder, "rosa", qtbot)
    desk = program.window.desk
    desk.show_shortcuts()
    assert "Ctrl+K" in texts(desk.shortcuts)
    assert_accessible(desk.shortcuts)
    qtbot.keyClick(desk.shortcuts, Qt.Key.Key_Escape)
    assert desk.shortcuts.isHidden()
    qtbot.waitUntil(lambda: desk.bar.bell.count > 0, timeout=SOON)
    desk.bar.bell.click()
    assert "asked to promote flight-delay@2" in texts(desk.news)
    assert_accessible(desk.news)
    desk.news.all_read.emit()
    assert desk.bar.bell.count == 0
    desk.news.close_panel()
    job = context.tasks.start_job(desk, "Build flight-delay@2", _work)
    desk.bar.tray.click()
    qtbot.waitUntil(lambda: "half way" in texts(desk.tray), timeout=SOON)
    assert desk.bar.tray.count == 1
    assert_accessible(desk.tray)
    desk.tray.show_log(job)
    qtbot.waitUntil(lambda: desk.tray._logs[job.id].log.model.rowCount() > 0)
    desk.tray._logs[job.id].reject()
    desk.tray.cancelled.emit(job.id)
    qtbot.waitUntil(lambda: desk.bar.tray.count == 0, timeout=SOON)
    desk.tray.open()
    qtbot.waitUntil(lambda: "Cancelled." in texts(desk.tray))


def _work(context: JobContext) -> None:
    context.log("installing", "dependencies")
    context.progress(0.5, "half way")
    while True:
        context.progress(0.5)


def test_closing_during_a_job_says_what_will_happen(
    program: Program, workspace_folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sign_in(program, workspace_folder, "dan", qtbot)
    asked: list[str] = []
    answers = [False, True]

    def answer(dialog: Dialog) -> int:
        asked.append(texts_of(dialog))
        return 1 if answers.pop(0) else 0

    monkeypatch.setattr(Dialog, "exec", answer)
    job = context.tasks.start_job(program.window, "Build flight-delay@2", _work)
    qtbot.waitUntil(lambda: job.fraction == 0.5)
    assert not program.window.close()
    assert "Build flight-delay@2" in asked[0]
    assert "cancels what runs" in asked[0]
    assert not job.state.finished
    assert program.window.close()
    assert job.state.finished
    assert program.workspace is None


def texts_of(dialog: Dialog) -> str:
    return " ".join(label.text() for label in dialog.findChildren(QLabel))


def test_a_second_window_brings_the_first_forward(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(), SingleInstance()
    assert first.take(tmp_path)
    with qtbot.waitSignal(first.asked):
        assert not second.take(tmp_path)
    assert second.take(tmp_path / "other")
    first.release()
    assert second.take(tmp_path)
    second.release()


def test_bugs_are_shown_as_bugs(program: Program, qtbot: QtBot, own_folders: Path) -> None:
    program.begin(None)
    program.window.show()
    program.show_incident(ValueError("oh"))
    dialog = next(w for w in program.window.findChildren(Dialog))
    assert "our mistake" in texts_of(dialog)
    assert_accessible(dialog)
    dialog.close()


# Parts


def test_an_idle_window_locks(qtbot: QtBot) -> None:
    idle = Idleness(1.0)
    passed: list[float] = []
    began = time.monotonic()
    idle.passed.connect(lambda: passed.append(time.monotonic() - began))
    qtbot.wait(600)
    window = QWindow()
    idle.eventFilter(window, QEvent(QEvent.Type.KeyPress))
    qtbot.waitUntil(lambda: bool(passed))
    assert passed[0] > 1.5
    never = Idleness(0)
    never.eventFilter(window, QEvent(QEvent.Type.KeyPress))
    assert not never._timer.isActive()


def test_results_of_owners_that_are_gone_are_dropped(qtbot: QtBot) -> None:
    tasks = TaskRunner()
    done: list[str] = []
    owner, other = QObject(), QObject()
    tasks.start(owner, lambda: time.sleep(0.2), done.append)
    tasks.start(other, lambda: "first", done.append, replaces="x")
    tasks.start(other, lambda: "second", done.append, replaces="x")
    owner.deleteLater()
    del owner
    qtbot.waitUntil(lambda: done == ["second"])
    failures: list[BaseException] = []
    tasks.start(other, _fail, done.append, failures.append)
    qtbot.waitUntil(lambda: len(failures) == 1)
    unasked: list[BaseException] = []
    tasks.failed.connect(unasked.append)
    tasks.start(other, _fail, done.append)
    qtbot.waitUntil(lambda: len(unasked) == 1)
    tasks.close()
    tasks.start(other, lambda: "late", done.append)
    assert done == ["second"]


def _fail() -> str:
    raise EngineUnavailable("Docker is not answering.")


def test_many_events_become_one_signal(workspace: Workspace, qtbot: QtBot) -> None:
    bridge = EventBridge(workspace.events)
    heard: list[int] = []
    bridge.happened.connect(lambda events: heard.append(len(events)))
    for number in range(1_000):
        workspace.events.publish(VersionRegistered("flight-delay", number, "onnx", "00"))
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [1_000]
    bridge.close()


def test_events_of_other_processes_concern_by_name() -> None:
    other = OtherProcessChanged(("VersionRegistered",))
    assert concerns(other, (VersionEvent,))
    assert not concerns(OtherProcessChanged(("SignedIn",)), (ModelEvent,))


def test_back_and_forward() -> None:
    navigator, seen = Navigator(), []
    navigator.moved.connect(lambda place: seen.append(place.key))
    for key in ("overview", "models", "audit"):
        navigator.open(key)
    navigator.back()
    navigator.back()
    assert not navigator.can_go_back
    navigator.forward()
    navigator.open("team")
    assert not navigator.can_go_forward
    assert seen == ["overview", "models", "audit", "models", "overview", "models", "team"]


@pytest.mark.parametrize(("typed", "best"), [("fd2", "flight-delay@2"), ("ovw", "Overview"), ("sign", "Sign out")])
def test_few_letters_find_it(typed: str, best: str) -> None:
    names = ["flight-delay@2", "flight-delay@1", "Overview", "Sign out", "Settings", "Monitoring"]
    scored = [(s, n) for n in names if (s := score(typed, n)) is not None]
    assert max(scored)[1] == best
    assert score("xyz", "Overview") is None


def test_presenters_wait_until_they_are_seen(context_for: Callable[[str], ScreenContext], qtbot: QtBot) -> None:
    from mlops_desktop.ui.screens.overview.presenter import create

    context = context_for("dan")
    screen = create(context)
    qtbot.addWidget(screen)
    calls: list[int] = []
    assert screen.presenter is not None
    screen.presenter.listen(lambda: calls.append(1), VersionEvent)
    context.workspace.events.publish(VersionRegistered("m", 1, "onnx", "00"))
    context.workspace.events.publish(VersionRegistered("m", 2, "onnx", "00"))
    qtbot.wait(150)
    assert calls == []
    screen.show()
    qtbot.waitUntil(lambda: bool(calls))


def test_create_workspace_is_what_the_first_run_calls(tmp_path: Path) -> None:
    with create_workspace(tmp_path / "w", name="W", admin="ada", full_name="Ada", password=PASSWORD) as made:
        assert made.name == "W"


def test_a_slow_reading_that_is_asked_for_again_and_again_leaves_the_other_readers_free(qtbot: QtBot) -> None:
    tasks, owner = TaskRunner(), QObject()
    gate, ran, got = threading.Event(), [], []

    def slow(number: int) -> int:
        ran.append(number)
        gate.wait(10)
        return number

    for number in range(20):
        tasks.start(owner, partial(slow, number), got.append, replaces="slow")
    tasks.start(owner, lambda: "quick", got.append)
    qtbot.waitUntil(lambda: got == ["quick"], timeout=SOON)
    assert tasks.reading
    gate.set()
    qtbot.waitUntil(lambda: got == ["quick", 19], timeout=SOON)
    assert ran == [0, 19], "what was replaced before it began is never read"
    assert not tasks.reading
    tasks.close()


def test_what_an_action_said_outlives_the_next_reading(
    qtbot: QtBot, context_for: Callable[[str], ScreenContext]
) -> None:
    view = Screen("Trial")
    qtbot.addWidget(view)
    view.show()
    presenter = Presenter(view, context_for("dan"))
    seen: list[int] = []

    def unreadable() -> int:
        raise EngineUnavailable("It does not answer.", "Start it.")

    presenter.read(unreadable, seen.append)
    qtbot.waitUntil(view.banner.isVisible)
    presenter.read(lambda: 1, seen.append)
    qtbot.waitUntil(lambda: seen == [1])
    assert not view.banner.isVisible(), "it can be read again"
    view.show_problem(EngineUnavailable("It was not rolled back.", "Try again."), can_retry=False)
    presenter.read(lambda: 2, seen.append)
    qtbot.waitUntil(lambda: seen == [1, 2])
    assert "It was not rolled back." in view.banner.accessibleName()
    assert view.banner.isVisible()


def test_a_slow_reading_is_known_to_be_on_its_way(qtbot: QtBot, context_for: Callable[[str], ScreenContext]) -> None:
    view = Screen("Trial")
    qtbot.addWidget(view)
    presenter = Presenter(view, context_for("dan"))
    may_end, seen = threading.Event(), []

    def show(number: int) -> None:
        seen.append(number)

    assert not presenter.pending(show)
    presenter.read(lambda: may_end.wait(10) and 1, show)
    assert presenter.pending(show)
    may_end.set()
    qtbot.waitUntil(lambda: seen == [1])
    qtbot.waitUntil(lambda: not presenter.pending(show))
