"""What every command is given: the workspace, the person, and where output goes. Opened when first asked for."""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from mlops_desktop.cli.output import Output
from mlops_desktop.domain.errors import InvalidInput, NotAllowed, NotFound
from mlops_desktop.runtime.log_file import LogFile

if TYPE_CHECKING:
    from mlops_desktop.domain.accounts import Session
    from mlops_desktop.runtime.jobs import JobContext
    from mlops_desktop.tour.offscreen import Photographer
    from mlops_desktop.tour.stage import Tour
    from mlops_desktop.workspace import Workspace

T = TypeVar("T")
PASSWORD_VARIABLE = "MLOPS_DESKTOP_PASSWORD"  # noqa: S105  the name of a variable
USER_VARIABLE = "MLOPS_DESKTOP_USER"
WORKSPACE_VARIABLE = "MLOPS_DESKTOP_WORKSPACE"


class Windows(Protocol):
    """What the command line wants of the window. `__main__` gives it: the two front ends don't know one another."""

    def open(self, workspace: Path | None = None) -> int:
        """Open the window and return the exit code when it is closed; without a display one line says so."""

    def has_display(self) -> bool: ...

    def guided_tour(self, tour: Tour, *, keep: bool) -> int:
        """Open the window with the tour beside it; returns the exit code when it is closed."""

    def photographer(self) -> Photographer | None:
        """Who takes pictures of the unseen window; None when the window is not installed."""


class Here:
    """Where a command runs. Use as `@pass_here`; `close` is called when the command is over."""

    def __init__(
        self, workspace: Path | None, user: str | None, *, json: bool, progress: bool, windows: Windows | None = None
    ) -> None:
        self.output = Output(json, progress)
        self.windows = windows
        self._workspace = workspace
        self._user = user
        self._opened: Workspace | None = None

    @property
    def folder(self) -> Path:
        """`--workspace`, else the variable, else the one that was opened last."""
        if self._workspace is not None:
            return self._workspace
        if variable := os.environ.get(WORKSPACE_VARIABLE):
            return Path(variable)
        from mlops_desktop.workspace import recent_workspaces

        recent = recent_workspaces()
        if not recent:
            raise NotFound(
                "No workspace was named and none was opened before.",
                "Name one with --workspace DIR, or make one with: mlops-desktop --workspace DIR init",
            )
        return Path(recent[0])

    @property
    def chosen(self) -> bool:
        """Whether the person said which workspace is meant."""
        return self._workspace is not None or bool(os.environ.get(WORKSPACE_VARIABLE))

    @cached_property
    def workspace(self) -> Workspace:
        from mlops_desktop.workspace import open_workspace

        self._opened = open_workspace(self.folder)
        return self._opened

    @cached_property
    def user(self) -> str:
        """`--user`, else the variable, else what the person answers, else the login name of this computer."""
        if name := self._user or os.environ.get(USER_VARIABLE):
            return name
        login = getpass.getuser()
        return str(click.prompt("User", default=login, err=True)) if sys.stdin.isatty() else login

    @cached_property
    def password(self) -> str:
        """The variable, else what the person types."""
        return self._ask(f"Password of {self.user}")

    @cached_property
    def session(self) -> Session:
        """Signed in as the user; NotAllowed when name or password is wrong."""
        user = self.user
        return self.workspace.accounts.sign_in(user, self.password)

    def new_password(self, whose: str, variable: str = PASSWORD_VARIABLE) -> str:
        """A password that is being chosen: typed twice at a terminal."""
        return self._ask(f"New password of {whose}", variable, confirm=True)

    def _ask(self, prompt: str, variable: str = PASSWORD_VARIABLE, *, confirm: bool = False) -> str:
        if (password := os.environ.get(variable)) is not None:
            return password
        if not sys.stdin.isatty():
            raise NotAllowed("No password was given.", f"Set {variable}, or run this in a terminal to be asked.")
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))

    def run(self, title: str, function: Callable[[JobContext], T]) -> T:
        """Run a slow function on this thread as a job: its progress is told on standard error, Ctrl+C cancels it."""
        workspace = self.workspace
        before = {job.id for job in workspace.jobs.jobs()}
        teller = _Teller(self.output)

        def changed(published: Any) -> None:
            if type(published.event).__name__ == "JobChanged":
                for job in workspace.jobs.jobs():
                    if job.id not in before:
                        teller.tell(job)

        def cancel(_number: int, _frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl+C ends it at once
            self.output.note("Cancelling … (Ctrl+C again to leave without tidying up)")
            for job in workspace.jobs.jobs():
                if job.id not in before:
                    workspace.jobs.cancel(job.id)

        unsubscribe = workspace.events.subscribe(changed)
        previous = signal.signal(signal.SIGINT, cancel)
        try:
            return workspace.jobs.run(title, function)
        finally:
            signal.signal(signal.SIGINT, previous)
            unsubscribe()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


class _Teller:
    """Tells a job's new lines and messages, each once."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lines = 0
        self._message = ""

    def tell(self, job: Any) -> None:
        for line in job.lines(self._lines):
            self._output.progress(f"  {line.step + ': ' if line.step else ''}{line.text.rstrip()}")
        self._lines = job.line_count
        if job.message != self._message and job.error is None:
            self._message = job.message
            share = "" if job.fraction is None else f"{job.fraction:4.0%} "
            self._output.progress(f"{share}{job.message}")


pass_here = click.make_pass_decorator(Here)


def log_file() -> Path:
    """Where bugs and warnings of the command line are written."""
    import platformdirs

    return Path(platformdirs.user_log_dir("mlops-desktop", appauthor=False)) / "cli.log"


def start_log() -> None:
    """Send what modules log to the file; without this Python prints warnings between a command's output."""
    with contextlib.suppress(OSError):  # no home to write to: the command works without a log
        file = log_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = LogFile(file, 1_000_000, 1)
        handler.setLevel(logging.WARNING)
        logging.getLogger().addHandler(handler)
        return
    logging.getLogger().addHandler(logging.NullHandler())


def data_file(path: Path) -> bytes:
    """The content of a file that a person named, `-` for standard input; InvalidInput if it can't be read."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"{path} can't be read: {reason}.", "Check the name of the file.") from None


@contextlib.contextmanager
def told_only(output: Output, *errors: type[Exception]) -> Iterator[None]:
    """Note these errors and go on: for steps without which the command still has an answer."""
    try:
        yield
    except errors as error:
        output.note(f"Note: {error}")
