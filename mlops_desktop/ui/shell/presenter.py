"""What the shell shows of the workspace: numbers in the rail, news, jobs, and what the palette can find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from mlops_desktop.domain.accounts import Account
from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.events import (
    AccountEvent,
    AlertEvent,
    Event,
    ModelChanged,
    ModelCreated,
    ModelEvent,
    PromotionEvent,
    VersionEvent,
    VersionRegistered,
)
from mlops_desktop.domain.registry import ModelSummary, VersionSummary
from mlops_desktop.ui.event_bridge import concerns
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.catalogue import SCREENS
from mlops_desktop.ui.shell.command_palette import Command
from mlops_desktop.ui.shell.desk import Desk
from mlops_desktop.ui.shell.places import NOTABLE
from mlops_desktop.ui.task_runner import Job
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.window_state import window_state

LOOKED_AT = 300  # audit events among which news is found
TICK_MS = 1_000


@dataclass(frozen=True, slots=True)
class Counts:
    reviews: int
    alerts: int


class DeskPresenter(QObject):
    """One for each signed-in person; `commands` are those of the window (lock, theme …)."""

    account_changed = Signal(object)

    def __init__(self, desk: Desk, context: ScreenContext, commands: Sequence[Command]) -> None:
        super().__init__(desk)
        self._desk, self._context, self._commands = desk, context, commands
        self._news: list[AuditEvent] = []
        context.events.happened.connect(self._on_events)
        context.events.job_changed.connect(context.tasks.on_job_changed)
        context.tasks.job_changed.connect(self._on_job)
        context.tasks.failed.connect(desk.banner.show_problem)
        desk.tray.cancelled.connect(context.tasks.cancel)
        desk.news.all_read.connect(self._mark_read)
        desk.news.opened.connect(self._open_place)
        desk.palette_panel.searched.connect(self._search)
        # A job's seconds go on while it says nothing.
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._show_jobs)
        self.refresh()

    def refresh(self) -> None:
        self._read(self._counts, self._show_counts)
        self._read(self._latest_news, self._show_news)
        self._read(self._context.workspace.registry.models, self._show_models)
        self._show_jobs()
        self._offer()

    # Reading

    def _read(self, function: Callable[[], Any], done: Callable[[Any], object]) -> None:
        # What the shell can't read is no reason to cover a screen with a banner: the screen will say it.
        self._context.tasks.start(self, function, done, lambda _error: None, replaces=done.__name__)

    def _counts(self) -> Counts:
        workspace = self._context.workspace
        return Counts(len(workspace.promotions.waiting_for(self._context.session)), workspace.alerts.open_count())

    def _latest_news(self) -> list[AuditEvent]:
        return [e for e in self._context.workspace.audit.events(limit=LOOKED_AT) if e.event in NOTABLE]

    def _deployments(self) -> list[Deployment]:
        return self._context.workspace.delivery.deployments(live_only=True)

    def _on_events(self, published: list[Any]) -> None:
        events: list[Event] = [p.event for p in published]

        def about(*kinds: type[Event]) -> bool:
            return any(concerns(event, kinds) for event in events)

        if about(PromotionEvent, AlertEvent, AccountEvent):
            self._read(self._counts, self._show_counts)
        if about(VersionEvent, ModelEvent):
            self._read(self._latest_news, self._show_news)
        if about(ModelCreated, ModelChanged, VersionRegistered):
            self._read(self._context.workspace.registry.models, self._show_models)
        if about(AccountEvent):
            self._read(lambda: self._context.workspace.accounts.account(self._context.session), self._show_account)

    # Showing

    def _show_counts(self, counts: Counts) -> None:
        buttons = self._desk.rail.buttons
        if "inbox" in buttons:
            self._desk.rail.show_count("inbox", counts.reviews)
        if "alerts" in buttons:
            self._desk.rail.show_count("alerts", counts.alerts, Tone.CRITICAL)

    def _show_account(self, account: Account) -> None:
        changed = account.roles != self._context.account.roles
        self._context.account = account
        self._desk.bar.account.show_account(account)
        if changed:
            self.account_changed.emit(account)

    def _show_news(self, events: list[AuditEvent]) -> None:
        self._news = events
        read = self._read_up_to
        others = [e for e in events if e.sequence > read and e.actor != self._context.account.name]
        urgent = any(e.event in {"AlertOpened", "DeploymentFailedEvent"} for e in others)
        self._desk.bar.bell.show_count(len(others), Tone.CRITICAL if urgent else Tone.ACCENT)
        self._desk.news.show_news(events, read)

    def _mark_read(self) -> None:
        if self._news:
            window_state().setValue(self._read_key, self._news[0].sequence)
        self._show_news(self._news)

    @property
    def _read_key(self) -> str:
        return f"read/{self._context.workspace.id}/{self._context.account.name}"

    @property
    def _read_up_to(self) -> int:
        value = window_state().value(self._read_key, 0)
        return int(value) if isinstance(value, (int, str)) and str(value).isdigit() else 0

    def _on_job(self, job: Job[Any]) -> None:
        self._desk.tray.on_job_changed(job)
        self._show_jobs()

    def _show_jobs(self) -> None:
        jobs = self._context.tasks.jobs()
        running = sum(not job.state.finished for job in jobs)
        self._desk.tray.show_jobs(jobs)
        self._desk.bar.tray.show_count(running)
        if running and not self._tick.isActive():
            self._tick.start()
        elif not running:
            self._tick.stop()

    # The palette

    def _offer(self, models: Sequence[ModelSummary] = ()) -> None:
        go = self._context.navigator.open
        screens = [
            Command(s.title, "Screen", s.icon, partial(go, s.key), s.shortcut)
            for s in SCREENS
            if s.rail and s.available
        ]
        found = [
            Command(m.name, "Model", "box", partial(go, "model", model=m.name), words=f"{m.owner} {m.description}")
            for m in models
        ]
        self._desk.palette_panel.set_commands([*screens, *self._commands, *found])

    def _show_models(self, models: list[ModelSummary]) -> None:
        self._offer(models)

    def _search(self, text: str) -> None:
        if len(text) < 2:
            self._desk.palette_panel.set_found(())
            return
        self._read(partial(self._look_up, text), self._show_found)

    def _look_up(self, text: str) -> tuple[list[VersionSummary], list[Deployment]]:
        versions = self._context.workspace.registry.versions(search=text.replace("@", " "), limit=20)
        return versions, self._deployments()

    def _show_found(self, found: tuple[list[VersionSummary], list[Deployment]]) -> None:
        go, (versions, deployments) = self._context.navigator.open, found
        commands = [
            Command(
                v.label,
                "Version",
                "package",
                partial(go, "version", model=v.model, version=v.number),
                words=v.description,
            )
            for v in versions
        ]
        commands += [
            Command(
                f"{d.label} in {d.environment}",
                "Deployment",
                "rocket",
                partial(go, "deployments", deployment=d.id),
                d.id,
            )
            for d in deployments
        ]
        self._desk.palette_panel.set_found(commands)

    def _open_place(self, place: Place) -> None:
        self._context.navigator.open(place.key, **place.params)
