"""The tour in the window: a panel beside the desk that explains each step, takes it, or sees that the person took it.

Steps run as jobs of the tour's workspace, so the task tray shows them and closing the window cancels them. What a
person does by hand is recognised by reading the workspace after its events, whoever caused them.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from mlops_desktop.domain.events import ChunksRecorded, LabelsReceived
from mlops_desktop.tour.scenario import Outcome
from mlops_desktop.tour.stage import Tour
from mlops_desktop.tour.training import command_of
from mlops_desktop.ui.tour.farewell import Farewell
from mlops_desktop.ui.tour.panel import GuidePanel
from mlops_desktop.ui.tour.story import Story
from mlops_desktop.ui.tour.usher import Usher
from mlops_desktop.ui.tour.worker import Worker

if TYPE_CHECKING:
    from mlops_desktop.ui.program import Program
    from mlops_desktop.ui.screen import ScreenContext

TICK_MS = 500
PAUSE_MS = 3_000  # between two steps that the tour takes by itself, to look at the result
SLOW = 0.25  # days of flights a second while the person reads: the seasons should not be over before they are told of
UNTOLD = (ChunksRecorded, LabelsReceived)  # every second, and no act of a person


class Guide(QObject):
    """Lives as long as the program. Without a tour it waits for the wish to take one."""

    def __init__(self, program: Program, tour: Tour | None, *, keep: bool) -> None:
        super().__init__(program)
        self._program, self._keep = program, keep
        self._tour: Tour | None = None
        self._panel: GuidePanel | None = None
        self._story = Story()
        self._worker: Worker | None = None
        self._entered = False  # somebody sat down in the tour's workspace
        self._usher: Usher | None = None
        self._farewell: Farewell | None = None
        self._speed_chosen = False
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._on_tick)
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._on_pause_over)
        self._window_may_close = program.window.may_close
        program.window.may_close = self._may_close
        program.tour_wanted.connect(self._on_tour_wanted)
        program.entered.connect(self._on_entered)
        program.ended.connect(self._on_ended)
        if tour is not None:
            self.begin(tour)

    @property
    def story(self) -> Story:
        return self._story

    @property
    def panel(self) -> GuidePanel | None:
        return self._panel

    @property
    def tour(self) -> Tour | None:
        return self._tour

    # Beginning

    def begin(self, tour: Tour) -> None:
        """Open the panel at the first chapter; nothing is made yet."""
        tour.again = True
        self._tour, self._story, self._speed_chosen = tour, Story(), False
        self._usher = Usher(self._program, tour)
        self._usher.arrived.connect(self._show_person)
        self._usher.failed.connect(self._on_failed)
        worker = self._worker = Worker(self._program, tour)
        self._entered = False
        worker.taken.connect(self._on_taken)
        worker.failed.connect(self._on_failed)
        worker.progressed.connect(self._on_progress)
        worker.happened.connect(self._on_happened)
        worker.looked.connect(self._on_looked)
        worker.located.connect(self._on_located)
        farewell = self._farewell = Farewell(self._program, tour, keep=self._keep, cancel=self._on_cancel)
        farewell.released.connect(self._let_go_of_events)
        farewell.over.connect(self._end)
        panel = self._panel = GuidePanel()
        panel.do_wanted.connect(self.take)
        panel.retry_wanted.connect(self._on_retry)
        panel.hand_wanted.connect(self._on_hand)
        panel.next_wanted.connect(self._on_next)
        panel.auto_wanted.connect(self._on_auto)
        panel.cancel_wanted.connect(self._on_cancel)
        panel.leave_wanted.connect(lambda: farewell.begin(own=False))
        panel.own_wanted.connect(lambda: farewell.begin(own=True))
        worker.summarised.connect(panel.show_summary)
        farewell.discarding.connect(panel.show_leaving)
        farewell.failed.connect(panel.show_left_behind)
        panel.person_wanted.connect(self._go_where_it_happens)
        panel.place_wanted.connect(self._go_where_it_happens)
        panel.close_wanted.connect(self._on_close)
        panel.speed_wanted.connect(self._on_speed)
        panel.hold_wanted.connect(self._on_hold)
        self._program.window.set_side(panel)
        self._show()
        self._tick.start()

    def _on_tour_wanted(self) -> None:
        """The first run's choice: with the panel, the first step is taken at once."""
        if self._tour is None:
            self.begin(Tour(new_folder()))
        self.show_panel()
        if self._story.at == 0 and not self._story.running and not self._story.done:
            self.take()

    def show_panel(self) -> None:
        """From the palette: the panel comes back where it was."""
        if self._panel is not None:
            self._panel.show()
            self._panel.setFocus()

    def _on_close(self) -> None:
        if self._panel is not None:
            self._panel.hide()
        if self._program.context is not None:
            self._program.context.toast("The tour waits: Ctrl+K, “Show the tour”.")

    # Taking a step

    def take(self) -> None:
        """Take the open chapter, and what it needs, for the person."""
        tour, story, worker = self._tour, self._story, self._worker
        if tour is None or worker is None or story.running or story.done or story.ended or self._is_leaving:
            return
        story.begin()
        if tour.replay is not None and not self._speed_chosen:
            tour.replay.speed = tour.speed
        self._show()
        if worker.founded:
            self._go_where_it_happens()
        worker.take(story.step)

    def _on_progress(self, title: str, fraction: float | None, message: str, seconds: float) -> None:
        if self._panel is not None and self._story.running:
            self._panel.show_running(title, fraction, message, seconds)

    def _on_taken(self, outcomes: list[Outcome]) -> None:
        self._story.finish([(o.step.id, o.figures) for o in outcomes])
        self._rest()
        self._look()
        self._show()
        self._go_where_it_shows()
        if self._story.auto:
            self._pause.start()

    def _on_failed(self, error: BaseException) -> None:
        if self._is_leaving:
            return
        self._story.fail(error)
        self._rest()
        self._look()
        self._show()

    def _on_retry(self) -> None:
        if self._farewell is not None and self._is_leaving:
            self._farewell.discard()
        else:
            self._story.error = None
            self.take()

    def _on_cancel(self) -> None:
        self._story.auto = False
        if self._worker is not None:
            self._worker.cancel()

    # By hand, and on

    def _on_hand(self) -> None:
        self._story.by_hand, self._story.auto = True, False
        self._show()
        self._go_where_it_happens()
        self._look()

    def _on_next(self) -> None:
        if self._is_leaving:
            self._end()
            return
        self._pause.stop()
        if self._story.by_hand and self._story.act.seen is None:
            self._story.finish([(self._story.step.id, ())])  # nothing could tell, so the person's word counts
        self._story.go_on()
        self._show()
        if self._story.ended:
            if self._worker is not None:
                self._worker.summarise()
            return
        self._go_where_it_happens()
        self._look()

    def _on_auto(self, on: bool) -> None:
        self._story.auto = on
        self._pause.stop()
        if on and not self._story.running:
            if self._story.done:
                self._on_pause_over()
            else:
                self.take()
        self._show()

    def _on_pause_over(self) -> None:
        if self._story.auto and self._story.done:
            self._on_next()
        if self._story.auto and not self._story.ended:
            self.take()

    # What happens in the workspace

    def _on_happened(self, published: list[Any]) -> None:
        if any(not isinstance(p.event, UNTOLD) for p in published):
            self._look()

    def _look(self) -> None:
        """Read which acts of the open chapter are done."""
        if self._worker is not None and not self._story.ended:
            self._worker.look(self._story.step.id)

    def _on_looked(self, step: str, seen: tuple[bool, ...]) -> None:
        if step != self._story.step.id:
            return
        before = self._story.act
        finished = self._story.look(seen)
        if finished:
            self._rest()
        if finished or self._story.act is not before:
            self._show()
            if self._story.running:
                self._go_where_it_happens()
            elif finished and self._story.auto:
                self._pause.start()

    def _on_tick(self) -> None:
        tour, panel = self._tour, self._panel
        if tour is None or panel is None or self._is_leaving:
            return
        worker, farewell = self._worker, self._farewell
        if worker is None or farewell is None:
            return
        if self._entered and self._program.workspace is not tour.opened:
            farewell.let_go()
            return
        worker.tell()
        if (replay := tour.replay) is not None:
            held = replay.paused
            panel.show_flights(replay.progress, replay.speed, held=held, over=not replay.alive)
        if self._usher is not None:
            self._usher.follow()

    # Flights

    def _on_speed(self, days_per_second: float) -> None:
        if self._tour is not None and self._tour.replay is not None:
            self._speed_chosen = True
            self._tour.replay.speed = self._tour.speed = days_per_second

    def _on_hold(self, held: bool) -> None:
        if self._tour is not None and (replay := self._tour.replay) is not None:
            replay.pause() if held else replay.resume()
            self._on_tick()

    def _rest(self) -> None:
        """Nobody waits for the seasons now."""
        tour = self._tour
        if tour is not None and tour.replay is not None and not self._speed_chosen and not self._story.auto:
            tour.replay.speed = min(tour.replay.speed, SLOW)

    # Who sits at the window, and where

    def _go_where_it_happens(self) -> None:
        """The person and screen of the act that is next."""
        act = self._story.act
        if self._usher is not None:
            self._usher.lead(act.part, act.screen, dict(act.params))

    def _go_where_it_shows(self) -> None:
        """The screen that shows best what came of the chapter."""
        if self._worker is not None:
            self._worker.locate(self._story.step.id)

    def _on_located(self, screen: str, params: dict[str, Any]) -> None:
        if self._usher is not None and self._story.done:
            self._usher.lead(self._story.acts[-1].part, screen, params)

    def _on_entered(self, context: ScreenContext) -> None:
        from mlops_desktop.ui.shell.command_palette import Command

        tour = self._tour
        if tour is None:
            return
        if tour.opened is None:
            if self._panel is not None and not self._story.running:
                self._panel.hide()  # somebody began with a workspace of their own
        elif context.workspace is not tour.opened:
            return
        else:
            self._entered = True
        self._program.window.desk.palette_panel.set_kept(
            [Command("Show the tour", "Command", "map", self.show_panel, words="guide")]
        )
        self._show_person()

    # Showing

    def _show(self) -> None:
        panel, tour, story = self._panel, self._tour, self._story
        if panel is None or tour is None:
            return
        panel.show_story(story)
        if story.ended:
            return
        person = tour.person(story.act.part)
        needs_line = story.by_hand and story.step.id == "train"
        command = shlex.join(command_of(tour.folder, person)) if needs_line else ""
        panel.show_secrets(command, person.full_name, person.password if story.by_hand and story.act.signs else "")
        self._show_person()

    def _show_person(self) -> None:
        panel, tour, story = self._panel, self._tour, self._story
        if panel is None or tour is None or story.ended:
            return
        person = tour.person(story.act.part)
        here = self._usher is not None and self._usher.is_here(story.act.part)
        panel.show_person(
            person.full_name, story.act.does, here=here, can_sit_down=tour.opened is not None and not story.running
        )

    # Leaving

    @property
    def _is_leaving(self) -> bool:
        return self._farewell is not None and self._farewell.under_way

    def _may_close(self) -> bool:
        if self._farewell is None or not self._entered:
            return self._window_may_close()
        return self._farewell.may_close()

    def _let_go_of_events(self) -> None:
        self._tick.stop()
        self._pause.stop()
        if self._usher is not None:
            self._usher.close()
        if self._worker is not None:
            self._worker.close()

    def _end(self) -> None:
        """No tour any more."""
        self._let_go_of_events()
        for helper in (self._worker, self._usher, self._farewell):
            if helper is not None:
                helper.deleteLater()
        self._tour = self._panel = self._worker = self._usher = self._farewell = None
        self._program.window.set_side(None)
        if self._program.context is not None:
            self._program.window.desk.palette_panel.set_kept(())

    def _on_ended(self) -> None:
        farewell, self._tour = self._farewell, None
        if farewell is not None:
            farewell.on_window_closed()


def new_folder() -> Path:
    """Where a tour from the first run's choice works: beside other workspaces, as it may be kept."""
    return Path.home() / f"mlops-tour-{datetime.now(UTC).astimezone():%Y%m%d-%H%M%S}"


def attach(program: Program, tour: Tour | None, keep: bool) -> Guide:
    """Let the guide live beside a program's window."""
    return Guide(program, tour, keep=keep)
