"""Which workspaces this person opened lately: a small file in the person's configuration folder."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

KEPT = 20


@dataclass(frozen=True, slots=True)
class RecentWorkspace:
    path: Path
    name: str

    def __fspath__(self) -> str:
        return str(self.path)


def recent_workspaces() -> list[RecentWorkspace]:
    """The last opened first; those that are gone are left out. A damaged list is an empty one."""
    return [entry for entry in _read() if (entry.path / "registry.db").is_file()]


def remember(path: Path, name: str) -> None:
    """Put the workspace first. A configuration folder that can't be written is no reason to fail."""
    entries = [RecentWorkspace(path, name), *(entry for entry in _read() if entry.path != path)]
    _write(entries[:KEPT])


def forget(path: Path) -> None:
    """Take the workspace off the list; its files stay."""
    _write([entry for entry in _read() if entry.path != path])


def _file() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("mlops-desktop", appauthor=False)) / "recent.json"


def _read() -> list[RecentWorkspace]:
    try:
        data = json.loads(_file().read_text(encoding="utf-8"))
        return [RecentWorkspace(Path(entry["path"]), str(entry["name"])) for entry in data]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _write(entries: list[RecentWorkspace]) -> None:
    text = json.dumps([{"path": str(entry.path), "name": entry.name} for entry in entries], indent=1)
    with contextlib.suppress(OSError):
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".recent-", dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
