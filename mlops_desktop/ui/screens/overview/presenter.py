"""Reads what the first screen shows; each part by itself, so that a slow one doesn't keep the others waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from PySide6.QtCore import QTimer

from mlops_desktop.domain.alerts import Alert, AlertState
from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.domain.deployments import EngineStatus
from mlops_desktop.domain.events import (
    AccountEvent,
    AlertEvent,
    ChunksRecorded,
    DeploymentEvent,
    EngineStateChanged,
    ModelCreated,
    ModelEvent,
    PromotionEvent,
    TrafficSwitched,
    VersionEvent,
)
from mlops_desktop.domain.promotions import Promotion
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.overview.columns import Serving
from mlops_desktop.ui.screens.overview.view import OverviewView
from mlops_desktop.ui.shell.places import place_of

QUARTER, STEP = 900.0, 15.0
FIGURES_MS = 2_000  # chunks come each second; the eye doesn't need more than this
# Signing in and out is in the audit trail, but no news to those who work here.
NOT_NEWS = {"SignedIn", "SignedOut", "LabelsReceived"}


class OverviewPresenter(Presenter):
    """Figures move while the screen is visible and something serves; otherwise nothing is asked."""

    def __init__(self, view: OverviewView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        navigator = context.navigator
        view.card_opened.connect(navigator.open)
        view.promotion_opened.connect(lambda number: navigator.open("inbox", promotion=number))
        view.event_opened.connect(self._open_event)
        view.register_wanted.connect(lambda: navigator.open("models"))
        view.table.opened.connect(lambda s: navigator.open("monitoring", deployment=s.deployment.id))
        self._figures = QTimer(self, interval=FIGURES_MS, singleShot=True)
        self._figures.timeout.connect(self._read_serving)
        self.listen(self._read_waiting, PromotionEvent, AccountEvent)
        self.listen(self._read_alerts, AlertEvent)
        self.listen(self._read_serving, DeploymentEvent, TrafficSwitched)
        self.listen(self._read_changes, ModelEvent, VersionEvent, AccountEvent)
        self.listen(self._read_models, ModelCreated)
        self.listen(self._read_engine, EngineStateChanged)
        self.listen(self._on_chunks, ChunksRecorded)

    def refresh(self) -> None:
        for read in (
            self._read_waiting,
            self._read_changes,
            self._read_models,
            self._read_alerts,
            self._read_serving,
            self._read_engine,
        ):
            read()

    def _read_waiting(self) -> None:
        workspace, session = self.context.workspace, self.context.session

        def waiting() -> list[Promotion]:
            return workspace.promotions.waiting_for(session)

        self.read(waiting, self.view.show_waiting)

    def _read_changes(self) -> None:
        def changes() -> list[AuditEvent]:
            return [e for e in self.context.workspace.audit.events(limit=60) if e.event not in NOT_NEWS][:6]

        self.read(changes, self.view.show_changes)

    def _read_models(self) -> None:
        self.read(lambda: len(self.context.workspace.registry.models()), self.view.show_models)

    def _read_alerts(self) -> None:
        def firing() -> list[Alert]:
            now = datetime.now(UTC)
            return [a for a in self.context.workspace.alerts.alerts(AlertState.FIRING) if a.calls(now)]

        def show(alerts: list[Alert]) -> None:
            self.view.show_alerts(len(alerts), alerts[0].sentence if alerts else "")

        self.read(firing, show, name="alerts")

    def _read_engine(self) -> None:
        def status() -> EngineStatus:
            return self.context.workspace.delivery.engine_status()

        self.read(status, self.view.show_engine)

    def _on_chunks(self) -> None:
        if not self._figures.isActive():
            self._figures.start()

    def _read_serving(self) -> None:
        self.read(self._serving, self.view.show_serving)

    def _serving(self) -> list[Serving]:
        """On a reading thread."""
        workspace = self.context.workspace
        current = [d for d in workspace.delivery.deployments(live_only=True) if d.weight > 0]
        if not current:
            return []
        live = {figures.deployment: figures for figures in workspace.monitoring.live()}
        now = time.time()
        firing = workspace.alerts.alerts(AlertState.FIRING)
        return [
            Serving(
                d,
                live.get(d.id),
                workspace.monitoring.series(d.id, ["p95_ms"], now - QUARTER, now, STEP)[0].values,
                sum(a.model == d.model and a.environment == d.environment for a in firing),
            )
            for d in current
        ]

    def _open_event(self, event: AuditEvent) -> None:
        place = place_of(event)
        self.context.navigator.open(place.key, **place.params)


def create(context: ScreenContext) -> Screen:
    view = OverviewView()
    OverviewPresenter(view, context)
    return view
