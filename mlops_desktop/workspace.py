"""The one facade that the window, the command line and training scripts use, and the one place that wires its parts.

Opening is cheap: what is slow to import (the engine, monitoring, cryptography) is imported when it is first used.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from mlops_desktop.artifacts.store import ArtifactStore
from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.events import WorkspaceCreated
from mlops_desktop.domain.names import check_text
from mlops_desktop.runtime.event_bus import EventBus
from mlops_desktop.runtime.jobs import JobContext, JobPool
from mlops_desktop.services.accounts import AccountsService
from mlops_desktop.services.audit import AuditService
from mlops_desktop.services.background import Background
from mlops_desktop.services.checks import ChecksService
from mlops_desktop.services.parts import Parts
from mlops_desktop.services.policies import PoliciesService
from mlops_desktop.services.promotions import PromotionsService
from mlops_desktop.services.recent import RecentWorkspace, forget, recent_workspaces, remember
from mlops_desktop.services.registry import RegistryService
from mlops_desktop.settings import Settings, WorkspacePaths
from mlops_desktop.store.database import Database, utc_now
from mlops_desktop.store.file_systems import refuse_network_file_system
from mlops_desktop.store.locks import HeldLock
from mlops_desktop.store.workspaces import insert_workspace, workspace_of

if TYPE_CHECKING:
    from mlops_desktop.domain.registry import ModelVersion
    from mlops_desktop.services.alerts import AlertsService
    from mlops_desktop.services.delivery import DeliveryService
    from mlops_desktop.services.diagnostics import DiagnosticsService
    from mlops_desktop.services.engine_room import EngineRoom
    from mlops_desktop.services.monitoring import MonitoringService
    from mlops_desktop.services.preferences import PreferencesService

__all__ = [
    "RecentWorkspace",
    "Workspace",
    "create_workspace",
    "forget",
    "open_workspace",
    "recent_workspaces",
]
Clock = Callable[[], datetime]
T = TypeVar("T")
RESERVED_NAMES = frozenset({"registry.db", "registry.lock", "artifacts", "backups", "logs", "run", "settings.json"})


class Workspace:
    """An open workspace. Close it, or use it in a `with` block."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.RLock()
        self._background: Background | None = None
        self._closed = False
        self._made: dict[str, Any] = {}
        self.accounts = AccountsService(parts)
        self.registry = RegistryService(parts, self.accounts)
        self.policies = PoliciesService(parts, self.accounts)
        self.checks = ChecksService(parts, self.accounts, self.registry, self.policies, self._ask)
        self.promotions = PromotionsService(parts, self.accounts, self.registry, self.policies, self.checks)
        self.audit = AuditService(parts)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def id(self) -> str:
        return self._parts.workspace_id

    @property
    def name(self) -> str:
        return self._parts.workspace_name

    @property
    def path(self) -> Path:
        return self._parts.paths.root

    @property
    def settings(self) -> Settings:
        return self._parts.settings

    @property
    def jobs(self) -> JobPool:
        return self._parts.jobs

    @property
    def events(self) -> EventBus:
        return self._parts.bus

    @property
    def delivery(self) -> DeliveryService:
        from mlops_desktop.services.delivery import DeliveryService

        return self._once(
            "delivery",
            lambda: DeliveryService(self._parts, self._engine_room(), self.accounts, self.registry, self.promotions),
        )

    @property
    def monitoring(self) -> MonitoringService:
        from mlops_desktop.services.monitoring import MonitoringService

        return self._once(
            "monitoring", lambda: MonitoringService(self._parts, self.accounts, self.delivery, self.alerts)
        )

    @property
    def alerts(self) -> AlertsService:
        from mlops_desktop.services.alerts import AlertsService

        return self._once("alerts", lambda: AlertsService(self._parts, self.accounts))

    @property
    def preferences(self) -> PreferencesService:
        from mlops_desktop.services.preferences import PreferencesService

        return self._once("preferences", lambda: PreferencesService(self._parts, self.accounts))

    @property
    def diagnostics(self) -> DiagnosticsService:
        from mlops_desktop.services.diagnostics import DiagnosticsService

        return self._once("diagnostics", lambda: DiagnosticsService(self._parts, self.accounts))

    def integrity_problems(self) -> list[str]:
        """What SQLite finds and every row that differs from the audit trail; empty when all is well."""
        return self.audit.problems()

    def start_background(self) -> None:
        """Collect, reconcile and watch for other processes until the workspace is closed. Once is enough."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the workspace is closed")
            if self._background is None:
                self._background = Background(
                    self._parts,
                    collect=self._collect,
                    reconcile=self._reconcile,
                    tidy=self.registry.remove_unused_files,
                    watchdog=self.alerts.watch_collector,
                )
                self._background.start()

    def refresh(self) -> None:
        """Collect and reconcile once, for a command that shows the state of things.

        Does nothing while a process, such as an open window, does so all the time.
        """
        lock = HeldLock(self._parts.paths.runtime / "collector.lock")
        if lock.acquire():
            try:
                self._reconcile()
                self._collect()
            finally:
                lock.release()

    def close(self) -> None:
        """Stop what runs, wait for it, and let go of all files. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._background is not None:
            self._background.stop()
        self._parts.jobs.close()
        if "room" in self._made:
            self._engine_room().close()
        self._parts.database.close()

    # Imported and made on first use.

    def _once(self, name: str, make: Callable[[], T]) -> T:
        # One lock for all: making one may need another, in whatever order threads ask for them.
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made

    def _engine_room(self) -> EngineRoom:
        from mlops_desktop.services.engine_room import EngineRoom

        return self._once("room", lambda: EngineRoom(self._parts))

    def _reconcile(self) -> None:
        from mlops_desktop.services.reconcile import Reconciler

        reconciler = self._once("reconciler", lambda: Reconciler(self._parts, self._engine_room(), self.registry))
        reconciler.round()

    def _collect(self) -> None:
        self.monitoring.collect()

    def _ask(
        self, version: ModelVersion, columns: Sequence[str], rows: Sequence[Sequence[object]], context: JobContext
    ) -> Mapping[str, Sequence[Any]]:
        from mlops_desktop.services.launch import Launch

        return Launch(self._parts, self._engine_room()).answers(version, columns, rows, context)


