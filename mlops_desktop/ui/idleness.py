"""Notices that nobody has touched the window for a while, so that it locks."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QWindow

TOUCHES = {QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.Wheel}


class Idleness(QObject):
    """Filters the events of native windows only: those of every widget would cost a Python call each."""

    passed = Signal()

    def __init__(self, seconds: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=round(max(1.0, seconds) * 1000), singleShot=True)
        self._timer.timeout.connect(self.passed)
        if seconds > 0:
            self._timer.start()
        self._off = seconds <= 0

    def watch(self, application: QGuiApplication) -> None:
        for window in application.topLevelWindows():
            window.installEventFilter(self)
        application.focusWindowChanged.connect(self._on_window)

    def _on_window(self, window: QWindow | None) -> None:
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in TOUCHES and not self._off:
            self._timer.start()
        return False
