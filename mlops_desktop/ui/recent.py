"""Which workspace was opened last, read without importing the workspace: the first paint waits for nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from mlops_desktop.ui.window_state import config_folder


def last_workspace() -> Path | None:
    """The first of the recent list that is still there."""
    try:
        entries = json.loads((Path(config_folder()) / "recent.json").read_text(encoding="utf-8"))
        paths = [Path(entry["path"]) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((path for path in paths if (path / "registry.db").is_file()), None)
