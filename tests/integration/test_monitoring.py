"""Monitoring against the real serving program over HTTP: from a request to the chart, the verdict and the label."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.errors import EngineUnavailable
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.runtime.ticker import Ticker
from mlops_desktop.serving.bins import Profile
from mlops_desktop.settings import Settings
from tests.unit.monitoring.world import World
from tests.unit.serving import served_models as models
from tests.unit.serving.served_process import Served, serving

SESSION = Session("grace", "token")


class HttpProgram:
    """Stands where the engine room does: asks the deployment over HTTP, every failure is EngineUnavailable."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def fetch(self, path: str) -> bytes:
        try:
            return self.client.get(path, timeout=2.0).raise_for_status().content
        except httpx.HTTPError as error:
            raise EngineUnavailable("No answer.") from error


class RealTime(World):
    """The same workspace with the computer's clock."""

    @property
    def now(self) -> float:
        return time.time()

    @now.setter
    def now(self, _: float) -> None:
        """Time passes by itself."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("monitoring")
    tumours, _ = models.breast_cancer()
    bundle = models.onnx_bundle(folder / "bundle", models.logistic(), tumours, matrix=True)
    with serving(bundle, folder / "run", "--deployment", "d1") as program:
        yield program


@pytest.fixture
def world(tmp_path: Path, served: Served) -> Iterator[World]:
    made = RealTime(tmp_path, replace(Settings(), drift_chunk_seconds=2.0, performance_chunk_seconds=60.0))
    made.add_deployment("d1", "tumour", 1, profile_of())
    with served.client() as client:
        made.programs["d1"] = HttpProgram(client)  # type: ignore[assignment]
        yield made
    made.close()


def profile_of() -> Profile:
    tumours, _ = models.breast_cancer()
    fitted = models.logistic()
    return models.profile_of(tumours, fitted.predict_proba(tumours)[:, 1], fitted.predict(tumours))


def body_of(rows: np.ndarray) -> bytes:
    tumours, _ = models.breast_cancer()
    return json.dumps({"dataframe_split": {"columns": list(tumours.columns), "data": rows.tolist()}}).encode()


def send(client: httpx.Client, rows: np.ndarray) -> tuple[str, list[object]]:
    answer = client.post("/invocations", content=body_of(rows), headers={"content-type": "application/json"})
    answer.raise_for_status()
    return answer.headers["x-prediction-id"], answer.json()["predictions"]


def test_a_request_is_in_the_chart_within_two_seconds(world: World, served: Served) -> None:
    tumours, _ = models.breast_cancer()
    ticker = Ticker("collector", 1.0, world.monitoring.collect)
    ticker.start()
    try:
        with served.client() as client:
            time.sleep(1.5)
            send(client, tumours.to_numpy()[:5])
        sent = time.time()
        while time.time() - sent < 4.0:
            (series,) = world.monitoring.series("d1", ["request_rate"], sent - 5, time.time() + 1, 1.0)
            if any(v > 0 for v in series.values):
                break
            time.sleep(0.05)
        waited = time.time() - sent
    finally:
        ticker.stop()
    assert ticker.failures == 0
    assert waited < 2.3  # at most a second for the chunk to close and one for the round, and the machine is shared


def test_from_requests_to_drift_labels_and_performance(world: World, served: Served) -> None:
    tumours, truth = models.breast_cancer()
    rows = tumours.to_numpy()
    world.monitoring.collect()
    labels = {}
    with served.client() as client:
        for _ in range(3):
            for begin in range(0, len(rows), 100):
                identifier, predictions = send(client, rows[begin : begin + 100] * 1.6)
                labels |= {f"{identifier}:{i}": str(truth[begin + i]) for i in range(len(predictions))}
            wrong = client.post("/invocations", content=b"{", headers={"content-type": "application/json"})
            assert wrong.status_code == 400
            end = time.time() + 2.3
            while time.time() < end:
                world.monitoring.collect()
                time.sleep(0.3)
    report = world.monitoring.drift("tumour", "production")
    assert report.state is DriftState.DRIFT
    states = {f.feature: f for f in report.features}
    assert states["mean radius"].state is DriftState.DRIFT
    assert "moved up: KS" in states["mean radius"].sentence
    assert {"prediction score", "prediction outcome"} <= states.keys()
    sent = world.monitoring.send_labels(SESSION, "tumour", labels.items())
    assert (sent.matched, sent.unknown) == (len(labels), 0)
    found = {p.metric: p for p in world.monitoring.performance_of("d1")}
    assert found["accuracy"].labels == len(labels)
    assert 0 < found["accuracy"].low < found["accuracy"].value < found["accuracy"].high < 1
    (errors,) = world.monitoring.series("d1", ["error_rate"], time.time() - 60, time.time(), 60.0)
    assert any(0 < v < 50 for v in errors.values)
    assert any(a.figure == "drifted_features" for a in world.alerts.alerts())
    world.open()  # the app starts anew: all numbers are still there
    assert world.monitoring.drift("tumour", "production") == report
    assert {p.metric: p for p in world.monitoring.performance_of("d1")} == found


def test_the_program_dies_and_the_round_goes_on(world: World, caplog: pytest.LogCaptureFixture) -> None:
    program = world.programs["d1"]
    program.client.close()
    with httpx.Client(base_url="http://127.0.0.1:9") as nobody:
        program.client = nobody
        world.monitoring.collect()
        world.monitoring.collect()
    assert "no numbers from tumour@1" in caplog.text
    (live,) = world.monitoring.live()
    assert live.drift is DriftState.UNKNOWN
