"""Opens the workspace while the name is being typed, and proves who is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from mlops_desktop.domain.accounts import Account, Session
from mlops_desktop.domain.errors import NotAllowed, NotFound, WorkstationError
from mlops_desktop.ui.screens.sign_in.view import SignInView
from mlops_desktop.ui.task_runner import TaskRunner

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace


class SignInPresenter(QObject):
    """`signed_in(workspace, session, account)`, or `unlocked` when the person who locked it came back."""

    signed_in = Signal(object, object, object)
    unlocked = Signal()
    workspace_opened = Signal(object)

    def __init__(self, view: SignInView, tasks: TaskRunner) -> None:
        super().__init__(view)
        self._view, self._tasks = view, tasks
        self._path: Path | None = None
        self._workspace: Workspace | None = None
        self._waiting: tuple[str, str] | None = None
        self._opening = False
        self._locked: Session | None = None
        view.submitted.connect(self._on_submitted)
        view.retry.connect(self._open)

    def begin(self, path: Path, title: str, name: str = "") -> None:
        """Ask for a person for the workspace at `path`, which is opened meanwhile."""
        self._path, self._workspace, self._locked, self._waiting = path, None, None, None
        self._view.show_place(title, str(path))
        self._view.show_sign_in(name)
        self._open()

    def begin_again(self, workspace: Workspace, name: str = "") -> None:
        """Another person in the workspace that is open."""
        self._path, self._workspace, self._locked = workspace.path, workspace, None
        self._view.show_place(workspace.name, str(workspace.path))
        self._view.show_sign_in(name)

    def lock(self, workspace: Workspace, session: Session, account: Account) -> None:
        self._path, self._workspace, self._locked = workspace.path, workspace, session
        self._view.show_place(workspace.name, str(workspace.path))
        self._view.show_locked(account.name, account.full_name)

    def submit(self, name: str, password: str) -> None:
        """As if typed; for a start with the variables of the command line."""
        self._view.form.fields["name"].set_text(name)
        self._on_submitted(name, password)

    def _open(self) -> None:
        path = self._path
        if path is None or self._workspace is not None:
            return
        self._view.banner.clear()
        self._opening = True

        def opening() -> Workspace:
            from mlops_desktop.workspace import open_workspace

            return open_workspace(path)

        self._tasks.start(self, opening, self._on_opened, self._on_open_failed, replaces="open")

    def _on_opened(self, workspace: Workspace) -> None:
        self._opening = False
        if workspace.path != self._path:
            workspace.close()
            return
        self._workspace = workspace
        self._view.show_place(workspace.name, str(workspace.path))
        self.workspace_opened.emit(workspace)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._on_submitted(*waiting)

    def _on_open_failed(self, error: BaseException) -> None:
        self._waiting = None
        self._opening = False
        self._view.show_busy(False)
        self._view.show_problem(error, can_retry=True)

    def _on_submitted(self, name: str, password: str) -> None:
        self._view.show_busy(True)
        workspace, locked = self._workspace, self._locked
        if workspace is None:
            self._waiting = (name, password)
            if not self._opening:  # it failed before; perhaps it was mended meanwhile
                self._open()
            return
        if locked is not None:
            self._tasks.start(
                self,
                lambda: workspace.accounts.verify_password(locked, password),
                lambda _none: self._on_unlocked(),
                self._on_refused,
            )
            return

        def signing_in() -> tuple[Session, Account]:
            session = workspace.accounts.sign_in(name, password)
            return session, workspace.accounts.account(session)

        self._tasks.start(self, signing_in, self._on_signed_in, self._on_refused)

    def _on_signed_in(self, found: tuple[Session, Account]) -> None:
        self._view.show_busy(False)
        self._view.clear_password()
        self.signed_in.emit(self._workspace, *found)

    def _on_unlocked(self) -> None:
        self._view.show_busy(False)
        self._view.clear_password()
        self._locked = None
        self.unlocked.emit()

    def _on_refused(self, error: BaseException) -> None:
        self._view.show_busy(False)
        if isinstance(error, (NotAllowed, NotFound)) and isinstance(error, WorkstationError):
            self._view.show_wrong(f"{error.message} {error.hint}".strip())
        else:
            self._view.show_problem(error, can_retry=False)
