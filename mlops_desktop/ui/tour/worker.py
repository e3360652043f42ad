"""Takes the tour's steps in the background: the first makes the workspace, the others are jobs of it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from mlops_desktop.tour.acts import place_of, seen_of
from mlops_desktop.tour.scenario import Step, catch_up
from mlops_desktop.tour.stage import Tour
from mlops_desktop.tour.summary import summary
from mlops_desktop.ui.event_bridge import EventBridge
from mlops_desktop.ui.task_runner import Job, JobContext, TaskRunner

if TYPE_CHECKING:
    from mlops_desktop.ui.program import Program


def warm_up() -> None:
    """Import now, while the models are trained, what the charts of Monitoring would hold up the window for."""
    importlib.import_module("mlops_desktop.ui.widgets.chart_group")


class Worker(QObject):
    """One step at a time. Everything arrives on the GUI thread."""

    taken = Signal(list)  # of Outcome: the step and what it needed
    failed = Signal(object)
    progressed = Signal(str, object, str, float)  # title, fraction or None, message, seconds
    happened = Signal(list)  # of Published, in the tour's workspace
    looked = Signal(str, tuple)  # step, which of its acts are done
    located = Signal(str, dict)  # the screen and params that show what came of a step
    summarised = Signal(tuple)

    def __init__(self, program: Program, tour: Tour) -> None:
        super().__init__(program)
        self._program, self._tour = program, tour
        self._events: EventBridge | None = None
        self._tasks: TaskRunner | None = None
        self._job: Job[Any] | None = None
        self._founding: JobContext | None = None

    @property
    def founded(self) -> bool:
        """Whether there is a workspace, and it is still ours to ask."""
        return self._tasks is not None

    @property
    def busy(self) -> bool:
        return self._job is not None or self._founding is not None

    def take(self, step: Step) -> None:
        """Take a step and whatever it needs that nobody has done yet."""
        tour = self._tour
        if self._tasks is None:
            context = self._founding = JobContext()
            self.progressed.emit(step.title, None, "Making the workspace and three accounts", 0.0)
            self._program.tasks.start(self, lambda: catch_up(tour, step, context), self._on_founded, self._on_failed)
            return
        self._job = self._tasks.start_job(
            self,
            f"Tour: {step.title}",
            lambda context: catch_up(tour, step, context),
            self._on_taken,
            self._on_failed,
            key="tour",
            progress=lambda _job: self.tell(),
        )

    def tell(self) -> None:
        """How far the running step is; its seconds go on while it says nothing."""
        if (job := self._job) is not None and not job.state.finished:
            self.progressed.emit("The tour is at work", job.fraction, job.message, job.seconds)

    def cancel(self) -> None:
        if self._job is not None and self._tasks is not None:
            self._tasks.cancel(self._job.id)
        if self._founding is not None:
            self._founding.cancel()

    def look(self, step: str) -> None:
        """Read which acts of a step are done, whoever did them."""
        tour = self._tour
        if self._tasks is not None:
            self._tasks.start(
                self,
                lambda: seen_of(tour, step),
                lambda seen: self.looked.emit(step, seen),
                lambda _error: None,
                replaces="look",
            )

    def locate(self, step: str) -> None:
        tour = self._tour
        if self._tasks is not None:
            self._tasks.start(
                self,
                lambda: place_of(tour, step),
                lambda place: self.located.emit(*place),
                lambda _error: None,
                replaces="locate",
            )

    def summarise(self) -> None:
        tour = self._tour
        if self._tasks is not None:
            self._tasks.start(self, lambda: summary(tour), self.summarised.emit, lambda _error: None)

    def close(self) -> None:
        """Ask nothing of the workspace any more."""
        if self._events is not None:
            self._events.close()
        if self._tasks is not None:
            self._tasks.close(wait=False)
        self._events = self._tasks = None

    def _on_founded(self, outcomes: list[Any]) -> None:
        workspace = self._tour.workspace
        if self._program.workspace is not None:
            self._program.close_workspace()  # somebody opened another one meanwhile
        self._events = EventBridge(workspace.events, self)
        self._tasks = TaskRunner(workspace.jobs, self)
        self._events.job_changed.connect(self._tasks.on_job_changed)
        self._events.happened.connect(self.happened)
        self._program.tasks.start(self, warm_up)
        self._on_taken(outcomes)

    def _on_taken(self, outcomes: list[Any]) -> None:
        self._job = self._founding = None
        self.taken.emit(outcomes)

    def _on_failed(self, error: BaseException) -> None:
        self._job = self._founding = None
        self.failed.emit(error)