def create_workspace(
    path: Path | str,
    *,
    name: str,
    admin: str,
    full_name: str,
    password: str,
    settings: Settings | None = None,
    clock: Clock = utc_now,
) -> Workspace:
    """Make a workspace in a new or empty folder and open it; `admin` is its first account.

    InvalidInput for names and passwords that can't be taken, StorageError when the folder can't be used. What was begun
    is removed again when it fails.
    """
    root = Path(path).expanduser().absolute()
    name = check_text(name, "name of the workspace", 200).strip() or root.name
    made_root = _prepare_folder(root)
    workspace: Workspace | None = None
    try:
        paths = WorkspacePaths(root)
        bus = EventBus()
        database = Database.create(paths.database, bus, clock)
        workspace = _assembled(database, bus, paths, settings, clock, secrets.token_hex(16), name)
        with database.write() as tx:  # one transaction: a workspace without an account or a policy never exists
            insert_workspace(tx, workspace.id, name)
            workspace.accounts.create_first_admin(admin, full_name, password)
            tx.record(WorkspaceCreated(name), admin)
            workspace.policies.insert_defaults(tx, admin)
    except BaseException:
        if workspace is not None:
            workspace.close()
        _remove_begun(root, made_root)
        raise
    remember(root, name)
    return workspace


def open_workspace(path: Path | str, *, settings: Settings | None = None, clock: Clock = utc_now) -> Workspace:
    """Open an existing workspace; StorageError says what is wrong with a folder that is none, newer or damaged."""
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        raise StorageError(f"There is no folder {root}.", "Choose the folder of a workspace, or create one.")
    paths = WorkspacePaths(root)
    bus = EventBus()
    database = Database.open(paths.database, bus, clock)
    try:
        record = workspace_of(database.read())
        workspace = _assembled(database, bus, paths, settings, clock, record.id, record.name)
    except BaseException:
        database.close()
        raise
    remember(root, record.name)
    return workspace


def _assembled(
    database: Database,
    bus: EventBus,
    paths: WorkspacePaths,
    settings: Settings | None,
    clock: Clock,
    workspace_id: str,
    name: str,
) -> Workspace:
    chosen = settings or _loaded_settings(paths.root)
    for folder in (paths.artifacts, paths.backups, paths.logs, paths.runtime):
        folder.mkdir(mode=0o700, exist_ok=True)
    parts = Parts(
        database=database,
        artifacts=ArtifactStore(paths.artifacts),
        bus=bus,
        jobs=JobPool(bus, chosen.job_threads),
        settings=chosen,
        paths=paths,
        clock=clock,
        workspace_id=workspace_id,
        workspace_name=name,
    )
    return Workspace(parts)


def _loaded_settings(root: Path) -> Settings:
    try:
        return Settings.load(root)
    except (ValueError, TypeError, OSError) as error:
        raise StorageError(
            f"The settings of the workspace can't be read: {error}.", "Mend settings.json, or remove it for defaults."
        ) from None


def _prepare_folder(root: Path) -> bool:
    """Make the folder unless it is there and empty; True if it was made here."""
    try:
        if not root.exists():
            existing = next(parent for parent in root.parents if parent.exists())
            refuse_network_file_system(existing)
            root.mkdir(mode=0o700, parents=True)
            return True
        if not root.is_dir():
            raise StorageError(f"{root} is a file.", "Choose a new or empty folder.")
        if (root / "registry.db").exists():
            raise StorageError(f"There is a workspace in {root} already.", "Open it, or choose an empty folder.")
        if any(entry.name != "settings.json" for entry in root.iterdir()):
            raise StorageError(f"The folder {root} is not empty.", "Choose a new or empty folder.")
        return False
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"The folder {root} can't be used: {reason}.", "Choose another folder.") from None


def _remove_begun(root: Path, made_root: bool) -> None:
    with contextlib.suppress(OSError):
        if made_root:
            shutil.rmtree(root)
            return
        for entry in root.iterdir():
            if entry.name in RESERVED_NAMES - {"settings.json"} or entry.name.startswith("registry.db"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
