"""What a screen is to the shell, and what a presenter is to its view.

The view arranges widgets and says what the person wants by signals; the presenter asks the workspace and decides what
the view shows. See ui/screens/overview for the pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account, Session
from mlops_desktop.domain.events import Event
from mlops_desktop.ui.event_bridge import EventBridge, concerns
from mlops_desktop.ui.navigator import Navigator
from mlops_desktop.ui.task_runner import Job, JobContext, TaskRunner
from mlops_desktop.ui.theme import XL, Appearance, L
from mlops_desktop.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the breadcrumb; one without a key is where the person is."""

    title: str
    key: str = ""
    params: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class WindowActions:
    """What a screen may ask of the window itself."""

    lock: Callable[[], None]
    sign_out: Callable[[], None]
    change_workspace: Callable[[], None]
    open_workspace: Callable[[Path], None]  # the same one again, too: its settings are read anew
    choose_theme: Callable[[Appearance], None]
    lock_after: Callable[[float], None]  # minutes without a touch; 0: never


@dataclass(slots=True)
class ScreenContext:
    """What every screen's factory is given. `account` is read anew when roles change."""

    workspace: Workspace
    session: Session
    account: Account
    tasks: TaskRunner
    events: EventBridge
    navigator: Navigator
    toast: Callable[..., None]  # toast("Copied."), toast("Stopped.", "Undo", undo)
    window: WindowActions | None = None  # None where a screen stands alone, as in its tests


class Screen(QWidget):
    """Base of every view. `banner` stands above `body`; fill `body`."""

    opened = Signal(dict)  # the params of the navigator, each time the screen is shown by it
    became_visible = Signal()
    refresh_wanted = Signal()  # F5
    crumbs_changed = Signal()

    def __init__(self, title: str, parent: QWidget | None = None, *, margin: int = XL) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self.title = title
        self.presenter: Presenter | None = None
        self._crumbs: tuple[Crumb, ...] = (Crumb(title),)
        self._keys: list[tuple[str, str]] = []
        self.banner = Banner()
        self.banner.retry.connect(self.refresh_wanted)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, L, margin, L)
        self.body.setSpacing(L)
        self.body.addWidget(self.banner)

    @property
    def crumbs(self) -> tuple[Crumb, ...]:
        return self._crumbs

    def set_crumbs(self, *crumbs: Crumb) -> None:
        self._crumbs = crumbs
        self.crumbs_changed.emit()

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Shortcuts and what they do, for the overlay behind `?`."""
        return list(self._keys)

    def add_key(self, keys: str, text: str, slot: Callable[[], object]) -> None:
        """A shortcut while the focus is on this screen; a single letter doesn't disturb typing in a field."""
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(slot)
        self._keys.append((keys, text))

    def focus_filter(self) -> bool:
        """Ctrl+F; True if there was something to focus. The default asks the first visible child that can."""
        for child in self.findChildren(QWidget):
            focus = getattr(child, "focus_filter", None)
            if focus is not None and child.isVisible() and focus():
                return True
        return False

    def show_problem(self, error: BaseException, *, can_retry: bool = True) -> None:
        """The banner in place; what was shown before stays."""
        self.banner.show_problem(error, can_retry=can_retry)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.became_visible.emit()


class Presenter(QObject):
    """Base of every presenter; it lives as long as its view. Override `refresh` and, where it has params, `open`."""

    def __init__(self, view: Screen, context: ScreenContext) -> None:
        super().__init__(view)
        view.presenter = self
        self.screen = view
        self.context = context
        self._kinds: list[tuple[tuple[type[Event], ...], Callable[[], object]]] = []
        self._stale: list[Callable[[], object]] = []
        self._unread = False  # the banner says that reading failed
        view.opened.connect(self.open)
        view.refresh_wanted.connect(self.refresh)
        view.became_visible.connect(self._catch_up)
        context.events.happened.connect(self._on_events)

    def open(self, params: dict[str, Any]) -> None:
        """The navigator shows the screen, with these params."""
        self.refresh()

    def refresh(self) -> None:
        """Read again what is shown, in the background; selection, filter and scroll position stay."""

    def listen(self, refresh: Callable[[], object], *kinds: type[Event]) -> None:
        """Call `refresh` when such an event happened: at once when the screen is visible, else when it becomes so."""
        self._kinds.append((kinds, refresh))

    def read(
        self,
        function: Callable[[], T],
        done: Callable[[T], object],
        failed: Callable[[BaseException], object] | None = None,
        *,
        name: str = "",
    ) -> None:
        """Read in the background; an error goes to the screen's banner unless `failed` takes it.

        `name` makes a later read replace an earlier one that hasn't arrived; the default is the name of `done`.
        """

        def succeeded(result: T) -> None:
            # What an action said, or another message, is not the reading's to take away.
            if failed is None and self._unread:
                self._unread = False
                self.screen.banner.clear()
            done(result)

        def refused(error: BaseException) -> None:
            self._unread = True
            self.screen.show_problem(error)

        replaces = name or getattr(done, "__qualname__", "read")
        self.context.tasks.start(self, function, succeeded, failed or refused, replaces=replaces)

    def pending(self, done: Callable[[T], object]) -> bool:
        """Whether an answer for `done` is on its way: asking again would drop it, and a slow one would never come."""
        return self.context.tasks.pending(self, getattr(done, "__qualname__", "read"))

    def run_job(
        self,
        title: str,
        function: Callable[[JobContext], T],
        done: Callable[[T], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
        *,
        key: str | None = None,
        progress: Callable[[Job[Any]], object] | None = None,
    ) -> Job[T]:
        """Start a job that the task tray shows; errors go to the banner unless `failed` takes them."""
        refused = failed or (lambda error: self.screen.show_problem(error, can_retry=False))
        return self.context.tasks.start_job(self, title, function, done, refused, key=key, progress=progress)

    def _on_events(self, published: list[Any]) -> None:
        due = [r for kinds, r in self._kinds if any(concerns(p.event, kinds) for p in published)]
        for refresh in due:
            if self.screen.isVisible():
                refresh()
            elif refresh not in self._stale:
                self._stale.append(refresh)

    def _catch_up(self) -> None:
        stale, self._stale = self._stale, []
        for refresh in stale:
            refresh()
