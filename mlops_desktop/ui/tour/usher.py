"""Brings the right person to the right screen of the tour's workspace, when no dialog is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from mlops_desktop.domain.accounts import Account, Session
from mlops_desktop.tour.stage import Tour
from mlops_desktop.ui.screens.catalogue import BY_KEY

if TYPE_CHECKING:
    from mlops_desktop.ui.program import Program


class Usher(QObject):
    """`lead` says where; `follow` goes there as soon as it can. `failed` when a person can't sign in any more."""

    failed = Signal(object)
    arrived = Signal()

    def __init__(self, program: Program, tour: Tour) -> None:
        super().__init__(program)
        self._program, self._tour = program, tour
        self._wanted: tuple[str, str, dict[str, Any]] | None = None
        self._signing_in = False
        self._closed = False

    def close(self) -> None:
        """Whoever is being signed in now is not brought to the desk any more."""
        self._closed = True
        self._wanted = None

    def lead(self, part: str, screen: str, params: dict[str, Any]) -> None:
        """Want this person (empty: whoever is there) at this screen."""
        self._wanted = (part, screen, params)
        self.follow()

    def is_here(self, part: str) -> bool:
        context = self._program.context
        return context is not None and context.account.name == self._tour.person(part).name

    def follow(self) -> None:
        """An open dialog is the person's, so everything waits until it is closed."""
        program = self._program
        if self._wanted is None or self._signing_in or self._closed or self._tour.opened is None:
            return
        if QApplication.activeModalWidget() is not None or QApplication.activePopupWidget() is not None:
            return
        part, screen, params = self._wanted
        context = program.context
        if context is None or program.workspace is not self._tour.opened or (part and not self.is_here(part)):
            self._sign_in(part or "engineer")
            return
        self._wanted = None
        if not program.window.at_desk:
            program.window.show_desk()
        spec = BY_KEY[screen]
        key = screen if spec.available else spec.parent or "overview"
        here = context.navigator.here
        if BY_KEY[key].available and (here is None or here.key != key or params):
            context.navigator.open(key, **(params if key == screen else {}))
        self.arrived.emit()

    def _sign_in(self, part: str) -> None:
        """With a session of its own: whoever signs out in the window doesn't end the tour's."""
        self._signing_in = True
        workspace, person = self._tour.workspace, self._tour.person(part)

        def signing_in() -> tuple[Session, Account]:
            session = workspace.accounts.sign_in(person.name, person.password)
            return session, workspace.accounts.account(session)

        def done(found: tuple[Session, Account]) -> None:
            self._signing_in = False
            if not self._closed:
                self._program.enter(workspace, *found)
                self.follow()

        def refused(error: BaseException) -> None:
            self._signing_in, self._wanted = False, None
            if not self._closed:
                self.failed.emit(error)

        self._program.tasks.start(self, signing_in, done, refused)
