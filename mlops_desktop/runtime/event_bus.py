"""Tell everybody who asked what has happened; callbacks run on the publishing thread and must be quick."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from mlops_desktop.domain.events import Event

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """An event as it reaches subscribers. `sequence` is its place in the audit chain, None for transient ones."""

    event: Event
    actor: str = ""
    sequence: int | None = None


Subscriber = Callable[[Published], None]


class EventBus:
    """Subscribers in order of subscription. One that raises is logged and doesn't keep the others from hearing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` for every event from now on; returns the function that ends it."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(s for s in self._subscribers if s is not subscriber)

        return unsubscribe

    def publish(self, event: Event, actor: str = "", sequence: int | None = None) -> None:
        published = Published(event, actor, sequence)
        for subscriber in self._subscribers:
            try:
                subscriber(published)
            except RuntimeError:
                # A window that was closed meanwhile: Qt says so with a RuntimeError.
                log.warning("a subscriber failed on %s", type(event).__name__, exc_info=True)
