"""What a signed-in person has before them: rail, bar, the open screen, and the panels above it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import Crumb, Screen, ScreenContext
from mlops_desktop.ui.screens.catalogue import BY_KEY, SCREENS
from mlops_desktop.ui.shell.command_palette import CommandPalette
from mlops_desktop.ui.shell.notifications import NewsCentre
from mlops_desktop.ui.shell.rail import Rail
from mlops_desktop.ui.shell.shortcuts import ShortcutOverlay
from mlops_desktop.ui.shell.task_tray import TaskTray
from mlops_desktop.ui.shell.top_bar import TopBar
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.toast import Toast

ROOMY = 820  # pixels that rail and bar need with all their words
ROOMY_SEARCH = 1080  # pixels with which the search's words don't push out where the person is


class Desk(QWidget):
    """Builds a screen when it is first opened and keeps it; another person or workspace begins with none."""

    screen_shown = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context: ScreenContext | None = None
        self._screens: dict[str, Screen] = {}
        self._compact = (False, False)
        entries = [(s.key, s.title, s.icon, s.shortcut) for s in SCREENS if s.rail and s.available]
        self.rail = Rail(entries)
        self.bar = TopBar()
        self.banner = Banner()
        self.stack = QStackedWidget()
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.bar)
        right.addWidget(self.banner)
        right.addWidget(self.stack, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addLayout(right, 1)
        self.palette_panel = CommandPalette(self)
        self.tray = TaskTray(self, self.bar.tray)
        self.news = NewsCentre(self, self.bar.bell)
        self.shortcuts = ShortcutOverlay(self)
        self.toast = Toast(self)
        self.bar.crumbs.wanted.connect(self._on_crumb)
        self.bar.search.clicked.connect(self.palette_panel.open)
        self.bar.tray.clicked.connect(self.tray.toggle)
        self.bar.bell.clicked.connect(self.news.toggle)
        self.bar.keys.clicked.connect(self.show_shortcuts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        compact = (self.width() < ROOMY, self.width() < ROOMY_SEARCH)
        if compact != self._compact:
            self._compact = compact
            self.rail.set_compact(compact[0])
            self.bar.set_compact(account=compact[0], search=compact[1])

    @property
    def current(self) -> Screen | None:
        widget = self.stack.currentWidget()
        return widget if isinstance(widget, Screen) else None

    @property
    def here(self) -> str:
        """The key of the screen that is open."""
        return next((key for key, screen in self._screens.items() if screen is self.current), "")

    def enter(self, context: ScreenContext) -> None:
        """Begin with this person in this workspace."""
        self.leave()
        self._context = context
        navigator = context.navigator
        navigator.moved.connect(self.show_place)
        self.rail.wanted.connect(navigator.open)
        self.bar.back.clicked.connect(navigator.back)
        self.bar.forward.clicked.connect(navigator.forward)
        self.rail.show_workspace(context.workspace.name, str(context.workspace.path))
        self.bar.account.show_account(context.account)

    def leave(self) -> None:
        """Forget every screen: the next person must not see what this one saw."""
        if self._context is not None:
            navigator = self._context.navigator
            navigator.moved.disconnect(self.show_place)
            self.rail.wanted.disconnect(navigator.open)
            self.bar.back.clicked.disconnect(navigator.back)
            self.bar.forward.clicked.disconnect(navigator.forward)
        self._context = None
        for panel in (self.palette_panel, self.tray, self.news, self.shortcuts):
            panel.close_panel()
        for screen in self._screens.values():
            self.stack.removeWidget(screen)
            screen.deleteLater()
        self._screens = {}
        self.banner.clear()

    def show_place(self, place: Place) -> None:
        """Open a screen with its params."""
        spec = BY_KEY.get(place.key)
        if spec is None or self._context is None or not spec.available:
            return
        before = self.current  # the first screen is the stack's current one as soon as it is added
        screen = self._screens.get(place.key)
        if screen is None:
            screen = spec.create(self._context)
            self._screens[place.key] = screen
            self.stack.addWidget(screen)
            screen.crumbs_changed.connect(lambda s=screen: self._show_crumbs(s))
        screen.opened.emit(dict(place.params))
        if screen is not before:
            self.stack.setCurrentWidget(screen)
            # Single-letter shortcuts of the screen work at once, and Tab begins here.
            screen.setFocus()
        self.rail.light_up(spec.parent or spec.key)
        self._show_crumbs(screen)
        self.bar.back.setEnabled(self._context.navigator.can_go_back)
        self.bar.forward.setEnabled(self._context.navigator.can_go_forward)
        self.screen_shown.emit(place.key)

    def refresh(self) -> None:
        if self.current is not None:
            self.current.refresh_wanted.emit()

    def focus_filter(self) -> None:
        if self.current is not None:
            self.current.focus_filter()

    def show_shortcuts(self) -> None:
        screen = self.current
        if screen is not None:
            self.shortcuts.show_keys(screen.title, screen.keys)

    def _show_crumbs(self, screen: Screen) -> None:
        if screen is self.current:
            self.bar.crumbs.show_crumbs(screen.crumbs)

    def _on_crumb(self, crumb: Any) -> None:
        if isinstance(crumb, Crumb) and self._context is not None:
            self._context.navigator.open(crumb.key, **dict(crumb.params))
