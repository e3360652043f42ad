"""Turn the event bus, which speaks on any thread, into one Qt signal on the GUI thread, many events at a time."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from mlops_desktop.domain import events
from mlops_desktop.domain.events import Event, JobChanged, OtherProcessChanged

if TYPE_CHECKING:
    from mlops_desktop.runtime.event_bus import EventBus, Published

TOGETHER_MS = 60
KEPT = 5_000


class EventBridge(QObject):
    """`happened` carries a list of Published. Screens use `Presenter.listen`, which asks `concerns`."""

    happened = Signal(list)
    job_changed = Signal(str)
    _woken = Signal()

    def __init__(self, bus: EventBus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: deque[Published] = deque(maxlen=KEPT)
        self._jobs: dict[str, None] = {}
        self._awake = False
        self._timer = QTimer(self, interval=TOGETHER_MS, singleShot=True)
        self._timer.timeout.connect(self._tell)
        self._woken.connect(self._timer.start, Qt.ConnectionType.QueuedConnection)
        self._unsubscribe = bus.subscribe(self._hear)

    def close(self) -> None:
        self._unsubscribe()
        self._timer.stop()

    def _hear(self, published: Published) -> None:
        with self._lock:
            if isinstance(published.event, JobChanged):
                self._jobs[published.event.job] = None
            else:
                self._waiting.append(published)
            if self._awake:
                return
            self._awake = True
        self._woken.emit()

    def _tell(self) -> None:
        with self._lock:
            told, jobs = list(self._waiting), list(self._jobs)
            self._waiting.clear()
            self._jobs.clear()
            self._awake = False
        for job in jobs:
            self.job_changed.emit(job)
        if told:
            self.happened.emit(told)


def concerns(event: Event, kinds: tuple[type[Event], ...]) -> bool:
    """Whether an event is of one of the kinds, also when another process did it and only its name is known."""
    if isinstance(event, OtherProcessChanged):
        named = (getattr(events, name, None) for name in event.events)
        return any(isinstance(kind, type) and issubclass(kind, kinds) for kind in named)
    return isinstance(event, kinds)
