"""A replay against a real HTTP server on a loopback port."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlops_desktop.domain.monitoring import LabelReport
from mlops_desktop.tour import flights, replay
from mlops_desktop.tour.replay import Replay


class Model:
    """Answers like a served model; `status` says how."""

    def __init__(self) -> None:
        self.status = 200
        self.close_after = 0  # answers on one connection, 0: no end
        self.requests: list[tuple[str, dict[str, Any]]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            answered = 0

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                name = self.headers["x-prediction-id"]
                model.requests.append((name, body))
                rows = len(body["dataframe_split"]["data"])
                answer = {"predictions": [0] * rows, "scores": [0.1] * rows, "prediction_id": name}
                data = json.dumps(answer if model.status == 200 else {"error": "nobody serves"}).encode()
                self.send_response(model.status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                self.answered += 1
                if self.answered == model.close_after:
                    self.close_connection = True  # without saying so, as a restarted gateway does

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/production/flight-delay"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.close()


@pytest.fixture(scope="module")
def march() -> flights.Flights:
    return flights.load().between(date(2013, 3, 1), date(2013, 3, 4))


class Labels:
    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def __call__(self, rows: Sequence[tuple[str, str]]) -> LabelReport:
        self.rows += rows
        return LabelReport(len(rows), 0, 0)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_batches_are_consecutive_flights_of_an_hour_at_most(march: flights.Flights) -> None:
    found = list(replay.batches(march))

    assert found[0].start == 0
    assert found[-1].end == len(march)
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert all(b.end - b.start <= replay.LARGEST_BATCH for b in found)
    spans = [(march.departure[b.end - 1] - march.departure[b.start]).astype("int64") for b in found]
    assert max(spans) < replay.BATCH_SECONDS
    assert len({b.name for b in found}) == len(found)


def test_a_body_says_unknown_as_null(march: flights.Flights) -> None:
    split = json.loads(replay.body_of(march, replay.Batch("a", 0, 50)))["dataframe_split"]

    assert split["columns"] == list(flights.FEATURES)
    assert len(split["data"]) == 50
    assert any(None in row for row in split["data"])
    assert all(isinstance(row[0], str) for row in split["data"])


def test_every_flight_is_sent_once_in_order_and_its_outcome_follows(
    model: Model, march: flights.Flights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "SETTLE_SECONDS", 0.05)
    labels = Labels()
    run = Replay(march, model.address, labels, days_per_second=20)
    run.start()
    run.join(30)

    progress = run.progress
    assert progress.finished
    assert (progress.sent, progress.answered, progress.failed) == (len(model.requests), len(model.requests), 0)
    assert progress.flights == len(march)
    assert [name for name, _ in model.requests] == [b.name for b in replay.batches(march)]
    assert progress.day == date(2013, 3, 3)
    # Each outcome has the id of its row's prediction and is that flight's own.
    assert len(labels.rows) == len(march) == progress.labels
    truth = {
        f"{b.name}:{i}": str(march.late[b.start + i]) for b in replay.batches(march) for i in range(b.end - b.start)
    }
    assert dict(labels.rows) == truth


def test_outcomes_wait_until_the_flight_has_arrived(
    model: Model, march: flights.Flights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(replay, "LABEL_SECONDS", 0.0)
    labels = Labels()
    run = Replay(march, model.address, labels, days_per_second=2)
    run.start()
    until(lambda: run.progress.labels > 0)
    progress = run.stop()

    assert not progress.finished
    assert 0 < progress.labels < progress.flights
    sent = {f"{b.name}:{i}": b.start + i for b in replay.batches(march) for i in range(b.end - b.start)}
    last = max(march.departure[sent[identifier]] for identifier, _ in labels.rows)
    newest = march.departure[progress.flights - 1]
    assert last < newest, "an outcome was sent before its flight could have arrived"


def test_it_pauses_resumes_and_changes_speed(model: Model, march: flights.Flights) -> None:
    run = Replay(march, model.address, days_per_second=1)
    run.start()
    until(lambda: run.progress.answered >= 2)
    run.pause()
    time.sleep(0.2)
    paused_at = run.progress.sent
    time.sleep(0.3)
    assert run.paused
    assert run.progress.sent == paused_at
    run.speed = 20
    run.resume()
    run.join(20)
    assert run.progress.finished
    assert run.progress.failed == 0


def test_it_survives_503_and_goes_on(model: Model, march: flights.Flights) -> None:
    model.status = 503
    run = Replay(march, model.address, days_per_second=2)
    run.start()
    until(lambda: run.progress.failed >= 3)
    assert "503" in run.progress.last_error
    model.status = 200
    until(lambda: run.progress.answered >= 3)
    progress = run.stop()
    assert progress.sent == progress.answered + progress.failed


def test_a_connection_that_was_closed_meanwhile_loses_nothing(model: Model, march: flights.Flights) -> None:
    model.close_after = 2
    run = Replay(march, model.address, days_per_second=20)
    run.start()
    run.join(30)
    assert run.progress.finished
    assert run.progress.failed == 0


def test_nobody_listening_is_counted_and_does_not_spin(march: flights.Flights) -> None:
    run = Replay(march, "http://127.0.0.1:9/production/flight-delay", days_per_second=20)
    run.start()
    until(lambda: run.progress.failed >= 2)
    progress = run.stop()
    assert progress.answered == 0
    assert progress.failed <= 10
    assert progress.last_error
