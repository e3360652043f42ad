"""Call a function again and again on a thread of its own, slower after errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from mlops_desktop.domain.errors import WorkstationError

log = logging.getLogger(__name__)
LONGEST_PAUSE = 60.0


class Ticker:
    """Calls `function` every `seconds`, counted from start to start; after n errors in a row it waits 2^n times that.

    An expected error (WorkstationError) is logged as one line, anything else with its traceback; neither ends it.
    """

    def __init__(self, name: str, seconds: float, function: Callable[[], object]) -> None:
        self.name = name
        self.failures = 0
        self._seconds = seconds
        self._function = function
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=f"ticker-{self.name}", daemon=True)
            self._thread.start()

    def poke(self) -> None:
        """Do the next round now."""
        self._wake.set()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the round that is under way."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _loop(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._function()
                self.failures = 0
            except WorkstationError as error:
                self.failures += 1
                log.warning("%s: %s", self.name, error)
            except Exception:  # one of the design's three places: a bug must not end the ticking
                self.failures += 1
                log.exception("%s failed", self.name)
            pause = min(self._seconds * 2 ** min(self.failures, 10), max(LONGEST_PAUSE, self._seconds))
            self._wake.wait(max(0.0, pause - (time.monotonic() - began)))
            self._wake.clear()
