import threading

import pytest

from mlops_desktop.domain.errors import EngineUnavailable
from mlops_desktop.runtime.ticker import Ticker


def test_it_ticks_until_stopped():
    ticks = threading.Semaphore(0)
    ticker = Ticker("t", 0.005, ticks.release)
    ticker.start()
    assert all(ticks.acquire(timeout=5) for _ in range(5))
    ticker.stop()
    assert not [t for t in threading.enumerate() if t.name == "ticker-t"]


@pytest.mark.expect_log(r"t: No\.")
def test_errors_slow_it_down_but_do_not_end_it():
    calls = threading.Semaphore(0)
    outcomes = iter([EngineUnavailable("No."), EngineUnavailable("No.")])

    def tick() -> None:
        calls.release()
        if (error := next(outcomes, None)) is not None:
            raise error

    ticker = Ticker("t", 0.01, tick)
    ticker.start()
    assert all(calls.acquire(timeout=5) for _ in range(4))
    ticker.stop()
    assert ticker.failures == 0


def test_poke_does_not_wait_for_the_interval():
    ticks = threading.Semaphore(0)
    ticker = Ticker("t", 60, ticks.release)
    ticker.start()
    assert ticks.acquire(timeout=5)
    ticker.poke()
    assert ticks.acquire(timeout=5)
    ticker.stop()
