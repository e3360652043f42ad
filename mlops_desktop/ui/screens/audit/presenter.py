"""Reads the trail as far back as the person wants, and verifies or exports it as jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_desktop.domain.audit import AuditEvent, ChainState
from mlops_desktop.domain.events import (
    AccountEvent,
    ModelEvent,
    PolicyChanged,
    SettingsChanged,
    VersionEvent,
    WorkspaceCreated,
)
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.audit.columns import SYSTEM, moment_of
from mlops_desktop.ui.screens.audit.view import AuditView, Wanted
from mlops_desktop.ui.shell.places import place_of
from mlops_desktop.ui.task_runner import Job, JobContext
from mlops_desktop.ui.words import count, exactly

PAGE = 500
MOST = 20_000  # entries in the table; the export has them all


class AuditPresenter(Presenter):
    """Entries that come while the screen is open appear on top; how far back one has read stays."""

    def __init__(self, view: AuditView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._depth = PAGE
        self._sequence: int | None = None
        self._job: Job[ChainState] | None = None
        view.filters_changed.connect(self._on_filters)
        view.older_wanted.connect(self._read_further)
        view.verify_wanted.connect(self.verify)
        view.verify_cancelled.connect(self._cancel)
        view.export_wanted.connect(self._export)
        view.place_wanted.connect(self._open_place)
        view.copied.connect(lambda: context.toast("Copied."))
        self.listen(
            self._read, AccountEvent, ModelEvent, VersionEvent, PolicyChanged, SettingsChanged, WorkspaceCreated
        )

    def open(self, params: dict[str, Any]) -> None:
        """`subject` narrows the trail to it, `sequence` puts the cursor on that entry."""
        self._sequence = params.get("sequence")
        if params.get("subject") or self._sequence is not None:
            self.view.clear_filters()
            self.view.show_subject(str(params.get("subject") or ""))
        self.refresh()

    def refresh(self) -> None:
        self._read_people()
        self._read()

    # Reading

    def _on_filters(self) -> None:
        self._depth = PAGE
        self._read()

    def _read_further(self) -> None:
        self._depth = min(MOST, self._depth + PAGE)
        self._read()

    def _read_people(self) -> None:
        workspace, session = self.context.workspace, self.context.session

        def people() -> list[str]:
            return [*(a.name for a in workspace.accounts.accounts(session)), SYSTEM]

        self.read(people, self.view.show_actors)

    def _read(self) -> None:
        wanted, depth, sequence = self.view.wanted, self._depth, self._sequence

        def events() -> tuple[list[AuditEvent], bool]:
            return self._events(wanted, depth, sequence)

        self.read(events, self._show, name="events")

    def _events(self, wanted: Wanted, depth: int, sequence: int | None) -> tuple[list[AuditEvent], bool]:
        """On a reading thread: the entries, and whether there are older ones that match."""
        since = datetime.now(UTC) - timedelta(seconds=wanted.seconds) if wanted.seconds else None
        found: list[AuditEvent] = []
        while True:
            page = self.context.workspace.audit.events(
                subject=wanted.subject or None,
                actor=wanted.actor or None,
                event=wanted.event or None,
                search=wanted.search,
                before=found[-1].sequence if found else None,
                limit=PAGE,
            )
            young = [e for e in page if since is None or moment_of(e) >= since]
            found += young
            if len(page) < PAGE or len(young) < len(page):
                return found, False
            sought = sequence is not None and found[-1].sequence > sequence
            if len(found) >= MOST or (len(found) >= depth and not sought):
                return found, len(found) < MOST

    def _show(self, read: tuple[list[AuditEvent], bool]) -> None:
        events, more = read
        self.view.show_events(events, more)
        if self._sequence is not None:
            self.view.table.select(self._sequence)
            self._sequence = None

    # Jobs

    def verify(self) -> None:
        """Walk the chain and hold the tables against it."""
        if self._job is not None:
            return
        audit = self.context.workspace.audit

        def verifying(job: JobContext) -> ChainState:
            job.progress(None, "Walking the chain")
            return audit.verify()

        self.view.show_verifying(None, "Walking the chain", 0.0)
        self._job = self.run_job(
            "Verify the audit trail",
            verifying,
            self._on_verified,
            self._on_failed,
            key="audit",
            progress=self._on_moved,
        )

    def _on_moved(self, job: Job[Any]) -> None:
        if self._job is job and not job.state.finished:
            self.view.show_verifying(job.fraction, job.message, job.seconds)

    def _on_verified(self, state: ChainState) -> None:
        self._job = None
        self.view.show_chain(state, f"on {exactly(datetime.now(UTC))}")
        if state.broken_at is not None:
            self._sequence = state.broken_at
            self._read()

    def _on_failed(self, error: BaseException) -> None:
        self._job = None
        self.view.show_not_verified()
        self.view.show_problem(error, can_retry=False)

    def _cancel(self) -> None:
        if self._job is not None:
            self.context.tasks.cancel(self._job.id)

    def _export(self, path: Path) -> None:
        audit = self.context.workspace.audit

        def exporting(job: JobContext) -> int:
            job.progress(None, f"Writing {path.name}")
            return audit.export(path)

        def done(number: int) -> None:
            self.context.toast(f"Wrote {count(number, 'entry', 'entries')} to {path.name}.")

        self.run_job("Export the audit trail", exporting, done)

    def _open_place(self, event: AuditEvent) -> None:
        place = place_of(event)
        if place.key == "audit":
            self.view.table.select(event.sequence)
            return
        self.context.navigator.open(place.key, **place.params)


def create(context: ScreenContext) -> Screen:
    view = AuditView()
    AuditPresenter(view, context)
    return view
