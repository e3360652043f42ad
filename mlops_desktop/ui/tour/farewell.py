"""Ends a tour: its workspace is kept, or discarded with all that runs; also when the window closes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from mlops_desktop.tour.stage import Tour
from mlops_desktop.ui.tour.closing import stop_everything
from mlops_desktop.ui.tour.leaving import Leaving, ask_leaving

if TYPE_CHECKING:
    from mlops_desktop.ui.program import Program


class Farewell(QObject):
    """`keep` is the answer that is offered first, and the one that counts when nobody can be asked."""

    discarding = Signal()  # the tour is being tidied up
    failed = Signal(object)  # tidying up failed; `discard` tries again
    released = Signal()  # from now on nothing of the workspace may be asked
    over = Signal()

    def __init__(self, program: Program, tour: Tour, *, keep: bool, cancel: Callable[[], None]) -> None:
        super().__init__(program)
        self._program, self._tour, self._cancel = program, tour, cancel
        self.keep = keep
        self.under_way = False

    def begin(self, *, own: bool) -> None:
        """Ask, and go; with `own` to where a workspace of one's own is made."""
        tour, program = self._tour, self._program
        if tour.opened is None:
            self._cancel()
            self.over.emit()
            return
        if not self._asked():
            return
        self._cancel()
        if not self.keep:
            self.discard()
            return
        self._stop_flights()
        if program.context is not None:
            program.context.toast(f"The tour is over. Its workspace stays in {tour.folder}.")
        self.over.emit()
        if own:
            program.close_workspace()
            program.show_first_run()

    def may_close(self) -> bool:
        """Asked when the window is to be closed."""
        return self._tour.opened is None or self.under_way or self._asked()

    def _asked(self) -> bool:
        jobs = self._tour.workspace.jobs.jobs()
        running = next((job.title for job in jobs if not job.state.finished), "")
        choice = ask_leaving(self._program.window, self._tour.folder, running=running, keep=self.keep)
        if choice is not None:
            self.keep = choice is Leaving.KEEP
        return choice is not None

    def discard(self) -> None:
        """Stop what serves first, while the workspace is open; then let go of it and remove it."""
        tour = self._tour
        self.under_way = True
        self.discarding.emit()
        self._program.tasks.start(self, lambda: stop_everything(tour), lambda _: self._on_stopped(), self.failed.emit)

    def _on_stopped(self) -> None:
        tour, program = self._tour, self._program
        self.released.emit()
        program.workspace = None  # closing it goes in one line with removing its folder
        program.close_workspace()
        program.show_first_run()
        program.tasks.start(program, tour.remove)
        self.over.emit()

    def let_go(self) -> None:
        """The workspace was closed by somebody else: it stays as it is, only the flights end."""
        self._stop_flights()
        self.over.emit()

    def on_window_closed(self) -> None:
        """Nobody sees the waiting; nothing of a discarded tour is left behind."""
        tour = self._tour
        self._program.window.hide()
        self._cancel()
        self.released.emit()
        if self.keep:
            if tour.replay is not None:
                tour.replay.stop()
            return
        try:
            stop_everything(tour)
        finally:
            tour.remove()

    def _stop_flights(self) -> None:
        if (replay := self._tour.replay) is not None:
            self._program.tasks.start(self._program, replay.stop)
