"""What goes on while a workspace is open: collecting, reconciling, tidying up, and noticing what other processes did.

Of several processes on one workspace only one collects and reconciles: the one that holds `run/collector.lock`. When it
ends, the system frees the lock and the next one takes over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_desktop.domain.events import OtherProcessChanged
from mlops_desktop.runtime.ticker import Ticker
from mlops_desktop.store import audit as store
from mlops_desktop.store.locks import HeldLock

if TYPE_CHECKING:
    from mlops_desktop.runtime.event_bus import Published
    from mlops_desktop.services.parts import Parts

WATCH_SECONDS = 0.5
TIDY_SECONDS = 6 * 3600.0
WATCHDOG_SECONDS = 5.0


class Background:
    """Five tickers; `start` once, `stop` waits for them. Any process's `watchdog` looks after the one that collects."""

    def __init__(
        self,
        parts: Parts,
        *,
        collect: Callable[[], object],
        reconcile: Callable[[], object],
        tidy: Callable[[], object] = lambda: None,
        watchdog: Callable[[], object] = lambda: None,
    ) -> None:
        settings = parts.settings
        self._lock = HeldLock(parts.paths.runtime / "collector.lock")
        self._holding = threading.Lock()
        self._watch = OtherProcesses(parts)
        self._tickers = (
            Ticker("collect", settings.collect_seconds, lambda: self._alone(collect)),
            Ticker("reconcile", settings.reconcile_seconds, lambda: self._alone(reconcile)),
            Ticker("tidy", TIDY_SECONDS, lambda: self._alone(tidy)),
            Ticker("watchdog", WATCHDOG_SECONDS, watchdog),
            Ticker("watch", WATCH_SECONDS, self._watch.look),
        )

    def start(self) -> None:
        for ticker in self._tickers:
            ticker.start()

    def stop(self) -> None:
        # The rounds that are under way end together, not one after the other.
        stopping = [threading.Thread(target=ticker.stop, name=f"stop-{ticker.name}") for ticker in self._tickers]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        self._watch.close()
        self._lock.release()

    def _alone(self, function: Callable[[], object]) -> None:
        with self._holding:
            mine = self._lock.acquire()
        if mine:
            function()


class OtherProcesses:
    """Publishes `OtherProcessChanged` for audit events that did not pass through this process's bus."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._version: int | None = None
        self._own_lock = threading.Lock()
        self._own: set[int] = set()
        self._unsubscribe = parts.bus.subscribe(self._heard)
        self._seen = store.last_sequence(parts.database.read())

    def look(self) -> None:
        """One glance: PRAGMA data_version costs microseconds while nobody else has committed."""
        database = self._parts.database
        version = database.data_version()
        if version == self._version:
            return
        self._version = version
        names: dict[str, None] = {}
        while found := store.events_after(database.read(), self._seen):
            with self._own_lock:
                names.update((name, None) for sequence, name in found if sequence not in self._own)
                self._seen = found[-1][0]
                self._own = {sequence for sequence in self._own if sequence > self._seen}
        if names:
            self._parts.bus.publish(OtherProcessChanged(tuple(names)))

    def close(self) -> None:
        self._unsubscribe()

    def _heard(self, published: Published) -> None:
        if published.sequence is not None:
            with self._own_lock:
                self._own.add(published.sequence)
