"""The guided tour in a real window on a real display: taken by itself to its end, and ended from outside midway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_desktop.engines.choose import short_id

if TYPE_CHECKING:
    import docker

LONGEST_PAUSE = 2.5  # seconds in which the window doesn't answer, on a machine that also trains and serves

# Presses the panel's buttons as a person would and tells what it sees; `stop` names the chapter after which it waits.
DRIVER = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from mlops_desktop.tour.stage import Tour
from mlops_desktop.ui import app
from mlops_desktop.ui.outside_signals import OutsideSignals
from mlops_desktop.ui.tour.guide import attach
from mlops_desktop.ui.tour.leaving import LeaveDialog

folder, stop = Path(sys.argv[1]), sys.argv[2]
application = QApplication(sys.argv[:1])
application.setQuitOnLastWindowClosed(False)
program = app.start(application, first_run=True)
signals = OutsideSignals(program)
signals.asked_to_end.connect(program.end)
program.offer_tour()
guide = attach(program, Tour(folder), False)
people, places, pauses, last = [], [], [0.0], [time.monotonic()]

def tell(**values):
    print(json.dumps(values), flush=True)

def beat():
    now = time.monotonic()
    pauses.append(now - last[0])
    last[0] = now
    context = program.context
    if context is not None and context.navigator.here is not None:
        seen = (context.account.name, program.window.desk.here)
        if not places or places[-1] != seen:
            places.append(seen)

def look():
    story, panel = guide.story, guide.panel
    if panel is None:
        return
    if story.error is not None:
        tell(error=str(story.error), step=story.step.id)
        watch.stop()
        program.window.close()
    elif stop and story.step.id == stop and story.done and not told:
        told.append(True)
        panel.auto.click()
        tell(workspace=guide.tour.workspace.id, stopped=stop)
    elif story.ended and panel.count.text() == "The end" and not told:
        told.append(True)
        figures = {name: label.text() for name, label in panel.result._labels.items()}
        tell(workspace=guide.tour.workspace.id, figures=figures, places=places, pause=max(pauses),
             done=[s.value for s in (story.standing(i) for i in range(10))])
        QTimer.singleShot(0, program.window.close)

def answer():
    dialog = QApplication.activeModalWidget()
    if isinstance(dialog, LeaveDialog):
        dialog.accept_button.click()

told = []
for slot, every in ((beat, 25), (look, 200), (answer, 200)):
    timer = QTimer(application, interval=every)
    timer.timeout.connect(slot)
    timer.start()
    watch = timer
QTimer.singleShot(800, guide.panel.auto.click)
sys.exit(application.exec())
"""


@pytest.fixture
def window(tmp_path: Path, display: str) -> Iterator[subprocess.Popen[str]]:
    """Not started yet by this fixture alone: the test says how far it goes."""
    started: list[subprocess.Popen[str]] = []

    def start(stop: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "MLOPS_DESKTOP_ENGINE": "docker",
        }
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path / "flights"), stop],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start  # type: ignore[misc]
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def left_over(engine: docker.DockerClient, workspace: str) -> list[str]:
    """Containers of the tour's workspace."""
    label = f"io.mlops-desktop.workspace={short_id(workspace)}"
    return [str(c.name) for c in engine.containers.list(all=True, filters={"label": label})]


@pytest.mark.docker
def test_the_whole_tour_by_itself(window: Any, docker_engine: docker.DockerClient, tmp_path: Path) -> None:
    process = window("")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err[-3000:]
    told = json.loads(out.splitlines()[-1])
    assert "error" not in told, told
    assert told["done"] == ["Done"] * 10
    figures = told["figures"]
    assert figures["Requests lost"] == "0"
    assert int(figures["Flights answered"].replace(",", "")) > 20_000
    assert figures["Rolled back in"].endswith((" ms", " s"))
    assert int(figures["Alerts"]) >= 2
    # Everybody sat at the window, each where the work was.
    places = [tuple(place) for place in told["places"]]
    for place in (("mila", "team"), ("dan", "models"), ("dan", "version"), ("rosa", "inbox"), ("mila", "deployments")):
        assert place in places, places
    assert told["pause"] < LONGEST_PAUSE
    assert not (tmp_path / "flights").exists(), "the tour was to be discarded"
    assert left_over(docker_engine, told["workspace"]) == []
    assert "Traceback" not in err, err[-3000:]


@pytest.mark.docker
def test_ended_from_outside_in_the_middle(window: Any, docker_engine: docker.DockerClient, tmp_path: Path) -> None:
    process = window("traffic")
    told = json.loads(process.stdout.readline())
    assert told.get("stopped") == "traffic", told
    assert left_over(docker_engine, told["workspace"]) != []
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err[-3000:]
    assert not (tmp_path / "flights").exists()
    assert left_over(docker_engine, told["workspace"]) == []
