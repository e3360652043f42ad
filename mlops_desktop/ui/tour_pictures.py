"""Pictures of the window for the report of a tour that nobody watches.

The window lives on the thread that calls `run`; the tour goes on another one and asks for pictures from there.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from mlops_desktop.tour.report import Picture
from mlops_desktop.ui.outside_signals import OutsideSignals
from mlops_desktop.ui.theme import Appearance, install_theme
from mlops_desktop.ui.tour.shots import shots_of
from mlops_desktop.ui.tour.studio import Shot, Studio
from mlops_desktop.ui.window_state import use_state_file

if TYPE_CHECKING:
    from mlops_desktop.tour.scenario import Outcome
    from mlops_desktop.tour.stage import Tour

log = logging.getLogger(__name__)
T = TypeVar("T")
PATIENCE_SECONDS = 60.0  # for the pictures of a step, and some more for each of them
PATIENCE_A_PICTURE = 6.0


@dataclass(slots=True)
class _Wish:
    """Pictures that the tour's thread waits for."""

    tour: Tour
    shots: Sequence[Shot]
    folder: Path
    made: list[Shot] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)


class Photographer(QObject):
    """Made and run on the main thread, without a display. `choose` says which pictures a step gets."""

    _wished = Signal(object)
    _over = Signal()

    def __init__(
        self, choose: Callable[[Outcome], Sequence[Shot]] = shots_of, size: tuple[int, int] = (1280, 800)
    ) -> None:
        application = QApplication.instance() or QApplication([sys.argv[0], "-platform", "offscreen"])
        if not isinstance(application, QApplication):
            raise TypeError("another kind of Qt application is running")
        super().__init__()
        self._application, self._choose, self._size = application, choose, size
        self._studio: Studio | None = None
        self._running = False
        self._wished.connect(self._on_wish, Qt.ConnectionType.QueuedConnection)
        self._over.connect(application.quit, Qt.ConnectionType.QueuedConnection)

    def run(self, work: Callable[[], T]) -> T:
        """Call `work` on another thread while the window lives here; return or raise what it does."""
        # The columns and filters of whoever started this are not the pictures' business, nor the other way round.
        with tempfile.TemporaryDirectory(prefix="mlops-desktop-window-") as folder:
            use_state_file(self._application, Path(folder) / "window.ini")
            install_theme(self._application, Appearance.LIGHT)
            self._application.setQuitOnLastWindowClosed(False)
            worker = ThreadPoolExecutor(1, thread_name_prefix="tour")
            self._running = True
            future = worker.submit(work)
            future.add_done_callback(lambda _: self._over.emit())
            try:
                self._live(future)
            finally:
                self._running = False
                worker.shutdown(wait=future.done())
                if self._studio is not None:
                    self._studio.close()
                    self._studio = None
                use_state_file(self._application, None)
        return future.result()

    def _live(self, future: Future[T]) -> None:
        """Stay in Qt's loop until the work is done; Ctrl+C ends it as it would without a window."""
        signals = OutsideSignals(self)
        signals.asked_to_end.connect(self._application.quit)
        try:
            if not future.done():
                self._application.exec()
        finally:
            signals.close()
        if not future.done():
            raise KeyboardInterrupt

    def take(self, tour: Tour, outcome: Outcome, folder: Path) -> Sequence[Picture]:
        """Called on the thread of `work`; waits for the pictures of this step."""
        wish = _Wish(tour, self._choose(outcome), folder)
        if not self._running or not wish.shots:
            return ()
        self._wished.emit(wish)
        if not wish.ready.wait(PATIENCE_SECONDS + PATIENCE_A_PICTURE * len(wish.shots)):
            log.warning("no pictures of the step %s: the window does not answer", outcome.step.id)
        return [Picture(shot.title, f"{shot.file}.png") for shot in wish.made]

    def _on_wish(self, wish: _Wish) -> None:
        if self._studio is None:
            self._studio = Studio(wish.tour.workspace, dict(wish.tour.sessions), self._size)

        def done(made: list[Shot]) -> None:
            wish.made = made
            wish.ready.set()

        self._studio.take(wish.shots, wish.folder, done)
