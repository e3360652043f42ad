"""Settings: applied at once, refused inline, undone, reset; who may not sees why; policies; a report."""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.policy import CHECKS
from mlops_desktop.settings import Settings
from mlops_desktop.ui.app import apply_scale
from mlops_desktop.ui.program import Program
from mlops_desktop.ui.screen import ScreenContext, WindowActions
from mlops_desktop.ui.screens.settings.dialogs import EnvironmentDialog
from mlops_desktop.ui.screens.settings.pages import engine_words
from mlops_desktop.ui.screens.settings.policies import PolicyForm
from mlops_desktop.ui.screens.settings.presenter import SettingsPresenter, create
from mlops_desktop.ui.screens.settings.reports import about_texts, flowing
from mlops_desktop.ui.screens.settings.rows import ChoiceRow, TextRow
from mlops_desktop.ui.screens.settings.view import SettingsView
from mlops_desktop.ui.theme import Appearance, choose_appearance
from mlops_desktop.ui.window_state import use_state_file, window_state
from mlops_desktop.workspace import Workspace, open_workspace
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD, SETTINGS

Contexts = Callable[[str], ScreenContext]
NEW = "lantern over nine ferries"
FORBIDDEN = "only admin may change policies and settings"


class Toasts:
    """What was said, and the way back that it offered."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.undo: Callable[[], object] | None = None

    def __call__(self, text: str, _action: str = "", undo: Callable[[], object] | None = None) -> None:
        self.said.append(text)
        self.undo = undo


@pytest.fixture(autouse=True)
def own_state(themed: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody's habits are read or changed."""
    use_state_file(themed, tmp_path / "window.ini")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield
    use_state_file(themed, None)


@pytest.fixture
def open_as(context_for: Contexts, qtbot: QtBot) -> Callable[..., SettingsView]:
    def opened(name: str, page: str = "appearance", window: WindowActions | None = None) -> SettingsView:
        context = context_for(name)
        context.toast, context.window = Toasts(), window
        view = create(context)
        assert isinstance(view, SettingsView)
        qtbot.addWidget(view)
        view.resize(1000, 700)
        view.show()
        context.navigator.moved.connect(lambda place: (view.opened.emit(dict(place.params)), view.setFocus()))
        context.navigator.open("settings", page=page)
        qtbot.waitUntil(lambda: text_row(view, "lock_minutes").edit.text() != "")
        return view

    return opened


Open = Callable[..., SettingsView]


def presenter(view: SettingsView) -> SettingsPresenter:
    assert isinstance(view.presenter, SettingsPresenter)
    return view.presenter


def toasts(view: SettingsView) -> Toasts:
    toast = presenter(view).context.toast
    assert isinstance(toast, Toasts)
    return toast


def text_row(view: SettingsView, name: str) -> TextRow:
    row = view.rows[name]
    assert isinstance(row, TextRow)
    return row


def type_into(qtbot: QtBot, row: TextRow, text: str) -> None:
    row.edit.setFocus()
    row.edit.selectAll()
    qtbot.keyClicks(row.edit, text)
    qtbot.keyClick(row.edit, Qt.Key.Key_Return)


def test_every_page_is_listed_spoken_and_opened(open_as: Open, qtbot: QtBot) -> None:
    view = open_as("mila")
    assert view.list.shown == list(view.pages)
    for key in view.pages:
        presenter(view).context.navigator.open("settings", page=key)
        assert view.current.key == key
        assert view.crumbs[-1].title == view.current.title
        assert_accessible(view)
    qtbot.waitUntil(lambda: "Apache" in view.about.texts["licence"].toPlainText())


# Settings of the workspace


def test_a_value_is_applied_at_once_and_undone(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "monitoring")
    row = text_row(view, "collect_seconds")
    type_into(qtbot, row, "2.5")
    qtbot.waitUntil(lambda: workspace.preferences.stored().collect_seconds == 2.5)
    qtbot.waitUntil(lambda: toasts(view).said == ["Collect every is changed."])
    (event,) = workspace.audit.events(event="SettingsChanged")
    assert event.actor == "mila"
    qtbot.waitUntil(lambda: "Collect every" in shown_in(view))
    undo = toasts(view).undo
    assert undo is not None
    undo()
    qtbot.waitUntil(lambda: workspace.preferences.stored().collect_seconds == 1.0)
    qtbot.waitUntil(lambda: row.edit.text() == "1")
    assert len(toasts(view).said) == 1


