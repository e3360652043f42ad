"""What nobody caught: into a local log file, and in front of the person as a bug of ours. Nothing is sent anywhere."""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler

from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.runtime.log_file import LogFile

log = logging.getLogger("mlops_desktop.ui")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
MEGABYTE = 1 << 20


class Incidents(QObject):
    """`happened(error)` on the GUI thread, whatever thread it came from."""

    happened = Signal(object)
    _noticed = Signal(object)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.file = folder / "window.log"
        self._crashes: TextIO | None = None
        self._noticed.connect(self.happened, Qt.ConnectionType.QueuedConnection)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            logging.getLogger("mlops_desktop").addHandler(LogFile(self.file, MEGABYTE, 2))
            self._crashes = (folder / "crash.log").open("a", encoding="utf-8")
            faulthandler.enable(self._crashes)
        except OSError as error:
            # A full disk must not keep the window from opening.
            print(f"No log is written: {error}", file=sys.stderr)  # noqa: T201

    def install(self) -> None:
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        qInstallMessageHandler(_on_qt_message)

    def remove(self) -> None:
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)
        if self._crashes is not None:
            faulthandler.disable()
            self._crashes.close()

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        if not isinstance(error, WorkstationError):
            log.error("nobody caught this", exc_info=(kind, error, trace))
        self._noticed.emit(error)

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)


def _on_qt_message(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    log.log(_LEVELS.get(kind, logging.WARNING), "Qt: %s", message)
