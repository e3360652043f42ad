"""The window: either the gate (first run, signing in) or the desk; its shortcuts, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QWidget

from mlops_desktop.ui.screens.catalogue import SCREENS
from mlops_desktop.ui.shell.desk import Desk
from mlops_desktop.ui.window_state import window_state

SMALLEST = (960, 640)
FIRST_SIZE = (1280, 800)


class MainWindow(QMainWindow):
    """Navigation only: who opens workspaces and signs people in is ui/app.py."""

    lock_wanted = Signal()
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("MLOps Desktop")
        self.setMinimumSize(*SMALLEST)
        self.resize(*FIRST_SIZE)
        self._stack = QStackedWidget()
        self._side: QWidget | None = None
        holder = QWidget()
        self._holder = QHBoxLayout(holder)
        self._holder.setContentsMargins(0, 0, 0, 0)
        self._holder.setSpacing(0)
        self._holder.addWidget(self._stack, 1)
        self.setCentralWidget(holder)
        self._desk: Desk | None = None
        self._shortcuts: list[QShortcut] = []
        self.may_close: Callable[[], bool] = lambda: True
        geometry = window_state().value("window/geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self._add("Ctrl+Q", self.close)

    @property
    def desk(self) -> Desk:
        """Built when somebody first signs in: the gate is painted without it."""
        if self._desk is None:
            self._desk = Desk()
            self._stack.addWidget(self._desk)
            self._add_desk_shortcuts(self._desk)
        return self._desk

    @property
    def at_desk(self) -> bool:
        return self._desk is not None and self._stack.currentWidget() is self._desk

    def show_gate(self, page: QWidget) -> None:
        """First run or signing in, instead of everything else."""
        if self._stack.indexOf(page) < 0:
            self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)
        self._enable_shortcuts()

    def show_desk(self) -> None:
        self._stack.setCurrentWidget(self.desk)
        self._enable_shortcuts()

    def drop_gate(self, page: QWidget) -> None:
        self._stack.removeWidget(page)
        page.deleteLater()

    def set_side(self, panel: QWidget | None) -> None:
        """A panel that accompanies whatever is open, such as the tour's guide; None takes it away."""
        if self._side is not None:
            self._holder.removeWidget(self._side)
            self._side.deleteLater()
        self._side = panel
        if panel is not None:
            self._holder.addWidget(panel)

    def raise_up(self) -> None:
        """A second start asks the first window to show itself."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.may_close():
            event.ignore()
            return
        window_state().setValue("window/geometry", self.saveGeometry())
        super().closeEvent(event)
        self.closed.emit()

    def _add(self, keys: str, slot: Callable[[], object]) -> QShortcut:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(slot)
        return shortcut

    def _add_desk_shortcuts(self, desk: Desk) -> None:
        for spec in SCREENS:
            if spec.shortcut and spec.rail and spec.available:
                self._shortcuts.append(self._add(spec.shortcut, partial(desk.rail.wanted.emit, spec.key)))
        for keys, slot in (
            ("Ctrl+K", desk.palette_panel.toggle),
            ("Ctrl+J", desk.tray.toggle),
            ("Ctrl+B", desk.news.toggle),
            ("Alt+Left", desk.bar.back.click),
            ("Alt+Right", desk.bar.forward.click),
            ("F5", desk.refresh),
            ("Ctrl+F", desk.focus_filter),
            ("Ctrl+L", self.lock_wanted.emit),
            ("?", desk.show_shortcuts),
        ):
            self._shortcuts.append(self._add(keys, slot))

    def _enable_shortcuts(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(self.at_desk)
