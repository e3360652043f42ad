"""The command that walks through the whole job on real flights: tour."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from mlops_desktop.cli.context import Here, pass_here


@click.command()
@click.option(
    "--offscreen", is_flag=True, help="Without anybody watching; leaves a report with a picture of each step."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    default=Path("tour-report"),
    show_default=True,
    help="Folder for the report.",
)
@click.option("--speed", type=click.FloatRange(0.05, 20), help="Days of flights a second.  [default: 3]")
@click.option("--keep/--discard", default=False, help="Whether the tour's workspace stays afterwards.  [discard]")
@pass_here
def tour(here: Here, offscreen: bool, report: Path, speed: float | None, keep: bool) -> None:
    """Register, approve, deploy, watch and roll back two models on a year of real flights.

    Opens the window with the tour beside it; with --offscreen, or without a display, the tour takes all steps itself.
    The tour's workspace is made in --workspace DIR, which must be new or empty.
    """
    from mlops_desktop.tour.flights import data_folder
    from mlops_desktop.tour.stage import DEFAULT_SPEED, Tour

    data_folder()  # says at once when the data is not installed
    folder = here.folder if here.chosen else Path(tempfile.mkdtemp(prefix="mlops-desktop-tour-"))
    guided = Tour(folder.absolute(), speed=speed or DEFAULT_SPEED)
    if not offscreen and here.windows is not None and here.windows.has_display():
        raise click.exceptions.Exit(here.windows.guided_tour(guided, keep=keep))

    from mlops_desktop.tour import offscreen as unseen

    photographer = here.windows.photographer() if here.windows is not None else None
    if photographer is None:
        here.output.note("Note: the window is not installed, so there are no pictures.")
    try:
        # Told in any case: the tour lasts minutes.
        done = unseen.take(guided, report.absolute(), here.output.note, photographer)
    finally:
        if keep:
            guided.close()
            here.output.note(f"The workspace stays in {guided.folder}.")
        else:
            guided.discard()
    value = {
        "report": done.page,
        "steps": [{"step": o.step.id, "seconds": o.seconds, "figures": o.figures} for o, _ in done.outcomes],
    }
    here.output.show(value, f"The report of the tour is {done.page}")
