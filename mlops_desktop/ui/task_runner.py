"""The one way to do slow work from a screen: it runs elsewhere, its result arrives on the GUI thread.

A result is dropped when its owner is gone, or when the same owner has asked anew for the same thing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from mlops_desktop.domain.errors import JobCancelled, WorkstationError
from mlops_desktop.runtime.jobs import Job, JobContext, JobLine, JobState

if TYPE_CHECKING:
    from mlops_desktop.runtime.jobs import JobPool

__all__ = ["Job", "JobContext", "JobLine", "JobState", "TaskRunner"]
log = logging.getLogger(__name__)
T = TypeVar("T")
READERS = 3


@dataclass(frozen=True, slots=True)
class _Answer:
    owner: QObject
    ticket: tuple[int, str] | None
    number: int
    future: Future[Any]
    done: Callable[[Any], object] | None
    failed: Callable[[BaseException], object] | None


class TaskRunner(QObject):
    """`start` for reading, `start_job` for what people wait for: that shows in the task tray and can be cancelled."""

    failed = Signal(object)  # an error nobody asked to be told of
    job_changed = Signal(object)  # a Job that was started here, on the GUI thread
    _arrived = Signal(object)

    def __init__(self, jobs: JobPool | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._asked: dict[tuple[int, str], int] = {}
        self._reading: set[int] = set()
        self._busy: set[tuple[int, str]] = set()
        self._waiting: dict[tuple[int, str], Callable[[], None]] = {}  # the newest of those asked for meanwhile
        self._count = 0
        self._closed = False
        self._watched: dict[str, tuple[QObject, Callable[[Job[Any]], object]]] = {}
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        owner: QObject,
        function: Callable[[], T],
        done: Callable[[T], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
        *,
        replaces: str = "",
    ) -> None:
        """Call `function` on a reading thread, then `done(result)` or `failed(error)` here.

        With `replaces`, an earlier answer of this owner under the same name that hasn't arrived yet never will; and
        only one of them is read at a time, so that a slow one asked for every second can't keep all readers busy.
        """
        if self._closed:
            return
        self._count += 1
        number = self._count
        ticket = (id(owner), replaces) if replaces else None

        def submit() -> None:
            self._reading.add(number)
            future = self._readers.submit(function)
            self._await(_Answer(owner, ticket, number, future, done, failed))

        if ticket is None:
            submit()
            return
        self._asked[ticket] = number
        if ticket in self._busy:
            self._waiting[ticket] = submit
        else:
            self._busy.add(ticket)
            submit()

    def start_job(
        self,
        owner: QObject,
        title: str,
        function: Callable[[JobContext], T],
        done: Callable[[T], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
        *,
        key: str | None = None,
        progress: Callable[[Job[Any]], object] | None = None,
    ) -> Job[T]:
        """Run a job of the pool; jobs with the same `key` run one after the other. `progress(job)` when it moved."""
        if self._jobs is None:
            raise RuntimeError("no workspace is open")
        job = self._jobs.start(title, function, key=key)
        if progress is not None:
            self._watched[job.id] = (owner, progress)
        self._count += 1
        self._await(_Answer(owner, None, self._count, job.future, done, failed))
        return job

    def cancel(self, job_id: str) -> None:
        if self._jobs is not None:
            self._jobs.cancel(job_id)

    def jobs(self) -> tuple[Job[Any], ...]:
        """Newest first."""
        return self._jobs.jobs() if self._jobs is not None else ()

    @property
    def running(self) -> list[Job[Any]]:
        return [job for job in self.jobs() if not job.state.finished]

    def on_job_changed(self, job_id: str) -> None:
        """The event bridge tells of progress."""
        job = self._jobs.get(job_id) if self._jobs is not None else None
        if job is None:
            return
        owner, progress = self._watched.get(job_id, (None, None))
        if owner is not None and progress is not None:
            if isValid(owner):
                progress(job)
            if job.state.finished or not isValid(owner):
                del self._watched[job_id]
        self.job_changed.emit(job)

    def pending(self, owner: QObject, name: str) -> bool:
        """Whether an answer of this owner under the name is being read."""
        return (id(owner), name) in self._busy

    @property
    def reading(self) -> bool:
        """Whether something was asked for that hasn't arrived yet."""
        return bool(self._reading)

    def close(self, *, wait: bool = True) -> None:
        """Nothing is delivered any more; what is being read ends by itself, or is waited for."""
        self._closed = True
        self._readers.shutdown(wait=wait, cancel_futures=True)

    def _await(self, answer: _Answer) -> None:
        # Runs on the thread that finished it, so it only posts.
        answer.future.add_done_callback(lambda _: self._post(answer))

    def _post(self, answer: _Answer) -> None:
        if not self._closed and isValid(self):
            self._arrived.emit(answer)

    def _deliver(self, answer: _Answer) -> None:
        self._reading.discard(answer.number)
        if self._closed:
            return
        if answer.ticket is not None:
            self._busy.discard(answer.ticket)
            if (submit := self._waiting.pop(answer.ticket, None)) is not None and isValid(answer.owner):
                self._busy.add(answer.ticket)
                submit()
        if not isValid(answer.owner):
            return
        if answer.ticket is not None:
            if self._asked.get(answer.ticket) != answer.number:
                return
            del self._asked[answer.ticket]
        try:
            error = answer.future.exception()
        except CancelledError:
            return
        if error is None:
            if answer.done is not None:
                answer.done(answer.future.result())
            return
        if not isinstance(error, WorkstationError):
            log.error("a task failed", exc_info=error)
        if answer.failed is not None:
            answer.failed(error)
        elif not isinstance(error, JobCancelled):
            self.failed.emit(error)
