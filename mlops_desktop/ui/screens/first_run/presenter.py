"""Makes the workspace and its first account from what was typed, field by field."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLineEdit

from mlops_desktop.domain.accounts import Account, Session, check_password
from mlops_desktop.domain.deployments import EngineStatus
from mlops_desktop.domain.errors import InvalidInput, StorageError, WorkstationError
from mlops_desktop.domain.names import check_name, suggest_name
from mlops_desktop.ui.screens.first_run.view import FirstRunView
from mlops_desktop.ui.task_runner import TaskRunner

if TYPE_CHECKING:
    from mlops_desktop.workspace import RecentWorkspace, Workspace

Made = tuple["Workspace", Session, Account]


class FirstRunPresenter(QObject):
    """`made(workspace, session, account)` when a new workspace is ready and the person wants to begin."""

    made = Signal(object, object, object)
    open_wanted = Signal(object)
    tour_wanted = Signal()

    def __init__(self, view: FirstRunView, tasks: TaskRunner) -> None:
        super().__init__(view)
        self._view, self._tasks = view, tasks
        self._made: Made | None = None
        self._account_typed = self._folder_typed = False
        view.open_wanted.connect(lambda path: self.open_wanted.emit(Path(path)))
        view.tour_wanted.connect(self.tour_wanted)
        view.create_wanted.connect(self._on_create)
        view.begin_wanted.connect(self._on_begin)
        for name, slot in (
            ("name", self._suggest_folder),
            ("full_name", self._suggest_account),
            ("admin", self._on_account_typed),
            ("folder", self._on_folder_typed),
        ):
            edit = view.form.fields[name].input
            if isinstance(edit, QLineEdit):
                edit.textEdited.connect(slot)
        password = view.form.fields["password"].input
        if isinstance(password, QLineEdit):
            password.editingFinished.connect(self._judge_password)
        self._suggest_folder()

    def begin(self) -> None:
        self._view.show_start()
        self._tasks.start(self, _recent, self._show_recent)

    def offer_tour(self, offered: bool) -> None:
        self._view.offer_tour(offered)

    def begin_create(self) -> None:
        self._view.show_create()

    def _show_recent(self, recent: list[RecentWorkspace]) -> None:
        self._view.show_recent([(entry.name, str(entry.path)) for entry in recent])

    def _suggest_folder(self) -> None:
        if not self._folder_typed:
            name = suggest_name(self._view.form.text("name") or "models")
            self._view.form.fields["folder"].set_text(str(Path.home() / name))

    def _suggest_account(self) -> None:
        words = self._view.form.text("full_name").split()
        if not self._account_typed:
            self._view.form.fields["admin"].set_text(suggest_name(words[0]) if words else "")

    def _on_account_typed(self) -> None:
        self._account_typed = True

    def _on_folder_typed(self) -> None:
        self._folder_typed = True

    def _judge_password(self) -> bool:
        form = self._view.form
        text = form.text("password")
        if not text:
            return False
        try:
            check_password(text, form.text("admin").strip())
        except InvalidInput as error:
            form.fields["password"].show_problem(error.message)
            return False
        return True

    def _on_create(self) -> None:
        form = self._view.form
        form.clear_problems()
        values = {name: form.text(name).strip() for name in ("name", "folder", "full_name", "admin")}
        for name, problem in (
            ("name", "Give the workspace a name."),
            ("folder", "Choose a folder."),
            ("full_name", "Type your name; the others will read it."),
        ):
            if not values[name]:
                form.show_problem(name, problem)
                return
        try:
            check_name(values["admin"], "account")
        except InvalidInput as error:
            form.show_problem("admin", f"{error.message} {error.hint}")
            return
        password = form.text("password")
        try:
            check_password(password, values["admin"])
        except InvalidInput as error:
            form.show_problem("password", error.message)
            return
        self._view.banner.clear()
        self._view.show_busy(True)

        def making() -> Made:
            from mlops_desktop.workspace import create_workspace

            workspace = create_workspace(
                Path(values["folder"]).expanduser(),
                name=values["name"],
                admin=values["admin"],
                full_name=values["full_name"],
                password=password,
            )
            session = workspace.accounts.sign_in(values["admin"], password)
            return workspace, session, workspace.accounts.account(session)

        self._tasks.start(self, making, self._on_made, self._on_failed)

    def _on_made(self, made: Made) -> None:
        self._view.show_busy(False)
        self._view.form.fields["password"].set_text("")
        self._made = made
        self._view.show_ready(made[0].name)
        self._tasks.start(self, partial(_engine, made[0]), self._on_engine, self._on_engine_failed)

    def _on_failed(self, error: BaseException) -> None:
        self._view.show_busy(False)
        if isinstance(error, StorageError):
            self._view.form.show_problem("folder", str(error))
        elif isinstance(error, WorkstationError):
            self._view.banner.show_problem(error, can_retry=False)
        else:
            self._view.banner.show_problem(error)

    def _on_engine(self, status: EngineStatus) -> None:
        if status.kind.value == "docker" and status.available:
            text = f"Version {status.version}. Every deployed model runs isolated in a container without network."
        else:
            text = (
                f"{status.message} {status.hint} Everything works but containers: "
                "models in code-free formats are served by a process on this computer."
            ).strip()
        self._view.show_engine(status.kind.value == "docker" and status.available, text)

    def _on_engine_failed(self, error: BaseException) -> None:
        self._view.show_engine(False, str(error))

    def _on_begin(self) -> None:
        if self._made is not None:
            made, self._made = self._made, None
            self.made.emit(*made)


def _engine(workspace: Workspace) -> EngineStatus:
    # `delivery` itself imports the engine's library, so it is asked for on the reading thread.
    return workspace.delivery.engine_status()


def _recent() -> list[RecentWorkspace]:
    from mlops_desktop.workspace import recent_workspaces

    return recent_workspaces()
