"""What the steps of the tour share: figures, the people, the workspace, and the flights that are under way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.errors import DeploymentFailed, NotAllowed, StorageError, WorkstationError
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import party
from mlops_desktop.tour.replay import Progress, Replay

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

T = TypeVar("T")
DEFAULT_SPEED = 3.0  # days of flights a second


@dataclass(frozen=True, slots=True)
class Figure:
    """One number or word that a step brought to light."""

    name: str
    value: float | str
    unit: str = ""

    @property
    def text(self) -> str:
        if isinstance(self.value, str):
            return f"{self.value} {self.unit}".strip()
        if self.unit == "s" and 0 < self.value < 1:
            return f"{self.value * 1000:.3g} ms"
        number = f"{self.value:,.0f}" if self.value == int(self.value) and abs(self.value) >= 1 else f"{self.value:.3g}"
        return f"{number} {self.unit}".strip()


Figures = tuple[Figure, ...]


@dataclass(slots=True)
class Tour:
    """Everything that the steps share. `run` steps on a background thread; `close` ends traffic and background work."""

    folder: Path
    speed: float = DEFAULT_SPEED
    team: dict[str, party.Person] = field(default_factory=party.people)
    sessions: dict[str, Session] = field(default_factory=dict)
    replay: Replay | None = None
    marks: dict[str, float] = field(default_factory=dict)  # epoch seconds at which things happened
    opened: Workspace | None = None
    run: str = ""  # added to the predictions' ids; tells flights of several replays in one workspace apart
    again: bool = False  # whether the year of flights begins anew when it is over

    @property
    def workspace(self) -> Workspace:
        if self.opened is None:
            raise StorageError("The tour's workspace is not made yet.", "Take the first step first.")
        return self.opened

    @property
    def flights(self) -> Replay:
        if self.replay is None:
            raise DeploymentFailed("No flights are being sent.", "Take the step “Send flights” first.")
        return self.replay

    @property
    def progress(self) -> Progress:
        return self.flights.progress

    def person(self, part: str) -> party.Person:
        return self.team[part]

    def session(self, part: str) -> Session:
        """The tour's own session of a person, begun again when somebody ended it."""
        accounts, person = self.workspace.accounts, self.person(part)
        try:
            accounts.account(self.sessions[part])
        except NotAllowed:
            self.sessions[part] = accounts.sign_in(person.name, person.password)
        return self.sessions[part]

    def wait_for(
        self, what: str, found: Callable[[], T], seconds: float, context: JobContext, *, pause: float = 0.5
    ) -> T:
        """What `found` returns as soon as it is true, else its last value after `seconds`; tells what is waited for."""
        end = time.monotonic() + seconds
        while True:
            value = found()
            if value or time.monotonic() >= end:
                return value
            day = self.replay.progress.day if self.replay else None
            context.progress(None, f"{what}{f' ({day:%d %B} of the flights)' if day else ''}")
            time.sleep(pause)

    def close(self) -> None:
        """Stop the traffic and let go of the workspace; what is deployed keeps serving."""
        if self.replay is not None:
            self.replay.stop()
        if self.opened is not None:
            self.opened.close()

    def discard(self) -> None:
        """Stop what serves and the gateway, close, and remove the tour's folder. The images stay: they are cached."""
        self.stop_serving()
        self.remove()

    def stop_serving(self) -> None:
        """Stop the flights, every deployment and the gateway; the workspace stays open."""
        if self.replay is not None:
            self.replay.stop()
        if self.opened is not None and "engineer" in self.sessions:
            workspace = self.opened
            if workspace.delivery.engine_status().available:
                workspace.delivery.shut_down(self.session("engineer"), reason="the tour is over")

    def remove(self) -> None:
        """Close the workspace and remove its folder."""
        import shutil

        from mlops_desktop.workspace import forget

        if self.opened is not None:
            self.opened.close()
            self._sweep()
            forget(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()  # it was made for this tour, which never began

    def _sweep(self) -> None:
        """Stop once more what a round of the background work may have brought back while everything was stopped."""
        from mlops_desktop.workspace import open_workspace

        person = self.person("engineer")
        with contextlib.suppress(WorkstationError), open_workspace(self.folder) as quiet:
            if quiet.delivery.engine_status().available:
                session = quiet.accounts.sign_in(person.name, person.password)
                quiet.delivery.shut_down(session, reason="the tour is over")
