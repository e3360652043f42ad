"""A step of a pipeline that takes its time, so that tests can meet a busy model at a known moment."""

from __future__ import annotations

import time
from typing import Any

SECONDS = 1.5


def wait(rows: Any) -> Any:
    """Slow for large requests only: the warm-up and small ones pass at once."""
    if len(rows) > 100:
        time.sleep(SECONDS)
    return rows
