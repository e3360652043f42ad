"""A window for pictures: opens places of a workspace one after the other and saves what they look like.

It waits until a screen has read everything it asked for; nothing here blocks the event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.accounts import Session
from mlops_desktop.ui.event_bridge import EventBridge
from mlops_desktop.ui.main_window import MainWindow
from mlops_desktop.ui.navigator import Navigator
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.catalogue import BY_KEY
from mlops_desktop.ui.shell.presenter import DeskPresenter
from mlops_desktop.ui.task_runner import TaskRunner
from mlops_desktop.ui.theme import Appearance, choose_appearance

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

SIZE = (1280, 800)
GATES = {"first-run", "sign-in"}
LOOK_MS = 120
LONGEST_MS = 8_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: a screen with its params as `person` (a name of the studio's people) sees it.

    `settle` is how long, in seconds, it is given after everything was read: charts draw ten times a second.
    """

    file: str
    title: str
    key: str
    person: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    settle: float = 0.3
    appearance: Appearance = Appearance.LIGHT
    then: Callable[[MainWindow], object] | None = None  # what to do in the window before it settles


@dataclass(slots=True)
class _Album:
    """What is being photographed: the shots that are left, where they go, and whom to tell."""

    left: deque[Shot]
    folder: Path
    done: Callable[[list[Shot]], object]
    made: list[Shot] = field(default_factory=list)


class Studio(QObject):
    """Lives on the GUI thread. `people` are sessions by the names that shots use; `close` before the workspace is."""

    _finished = Signal()

    def __init__(
        self,
        workspace: Workspace,
        people: dict[str, Session],
        size: tuple[int, int] = SIZE,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._people = workspace, people
        self.window = MainWindow()
        self.window.setMinimumSize(1, 1)
        self.window.resize(*size)
        self._person = ""
        self._context: ScreenContext | None = None
        self._runner: TaskRunner | None = None
        self._presenter: DeskPresenter | None = None
        self._gates: list[tuple[QWidget, TaskRunner]] = []
        self._album: _Album | None = None
        self._shot: Shot | None = None
        self._waited = self._quiet = 0
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(self._on_look)

    def take(self, shots: Sequence[Shot], folder: Path, done: Callable[[list[Shot]], object]) -> None:
        """Photograph what this version has screens for, then call `done` with the shots that were saved."""
        possible = [s for s in shots if s.key in GATES or BY_KEY[s.key].available]
        self._album = _Album(deque(possible), folder, done)
        self._next()

    def close(self) -> None:
        self._look.stop()
        self._leave()
        for _, tasks in self._gates:
            tasks.close()
        self.window.may_close = lambda: True
        self.window.hide()
        self.window.deleteLater()

    # One shot after the other

    def _next(self) -> None:
        album = self._album
        if album is None:
            return
        if not album.left:
            self._album = None
            album.done(album.made)
            return
        self._shot = shot = album.left.popleft()
        # Already now: a screen that fails to open must not end the whole album.
        self._waited = self._quiet = 0
        self._look.start()
        choose_appearance(shot.appearance)
        if shot.key in GATES:
            self._show_gate(shot.key)
        else:
            self._sit_down(shot.person or next(iter(self._people)))
            self.window.show_desk()
            if self._context is not None:
                self._context.navigator.open(shot.key, **shot.params)
        if not self.window.isVisible():
            self.window.show()
        if shot.key not in GATES and (screen := self.window.desk.current) is not None:
            screen.setFocus()  # no ring around whatever Qt would focus first
        if shot.then is not None:
            shot.then(self.window)

    def _on_look(self) -> None:
        shot, album = self._shot, self._album
        if shot is None or album is None:
            self._look.stop()
            return
        self._waited += LOOK_MS
        reading = self._runner is not None and self._runner.reading
        # Live screens read again all the time, so the quiet moments are added up.
        self._quiet += 0 if reading else LOOK_MS
        settled = self._quiet >= 2 * LOOK_MS and self._waited >= shot.settle * 1000 and not reading
        if not settled and self._waited < LONGEST_MS:
            return
        self._look.stop()
        # A screen that failed to open leaves the one before it in sight.
        open_now = shot.key in GATES or self.window.desk.here == shot.key
        if open_now and self.window.grab().save(str(album.folder / f"{shot.file}.png")):
            album.made.append(shot)
        self._next()

    # Who looks at what

    def _show_gate(self, key: str) -> None:
        tasks = TaskRunner(None, self)
        if key == "first-run":
            from mlops_desktop.ui.screens.first_run.presenter import FirstRunPresenter
            from mlops_desktop.ui.screens.first_run.view import FirstRunView

            first = FirstRunView()
            FirstRunPresenter(first, tasks).begin()
            self._gates.append((first, tasks))
        else:
            from mlops_desktop.ui.screens.sign_in.presenter import SignInPresenter
            from mlops_desktop.ui.screens.sign_in.view import SignInView

            gate = SignInView()
            SignInPresenter(gate, tasks).begin_again(self._workspace, next(iter(self._people.values())).account)
            self._gates.append((gate, tasks))
        self.window.show_gate(self._gates[-1][0])

    def _sit_down(self, person: str) -> None:
        if self._person == person:
            return
        self._leave()
        session = self._people[person]
        workspace, desk = self._workspace, self.window.desk
        self._runner = TaskRunner(workspace.jobs, self)
        self._context = ScreenContext(
            workspace,
            session,
            workspace.accounts.account(session),
            self._runner,
            EventBridge(workspace.events, self),
            Navigator(self),
            desk.toast.show_text,
        )
        desk.enter(self._context)
        self._presenter = DeskPresenter(desk, self._context, ())
        self._person = person

    def _leave(self) -> None:
        if self._context is None:
            return
        if self._presenter is not None:
            self._presenter.deleteLater()
        self.window.desk.leave()
        self._context.events.close()
        self._context.tasks.close()
        self._context = self._presenter = self._runner = None
        self._person = ""
