"""Where the person is and has been: opens screens by key, goes back and forward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

KEPT = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A screen's key and what it was asked to show."""

    key: str
    params: dict[str, Any] = field(default_factory=dict)


class Navigator(QObject):
    """Given to every presenter. `navigator.open("version", model="flight-delay", version=2)`."""

    moved = Signal(object)  # the Place to show

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._past: list[Place] = []
        self._future: list[Place] = []
        self._here: Place | None = None

    @property
    def here(self) -> Place | None:
        return self._here

    @property
    def can_go_back(self) -> bool:
        return bool(self._past)

    @property
    def can_go_forward(self) -> bool:
        return bool(self._future)

    def open(self, key: str, **params: Any) -> None:
        """Show a screen. Keys and params are listed in ui/screens/catalogue.py."""
        place = Place(key, params)
        if place != self._here:
            if self._here is not None:
                self._past = [*self._past, self._here][-KEPT:]
            self._future = []
        self._here = place
        self.moved.emit(place)

    def replace_params(self, **params: Any) -> None:
        """Remember another state of the same screen (a tab, a selection) without a step of history."""
        if self._here is not None:
            self._here = Place(self._here.key, {**self._here.params, **params})

    def back(self) -> None:
        if self._past and self._here is not None:
            self._future.append(self._here)
            self._here = self._past.pop()
            self.moved.emit(self._here)

    def forward(self) -> None:
        if self._future and self._here is not None:
            self._past.append(self._here)
            self._here = self._future.pop()
            self.moved.emit(self._here)

    def forget(self) -> None:
        """Another workspace or another person: what was is nobody's way back."""
        self._past, self._future, self._here = [], [], None
