"""The settings of a workspace as a person changes them."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.deployments import Deployment, EngineKind
from mlops_desktop.domain.errors import Conflict, InvalidInput, StorageError
from mlops_desktop.domain.events import SettingsChanged
from mlops_desktop.settings import Settings
from mlops_desktop.store.deployments import deployments_of

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
# Lists of images, the first that exists is taken.
IMAGES = ("base_images", "gateway_images")
_IMAGE = re.compile(r"[a-z0-9][\w.:/-]{0,200}(@sha256:[0-9a-f]{64})?")


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
        return [name for name in (*RANGES, *IMAGES, "engine") if f"MLOPS_DESKTOP_{name.upper()}" in os.environ]

    def change(self, session: Session, changes: Mapping[str, Any]) -> Settings:
        """Write these values into settings.json; None takes a value back to its default. Refused values change nothing.

        InvalidInput names the setting and its range.
        """
        admin = self._accounts.authorise(session, Action.MANAGE_POLICIES)
        values = {name: None if value is None else _checked(name, value) for name, value in changes.items()}
        self._refuse_taken_port(values.get("gateway_port"))
        with self._parts.database.write() as tx:
            _check_engine(values.get("engine"), deployments_of(tx.db, live_only=True))
            before = self._file_values()
            after = {k: v for k, v in {**before, **values}.items() if v is not None}
            told = [f"{k} {before.get(k, 'default')} → {after.get(k, 'default')}" for k in values]
            if after != before:
                tx.record(SettingsChanged("; ".join(told)), admin.name)
                self._write(after)
        return self.stored()

    def _refuse_taken_port(self, port: int | None) -> None:
        """The present port is in use by our own gateway; any other has to be free now."""
        settings = self._parts.settings
        if not port or port == settings.gateway_port or port == self.stored().gateway_port:
            return
        from mlops_desktop.engines.addresses import is_free

        if not is_free(settings.bind_address, port):
            raise InvalidInput(
                f"gateway_port: {port} is in use by another program.", "Choose another one, or 0 for any that is free."
            )

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


def _check_engine(wanted: str | None, live: Sequence[Deployment]) -> None:
    """Conflict while something runs on another engine than the wanted one: it could not be seen from there."""
    others = [d for d in live if wanted in {EngineKind.DOCKER, EngineKind.PROCESS} and d.engine != wanted]
    if others:
        named = ", ".join(sorted({f"{d.label} in {d.environment}" for d in others}))
        raise Conflict(
            f"{named} still runs on the {others[0].engine} engine.", "Stop it first, then change the engine."
        )


def _checked(name: str, value: Any) -> Any:
    if name == "engine":
        if value not in ENGINES:
            raise InvalidInput(f"There is no engine {str(value)[:40]!r}.", f"There are {', '.join(ENGINES)}.")
        return value
    if name in IMAGES:
        return _checked_images(name, value)
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


def _checked_images(name: str, value: Any) -> list[str]:
    given = value.split(",") if isinstance(value, str) else [str(entry) for entry in value]
    images = [entry.strip() for entry in given if entry.strip()]
    wrong = next((entry for entry in images if not _IMAGE.fullmatch(entry)), None)
    if wrong is not None or not images:
        raise InvalidInput(
            f"{name}: {(wrong or 'nothing')[:80]!r} is no image.", "Give names such as python:3.11-slim."
        )
    return images
