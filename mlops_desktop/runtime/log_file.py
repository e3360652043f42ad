"""A log that never gets in the way: a disk that is full costs its lines, and puts no traceback before a person."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFile(logging.handlers.RotatingFileHandler):
    """Up to `size` bytes, and `kept` older files; opened with the first line."""

    def __init__(self, path: Path, size: int, kept: int) -> None:
        super().__init__(path, maxBytes=size, backupCount=kept, delay=True, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(logging.Formatter(LINE))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Logging would print a traceback to the terminal."""
