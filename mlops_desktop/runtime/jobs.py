"""Run slow functions off the caller's thread, with progress, a log and cancellation."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from mlops_desktop.domain.errors import JobCancelled, WorkstationError
from mlops_desktop.domain.events import JobChanged
from mlops_desktop.runtime.event_bus import EventBus

log = logging.getLogger(__name__)
T = TypeVar("T")
LOG_LINES = 20_000
FINISHED_KEPT = 100


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class JobLine:
    """One line of a job's log; lines of one `step` fold together. `at` is seconds since the job began."""

    at: float
    step: str
    text: str


class JobContext:
    """What a running function is given to say how far it is and to learn that it should stop."""

    def __init__(self, job: Job[Any] | None = None, told: Callable[[], None] = lambda: None) -> None:
        self._job = job
        self._told = told
        self._cancelled = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @classmethod
    def silent(cls) -> JobContext:
        """For callers that show nothing."""
        return cls()

    def progress(self, fraction: float | None, message: str = "") -> None:
        """Say how far it is: 0 to 1, or None when that can't be told."""
        self.check_cancelled()
        if self._job is not None:
            self._job.fraction = fraction
            self._job.message = message or self._job.message
            self._told()

    def log(self, line: str, step: str = "") -> None:
        if self._job is not None:
            self._job.add_line(line, step)
            self._told()

    def check_cancelled(self) -> None:
        """Raise JobCancelled if somebody pressed Cancel."""
        if self._cancelled.is_set():
            raise JobCancelled

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the job is cancelled, at once if it already was; for closing what blocks."""
        with self._lock:
            if not self._cancelled.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


class Job(Generic[T]):
    """One run of a function. Fields are written by its thread only and may be read by any."""

    def __init__(self, title: str, key: str | None) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.title = title
        self.key = key
        self.state = JobState.QUEUED
        self.fraction: float | None = None
        self.message = ""
        self.error: BaseException | None = None
        self.context = JobContext()
        self.future: Future[T] = Future()
        self._began = time.monotonic()
        self._ended: float | None = None
        self._lines: deque[JobLine] = deque(maxlen=LOG_LINES)
        self._line_count = 0

    @property
    def seconds(self) -> float:
        return (self._ended or time.monotonic()) - self._began

    @property
    def line_count(self) -> int:
        """Lines ever written; more than `lines` holds when old ones were dropped."""
        return self._line_count

    def lines(self, after: int = 0) -> list[JobLine]:
        """Lines written after the first `after`."""
        snapshot = list(self._lines)
        return snapshot[max(0, len(snapshot) - (self._line_count - after)) :] if after < self._line_count else []

    def result(self, timeout: float | None = None) -> T:
        """Wait for it; raises what the function raised."""
        return self.future.result(timeout)

    def add_line(self, text: str, step: str) -> None:
        self._lines.append(JobLine(time.monotonic() - self._began, step, text))
        self._line_count += 1

    def begin(self) -> None:
        self._began = time.monotonic()
        self.state = JobState.RUNNING

    def end(self, state: JobState, error: BaseException | None = None) -> None:
        self._ended = time.monotonic()
        self.error = error
        self.message = str(error) if error is not None else self.message
        self.state = state


class JobPool:
    """The one pool. Jobs with the same key run one after the other, in the order they were started."""

    def __init__(self, bus: EventBus, threads: int = 4) -> None:
        self._bus = bus
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._lock = threading.Lock()
        self._jobs: dict[str, Job[Any]] = {}
        self._waiting: dict[str, deque[Callable[[], None]]] = {}  # key -> starts that wait for the one running
        self._closed = False

    def start(self, title: str, function: Callable[[JobContext], T], *, key: str | None = None) -> Job[T]:
        """Run `function` on a thread of the pool."""
        job: Job[T] = self._new(title, key)

        def submit() -> None:
            self._executor.submit(self._execute, job, function)

        with self._lock:
            if self._closed:
                raise RuntimeError("the job pool is closed")
            if key is not None and key in self._waiting:
                self._waiting[key].append(submit)
                submit_now = False
            else:
                if key is not None:
                    self._waiting[key] = deque()
                submit_now = True
        if submit_now:
            submit()
        return job

    def run(self, title: str, function: Callable[[JobContext], T]) -> T:
        """Run `function` on the caller's thread with the same bookkeeping; for the command line."""
        job: Job[T] = self._new(title, None)
        self._execute(job, function)
        return job.result()

    def cancel(self, job_id: str) -> None:
        if (job := self._jobs.get(job_id)) is not None and not job.state.finished:
            job.context.cancel()

    def get(self, job_id: str) -> Job[Any] | None:
        return self._jobs.get(job_id)

    def jobs(self) -> tuple[Job[Any], ...]:
        """Newest first; the unfinished and the last hundred of the finished."""
        with self._lock:
            return tuple(reversed(self._jobs.values()))

    def close(self) -> None:
        """Cancel what runs and wait for it."""
        with self._lock:
            self._closed = True
            unfinished = [job for job in self._jobs.values() if not job.state.finished]
        for job in unfinished:
            job.context.cancel()
        self._executor.shutdown(wait=True, cancel_futures=False)

    def _new(self, title: str, key: str | None) -> Job[T]:
        job: Job[T] = Job(title, key)
        job.context = JobContext(job, lambda: self._tell(job))
        with self._lock:
            self._jobs[job.id] = job
            finished = [j.id for j in self._jobs.values() if j.state.finished]
            for old in finished[: max(0, len(finished) - FINISHED_KEPT)]:
                del self._jobs[old]
        self._tell(job)
        return job

    def _execute(self, job: Job[Any], function: Callable[[JobContext], Any]) -> None:
        job.begin()
        self._tell(job)
        try:
            job.context.check_cancelled()
            result = function(job.context)
        except JobCancelled as error:
            job.end(JobState.CANCELLED, error)
            job.future.set_exception(error)
        except WorkstationError as error:
            job.end(JobState.FAILED, error)
            job.future.set_exception(error)
        except Exception as error:  # one of the design's three places: shown as a bug, never lost
            log.exception("job %s failed", job.title)
            job.end(JobState.FAILED, error)
            job.future.set_exception(error)
        else:
            job.fraction = 1.0
            job.end(JobState.DONE)
            job.future.set_result(result)
        self._release(job.key)
        self._tell(job)

    def _release(self, key: str | None) -> None:
        if key is None:
            return
        with self._lock:
            waiting = self._waiting.get(key)
            following = waiting.popleft() if waiting else None
            if following is None:
                self._waiting.pop(key, None)
        if following is not None and not self._closed:
            following()

    def _tell(self, job: Job[Any]) -> None:
        self._bus.publish(JobChanged(job.id))
