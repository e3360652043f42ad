"""A tour that nobody watches leaves pictures of the window."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from mlops_desktop.domain.errors import DeploymentFailed
from mlops_desktop.tour import scenario
from mlops_desktop.tour.scenario import STEPS, Outcome
from mlops_desktop.tour.stage import Tour
from mlops_desktop.ui.screens.catalogue import BY_KEY
from mlops_desktop.ui.tour.shots import SHOTS
from mlops_desktop.ui.tour_pictures import Photographer
from mlops_desktop.ui.window_state import config_folder


def test_every_step_and_every_screen_has_a_picture() -> None:
    assert set(SHOTS) == {step.id for step in STEPS}
    shown = {shot.key for shots in SHOTS.values() for shot in shots}
    assert shown == set(BY_KEY) | {"first-run", "sign-in"}
    files = [shot.file for shots in SHOTS.values() for shot in shots]
    assert len(files) == len(set(files))


def test_first_step_is_photographed_while_the_tour_runs_elsewhere(tmp_path: Path) -> None:
    tour = Tour(tmp_path / "workspace")
    photographer = Photographer()
    threads: list[str] = []

    def work() -> Outcome:
        threads.append(threading.current_thread().name)
        (outcome,) = scenario.run(tour, chosen=STEPS[:1])
        pictures = photographer.take(tour, outcome, tmp_path)
        assert {"Signing in", "Overview of a workspace without models"} <= {p.title for p in pictures}
        for picture in pictures:
            image = QImage(str(tmp_path / picture.file))
            assert (image.width(), image.height()) == (1280, 800)
            colours = {image.pixelColor(x, y).rgb() for x in range(0, 1280, 16) for y in range(0, 800, 16)}
            assert len(colours) > 3, f"{picture.file} shows next to nothing"
        return outcome

    try:
        outcome = photographer.run(work)
    finally:
        tour.close()
    assert outcome.step.id == "workspace"
    assert threads != [threading.current_thread().name]
    assert not (Path(config_folder()) / "window.ini").exists(), (
        "pictures must not change what the person's window shows"
    )


def test_an_error_of_the_tour_is_raised_where_it_was_started(tmp_path: Path) -> None:
    def work() -> None:
        raise DeploymentFailed("The image can't be built.")

    with pytest.raises(DeploymentFailed, match="can't be built"):
        Photographer().run(work)
    assert QApplication.instance() is not None


def test_without_a_window_there_are_no_pictures(tmp_path: Path) -> None:
    outcome = Outcome(STEPS[0], (), 0.1)
    assert Photographer().take(Tour(tmp_path), outcome, tmp_path) == ()
