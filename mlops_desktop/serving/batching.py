"""One thread that predicts: it takes whatever is waiting as one batch and never waits for company.

Bodies are read, checked and answered here too, so that the event loop stays free for health and for other callers.
Requests of the same layout share one call of the model, up to a number of rows; an error stays with its request.

Handing a request to a thread and its answer back costs some 0.1 ms, more than a small model itself. So a caller who is
alone is answered on the event loop, when one of that size has been seen to take under 2 ms and the thread is idle:
never two at once, and health waits no longer than that. With several callers the thread gathers larger batches.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from mlops_desktop.serving.errors import InvalidRequest, ModelFailed, Overloaded, RequestError
from mlops_desktop.serving.frames import Frame, NotPlain, exact_frame, fast_frame
from mlops_desktop.serving.log import log
from mlops_desktop.serving.mlflow_protocol import Table
from mlops_desktop.serving.predictor import Answer, Predictor
from mlops_desktop.serving.schema import Schema

MOST_ROWS = 2048  # rows of different requests in one call
_LAYOUTS = 256  # remembered orders of columns
_SHORT = 0.002  # seconds; what the event loop may be kept for
_CROWDED_TURNS = 64  # turns of the event loop with one request each, until a caller counts as alone again

Layout = tuple[str, ...] | None
Done = list[tuple[Frame, Answer, list[tuple[str, int]]]]  # calls of the model, and whose rows they held


class Request:
    """One request for predictions on its way through the thread; `future` is done when `body` or `error` is set."""

    __slots__ = ("answer", "echo", "error", "future", "id", "kind", "received", "rows", "table", "text", "wanted")

    def __init__(self, kind: str, text: bytes, id_: str, received: float, future: asyncio.Future[None]) -> None:
        self.kind = kind  # scoring, csv or infer
        self.text = text
        self.id = id_
        self.received = received  # time.perf_counter()
        self.future = future
        self.table: Table | None = None
        self.rows = 0
        self.echo = ""  # the Open Inference Protocol's id, given back as it came
        self.wanted: tuple[str, ...] = ()
        self.answer = b""
        self.error: RequestError | None = None


class InferenceThread:
    """`read` fills a request's table, `write` makes the answers' bytes, `record` is told of each call's rows."""

    def __init__(
        self,
        predictor: Predictor,
        schema: Schema,
        *,
        read: Callable[[Request], Table],
        write: Callable[[Sequence[Request], Answer], None],
        record: Callable[[Frame, Answer, Sequence[tuple[str, int]]], None],
        most_waiting: int = 1024,
        most_bytes: int = 64 * 2**20,
    ) -> None:
        self._predictor, self._schema = predictor, schema
        self._read, self._write, self._record = read, write, record
        self._most_waiting, self._most_bytes = most_waiting, most_bytes
        self._arrived: list[Request] = []  # in this turn of the event loop
        self._waiting: deque[Request] = deque()
        self._in_thread = 0  # requests given to the thread and not yet delivered
        self._crowded = 0  # turns until a caller counts as alone
        self._short_bytes = 0  # the largest batch, in bytes of its bodies, that was seen to be short
        self._bytes = 0
        self._wake = threading.Semaphore(0)
        self._asleep = False
        self._stopping = False
        self._orders: dict[tuple[str, ...], tuple[int, ...] | InvalidRequest] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let the thread finish what is waiting and end."""
        self._stopping = True
        self._wake.release()
        self._thread.join(timeout)

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._arrived)

    def submit(self, request: Request) -> None:
        """Queue a request (event loop only); Overloaded when too many or too large ones are waiting."""
        if self.waiting >= self._most_waiting or self._bytes + len(request.text) > self._most_bytes:
            raise Overloaded("Too many requests are waiting; try again in a second.")
        self._bytes += len(request.text)
        if not self._arrived and self._loop is not None:
            self._loop.call_soon(self._turn)  # after whatever else has arrived in this turn
        self._arrived.append(request)

    def _turn(self) -> None:
        """Predict what arrived in this turn, here or in the thread."""
        batch, self._arrived = self._arrived, []
        self._crowded = _CROWDED_TURNS if len(batch) > 1 else max(0, self._crowded - 1)
        if not self._crowded and not self._in_thread and len(batch[0].text) <= self._short_bytes:
            done = self._answer(batch)
            self._resolve(batch)
            self._remember(done)
            return
        self._in_thread += len(batch)
        self._waiting.extend(batch)
        if self._asleep:
            self._asleep = False
            self._wake.release()

    def _run(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                return
            done = self._answer(batch)
            self._deliver(batch)
            self._remember(done)

    def _answer(self, batch: list[Request]) -> Done:
        """Process a batch whatever happens, and learn from the time it takes."""
        start = time.perf_counter()
        size = sum(len(request.text) for request in batch)
        try:
            # A request that ran out of time while it waited has its answer already.
            done = self.process([request for request in batch if not request.future.done()])
        except Exception:  # noqa: BLE001 a bug must not end the thread: its requests get 500, the log gets the traceback
            log("error", "A batch failed by a fault of the serving program.", traceback=traceback.format_exc())
            done = []
            for request in batch:
                if not request.answer and request.error is None:
                    request.error = ModelFailed("The serving program failed on this request.")
        if time.perf_counter() - start < _SHORT:
            self._short_bytes = max(self._short_bytes, size)
        elif size <= self._short_bytes:
            self._short_bytes = size // 2
        return done

    def _remember(self, done: Done) -> None:
        for frame, answer, whose in done:
            self._record(frame, answer, whose)

    def _take(self) -> list[Request]:
        """All that is waiting; sleeps while there is nothing. Empty only at the end."""
        waiting = self._waiting
        while not waiting:
            if self._stopping:
                return []
            self._asleep = True
            if waiting:  # it came between the look and the flag
                self._asleep = False
                break
            self._wake.acquire()
        batch: list[Request] = []
        while waiting and len(batch) < MOST_ROWS:
            batch.append(waiting.popleft())
        return batch

    def _deliver(self, batch: list[Request]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._delivered, batch)

    def _delivered(self, batch: list[Request]) -> None:
        self._in_thread -= len(batch)
        self._resolve(batch)

    def _resolve(self, batch: list[Request]) -> None:
        for request in batch:
            self._bytes -= len(request.text)
            if not request.future.done():
                request.future.set_result(None)

    def process(self, batch: Sequence[Request]) -> Done:
        """Give every request of the batch its answer or its error; returns what was predicted, for the record."""
        groups: dict[Any, list[Request]] = {}
        for request in batch:
            try:
                request.table = self._read(request)
                request.rows = len(request.table.rows)
            except RequestError as error:
                request.error = error
                continue
            # A model that does not treat rows one by one gets every request by itself.
            key = request.table.columns if self._predictor.row_independent else request
            groups.setdefault(key, []).append(request)
        done: Done = []
        for group in groups.values():
            part: list[Request] = []
            rows = 0
            for request in group:
                if part and rows + request.rows > MOST_ROWS:
                    self._predict(part, done)
                    part, rows = [], 0
                part.append(request)
                rows += request.rows
            self._predict(part, done)
        return done

    def _predict(self, requests: list[Request], done: Done) -> None:
        requests, frame = self._frame(requests)
        if frame is None:
            return
        try:
            answer = self._predictor.predict(frame)
        except Exception as error:  # noqa: BLE001 a model may raise anything; it stays with its request
            if len(requests) > 1:
                for request in requests:
                    self._predict([request], done)
            elif isinstance(error, RequestError):
                requests[0].error = error
            else:
                log("error", "The model failed on a request.", traceback=traceback.format_exc())
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                requests[0].error = ModelFailed(f"The model failed on this input: {reason}")
            return
        self._write(requests, answer)
        done.append((frame, answer, [(request.id, request.rows) for request in requests]))

    def _frame(self, requests: list[Request]) -> tuple[list[Request], Frame | None]:
        """One checked frame of all these requests, which have the same layout; without those that are wrong."""
        tables = [request.table for request in requests if request.table is not None]
        order = self._order(tables[0].columns)
        if isinstance(order, InvalidRequest):
            for request in requests:
                request.error = order
            return [], None
        rows = tables[0].rows if len(tables) == 1 else list(chain.from_iterable(t.rows for t in tables))
        try:
            return requests, fast_frame(self._schema, rows, order)
        except NotPlain:
            pass
        good: list[Request] = []
        frames: list[Frame] = []
        for request, table in zip(requests, tables, strict=True):
            try:
                frames.append(exact_frame(self._schema, table.rows, order))
                good.append(request)
            except InvalidRequest as error:
                request.error = error
        return good, _join(frames)

    def _order(self, columns: Layout) -> tuple[int, ...] | InvalidRequest | None:
        if columns is None:
            return None
        order = self._orders.get(columns)
        if order is None:
            try:
                order = self._schema.arrange(columns)
            except ValueError as error:
                order = InvalidRequest(f"The columns do not fit: {error}.")
            if len(self._orders) < _LAYOUTS:  # strangers may send any names
                self._orders[columns] = order
        return order


def _join(frames: list[Frame]) -> Frame | None:
    if len(frames) < 2:
        return frames[0] if frames else None
    rows = sum(frame.rows for frame in frames)
    if frames[0].matrix is not None:
        return Frame(rows, np.concatenate([f.matrix for f in frames if f.matrix is not None]))
    columns = []
    for parts in zip(*(frame.columns for frame in frames), strict=True):
        is_list = isinstance(parts[0], list)
        columns.append(list(chain.from_iterable(parts)) if is_list else np.concatenate(parts))
    return Frame(rows, None, tuple(columns))
