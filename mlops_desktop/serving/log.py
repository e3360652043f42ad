"""Structured log lines: one JSON object a line on standard output, where the engine collects them."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


def log(level: str, message: str, **facts: Any) -> None:
    """Write one line: when, how bad (info, warning, error), one sentence, and named facts."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message, **facts}
    sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


class JsonLines(logging.Handler):
    """Gives the records of libraries (uvicorn, onnxruntime, scikit-learn's warnings) the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            facts["traceback"] = logging.Formatter().formatException(record.exc_info)
        log(record.levelname.lower(), record.getMessage(), **facts)


def install() -> None:
    """Send every library's warnings and errors through `log`."""
    root = logging.getLogger()
    root.handlers[:] = [JsonLines()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
