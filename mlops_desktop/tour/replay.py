"""Send a year of flights to a model's stable address in order of time, and their true outcomes hours later.

Flight time runs faster than real time by a speed that may be changed, paused and resumed while it runs. It uses plain
HTTP as any program of a customer would: one connection, one request after the other, nothing is sent twice unless the
connection was closed before an answer began.
"""

from __future__ import annotations

import heapq
import http.client
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.monitoring import LabelReport
from mlops_desktop.tour.flights import FEATURES, NUMBERS, Flights

LARGEST_BATCH = 100
BATCH_SECONDS = 3600  # flights that leave within an hour of the first go in one request
SETTLE_SECONDS = 3.0  # the collector has fetched a prediction by then, so its label finds it
LABEL_SECONDS = 1.0  # labels go in one bundle each so often
TIMEOUT_SECONDS = 10.0
REAL_TIME = 1 / 86400  # days of flights a second


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is. Requests: sent = answered + failed + the one under way; `flights` were answered."""

    day: date | None = None  # New York's calendar day of the last flight that was sent
    sent: int = 0
    answered: int = 0
    failed: int = 0
    flights: int = 0
    flights_lost: int = 0
    labels: int = 0
    unknown_labels: int = 0
    seconds: float = 0.0  # since the start, pauses included
    slowest_ms: float = 0.0
    finished: bool = False
    last_error: str = ""

    @property
    def flights_sent(self) -> int:
        return self.flights + self.flights_lost

    @property
    def requests_per_second(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive flights of one request: rows `start` up to `end` of the flights."""

    name: str  # the request's prediction id
    start: int
    end: int


@dataclass(order=True, slots=True)
class _Outcome:
    """A true outcome on its way: known at `arrival` in flight time, not sent before `not_before` (monotonic)."""

    arrival: int
    not_before: float
    row: tuple[str, str] = field(compare=False)


def batches(flights: Flights) -> Iterator[Batch]:
    """Split flights into the requests to send; the first flight's id names the request."""
    times = flights.departure.astype("int64").tolist()
    start = 0
    for i in range(1, len(times) + 1):
        if i == len(times) or times[i] - times[start] >= BATCH_SECONDS or i - start >= LARGEST_BATCH:
            yield Batch(str(flights.ids[start]), start, i)
            start = i


def body_of(flights: Flights, batch: Batch) -> bytes:
    """The request in MLflow's `dataframe_split` form; unknown numbers are null."""
    part = flights.features.iloc[batch.start : batch.end]
    columns = [
        [None if math.isnan(v) else v for v in part[name].astype("float64").round(3).tolist()]
        if name in NUMBERS
        else part[name].tolist()
        for name in FEATURES
    ]
    split = {"columns": list(FEATURES), "data": list(zip(*columns, strict=True))}
    return json.dumps({"dataframe_split": split}, allow_nan=False).encode()


