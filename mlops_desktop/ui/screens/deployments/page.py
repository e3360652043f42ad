"""One deployment: its address, figures and facts, a request to try, its log, its build and its history."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.deployments import Deployment, DeploymentState, Endpoint, Release
from mlops_desktop.ui.screens.deployments.rows import RELEASE_COLUMNS, DeploymentRow, where
from mlops_desktop.ui.screens.deployments.try_it import TryIt
from mlops_desktop.ui.theme import L, M, S
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList, FigureCard, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.log_model import LogEntry
from mlops_desktop.ui.widgets.log_view import LogView
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.widgets.tabs import Tabs
from mlops_desktop.ui.words import exactly, lasting, size


class DeploymentPage(QWidget):
    """Buttons are signals of the view that holds it."""

    monitoring_wanted = Signal()
    url_copied = Signal()
    tab_opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel("", "title")
        self.badge = StateBadge()
        self.state_words = PlainLabel("", "muted", wrap=True, selectable=True)
        self.roll_back = Button("Roll back", "undo-2", "primary")
        self.start = Button("Start", "play")
        self.restart = Button("Restart", "rotate-cw")
        self.stop = Button("Stop", "circle-stop", "danger")
        self.watch = Button("Monitoring", "activity", clicked=self.monitoring_wanted.emit)
        self.try_it = TryIt()
        self.log = LogView("Log of the deployment")
        self.build_log = LogView("Build log")
        self.history = RecordTable("deployment-releases", RELEASE_COLUMNS, lambda r: r.id, title="Moves of the traffic")
        self.history.set_empty(
            EmptyState("history", "The traffic never moved", "Each deploy and roll-back shows here.")
        )
        self.tabs = Tabs("Parts of the deployment")
        for key, title, page in (
            ("overview", "Overview", self._overview()),
            ("try", "Try it", self.try_it),
            ("log", "Log", _padded(self.log)),
            ("build", "Build log", _padded(self.build_log)),
            ("history", "History", _padded(self.history)),
        ):
            self.tabs.add(key, title, page)
        self.tabs.opened.connect(self.tab_opened)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self.badge)
        head.addWidget(self.title, 1)
        actions = QHBoxLayout()
        actions.setSpacing(S)
        for button in (self.roll_back, self.watch, self.start, self.restart):
            actions.addWidget(button)
        actions.addStretch(1)
        actions.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addLayout(actions)
        layout.addWidget(self.state_words)
        layout.addWidget(self.tabs, 1)

    def _overview(self) -> QWidget:
        self.address = PlainLabel("", "strong", wrap=True, selectable=True)
        self.address.setAccessibleName("Address")
        self.answers = PlainLabel("", "muted", wrap=True)
        self.copy_url = Button("Copy the address", "copy", clicked=self.url_copied.emit)
        self.copy_curl = Button("Copy as curl", "terminal", clicked=self.try_it.curl_wanted.emit)
        address = Card("Stable address", "link")
        address.add(self.address)
        address.add(self.answers)
        row = QHBoxLayout()
        row.setSpacing(S)
        row.addWidget(self.copy_url)
        row.addWidget(self.copy_curl)
        row.addStretch(1)
        address.add(row)
        self.figures = {
            "rate": FigureCard("Requests", "activity"),
            "p95": FigureCard("p95", "gauge"),
            "errors": FigureCard("Errors", "triangle-alert"),
            "cpu": FigureCard("CPU", "cpu"),
            "memory": FigureCard("Memory", "memory-stick"),
        }
        cards = QHBoxLayout()
        cards.setSpacing(M)
        for card in self.figures.values():
            card.opened.connect(self.monitoring_wanted)
            cards.addWidget(card, 1)
        self.facts = FactList(name_width=120)
        facts = Card("Facts", "info")
        facts.add(self.facts)
        page = Page(margin=0)
        page.body.setContentsMargins(0, L, 0, L)
        page.body.addLayout(cards)
        page.body.addWidget(address)
        page.body.addWidget(facts)
        page.body.addStretch(1)
        return page

    def show_deployment(self, row: DeploymentRow, endpoint: Endpoint | None) -> None:
        d = row.deployment
        self.title.setText(where(d))
        self.badge.show_badge(badge_of(d.state))
        self.state_words.setText(state_sentence(d))
        self.state_words.setVisible(bool(self.state_words.text()))
        self.roll_back.setVisible(row.back_to is not None)
        self.roll_back.setText(f"Roll back to version {row.back_to}")
        live = d.state.live
        self.start.setVisible(not live)
        self.restart.setVisible(live)
        self.stop.setVisible(live)
        self._show_figures(row)
        if endpoint is not None:
            self.address.setText(endpoint.url)
            self.answers.setText(answer_sentence(d, endpoint))
            self.try_it.show_note("" if endpoint.current == d.version else answer_sentence(d, endpoint))
        self.facts.show_facts(facts_of(d))

    def _show_figures(self, row: DeploymentRow) -> None:
        for key, name, form, note in (
            ("rate", "requests_per_second", "{:,.1f} /s", "last ten seconds"),
            ("p95", "p95_ms", "{:,.1f} ms", "95 % are faster"),
            ("cpu", "cpu_percent", "{:,.0f} %", "of one core"),
        ):
            value = row.figure(name)
            self.figures[key].show_figure("–" if value is None else form.format(value), note)
        errors, memory = row.error_share, row.figure("memory_bytes")
        self.figures["errors"].show_figure(
            "–" if errors is None else f"{errors:.1f} %", "of the requests", "critical" if errors else "muted"
        )
        self.figures["memory"].show_figure(
            "–" if memory is None else size(int(memory)), f"of {row.deployment.limits.memory_mb} MiB"
        )

    def show_history(self, releases: Sequence[Release]) -> None:
        self.history.set_records(releases)

    def show_log(self, lines: Sequence[str], *, anew: bool) -> None:
        if anew:
            self.log.clear()
        self.log.append([LogEntry(text) for text in lines])

    def show_build_log(self, entries: Sequence[LogEntry], *, anew: bool, finished: bool, failed: bool) -> None:
        if anew:
            self.build_log.clear()
        self.build_log.append(entries)
        if finished:
            self.build_log.finish(failed)


def _padded(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, M, 0, 0)
    layout.addWidget(widget)
    return page


def state_sentence(d: Deployment) -> str:
    """What the state means for who asks the address; empty for one that carries the traffic."""
    words = {
        DeploymentState.STARTING: "It is being built or started; the traffic stays where it was.",
        DeploymentState.STOPPED: "It is stopped and can be started again.",
        DeploymentState.FAILED: "It failed; the traffic stayed where it was.",
        DeploymentState.UNKNOWN: "The engine does not answer: neither running nor stopped is known.",
        DeploymentState.RUNNING: "" if d.weight else "It is warm: it runs without traffic, ready for a roll-back.",
    }.get(d.state, "")
    return f"{words} {d.message}".strip()


def answer_sentence(d: Deployment, endpoint: Endpoint) -> str:
    """Who answers at the address now."""
    if endpoint.current is None:
        return "Nothing answers there now: requests get 503."
    other = "" if endpoint.current == d.version else f", not version {d.version}"
    return f"Version {endpoint.current} answers there now{other}. The address stays the same when versions change."


def facts_of(d: Deployment) -> dict[str, str]:
    steps = ", ".join(f"{name} {lasting_or_ms(s)}" for name, s in d.seconds.items())
    limits = f"{d.limits.memory_mb} MiB memory, {d.limits.cpus:g} cores, {d.limits.processes} processes"
    return {
        "Deployment": d.id,
        "Engine": d.engine.value,
        "Image": f"{d.image}\n{d.image_digest}".strip() or "none",
        "Limits": limits,
        "Created": f"{exactly(d.created_at)} by {d.created_by}",
        "Ready": "–" if d.ready_at is None else exactly(d.ready_at),
        "Stopped": "–" if d.stopped_at is None else exactly(d.stopped_at),
        "Times": steps or "–",
    }


def lasting_or_ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 60 else lasting(seconds)
