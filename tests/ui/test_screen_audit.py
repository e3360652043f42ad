"""The trail: filtered, opened, verified and exported by hand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from mlops_desktop.domain import events
from mlops_desktop.domain.events import Event
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.audit.columns import KINDS, words_of
from mlops_desktop.ui.screens.audit.presenter import AuditPresenter, create
from mlops_desktop.ui.screens.audit.view import BROKEN, INTACT, AuditView
from mlops_desktop.ui.widgets.records import RecordTableModel
from mlops_desktop.workspace import Workspace
from tests.ui.checks import assert_accessible

Contexts = Callable[[str], ScreenContext]


@pytest.fixture
def view(context_for: Contexts, qtbot: QtBot) -> AuditView:
    screen = create(context_for("vera"))
    assert isinstance(screen, AuditView)
    qtbot.addWidget(screen)
    screen.resize(1100, 700)
    screen.show()
    screen.opened.emit({})
    qtbot.waitUntil(lambda: shown(screen) > 0)
    return screen


def shown(view: AuditView) -> int:
    return view.table.model.rowCount()


def cursor(view: AuditView) -> int:
    event = view.table.current()
    return event.sequence if event is not None else 0


def sentences(view: AuditView) -> list[str]:
    assert isinstance(view.table.model, RecordTableModel)
    return [event.sentence for event in view.table.model.records]


def test_kinds_are_those_that_can_be_audited() -> None:
    def all_of(kind: type[Event]) -> set[type[Event]]:
        return {kind, *(x for k in kind.__subclasses__() for x in all_of(k))}

    leaves = {k for k in all_of(Event) if "sentence" in vars(k) and k is not Event and k.audited}
    assert {k.__name__ for k in leaves} == set(KINDS)
    assert all(hasattr(events, name) for name in KINDS)
    assert words_of("DeploymentFailedEvent") == "Deployment failed"
    assert words_of("SignInFailed") == "Sign-in failed"


def test_newest_first_with_names_for_everything(view: AuditView) -> None:
    assert_accessible(view)
    assert sentences(view)[0] == "signed in"
    assert any("registered flight-delay@1" in s for s in sentences(view))


def test_filters_by_person_kind_subject_and_words(view: AuditView, qtbot: QtBot) -> None:
    total = shown(view)
    qtbot.waitUntil(lambda: view.actor.count() > 4)
    view.actor.setCurrentText("dan")
    qtbot.waitUntil(lambda: shown(view) < total)
    view.kind.setCurrentText("Version registered")
    qtbot.waitUntil(lambda: shown(view) == 2)
    view.table.set_filter("flight-delay@2")
    qtbot.waitUntil(lambda: shown(view) == 1)
    view.clear_filters()
    qtbot.waitUntil(lambda: shown(view) == total)
    view.opened.emit({"subject": "flight-delay@1"})
    qtbot.waitUntil(lambda: shown(view) == 1)
    assert view.subject.isVisible()
    qtbot.mouseClick(view.subject, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(view) == total)


def test_filter_without_a_hit_offers_to_widen(view: AuditView, qtbot: QtBot) -> None:
    view.kind.setCurrentText("Alert opened")
    qtbot.waitUntil(lambda: shown(view) == 0 and view.empty.isVisible())
    view.empty.button.click()
    qtbot.waitUntil(lambda: shown(view) > 0)


def test_enter_opens_the_entry_and_its_json_can_be_copied(view: AuditView, qtbot: QtBot) -> None:
    view.opened.emit({"sequence": 1})
    qtbot.waitUntil(lambda: cursor(view) == 1)
    view.table.view.setFocus()
    qtbot.keyClick(view.table.view, Qt.Key.Key_Return)
    assert view.dialog is not None
    assert_accessible(view.dialog)
    text = view.dialog.findChildren(QPlainTextEdit)[0].toPlainText()
    view.dialog.accept_button.click()
    assert QGuiApplication.clipboard().text() == text
    assert json.loads(text)["sequence"] == 1
    view.dialog.reject()


def test_verifying_says_that_all_is_well(view: AuditView, qtbot: QtBot) -> None:
    view.verify.click()
    qtbot.waitUntil(lambda: view.badge.badge == INTACT)
    assert "each bound to the one before" in view.chain_text.text()
    assert view.verify.isEnabled()


def test_verifying_names_the_first_broken_link(
    view: AuditView, workspace: Workspace, workspace_folder: Path, qtbot: QtBot
) -> None:
    with sqlite3.connect(workspace_folder / "registry.db") as db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'"
        ).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(
            "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'mila', 'mala') AS BLOB) WHERE sequence = 2"
        )
    db.close()
    view.verify.click()
    qtbot.waitUntil(lambda: view.badge.badge == BROKEN)
    assert view.chain_text.text().startswith("Entry 2 was altered")
    assert view.broken.text() == "Show entry 2"
    qtbot.waitUntil(lambda: cursor(view) == 2)


def test_export_writes_every_entry(view: AuditView, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "trail.jsonl"
    view.export_wanted.emit(path)
    qtbot.waitUntil(path.exists)
    lines = path.read_text("utf-8").splitlines()
    assert json.loads(lines[0])["sequence"] == 1
    presenter = view.presenter
    assert isinstance(presenter, AuditPresenter)
    qtbot.waitUntil(lambda: any("Wrote" in said for said in presenter.context.toast.said))  # type: ignore[attr-defined]


def test_export_into_a_folder_that_is_not_there_is_told(view: AuditView, tmp_path: Path, qtbot: QtBot) -> None:
    view.export_wanted.emit(tmp_path / "nowhere" / "trail.jsonl")
    qtbot.waitUntil(view.banner.isVisible)
    assert "could not be written" in view.banner.accessibleName()


def test_what_happens_meanwhile_appears_on_top(view: AuditView, workspace: Workspace, qtbot: QtBot) -> None:
    before = shown(view)
    workspace.accounts.sign_in("rosa", "quiet apron beacon")
    qtbot.waitUntil(lambda: shown(view) == before + 1)
    mila = workspace.accounts.sign_in("mila", "quiet apron beacon")
    qtbot.waitUntil(lambda: shown(view) == before + 2)
    workspace.promotions.request(mila, "flight-delay", 1, "staging", "To try it.")
    qtbot.waitUntil(lambda: shown(view) > before + 2)
