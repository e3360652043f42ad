import threading

import pytest

from mlops_desktop.domain.errors import Conflict, JobCancelled
from mlops_desktop.domain.events import JobChanged
from mlops_desktop.runtime.event_bus import EventBus
from mlops_desktop.runtime.jobs import JobContext, JobPool, JobState


@pytest.fixture
def pool():
    pool = JobPool(EventBus(), threads=3)
    yield pool
    pool.close()


def test_a_job_reports_progress_log_and_result(pool):
    def work(context: JobContext) -> int:
        context.progress(0.5, "half")
        context.log("first", step="one")
        context.log("second")
        return 42

    job = pool.start("Work", work)
    assert job.result(5) == 42
    assert (job.state, job.fraction, job.message) == (JobState.DONE, 1.0, "half")
    assert [(line.step, line.text) for line in job.lines()] == [("one", "first"), ("", "second")]
    assert [line.text for line in job.lines(after=1)] == ["second"]
    assert job.lines(after=2) == []


def test_jobs_of_one_key_never_overlap_and_keep_their_order(pool):
    order, inside = [], []

    def work(number: int) -> int:
        inside.append(number)
        assert len(inside) == 1
        threading.Event().wait(0.01)
        inside.remove(number)
        order.append(number)
        return number

    jobs = [pool.start("Work", lambda _, n=n: work(n), key="same") for n in range(8)]
    assert [job.result(10) for job in jobs] == list(range(8))
    assert order == list(range(8))


def test_cancel_reaches_a_job_that_waits_and_calls_back_once(pool):
    begun, closed = threading.Event(), []

    def work(context: JobContext) -> None:
        stop = threading.Event()
        context.on_cancel(lambda: (closed.append(1), stop.set()))
        begun.set()
        stop.wait(5)
        context.check_cancelled()

    job = pool.start("Work", work)
    assert begun.wait(5)
    pool.cancel(job.id)
    with pytest.raises(JobCancelled):
        job.result(5)
    assert job.state is JobState.CANCELLED
    assert closed == [1]


def test_a_job_cancelled_while_it_queued_never_runs(pool):
    go, ran = threading.Event(), []
    pool.start("First", lambda _: go.wait(5), key="k")
    second = pool.start("Second", lambda _: ran.append(1), key="k")
    pool.cancel(second.id)
    go.set()
    with pytest.raises(JobCancelled):
        second.result(5)
    assert ran == []


def test_errors_are_kept_for_whoever_asks(pool):
    def refuse(_: JobContext) -> None:
        raise Conflict("Taken.", "Choose another.")

    job = pool.start("Work", refuse)
    with pytest.raises(Conflict):
        job.result(5)
    assert job.state is JobState.FAILED
    assert job.message == "Taken. Choose another."


def test_run_stays_on_the_callers_thread(pool):
    assert pool.run("Work", lambda _: threading.get_ident()) == threading.get_ident()


def test_every_change_is_published():
    bus, heard = EventBus(), []
    bus.subscribe(lambda published: heard.append(published.event))
    pool = JobPool(bus)
    job = pool.start("Work", lambda _: None)
    job.result(5)
    pool.close()
    assert heard
    assert set(heard) == {JobChanged(job.id)}


def test_finished_jobs_are_forgotten_after_a_hundred(pool):
    for _ in range(130):
        pool.run("Work", lambda _: None)
    assert len(pool.jobs()) <= 101
