"""Takes every picture of README and manual anew, from a workspace that the tour's own steps have filled.

    python -m mlops_desktop.ui.tour.album [--workspace DIR] [--into DIR] [NAME ...]

A workspace that is named is kept and can be used again; flights are sent while the pictures are taken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication

from mlops_desktop.domain.errors import NotFound, WorkstationError
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import scenario, steps
from mlops_desktop.tour.acts import ACTS
from mlops_desktop.tour.scenario import STEPS, Outcome
from mlops_desktop.tour.stage import Tour
from mlops_desktop.ui.main_window import MainWindow
from mlops_desktop.ui.resources import resource
from mlops_desktop.ui.screens.catalogue import BY_KEY
from mlops_desktop.ui.theme import Appearance
from mlops_desktop.ui.tour.panel import GuidePanel
from mlops_desktop.ui.tour.places import PAIR, PARAMS, SERVED, settle_of, version, watched
from mlops_desktop.ui.tour.shrink import shrink
from mlops_desktop.ui.tour.story import Standing, Story
from mlops_desktop.ui.tour.studio import Shot
from mlops_desktop.ui.tour_pictures import Photographer

LARGEST = 150_000  # bytes: the manual is part of the package
REASON = "The simple one has to answer in staging, so that we can compare it with version 2 on the same requests."
LAST_STEP = "watch"
FRESH_SECONDS = 45  # of flights, before a workspace from an earlier run is photographed


def shots(tour: Tour, promotion: int, deployed: int) -> list[Shot]:
    """Light ones; the name of the file without its appearance. The requests: one that waits, one that is through."""
    listed: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("first-run", "first-run", "", {}),
        ("sign-in", "sign-in", "", {}),
        ("overview", "overview", "engineer", {}),
        ("models", "models", "scientist", {}),
        ("model", "model", "scientist", dict(PARAMS["model"])),
        ("version", "version", "scientist", version(2, "overview")),
        ("compare", "compare", "scientist", PAIR),
        ("inbox", "inbox", "reviewer", {"promotion": deployed}),
        ("review", "inbox", "reviewer", {"promotion": promotion}),
        ("deployments", "deployments", "engineer", {}),
        ("monitoring", "monitoring", "engineer", watched("live")),
        ("drift", "monitoring", "engineer", watched("drift")),
        ("performance", "monitoring", "engineer", watched("performance")),
        ("alerts", "alerts", "engineer", {}),
        ("audit", "audit", "engineer", {}),
        ("team", "team", "engineer", {}),
        ("settings", "settings", "engineer", {}),
        ("manual", "manual", "engineer", {}),
    )
    made = [Shot(name, name, key, person, params, settle_of(key)) for name, key, person, params in listed]
    known = {"first-run", "sign-in", *(shot.key for shot in made)}
    # A screen that has come since is not forgotten.
    made += [Shot(key, key, key, "engineer", {}, settle_of(key)) for key in BY_KEY if key not in known]
    made[0] = replace(made[0], then=lambda window: window.set_side(None))
    drift = "monitoring" if BY_KEY["monitoring"].available else "deployments"
    params = watched("drift") if drift == "monitoring" else dict(SERVED)
    guide = Shot(
        "tour",
        "tour",
        drift,
        "engineer",
        params,
        settle_of("monitoring"),
        then=lambda window: _show_guide(window, tour),
    )
    return [*made, guide]


def _show_guide(window: MainWindow, tour: Tour) -> None:
    """The panel as it stands beside the chapter about the seasons."""
    at = next(i for i, step in enumerate(STEPS) if step.id == LAST_STEP)
    story = Story(at=at, closed={step.id: Standing.DONE for step in STEPS[:at]})
    panel = GuidePanel()
    panel.show_story(story)
    panel.show_person(tour.person("engineer").full_name, ACTS[LAST_STEP][0].does, here=True, can_sit_down=False)
    replay = tour.replay
    if replay is not None:
        panel.show_flights(replay.progress, replay.speed, held=False, over=False)
    window.set_side(panel)


def in_both(album: Sequence[Shot]) -> list[Shot]:
    """Each shot light and dark, all of one appearance together."""
    return [
        replace(shot, file=f"{shot.file}-{appearance.value}", appearance=appearance)
        for appearance in (Appearance.LIGHT, Appearance.DARK)
        for shot in album
    ]


def fill(tour: Tour, context: JobContext) -> int:
    """Take the tour's steps up to the drift, and leave a request that waits; returns its number."""
    chosen = STEPS[: next(i for i, step in enumerate(STEPS) if step.id == LAST_STEP) + 1]
    scenario.run(tour, context=context, chosen=chosen, on_start=lambda step: _say(f"  {step.title}"))
    return waiting_request(tour, context)


