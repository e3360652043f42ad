"""The settings of a workspace as a person changes them, and the facts that help to find what is wrong."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlops_desktop
from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.errors import InvalidInput, StorageError
from mlops_desktop.domain.events import SettingsChanged
from mlops_desktop.settings import Settings
from mlops_desktop.store.workspaces import engine_version

if TYPE_CHECKING:
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts

ENGINES = ("auto", "docker", "process")
# What may be changed in a window, with the least and the greatest value.
RANGES: dict[str, tuple[float, float]] = {
    "collect_seconds": (0.2, 60.0),
    "drift_chunk_seconds": (1.0, 7 * 86_400.0),
    "performance_chunk_seconds": (1.0, 7 * 86_400.0),
    "reconcile_seconds": (1.0, 3_600.0),
    "ready_timeout_seconds": (1.0, 3_600.0),
    "drain_seconds": (0.0, 600.0),
    "lock_minutes": (0.0, 24 * 60.0),
    "gateway_port": (0, 65_535),
}


class PreferencesService:
    """Settings are read when a workspace is opened; a change counts from the next opening on."""

    def __init__(self, parts: Parts, accounts: AccountsService) -> None:
        self._parts = parts
        self._accounts = accounts

    @property
    def file(self) -> Path:
        return self._parts.paths.root / "settings.json"

    def stored(self) -> Settings:
        """What the next opening will begin with: the file's values, where no variable of the environment wins."""
        try:
            return Settings.load(self._parts.paths.root)
        except (ValueError, TypeError, OSError) as error:
            raise StorageError(f"The settings can't be read: {error}.", "Mend settings.json, or remove it.") from None

    def overridden(self) -> list[str]:
        """Settings that a variable of the environment decides, whatever the file says."""
        return [name for name in (*RANGES, "engine") if f"MLOPS_DESKTOP_{name.upper()}" in os.environ]

    def change(self, session: Session, changes: Mapping[str, Any]) -> Settings:
        """Write these values into settings.json; None takes a value back to its default. Refused values change nothing.

        InvalidInput names the setting and its range.
        """
        admin = self._accounts.authorise(session, Action.MANAGE_POLICIES)
        values = {name: None if value is None else _checked(name, value) for name, value in changes.items()}
        with self._parts.database.write() as tx:
            before = self._file_values()
            after = {k: v for k, v in {**before, **values}.items() if v is not None}
            told = [f"{k} {before.get(k, 'default')} → {after.get(k, 'default')}" for k in values]
            if after != before:
                tx.record(SettingsChanged("; ".join(told)), admin.name)
                self._write(after)
        return self.stored()

    def facts(self) -> dict[str, str]:
        """For a report: versions, paths and sizes, without names of people or models."""
        paths, free = self._parts.paths, shutil.disk_usage(self._parts.paths.root).free
        database = sum(f.stat().st_size for f in paths.root.glob(f"{paths.database.name}*"))
        return {
            "MLOps Desktop": mlops_desktop.__version__,
            "Python": platform.python_version(),
            "System": platform.platform(),
            "SQLite": engine_version(self._parts.database.read()),
            "Workspace": str(paths.root),
            "Workspace id": self._parts.workspace_id,
            "Database": f"{database / 2**20:,.1f} MiB",
            "Free space": f"{free / 2**30:,.1f} GiB",
            "Logs": str(paths.logs),
        }

    def _file_values(self) -> dict[str, Any]:
        try:
            values = json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
        except (OSError, ValueError) as error:
            raise StorageError(f"The settings can't be read: {error}.", "Mend settings.json, or remove it.") from None
        return dict(values) if isinstance(values, dict) else {}

    def _write(self, values: Mapping[str, Any]) -> None:
        """The file appears whole, or stays as it was; then the audit row is undone with the transaction."""
        handle, name = tempfile.mkstemp(prefix=".settings-", dir=self._parts.paths.root)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(values, stream, indent=1)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self.file)
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            reason = (error.strerror or str(error)).lower()
            raise StorageError(f"The settings could not be written: {reason}.", "Free some space.") from None


def _checked(name: str, value: Any) -> Any:
    if name == "engine":
        if value not in ENGINES:
            raise InvalidInput(f"There is no engine {str(value)[:40]!r}.", f"There are {', '.join(ENGINES)}.")
        return value
    if name not in RANGES:
        raise InvalidInput(f"There is no setting {name[:80]!r} to change here.", "Others are in settings.json.")
    least, most = RANGES[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name}: {str(value)[:40]!r} is no number.", f"Give {least:g} to {most:g}.") from None
    if not math.isfinite(number) or not least <= number <= most:
        raise InvalidInput(f"{name}: {value} is out of range.", f"Give {least:g} to {most:g}.")
    if name == "gateway_port":
        if number != int(number) or 0 < number < 1024:
            raise InvalidInput(f"{name}: {value} is no port that can be used.", "Give 0, or 1024 to 65535.")
        return int(number)
    return number
