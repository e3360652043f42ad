"""The team: who is there, what an admin may do, and what stays forbidden."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.accounts import Action, Role, check_password
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.team.dialogs import (
    InviteDialog,
    ResetDialog,
    RolesDialog,
    suggested_password,
)
from mlops_desktop.ui.screens.team.presenter import create
from mlops_desktop.ui.screens.team.view import TeamView
from mlops_desktop.ui.widgets.asking import OwnPasswordDialog
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.workspace import Workspace
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD, Toasts

Contexts = Callable[[str], ScreenContext]
NEW = "lantern over nine ferries"


@pytest.fixture
def open_as(context_for: Contexts, qtbot: QtBot) -> Callable[[str], TeamView]:
    def opened(name: str) -> TeamView:
        screen = create(context_for(name))
        assert isinstance(screen, TeamView)
        qtbot.addWidget(screen)
        screen.resize(1100, 700)
        screen.show()
        screen.opened.emit({})
        qtbot.waitUntil(lambda: screen.table.model.rowCount() == 4)
        return screen

    return opened


def said(view: TeamView) -> list[str]:
    assert view.presenter is not None
    toast = view.presenter.context.toast
    assert isinstance(toast, Toasts)
    return toast.said


def test_everybody_is_listed_and_spoken(open_as: Callable[[str], TeamView]) -> None:
    view = open_as("mila")
    assert_accessible(view)
    assert view.table.current() is not None
    assert view.table.current().name == "mila"  # type: ignore[union-attr]


def test_who_is_no_admin_sees_the_buttons_and_why_they_are_off(open_as: Callable[[str], TeamView]) -> None:
    view = open_as("vera")
    for button in (view.invite, view.roles, view.reset, view.switch):
        assert button.isVisible()
        assert not button.isEnabled()
        assert "only admin may manage accounts" in button.toolTip()
    assert view.mine.isEnabled()
    view.ask_invite()
    assert view.dialog is None


def test_matrix_says_what_i_may(open_as: Callable[[str], TeamView]) -> None:
    view = open_as("rosa")
    lines = {p.action: p for p in view.matrix.model.records}
    assert set(lines) == set(Action)
    assert lines[Action.REVIEW].reason == "You may approve or reject."
    assert lines[Action.DEPLOY].reason == "You may not: this needs the role ml-engineer."


def test_inviting_somebody(open_as: Callable[[str], TeamView], workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila")
    view.invite.click()
    dialog = view.dialog
    assert isinstance(dialog, InviteDialog)
    assert_accessible(dialog)
    full_name = dialog.form.fields["full_name"].input
    qtbot.keyClicks(full_name, "Grace Hall")
    assert dialog.form.text("name") == "grace"
    dialog.form.fields["password"].set_text("short")
    dialog.accept_button.click()
    assert "fewer than 10" in dialog.form.fields["password"].problem
    dialog.suggest.click()
    dialog.roles.boxes[Role.REVIEWER].setChecked(True)
    password = dialog.form.text("password")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.table.model.rowCount() == 5, timeout=10_000)
    assert workspace.accounts.sign_in("grace", password).account == "grace"
    assert workspace.accounts.account("grace").roles == {Role.REVIEWER}
    assert not dialog.isVisible()


def test_a_name_that_is_taken_is_told_in_the_dialog(open_as: Callable[[str], TeamView], qtbot: QtBot) -> None:
    view = open_as("mila")
    view.invite.click()
    dialog = view.dialog
    assert isinstance(dialog, InviteDialog)
    for name, text in (("full_name", "Dan Two"), ("name", "../dan"), ("password", NEW)):
        dialog.form.fields[name].set_text(text)
    dialog.accept_button.click()
    assert "can't be an account name" in dialog.form.fields["name"].problem
    dialog.form.fields["name"].set_text("dan")
    dialog.accept_button.click()
    qtbot.waitUntil(dialog.problem.isVisible, timeout=10_000)
    assert "There is an account dan already" in dialog.problem.accessibleName()
    assert dialog.form.text("password") == NEW
    assert dialog.accept_button.isEnabled()
    dialog.reject()


def test_roles_change_and_the_last_admin_stays(
    open_as: Callable[[str], TeamView], workspace: Workspace, qtbot: QtBot
) -> None:
    view = open_as("mila")
    view.table.select("mila")
    view.roles.click()
    dialog = view.dialog
    assert isinstance(dialog, RolesDialog)
    assert not dialog.roles.boxes[Role.ADMIN].isEnabled()
    assert not dialog.accept_button.isEnabled()
    dialog.reject()
    assert not view.switch.isEnabled()
    assert view.switch.toolTip().startswith("The last admin stays")
    view.table.select("vera")
    view.roles.click()
    dialog = view.dialog
    assert isinstance(dialog, RolesDialog)
    dialog.roles.boxes[Role.ADMIN].setChecked(True)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: Role.ADMIN in workspace.accounts.account("vera").roles)
    qtbot.waitUntil(lambda: said(view) == ["The roles of vera are changed."])


def test_disabling_and_enabling(open_as: Callable[[str], TeamView], workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila")
    view.table.select("vera")
    view.switch.click()
    qtbot.waitUntil(lambda: view.switch.text() == "Enable")
    assert workspace.accounts.account("vera").disabled
    view.switch.click()
    qtbot.waitUntil(lambda: view.switch.text() == "Disable")
    assert not workspace.accounts.account("vera").disabled


def test_resetting_a_password(open_as: Callable[[str], TeamView], workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("mila")
    view.table.select("dan")
    view.reset.click()
    dialog = view.dialog
    assert isinstance(dialog, ResetDialog)
    dialog.form.fields["password"].set_text(NEW)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: bool(said(view)), timeout=10_000)
    assert workspace.accounts.sign_in("dan", NEW).account == "dan"


@pytest.mark.expect_log(".*")
def test_my_own_password(open_as: Callable[[str], TeamView], workspace: Workspace, qtbot: QtBot) -> None:
    view = open_as("vera")
    view.mine.click()
    dialog = view.dialog
    assert isinstance(dialog, OwnPasswordDialog)
    for name, text in (("old", "not my password"), ("new", NEW), ("again", "another thing")):
        dialog.form.fields[name].set_text(text)
    dialog.accept_button.click()
    assert "differs" in dialog.form.fields["again"].problem
    dialog.form.fields["again"].set_text(NEW)
    dialog.accept_button.click()
    qtbot.waitUntil(dialog.problem.isVisible, timeout=10_000)
    assert "password is wrong" in dialog.problem.accessibleName()
    dialog.form.fields["old"].set_text(PASSWORD)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: said(view) == ["Your password is changed."], timeout=10_000)
    assert workspace.accounts.sign_in("vera", NEW).account == "vera"


def test_alone_one_is_told_that_approvals_need_two(
    open_as: Callable[[str], TeamView], workspace: Workspace, qtbot: QtBot
) -> None:
    view = open_as("mila")
    for name in ("dan", "rosa", "vera"):
        view.disable_wanted.emit(name)
    qtbot.waitUntil(lambda: view.note.isVisible() and "Only you" in view.note.accessibleName(), timeout=10_000)
    buttons = [b for b in view.note.findChildren(Button) if b.isVisible() and b.text() == "Invite somebody"]
    buttons[0].click()
    assert isinstance(view.dialog, InviteDialog)
    view.dialog.reject()


def test_suggested_passwords_are_taken() -> None:
    made = {suggested_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password(password, "grace")