def shown_in(view: SettingsView) -> str:
    return " ".join(child.text() for child in view.waiting.findChildren(type(view.waiting._text)))


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("collect_seconds", "soon", "'soon' is no number. Give 0.2 to 60. It is still 1."),
        ("collect_seconds", "500", "500 is out of range. Give 0.2 to 60. It is still 1."),
        ("gateway_port", "80", "no port that can be used"),
        ("base_images", "two words", "is no image"),
    ],
)
def test_an_invalid_value_is_said_beside_it_and_the_old_one_kept(
    open_as: Open, workspace: Workspace, qtbot: QtBot, name: str, typed: str, says: str
) -> None:
    view = open_as("mila", "monitoring" if name == "collect_seconds" else "engine")
    before = workspace.preferences.stored()
    row = text_row(view, name)
    type_into(qtbot, row, typed)
    qtbot.waitUntil(lambda: says in row.problem)
    assert row.edit.text() == typed, "nothing that was typed is lost"
    assert row.edit.property("role") == "problem"
    assert workspace.preferences.stored() == before
    presenter(view).refresh()
    qtbot.keyClick(row.edit, Qt.Key.Key_Escape)
    assert row.problem == ""
    assert row.edit.text() in {"1", "8600", ", ".join(Settings().base_images)}


def test_a_port_in_use_is_said(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "engine")
    row = text_row(view, "gateway_port")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        type_into(qtbot, row, str(taken.getsockname()[1]))
        qtbot.waitUntil(lambda: "is in use by another program" in row.problem)
    assert workspace.preferences.stored().gateway_port == 8600


