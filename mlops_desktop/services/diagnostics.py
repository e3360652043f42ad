"""Facts that help to find what is wrong: versions, sizes, and a zip for a report without secrets and without data."""

from __future__ import annotations

import json
import platform
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import mlops_desktop
from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.errors import StorageError
from mlops_desktop.store.database import SAFE_SQLITE
from mlops_desktop.store.workspaces import engine_version, schema_version

if TYPE_CHECKING:
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts

TAIL_BYTES = 512 * 1024  # of each log: the end is what matters
# What the serving programs print may hold rows of data, so their logs stay here.
LOG_PATTERNS = ("build-*.log", "gateway.log")
_NAMED = r"(?i)\b([\w-]{0,60}(?:token|password|secret|authorization|api[_-]?key))"
_SECRETS = (
    (re.compile(r"(\w+://)[^/\s@]+@"), r"\1…@"),
    (re.compile(_NAMED + r"(\"?\s*[:=]\s*\"?(?:bearer |basic )?)[^\s\",]+"), r"\1\2…"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), "…"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """What one part of the workspace's folder takes."""

    kind: str  # database, artifacts, backups, logs, other
    files: int
    size_bytes: int


class DiagnosticsService:
    """Reads only; nothing is sent anywhere."""

    def __init__(self, parts: Parts, accounts: AccountsService) -> None:
        self._parts = parts
        self._accounts = accounts

    def facts(self) -> dict[str, str]:
        """For a report: versions, paths and sizes, without names of people or models."""
        paths, free = self._parts.paths, shutil.disk_usage(self._parts.paths.root).free
        db = self._parts.database.read()
        database = sum(f.stat().st_size for f in paths.root.glob(f"{paths.database.name}*"))
        return {
            "MLOps Desktop": mlops_desktop.__version__,
            "Python": platform.python_version(),
            "System": platform.platform(),
            "SQLite": sqlite_words(engine_version(db)),
            "Workspace": str(paths.root),
            "Workspace id": self._parts.workspace_id,
            "Schema": str(schema_version(db)),
            "Database": f"{database / 2**20:,.1f} MiB",
            "Free space": f"{free / 2**30:,.1f} GiB",
            "Logs": str(paths.logs),
        }

    def sizes(self) -> list[Size]:
        """What the folder holds, by kind; files that vanish meanwhile are left out."""
        paths = self._parts.paths
        folders = {paths.artifacts: "artifacts", paths.backups: "backups", paths.logs: "logs"}
        found = {kind: [0, 0] for kind in ("database", *folders.values(), "other")}
        for file in _files(paths.root):
            kind = next((folders[p] for p in file.parents if p in folders), "other")
            if file.name.startswith(paths.database.name):
                kind = "database"
            try:
                amount = file.stat(follow_symlinks=False).st_size
            except OSError:
                continue
            found[kind][0] += 1
            found[kind][1] += amount
        return [Size(kind, files, amount) for kind, (files, amount) in found.items()]

    def save(
        self, session: Session, target: Path, *, more: Mapping[str, str] | None = None, logs: Iterable[Path] = ()
    ) -> list[str]:
        """Write a zip with facts, settings and the ends of logs; returns the names inside.

        `more` are facts and `logs` files that only the caller knows of. StorageError when the file can't be written.
        Database, artifacts, keys and what models print are never part of it.
        """
        self._accounts.authorise(session, Action.VIEW)
        facts = {**self.facts(), **(more or {})}
        texts = {
            "facts.txt": "\n".join(f"{name}: {value}" for name, value in facts.items()),
            "settings.json": json.dumps(asdict(self._parts.settings), indent=1),
        }
        own = (file for pattern in LOG_PATTERNS for file in sorted(self._parts.paths.logs.glob(pattern)))
        for file in (*own, *logs):
            if (text := _tail(file)) is not None:
                texts[f"logs/{file.name}"] = text
        begun = target.with_name(f".{target.name}.part")
        try:
            with zipfile.ZipFile(begun, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, text in texts.items():
                    archive.writestr(name, without_secrets(text) + "\n")
            begun.replace(target)
        except OSError as error:
            begun.unlink(missing_ok=True)
            reason = (error.strerror or str(error)).lower()
            raise StorageError(f"{target} could not be written: {reason}.", "Choose another folder.") from None
        return list(texts)


def sqlite_words(version: str) -> str:
    """The linked version, and what follows from one that has the WAL-reset bug."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    least = ".".join(map(str, SAFE_SQLITE))
    if numbers >= SAFE_SQLITE:
        return f"{version} ({least} or newer: two programs may write at the same moment)"
    return f"{version} (older than {least}: writes are kept apart by a lock file)"


def without_secrets(text: str) -> str:
    """The text without passwords in addresses, tokens, private keys, and the name of the home folder."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text.replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else text


def _files(root: Path) -> Iterable[Path]:
    for entry in root.rglob("*"):
        if entry.is_file() and not entry.is_symlink():
            yield entry


def _tail(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return None