class Replay:
    """A thread that replays `flights` against `address` (the endpoint's URL without `/invocations`).

    `send_labels` takes (prediction id, label) rows. `answered` is called on the thread with each batch and the answer.
    With `again` the flights begin anew when they are over. `suffix` ends the ids of all predictions.
    """

    def __init__(
        self,
        flights: Flights,
        address: str,
        send_labels: Callable[[Sequence[tuple[str, str]]], LabelReport] | None = None,
        *,
        days_per_second: float = 2.0,
        answered: Callable[[Batch, dict[str, Any]], None] | None = None,
        again: bool = False,
        suffix: str = "",
    ) -> None:
        self._flights = flights
        self._address = urlsplit(address)
        self._send_labels = send_labels
        self._answered = answered
        self._again, self._suffix = again, suffix
        self._connection: http.client.HTTPConnection | None = None
        self._progress = Progress()
        self._days: list[tuple[float, date]] = []
        self._speed = days_per_second
        self._running = threading.Event()
        self._running.set()
        self._stop = threading.Event()
        self._waiting: list[_Outcome] = []
        self._labels_sent_at = 0.0
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    @property
    def progress(self) -> Progress:
        """May be read from any thread."""
        return self._progress

    @property
    def days(self) -> tuple[tuple[float, date], ...]:
        """When each day of the flights began to be sent, in epoch seconds: for charts over flight time."""
        return tuple(self._days)

    @property
    def speed(self) -> float:
        """Days of flights a second."""
        return self._speed

    @speed.setter
    def speed(self, days_per_second: float) -> None:
        self._speed = max(REAL_TIME, days_per_second)

    @property
    def paused(self) -> bool:
        return not self._running.is_set()

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def stop(self, timeout: float = 30.0) -> Progress:
        """Send no further flights; outcomes that are due are still sent. Returns the last progress."""
        self._stop.set()
        self._running.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return self._progress

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        began = time.monotonic()
        clock = self._send_all(began, self._suffix)
        year = 1
        while self._again and len(self._flights) and not self._stop.is_set():
            # Outcomes of the last days are given up: their time lies behind the new clock.
            self._waiting.clear()
            year += 1
            clock = self._send_all(began, f"{self._suffix}.{year}")
        if self._waiting and self._send_labels is not None:
            time.sleep(SETTLE_SECONDS)
            self._labels_sent_at = 0.0
            # After the last flight of all, every outcome becomes known; after a stop only what was due.
            due = max(o.arrival for o in self._waiting) if not self._stop.is_set() else int(clock.now)
            self._send_due_labels(due)
        if self._connection is not None:
            self._connection.close()
        self._tell(finished=not self._stop.is_set(), seconds=time.monotonic() - began)

    def _send_all(self, began: float, suffix: str) -> _FlightClock:
        """Send every flight once; `suffix` tells the predictions of a further year from those of the first."""
        times = self._flights.departure.astype("int64")
        clock = _FlightClock(int(times[0]) if len(times) else 0)
        for batch in batches(self._flights):
            self._wait_until(int(times[batch.start]), clock)
            if self._stop.is_set():
                break
            self._send(batch if not suffix else replace(batch, name=batch.name + suffix))
            self._send_due_labels(int(times[batch.end - 1]))
            day = self._flights.day[batch.start].item()
            if day != self._progress.day:
                self._days.append((time.time(), day))
            self._tell(day=day, seconds=time.monotonic() - began)
        return clock

    def _wait_until(self, moment: int, clock: _FlightClock) -> None:
        """Let flight time reach `moment`; a pause stops it, and being late is not caught up by a burst."""
        while not self._stop.is_set():
            if not self._running.is_set():
                self._running.wait()
                clock.skip()
            left = clock.advance(moment, self._speed)
            if left <= 0:
                return
            self._stop.wait(min(left, 0.2))  # short: the speed may change meanwhile

    def _send(self, batch: Batch) -> None:
        body = body_of(self._flights, batch)
        began = time.monotonic()
        self._tell(sent=self._progress.sent + 1)
        status, answer, error = self._post(body, batch.name)
        took = (time.monotonic() - began) * 1000
        if status != 200 or not isinstance(answer, dict):
            text = error or f"{status}: {answer}"
            lost = self._progress.flights_lost + batch.end - batch.start
            self._tell(failed=self._progress.failed + 1, flights_lost=lost, last_error=str(text)[:300])
            if status == 0:
                self._stop.wait(0.2)  # nobody listens: don't spin through the year
            return
        name = str(answer.get("prediction_id", batch.name))
        ready = time.monotonic() + SETTLE_SECONDS
        arrivals = self._flights.arrival[batch.start : batch.end].astype("int64").tolist()
        outcomes = self._flights.late[batch.start : batch.end].tolist()
        for i, (arrival, late) in enumerate(zip(arrivals, outcomes, strict=True)):
            heapq.heappush(self._waiting, _Outcome(arrival, ready, (f"{name}:{i}", str(late))))
        self._tell(
            answered=self._progress.answered + 1,
            flights=self._progress.flights + batch.end - batch.start,
            slowest_ms=max(self._progress.slowest_ms, took),
        )
        if self._answered is not None:
            self._answered(batch, answer)

    def _post(self, body: bytes, name: str) -> tuple[int, Any, str]:
        """Status (0: no answer), decoded answer, error. A kept connection that was closed meanwhile is opened anew."""
        headers = {"content-type": "application/json", "x-prediction-id": name}
        for attempt in (1, 2):
            fresh = self._connection is None
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection(
                        self._address.hostname or "127.0.0.1", self._address.port, timeout=TIMEOUT_SECONDS
                    )
                self._connection.request("POST", f"{self._address.path}/invocations", body, headers)
                response = self._connection.getresponse()
                data = response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                self._drop()
                if fresh or attempt == 2:
                    return 0, None, str(error)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                return 0, None, str(error) or type(error).__name__
            else:
                try:
                    return response.status, json.loads(data), ""
                except ValueError:
                    return response.status, data[:200].decode(errors="replace"), ""
        raise AssertionError("unreachable")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _send_due_labels(self, now: int) -> None:
        """Send outcomes that are known at flight time `now`, at most one bundle in LABEL_SECONDS."""
        moment = time.monotonic()
        if self._send_labels is None or moment - self._labels_sent_at < LABEL_SECONDS:
            return
        due: list[_Outcome] = []
        early: list[_Outcome] = []
        while self._waiting and self._waiting[0].arrival <= now:
            outcome = heapq.heappop(self._waiting)
            (due if outcome.not_before <= moment else early).append(outcome)
        for outcome in early:
            heapq.heappush(self._waiting, outcome)
        if not due:
            return
        self._labels_sent_at = moment
        try:
            report = self._send_labels([outcome.row for outcome in due])
        except WorkstationError as error:
            self._tell(last_error=str(error))
            return
        self._tell(
            labels=self._progress.labels + report.matched + report.replaced,
            unknown_labels=self._progress.unknown_labels + report.unknown,
        )

    def _tell(self, **changes: Any) -> None:
        self._progress = replace(self._progress, **changes)


class _FlightClock:
    """Flight time in epoch seconds, advanced by real time times the speed."""

    def __init__(self, start: int) -> None:
        self.now = float(start)
        self._at = time.monotonic()

    def skip(self) -> None:
        """Forget the real time that passed since the last step."""
        self._at = time.monotonic()

    def advance(self, target: int, days_per_second: float) -> float:
        """Move on towards `target`, never past it; returns the real seconds that are left."""
        rate = days_per_second * 86400
        moment = time.monotonic()
        self.now = min(float(target), self.now + (moment - self._at) * rate)
        self._at = moment
        return (target - self.now) / rate