def test_a_page_is_reset_and_that_is_undone(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    session = workspace.accounts.sign_in("mila", PASSWORD)
    workspace.preferences.change(session, {"collect_seconds": 5, "drift_chunk_seconds": 60, "lock_minutes": 3})
    view = open_as("mila", "monitoring")
    assert view.monitoring.reset.isEnabled()
    view.monitoring.reset.click()
    qtbot.waitUntil(lambda: workspace.preferences.stored().collect_seconds == 1.0)
    qtbot.waitUntil(lambda: not view.monitoring.reset.isEnabled())
    assert workspace.preferences.stored().lock_minutes == 3, "of another page"
    undo = toasts(view).undo
    assert undo is not None
    undo()
    qtbot.waitUntil(lambda: workspace.preferences.stored().drift_chunk_seconds == 60)
    qtbot.waitUntil(lambda: text_row(view, "collect_seconds").edit.text() == "5")


def test_who_is_no_admin_sees_everything_and_why_it_is_off(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("vera", "policies")
    for row in view.rows.values():
        control = row.edit if isinstance(row, TextRow) else row.box if isinstance(row, ChoiceRow) else row
        assert not control.isEnabled()
        assert FORBIDDEN in row._control.toolTip()
    assert FORBIDDEN in view.monitoring.who.text()
    assert view.policies.who.isVisible()
    qtbot.waitUntil(lambda: view.policies.form is not None)
    form = view.policies.form
    assert form is not None
    assert not form.save.isEnabled()
    assert FORBIDDEN in form.hint.text()
    assert FORBIDDEN in view.policies.more.toolTip()
    assert not form.checks[CHECKS[0]].isEnabled()
    assert FORBIDDEN in view.monitoring.reset.toolTip()
    assert view.account.password.button.isEnabled()


def test_a_variable_of_the_environment_wins_and_is_named(
    open_as: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_COLLECT_SECONDS", "3")
    view = open_as("mila", "monitoring")
    row = text_row(view, "collect_seconds")
    qtbot.waitUntil(lambda: not row.edit.isEnabled())
    assert "MLOPS_DESKTOP_COLLECT_SECONDS" in row._note.text()
    assert row.edit.text() == "3"


def test_a_change_from_elsewhere_is_shown_but_not_over_what_is_typed(
    open_as: Open, workspace: Workspace, qtbot: QtBot
) -> None:
    view = open_as("mila", "monitoring")
    typed = text_row(view, "performance_chunk_seconds")
    typed.edit.setText("77")
    session = workspace.accounts.sign_in("mila", PASSWORD)
    workspace.preferences.change(session, {"collect_seconds": 4, "performance_chunk_seconds": 90})
    qtbot.waitUntil(lambda: text_row(view, "collect_seconds").edit.text() == "4")
    assert typed.edit.text() == "77"


@pytest.mark.expect_log(".*")
def test_a_damaged_settings_file_is_said_in_the_banner(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "monitoring")
    (workspace.path / "settings.json").write_text("{", "utf-8")
    presenter(view).refresh()
    qtbot.waitUntil(view.banner.isVisible)
    assert "can't be read" in view.banner.accessibleName()
    assert text_row(view, "collect_seconds").edit.text() == "1", "what was read last stays"


# Searching


def test_the_search_leaves_fitting_pages_and_marks_settings(open_as: Open, qtbot: QtBot) -> None:
    view = open_as("mila")
    view.focus_filter()
    for letter in "haproxy":
        typing = QApplication.focusWidget()
        assert typing is view.list.search, "going to a page that fits leaves the focus where somebody types"
        qtbot.keyClicks(typing, letter)
    assert view.list.shown == ["engine"]
    assert view.current.key == "engine"
    assert view.rows["gateway_images"].property("role") == "accent"
    assert view.rows["engine"].property("role") != "accent"
    qtbot.keyClick(view.list.search, Qt.Key.Key_Escape)
    assert view.list.shown == list(view.pages)
    assert view.rows["gateway_images"].property("role") == ""
    qtbot.keyClicks(view.list.search, "zzz")
    assert view.list.shown == []


# Appearance and account


def actions(**given: Callable[..., None]) -> WindowActions:
    nothing: dict[str, Callable[..., None]] = dict.fromkeys(WindowActions.__slots__, lambda *_: None)
    return WindowActions(**{**nothing, **given})


def test_colours_change_at_once(open_as: Open, qtbot: QtBot) -> None:
    view = open_as("vera", window=actions(choose_theme=choose_appearance))
    box = view.appearance.theme.box
    assert box.currentText() == "Light"
    box.setCurrentIndex(box.findText("Dark"))
    box.activated.emit(box.currentIndex())
    assert QApplication.instance().property("appearance") == Appearance.DARK.value  # type: ignore[union-attr]
    view.appearance.reset.click()
    assert box.currentText() == "As the system"
    assert not view.appearance.reset.isEnabled()


def test_the_window_locks_and_signs_out(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    done: list[object] = []
    window = actions(
        lock=lambda: done.append("lock"), sign_out=lambda: done.append("out"), lock_after=lambda m: done.append(m)
    )
    view = open_as("mila", "account", window)
    view.account.lock.button.click()
    view.account.sign_out.button.click()
    type_into(qtbot, text_row(view, "lock_minutes"), "5")
    qtbot.waitUntil(lambda: done == ["lock", "out", 5.0])
    assert "Mila Novak" in view.account.facts.findChildren(type(view.waiting._text))[1].text()


@pytest.mark.expect_log(".*")
def test_my_own_password(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("vera", "account")
    view.account.password.button.click()
    dialog = presenter(view).dialog
    assert dialog is not None
    assert_accessible(dialog)
    for name, text in (("old", "not my password"), ("new", "short"), ("again", NEW)):
        dialog.form.fields[name].set_text(text)
    dialog.accept_button.click()
    assert "fewer than 10" in dialog.form.fields["new"].problem
    dialog.form.fields["new"].set_text(NEW)
    dialog.accept_button.click()
    qtbot.waitUntil(dialog.problem.isVisible, timeout=10_000)
    assert "password is wrong" in dialog.problem.accessibleName()
    dialog.form.fields["old"].set_text(PASSWORD)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: toasts(view).said == ["Your password is changed."], timeout=10_000)
    assert workspace.accounts.sign_in("vera", NEW).account == "vera"


# Workspace, engine, diagnostics


def test_the_workspace_says_where_and_how_large(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    opened: list[Path] = []
    view = open_as("vera", "workspace", actions(open_workspace=opened.append))
    page = view.workspace
    qtbot.waitUntil(lambda: "Together" in page.total.text())
    texts = [label.text() for label in page.facts.findChildren(type(page.total))]
    assert str(workspace.path) in texts
    assert any("audit trail" in label.text() for label in page.sizes.findChildren(type(page.total)))
    page.copy.button.click()
    assert QGuiApplication.clipboard().text() == str(workspace.path)
    page.show_recent([("Other", "/somewhere/other")])
    page.recent.opened.emit("/somewhere/other")
    assert opened == [Path("/somewhere/other")]


def test_the_engine_is_tested_in_words(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("vera", "engine")
    qtbot.waitUntil(view.engine.test.isEnabled, timeout=20_000)
    texts = " ".join(label.text() for label in view.engine.now.findChildren(type(view.workspace.total)))
    assert "without isolation" in texts
    assert "Not started yet" in texts
    view.engine.test.click()
    assert view.engine.test.text() == "Asking …"
    qtbot.waitUntil(view.engine.test.isEnabled, timeout=20_000)
    status = workspace.delivery.engine_status()
    assert "Docker does not answer." not in engine_words(status)


def test_changes_that_wait_offer_to_open_again(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    opened: list[Path] = []
    view = open_as("mila", "engine", actions(open_workspace=opened.append))
    qtbot.waitUntil(view.waiting.isVisible)
    assert "Run deployments by" in shown_in(view), "the test's workspace runs with other settings than its file says"
    view.waiting.action.emit()
    assert opened == [workspace.path]


def test_the_report_is_copied_and_saved(open_as: Open, workspace: Workspace, qtbot: QtBot, tmp_path: Path) -> None:
    view = open_as("vera", "diagnostics")
    page = view.diagnostics
    qtbot.waitUntil(lambda: "SQLite" in page.report, timeout=20_000)
    page.copy.click()
    text = QGuiApplication.clipboard().text()
    for name in ("MLOps Desktop: ", "Python: ", "Qt: ", "Engine: ", "Gateway: ", "Free space: ", "Schema: "):
        assert name in text
    assert "3.51.3" in text
    target = tmp_path / "report.zip"
    presenter(view).computer.save(target)
    qtbot.waitUntil(target.exists)
    qtbot.waitUntil(lambda: any("report.zip" in words for words in toasts(view).said))
    with zipfile.ZipFile(target) as archive:
        assert "Qt: " in archive.read("facts.txt").decode()
        json.loads(archive.read("settings.json"))
    presenter(view).computer.save(tmp_path / "missing" / "report.zip")
    qtbot.waitUntil(page.problem.isVisible)
    assert "could not be written" in page.problem.accessibleName()
    assert page.save.isEnabled()


def test_notices_name_what_is_used() -> None:
    texts = about_texts()
    for name in ("PySide6", "numpy", "Lucide", "Inter"):
        assert name in texts["notices"]
    assert "pytest" not in texts["notices"]
    assert "Apache License" in texts["licence"]
    assert "##" not in texts["changes"]
    assert flowing("# A\n\n- one\n  two\n- [x](y)\n") == "A\n\n•  one two\n•  x"


# Policies


def form_of(view: SettingsView, qtbot: QtBot, environment: str = "production") -> PolicyForm:
    qtbot.waitUntil(lambda: environment in view.policies.forms)
    view.policies.open(environment)
    form = view.policies.form
    assert form is not None
    assert form.policy.environment == environment
    return form


def test_rules_are_saved_as_a_new_version(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "policies")
    form = form_of(view, qtbot)
    before = workspace.policies.policy("production")
    assert not form.save.isEnabled()
    assert f"Version {before.version} of the rules holds." in form.hint.text()
    form.reviewers.set_text("2")
    form.hours.set_text("24")
    form.checks["format-inspection"].setChecked(True)
    form.least.add_button.click()
    form.least.rows[-1].name.setText("roc_auc")
    form.least.rows[-1].value.setText("0.7")
    assert "become void" in form.hint.text()
    form.save.click()
    qtbot.waitUntil(lambda: workspace.policies.policy("production").version == before.version + 1)
    after = workspace.policies.policy("production")
    assert (after.reviewers, after.approval_hours, dict(after.thresholds)) == (2, 24.0, {"roc_auc": 0.7})
    assert "format-inspection" in after.required_checks
    qtbot.waitUntil(lambda: not form.save.isEnabled())
    changed = "hours of an approval 72.0 → 24.0"
    qtbot.waitUntil(lambda: any(changed in row.accessibleName() for row in form.history._rows))
    assert_accessible(view)


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [("reviewers", "many", "no number"), ("reviewers", "1.5", "whole number"), ("hours", "", "Nothing is no number")],
)
def test_what_is_no_number_is_said_beside_the_field(
    open_as: Open, workspace: Workspace, qtbot: QtBot, field: str, typed: str, says: str
) -> None:
    view = open_as("mila", "policies")
    form = form_of(view, qtbot)
    version = workspace.policies.policy("production").version
    getattr(form, field).set_text(typed)
    form.least.add_button.click()
    form.least.rows[-1].name.setText("auc")
    form.least.rows[-1].value.setText("high")
    form.save.click()
    assert says in getattr(form, field).problem
    assert form.least.problem.text() == "high is no number."
    assert workspace.policies.policy("production").version == version
    form.discard.click()
    assert not form.dirty


def test_rules_that_make_no_sense_are_refused_and_kept(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "policies")
    form = form_of(view, qtbot)
    form.reviewers.set_text("99")
    form.save.click()
    qtbot.waitUntil(form.note.isVisible)
    assert "99 reviewers can't be demanded" in form.note.accessibleName()
    assert form.reviewers.text() == "99"
    assert form.save.isEnabled()


def test_rules_that_somebody_changed_meanwhile_are_not_lost(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "policies")
    form = form_of(view, qtbot)
    form.hours.set_text("10")
    session = workspace.accounts.sign_in("mila", PASSWORD)
    theirs = workspace.policies.set_policy(session, replace(workspace.policies.policy("production"), reviewers=3))
    qtbot.waitUntil(form.note.isVisible)
    assert f"version {theirs.version}" in form.note.accessibleName()
    assert form.hours.text() == "10"
    form.discard.click()
    assert form.reviewers.text() == "3"
    assert form.hours.text() == "72"


def test_an_environment_is_added(open_as: Open, workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila", "policies")
    form_of(view, qtbot)
    view.policies.more.click()
    dialog = presenter(view).rules.dialog
    assert isinstance(dialog, EnvironmentDialog)
    dialog.form.fields["name"].set_text("../up")
    dialog.accept_button.click()
    assert dialog.form.fields["name"].problem
    dialog.form.fields["name"].set_text("staging")
    dialog.accept_button.click()
    qtbot.waitUntil(dialog.problem.isVisible)
    assert "There is an environment staging already" in dialog.problem.accessibleName()
    dialog.form.fields["name"].set_text("canary")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.policies.choice.currentText() == "canary")
    assert "canary" in workspace.policies.environments()
    assert not dialog.isVisible()


def test_the_size_counts_from_the_next_start(open_as: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_SCALE_FACTOR", "1")  # taken back at the end
    monkeypatch.delenv("QT_SCALE_FACTOR")
    apply_scale()
    assert "QT_SCALE_FACTOR" not in os.environ
    view = open_as("vera")
    box = view.appearance.scale.box
    box.setCurrentIndex(box.findData(1.25))
    box.activated.emit(box.currentIndex())
    assert toasts(view).said == ["The size changes when the window is started again."]
    window_state().sync()
    apply_scale()
    assert os.environ["QT_SCALE_FACTOR"] == "1.25"
    os.environ["QT_SCALE_FACTOR"] = "2"
    apply_scale()
    assert os.environ["QT_SCALE_FACTOR"] == "2", "what the environment says wins"


# With the program around it


@pytest.fixture
def program(
    qapp: QApplication, workspace_folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Program]:
    monkeypatch.setattr(qapp, "quit", lambda: None)  # the window ends the application when it is closed
    made = Program(qapp)
    opened = open_workspace(workspace_folder, settings=SETTINGS)
    session = opened.accounts.sign_in("mila", PASSWORD)
    made.enter(opened, session, opened.accounts.account(session))
    made.window.show()
    yield made
    made.window.may_close = lambda: True
    made.window.close()
    made.window.deleteLater()
    made.deleteLater()


def test_what_the_window_does_for_settings(program: Program, qtbot: QtBot, workspace_folder: Path) -> None:
    context = program.context
    assert context is not None
    context.navigator.open("settings", page="account")
    view = program.window.desk.current
    assert isinstance(view, SettingsView)
    qtbot.waitUntil(lambda: text_row(view, "lock_minutes").edit.text() == "15")
    before = program._idle
    type_into(qtbot, text_row(view, "lock_minutes"), "7")
    qtbot.waitUntil(lambda: program._idle is not before)
    assert "Lock after" not in shown_in(view), "it counts at once"
    view.account.lock.button.click()
    assert not program.window.at_desk
    program.window.show_desk()
    view.waiting.action.emit()
    qtbot.waitUntil(lambda: program.context is None)
    qtbot.waitUntil(lambda: program.workspace is not None, timeout=10_000)
    assert program.workspace is not None
    assert program.workspace.settings.lock_minutes == 7.0, "opened again, the settings are read anew"
    assert not program.window.at_desk