def open_again(tour: Tour, people: Path, context: JobContext) -> int:
    """Sign in to a workspace that an earlier run has left, and let flights arrive."""
    from mlops_desktop.workspace import open_workspace

    try:
        passwords = json.loads(people.read_text("utf-8"))
    except (OSError, ValueError):
        raise NotFound(
            f"{tour.folder} was not made by this command.", "Name a folder that is new, or one that it has made."
        ) from None
    tour.team = {part: replace(person, password=passwords[part]) for part, person in tour.team.items()}
    tour.opened = workspace = open_workspace(tour.folder)
    for part, person in tour.team.items():
        tour.sessions[part] = workspace.accounts.sign_in(person.name, person.password)
    workspace.start_background()
    tour.run = f".{int(time.time())}"
    _say("  Sending flights")
    steps.send_flights(tour, context)
    time.sleep(FRESH_SECONDS)
    return waiting_request(tour, context)


def waiting_request(tour: Tour, context: JobContext) -> int:
    """One that the reviewer has not decided yet."""
    promotions = tour.workspace.promotions
    for promotion in promotions.promotions(model=steps.MODEL):
        if promotion.state is PromotionState.PENDING:
            return promotion.id
    policies = tour.workspace.policies
    policies.set_policy(tour.session("engineer"), replace(policies.policy("staging"), reviewers=1))
    session = tour.session("scientist")
    return promotions.request(session, steps.MODEL, 1, "staging", REASON, context).id


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures and print what was written; 1 if one is missing or too large."""
    parser = argparse.ArgumentParser(
        prog="packaging/screenshots", description="Take the pictures of README and manual."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these pictures, such as: overview drift")
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="make or use this one, and keep it")
    parser.add_argument("--into", type=Path, metavar="DIR", default=resource("manual", "pictures"))
    chosen = parser.parse_args(arguments)
    folder = (chosen.workspace or Path(tempfile.gettempdir()) / "flights-of-2013").absolute()
    people = folder.with_name(f"{folder.name}.people.json")
    tour = Tour(folder, again=True)
    album: list[Shot] = []
    photographer = Photographer(lambda _outcome: album)
    QApplication.setCursorFlashTime(0)

    def work(into: Path) -> int:
        context = JobContext.silent()
        if (folder / "registry.db").exists():
            promotion = open_again(tour, people, context)
        else:
            promotion = fill(tour, context)
            if chosen.workspace is not None:
                people.touch(mode=0o600)
                people.write_text(json.dumps({part: p.password for part, p in tour.team.items()}), "utf-8")
        through = [p.id for p in tour.workspace.promotions.promotions() if p.state is PromotionState.DEPLOYED]
        everything = shots(tour, promotion, max(through, default=promotion))
        wanted = [s for s in everything if not chosen.names or s.file in chosen.names or s.then is not None]
        album.extend(in_both(wanted))
        _say(f"  {len(album)} pictures")
        photographer.take(tour, Outcome(STEPS[0], (), 0.0), into)
        return promotion

    try:
        with tempfile.TemporaryDirectory(prefix="mlops-desktop-pictures-") as scratch:
            photographer.run(lambda: work(Path(scratch)))
            return _write(album, chosen.names, Path(scratch), chosen.into)
    except WorkstationError as error:
        _say(f"Error: {error}")
        return 1
    finally:
        if chosen.workspace is None:
            tour.discard()
        else:
            tour.close()
            _say(f"The workspace stays in {folder} and goes on serving.")


def _write(album: Sequence[Shot], names: Sequence[str], scratch: Path, into: Path) -> int:
    """Shrink what was taken into its folder."""
    good = True
    for shot in album:
        name = shot.file.rpartition("-")[0]
        if names and name not in names:
            continue
        taken = scratch / f"{shot.file}.png"
        if not taken.exists():
            if shot.key in BY_KEY and not BY_KEY[shot.key].available:
                _say(f"{shot.file}: there is no such screen yet")
                continue
            _say(f"{shot.file}: MISSING")
            good = False
            continue
        size = shrink(taken, into / taken.name)
        _say(f"{into / taken.name}  {size / 1000:.0f} KB{'  TOO LARGE' if size > LARGEST else ''}")
        good = good and size <= LARGEST
    return 0 if good else 1


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  a command's output


if __name__ == "__main__":
    sys.exit(main())
