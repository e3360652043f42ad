"""The inbox: what waits, what a reviewer reads, and decisions signed with a password."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.promotions import Decision, PromotionState
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.inbox.dialogs import DecisionDialog
from mlops_desktop.ui.screens.inbox.presenter import create
from mlops_desktop.ui.screens.inbox.view import InboxView
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD

ContextFor = Callable[[str], ScreenContext]


def opened(qtbot: QtBot, context: ScreenContext, **params: object) -> InboxView:
    view = create(context)
    assert isinstance(view, InboxView)
    qtbot.addWidget(view)
    view.resize(1072, 748)
    view.show()
    view.opened.emit(params)
    qtbot.waitUntil(lambda: view.tabs.tabText(1).startswith("All  "))
    return view


def read(qtbot: QtBot, view: InboxView) -> None:
    qtbot.waitUntil(lambda: view.page.approve.isVisible())


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def dialog_of(view: InboxView) -> DecisionDialog:
    assert view.dialog is not None
    return view.dialog


def state(context: ScreenContext) -> PromotionState:
    return context.workspace.promotions.promotion(1).state


def test_a_reviewer_reads_the_words_the_checks_and_the_effect(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("rosa"))
    read(qtbot, view)
    shown = words(view.page)
    assert "dan asks" in shown
    assert "It is better on every month." in shown
    assert "Artifact digest" in shown
    assert "version 2 answers for flight-delay in production" in shown
    assert "Can decide: rosa" in shown
    assert view.tabs.tabText(0) == "Waiting for you  1"
    assert_accessible(view)


def test_keys_approve_with_a_password(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("rosa")
    view = opened(qtbot, context)
    read(qtbot, view)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A)
    dialog = dialog_of(view)
    assert_accessible(dialog)
    dialog.form.fields["comment"].set_text("looked at it")
    dialog.accept_button.click()
    assert "password" in dialog.form.fields["password"].problem
    dialog.form.fields["password"].set_text("not the right one")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.form.isEnabled(), timeout=15_000)
    assert "password" in dialog.form.fields["password"].problem.lower()
    assert dialog.form.text("comment") == "looked at it"
    dialog.form.fields["password"].set_text(PASSWORD)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: state(context) is PromotionState.APPROVED, timeout=15_000)
    qtbot.waitUntil(lambda: view.dialog is None and not view.page.approve.isEnabled())
    qtbot.waitUntil(lambda: "rosa approved" in words(view.page))
    qtbot.waitUntil(lambda: view.tabs.tabText(0) == "Waiting for you  0")


def test_a_rejection_needs_a_comment(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("rosa")
    view = opened(qtbot, context)
    read(qtbot, view)
    view.page.reject.click()
    dialog = dialog_of(view)
    dialog.form.fields["password"].set_text(PASSWORD)
    dialog.accept_button.click()
    assert "comment" in dialog.form.fields["comment"].problem
    dialog.form.fields["comment"].set_text("the figures of July are missing")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: state(context) is PromotionState.REJECTED, timeout=15_000)
    qtbot.waitUntil(lambda: "the figures of July are missing" in words(view.page))


def test_who_asked_sees_why_not_and_can_withdraw(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = opened(qtbot, context, promotion=1)
    read(qtbot, view)
    assert view.all_shown  # it doesn't wait for dan
    assert not view.page.approve.isEnabled()
    assert "only reviewer may" in view.page.approve.toolTip()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert view.dialog is None
    view.page.withdraw.click()
    qtbot.waitUntil(lambda: state(context) is PromotionState.WITHDRAWN)
    qtbot.waitUntil(lambda: "withdrawn already" in view.page.withdraw.toolTip())


def test_a_viewer_reads_everything_and_decides_nothing(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("vera"), promotion=1)
    read(qtbot, view)
    assert "It is better on every month." in words(view.page)
    assert not view.page.approve.isEnabled()
    assert not view.page.withdraw.isVisible()


def test_what_was_decided_meanwhile_is_told_and_loaded_on_demand(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("rosa")
    view = opened(qtbot, context)
    read(qtbot, view)
    other = context.workspace.accounts.sign_in("rosa", PASSWORD)
    context.workspace.promotions.review(other, 1, Decision.REJECT, "not yet", PASSWORD)
    qtbot.waitUntil(lambda: view.page.banner.isVisible(), timeout=15_000)
    assert "rosa decided" in view.page.banner.accessibleName()
    assert "It is better on every month." in words(view.page)
    assert not view.page.approve.isEnabled()
    view.page.banner.action.emit()
    qtbot.waitUntil(lambda: "rosa rejected" in words(view.page))
    assert not view.page.banner.isVisible()


def test_an_empty_inbox_says_what_belongs_there(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("dan"))
    assert view.empty.isVisible()
    assert "1 request on the other tab." in view.empty.accessibleName()
    view.tabs.setCurrentIndex(1)
    read(qtbot, view)
    assert view.table.model.rowCount() == 1


def test_the_version_is_one_click_away(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("rosa")
    view = opened(qtbot, context)
    read(qtbot, view)
    view.page.version_opened.emit()
    assert context.navigator.here == Place("version", {"model": "flight-delay", "version": 2})


def test_an_unknown_request_is_told_in_place(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("rosa"), promotion=99)
    qtbot.waitUntil(lambda: "no request 99" in words(view.page))
