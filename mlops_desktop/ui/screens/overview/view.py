"""The first screen: what waits for me, what is unhealthy, what serves, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.domain.deployments import EngineStatus
from mlops_desktop.domain.promotions import Promotion
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.overview.columns import SERVING_COLUMNS, Serving
from mlops_desktop.ui.shell.places import NOTABLE
from mlops_desktop.ui.theme import L, M
from mlops_desktop.ui.widgets.cards import Card, FigureCard, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.items import Item, ItemList
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import ago, count, size, told


class OverviewView(Screen):
    """Each card opens the list that it counts."""

    card_opened = Signal(str)
    promotion_opened = Signal(int)
    event_opened = Signal(object)
    register_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Overview", margin=0)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        page = Page()
        self.body.addWidget(page)
        self.cards = {
            "inbox": FigureCard("Waits for you", "inbox"),
            "alerts": FigureCard("Alerts", "bell"),
            "deployments": FigureCard("Serving", "rocket"),
            "settings": FigureCard("Engine", "container"),
        }
        row = QHBoxLayout()
        row.setSpacing(L)
        for key, card in self.cards.items():
            card.opened.connect(lambda k=key: self.card_opened.emit(k))
            row.addWidget(card, 1)
        page.body.addLayout(row)
        self.table = RecordTable(
            "overview", SERVING_COLUMNS, lambda s: s.deployment.id, title="What serves", heading=True
        )
        self.empty = EmptyState(
            "boxes",
            "Nothing serves yet",
            "Register your first model; once it is approved and deployed it shows up here.",
            "Register a model",
        )
        self.empty.action.connect(self.register_wanted)
        self.table.set_empty(self.empty)
        page.body.addWidget(self.table)
        lower = QHBoxLayout()
        lower.setSpacing(L)
        self.waiting = ItemList("Nothing waits for you.")
        self.waiting.opened.connect(lambda key: self.promotion_opened.emit(int(key)))
        self.changed = ItemList("Nothing has happened yet.")
        self.changed.opened.connect(self._on_event)
        self._events: dict[str, AuditEvent] = {}
        for title, icon, items in (
            ("Waits for you", "inbox", self.waiting),
            ("What changed", "history", self.changed),
        ):
            surface = Card(title, icon, padding=0)
            surface.body.setContentsMargins(0, 0, 0, M)
            surface.add(items)
            holder = QVBoxLayout()
            holder.addWidget(surface)
            holder.addStretch(1)
            lower.addLayout(holder, 1)
        page.body.addLayout(lower)
        page.body.addStretch(1)

    def show_waiting(self, waiting: Sequence[Promotion]) -> None:
        first = f"{waiting[0].label} to {waiting[0].environment}" if waiting else "Nothing to review"
        self.cards["inbox"].show_figure(str(len(waiting)), first, "accent" if waiting else "muted")
        now = datetime.now(UTC)
        self.waiting.show_items(
            [
                Item(
                    str(p.id),
                    "inbox",
                    f"{p.label} to {p.environment}",
                    f"{p.requested_by} asked {ago(p.created_at, now)}: {p.reason}",
                )
                for p in waiting[:6]
            ]
        )

    def show_alerts(self, firing: int, newest: str) -> None:
        note = newest if firing else "None fires"
        self.cards["alerts"].show_figure(str(firing), note, "critical" if firing else "ok")

    def show_serving(self, serving: Sequence[Serving]) -> None:
        unhealthy = [s for s in serving if s.unhealthy]
        note = (
            f"{', '.join(sorted({s.deployment.model for s in unhealthy}))} needs a look" if unhealthy else "All healthy"
        )
        if not serving:
            note = "No deployment"
        colour = "warning" if unhealthy else "ok" if serving else "muted"
        self.cards["deployments"].show_figure(str(len(serving)), note, colour)
        self.table.set_records(serving)
        self.table.fit_rows(least=3, most=10)

    def show_engine(self, status: EngineStatus) -> None:
        card = self.cards["settings"]
        if not status.available:
            card.show_figure("Unavailable", f"{status.message} {status.hint}".strip(), "critical")
        elif status.kind.value == "docker":
            free = f", {size(status.disk_free_bytes)} free" if status.disk_free_bytes is not None else ""
            card.show_figure("Docker", f"Version {status.version} answers{free}", "ok")
        else:
            note = status.message or "No containers: code-free formats are served by a process of this computer."
            card.show_figure("Process", note, "warning")

    def show_changes(self, events: Sequence[AuditEvent]) -> None:
        now = datetime.now(UTC)
        self._events = {str(e.sequence): e for e in events}
        self.changed.show_items(
            [
                Item(
                    str(e.sequence),
                    NOTABLE.get(e.event, ("circle-dot", "muted"))[0],
                    told(e.actor, e.sentence),
                    ago(datetime.fromisoformat(e.at), now),
                    NOTABLE.get(e.event, ("circle-dot", "muted"))[1],
                )
                for e in events[:6]
            ]
        )

    def show_models(self, number: int) -> None:
        """The empty table says the next step, which differs with and without a model."""
        if number:
            self.empty.show_text(
                "Nothing serves yet", f"{count(number, 'model')} registered. Deploy an approved version."
            )
            self.empty.button.setText("Open the models")
        else:
            self.empty.show_text(
                "Nothing serves yet", "Register your first model; once it is approved and deployed it shows up here."
            )
            self.empty.button.setText("Register a model")

    def _on_event(self, key: str) -> None:
        if key in self._events:
            self.event_opened.emit(self._events[key])
