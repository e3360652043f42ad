"""Take the whole tour without anybody watching, and leave a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import scenario
from mlops_desktop.tour.charts import charts
from mlops_desktop.tour.report import Picture, Report
from mlops_desktop.tour.scenario import Outcome, Step
from mlops_desktop.tour.stage import Tour

T = TypeVar("T")


class Photographer(Protocol):
    """Has the window, unseen, and takes pictures of it. The user interface implements it."""

    def run(self, work: Callable[[], T]) -> T:
        """Call `work` on another thread while the window lives on this one; return or raise what it does."""

    def take(self, tour: Tour, outcome: Outcome, folder: Path) -> Sequence[Picture]:
        """Called on the thread of `work` after each step: save pictures of the screens that show it into `folder`."""


class Told(JobContext):
    """A job's context that tells each new message and line at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell
        self._last = ""

    def progress(self, fraction: float | None, message: str = "") -> None:
        super().progress(fraction, message)
        if message and message != self._last:
            self._last = message
            self._tell(f"  {message}")

    def log(self, line: str, step: str = "") -> None:
        self._tell(f"    {step + ': ' if step else ''}{line}")


def take(tour: Tour, folder: Path, tell: Callable[[str], None], photographer: Photographer | None = None) -> Report:
    """Go through all steps and write the report, also when a step fails; then its error is raised."""
    report = Report(folder)
    report.prepare()
    context = Told(tell)

    def on_start(step: Step) -> None:
        tell(f"{scenario.STEPS.index(step) + 1}/{len(scenario.STEPS)} {step.title}")

    def on_step(outcome: Outcome) -> None:
        pictures = photographer.take(tour, outcome, folder) if photographer and not outcome.error else ()
        report.add(outcome, pictures)
        for figure in outcome.figures:
            tell(f"    {figure.name}: {figure.text}")

    def work() -> None:
        try:
            scenario.run(tour, on_start=on_start, on_step=on_step, context=context)
        finally:
            if tour.opened is not None:
                report.charts = charts(tour)
            report.write()

    try:
        photographer.run(work) if photographer else work()
    except WorkstationError:
        tell(f"The report up to there is {report.page}")
        raise
    return report
