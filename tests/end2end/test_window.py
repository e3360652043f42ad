"""The whole job through the real window and a real engine: request, approve, deploy, drift, roll back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mlops_desktop import client
from mlops_desktop.domain.accounts import Role
from mlops_desktop.ui.app import start
from mlops_desktop.ui.program import Program
from mlops_desktop.workspace import create_workspace, open_workspace
from tests.end2end.person import Person

PASSWORD = "quiet apron beacon"
FEATURES = ("distance", "hour", "wind")
ROWS = 40  # of one request
STORY_MS = 240_000


@dataclass
class Traffic:
    """Requests one after the other to one address, until it is told to stop; `shift` moves one feature."""

    url: str
    shift: float = 0.0
    sent: int = 0
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Traffic:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="traffic")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        random = np.random.default_rng(7)
        with httpx.Client(timeout=30, trust_env=False) as http:
            while not self._stop.is_set():
                rows = random.normal(loc=(0.0, 0.0, self.shift), size=(ROWS, len(FEATURES)))
                body = {"dataframe_split": {"columns": FEATURES, "data": rows.round(4).tolist()}}
                try:
                    answer = http.post(f"{self.url}/invocations", json=body)
                    if answer.status_code != 200:
                        self.failures.append(f"{answer.status_code} {answer.text[:200]}")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.sent += 1
                self._stop.wait(0.05)


def train(folder: Path) -> None:
    """What a training script does: two pipelines for one model."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(2000, 3)), columns=list(FEATURES))
    target = (frame["distance"] + 0.5 * frame["wind"] + random.normal(size=2000) > 0).astype(int)
    half = len(frame) // 2
    with client.connect(folder, user="dan", password=PASSWORD) as workspace:
        for strength in (0.01, 1.0):
            pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=strength))
            workspace.log_version(
                "flight-delay",
                pipeline.fit(frame[:half], target[:half]),
                train=(frame[:half], target[:half]),
                test=(frame[half:], target[half:]),
                key_metric="roc_auc",
                seed=1,
            )


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A workspace with three people; what it runs is stopped after the test."""
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    place = tmp_path / "flights"
    place.mkdir()
    quick = {"gateway_port": 0, "drift_chunk_seconds": 1.0, "performance_chunk_seconds": 1.0, "engine": request.param}
    (place / "settings.json").write_text(json.dumps(quick))
    with create_workspace(place, name="Flights", admin="mila", full_name="Mila Novak", password=PASSWORD) as made:
        mila = made.accounts.sign_in("mila", PASSWORD)
        made.accounts.set_roles(mila, "mila", {Role.ADMIN, Role.ML_ENGINEER})
        made.accounts.create_account(mila, "dan", "Dan Okafor", PASSWORD, {Role.DATA_SCIENTIST})
        made.accounts.create_account(mila, "rosa", "Rosa Lindqvist", PASSWORD, {Role.REVIEWER})
    yield place
    with open_workspace(place) as left:
        left.delivery.shut_down(left.accounts.sign_in("mila", PASSWORD))


@pytest.fixture
def program(folder: Path, qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    """The program as `mlops-desktop --workspace DIR` starts it."""
    started = start(qapp, folder)
    started.window.resize(1280, 800)
    yield started
    started.window.may_close = lambda: True
    started.shut_down()


class Story(Person):
    """What the three of them do, in the words of the window."""

    def signs_in(self, name: str) -> None:
        self.types("Name", name)
        self.types("Password", PASSWORD)
        self.press("Sign in")
        self.reads(f"({name})")

    def hands_over(self, name: str) -> None:
        self.runs("Sign out")
        self.signs_in(name)

    def opens_version(self, number: int) -> None:
        self.runs(f"flight-delay@{number}")
        self.reads(f"Version {number}")

    def requests(self, number: int, reason: str) -> None:
        self.opens_version(number)
        self.press("Request promotion")
        self.chooses("Environment", "production")
        self.types("Reason", reason)
        self.press("Request promotion")
        self.reads("0 of 1 approval", 60)

    def approves(self, number: int, reason: str) -> None:
        self.press("Inbox")
        self.row(f"flight-delay@{number}")
        self.reads(reason)
        self.press("Approve")
        self.types("Comment", "Checks and reason read.")
        self.types("Your password", PASSWORD)
        self.press("Approve")
        self.reads("Nothing waits for you")

    def deploys(self, number: int) -> None:
        self.opens_version(number)
        self.press("Deploy")
        self.press("Deploy")
        self.reads("Production: Answers", 120)


@pytest.mark.expect_log("propagateSizeHints")
def test_from_a_script_to_production_and_back(program: Program, folder: Path, qtbot: QtBot) -> None:
    person = Story()
    seen: list[Traffic] = []

    def story() -> None:
        person.signs_in("dan")
        person.press("Models")
        person.reads("No models yet")
        train(folder)
        person.row("flight-delay", "2")  # the list follows the script by itself
        person.requests(1, "The first one that is good enough.")
        person.press("Inbox")
        person.reads("Nothing waits for you")  # for him: it is his own request

        person.hands_over("rosa")
        person.approves(1, "The first one that is good enough.")

        person.hands_over("mila")
        person.deploys(1)
        with Traffic(person.look(lambda: address(program))) as flights:
            seen.append(flights)
            second_version()
            drift_and_back(flights)
            person.until("more flights", lambda: flights.sent > 100)

    def second_version() -> None:
        person.hands_over("dan")
        person.requests(2, "Less regularised, and no worse.")
        person.hands_over("rosa")
        person.approves(2, "Less regularised, and no worse.")
        person.hands_over("mila")
        person.deploys(2)

    def drift_and_back(flights: Traffic) -> None:
        person.press("Monitoring")
        person.opens_tab("Drift")
        person.reads("No drift found", 30)
        flights.shift = 3.0
        person.reads("1 of 3 inputs drifted: wind", 30)
        person.press("Alerts")
        person.row("Drifted features, flight-delay@2", patience=30)
        person.press("Acknowledge")
        person.types("Note", "The wind sensor is looked at.")
        person.press("Acknowledge")
        person.reads("The wind sensor is looked at.")
        person.press("Deployments")
        person.row("flight-delay", "100 %", "Version 1")
        person.press("Roll back to version 1")
        person.types("Reason", "The wind is not what it was.")
        person.press("Roll back to version 1")
        person.until("version 1 to carry the traffic", lambda: current(program) == 1)

    person.act(story, lambda over: qtbot.waitUntil(over, timeout=STORY_MS))
    (flights,) = seen
    assert flights.failures == []


def address(program: Program) -> str:
    assert program.workspace is not None
    return program.workspace.delivery.endpoint("flight-delay", "production").url


def current(program: Program) -> int | None:
    assert program.workspace is not None
    return program.workspace.delivery.endpoint("flight-delay", "production").current
