"""One window for each workspace: a second start asks the first to come forward, and ends."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PySide6.QtCore import QDir, QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

ANSWER_MS = 1_000


class SingleInstance(QObject):
    """`take(workspace)` is False when another window has it, which then has been asked to show itself.

    Where no lock can be written at all (a full or foreign temporary folder), nobody is kept from working.
    """

    asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock: QLockFile | None = None
        self._server: QLocalServer | None = None

    def take(self, workspace: Path) -> bool:
        self.release()
        name = _name(workspace)
        lock = QLockFile(str(Path(QDir.tempPath()) / f"{name}.lock"))
        # Only a process that has died leaves a stale lock; time says nothing about a window that is left open.
        lock.setStaleLockTime(0)
        if not lock.tryLock(0):
            if lock.error() is not QLockFile.LockError.LockFailedError:
                return True
            _ask_other(name)
            return False
        self._lock = lock
        QLocalServer.removeServer(name)
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._on_connection)
        server.listen(name)
        self._server = server
        return True

    def release(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server.deleteLater()
            self._server = None
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def _on_connection(self) -> None:
        if self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            socket.disconnectFromServer()
            self.asked.emit()


def _name(workspace: Path) -> str:
    return f"mlops-desktop-{hashlib.sha256(str(workspace.resolve()).encode()).hexdigest()[:16]}"


def _ask_other(name: str) -> None:
    socket = QLocalSocket()
    socket.connectToServer(name)
    if socket.waitForConnected(ANSWER_MS):
        socket.disconnectFromServer()
