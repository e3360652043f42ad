"""The command that walks through the whole job on real flights: tour."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_desktop.cli.context import Here, pass_here


@click.command()
@click.option("--offscreen", is_flag=True, help="Without a window on a screen; takes a picture of every screen.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    default=Path("tour-report"),
    show_default=True,
    help="Folder for index.html and its pictures.",
)
@click.option("--speed", type=click.FloatRange(0.05, 100), help="Days of flights a second.")
@click.option("--keep/--discard", default=False, help="Whether the tour's workspace stays afterwards [discard].")
@pass_here
def tour(here: Here, offscreen: bool, report: Path, speed: float | None, keep: bool) -> None:
    """Register, approve, deploy, watch and roll back two models on a year of real flights.

    With --workspace DIR the tour's workspace is made there; it must not exist yet.
    """
    raise NotImplementedError
