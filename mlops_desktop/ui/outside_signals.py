"""The end of a session, or Ctrl+C in the terminal that started the window: it closes in order, as if by a person.

Python runs its own handlers only between two of its own instructions, and an idle Qt loop has none. So the byte that
the interpreter writes for each signal wakes Qt up.
"""

from __future__ import annotations

import contextlib
import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class OutsideSignals(QObject):
    """`asked_to_end` on the GUI thread. Create it on the main thread; `close` gives the signals back."""

    asked_to_end = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        self._fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_byte)

    def close(self) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._fd)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _on_byte(self) -> None:
        with contextlib.suppress(BlockingIOError):
            received = set(self._read.recv(4096))
            if received & {int(number) for number in SIGNALS}:
                self.asked_to_end.emit()
