"""Monitoring: whose figures over which time on top, and below the live charts, drift and realised performance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.monitoring.drift_page import DriftPage
from mlops_desktop.ui.screens.monitoring.live_page import LivePage
from mlops_desktop.ui.screens.monitoring.performance_page import PerformancePage
from mlops_desktop.ui.screens.monitoring.stretches import USUAL_WINDOW, WINDOWS, Pair
from mlops_desktop.ui.theme import M, S, Tone
from mlops_desktop.ui.widgets.badges import Badge, StateBadge, badge_of
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.tabs import Tabs
from mlops_desktop.ui.window_state import window_state

LIVE = Badge("Live", "activity", Tone.OK)
PAUSED = Badge("Paused", "pause", Tone.WARNING)
ZOOMED = Badge("Zoomed", "search", Tone.ACCENT)
IDLE = Badge("Not serving", "circle-off", Tone.UNKNOWN)


class MonitoringView(Screen):
    """The choice of model, deployment and time is remembered for the workspace by the presenter."""

    pair_chosen = Signal(str, str)
    deployment_chosen = Signal(str)
    window_chosen = Signal(float)
    tab_opened = Signal(str)
    deploy_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Monitoring")
        self.pair, self.deployment, self.window_box = _box("Model"), _box("Deployment"), _box("Time")
        self.pair.activated.connect(self._on_pair)
        self.deployment.activated.connect(lambda _: self.deployment_chosen.emit(str(self.deployment.currentData())))
        for seconds, words in WINDOWS:
            self.window_box.addItem(words, seconds)
        self.window_box.activated.connect(lambda _: self.window_chosen.emit(float(self.window_box.currentData())))
        self.state = StateBadge(LIVE)
        self.pause = Button("Pause", "pause", tool_tip="Space pauses as well")
        self.back_to_live = Button("Back to live", "play", "primary", tool_tip="So does a double click on a chart")
        self.back_to_live.hide()
        self.live, self.drift, self.performance = LivePage(), DriftPage(), PerformancePage()
        self.pause.clicked.connect(self.live.group.toggle_pause)
        self.back_to_live.clicked.connect(self.live.group.go_live)
        self.live.group.state_changed.connect(self.show_state)
        self.tabs = Tabs("Parts of monitoring")
        self.tabs.add("live", "Live", self.live)
        self.tabs.add("drift", "Drift", self.drift)
        self.tabs.add("performance", "Performance", self.performance)
        self.tabs.opened.connect(self._on_tab)
        self.empty = EmptyState(
            "activity",
            "Nothing has been deployed yet",
            "Requests, latency, drift and performance of a model show up here once it serves.",
            "Open the deployments",
        )
        self.empty.action.connect(self.deploy_wanted)
        self.loading = EmptyState("loader-circle", "Reading the figures …")
        # Unlike the screen's banner it stays when the next figures arrive, a second later.
        self.note = Banner()
        home = QWidget()
        layout = QVBoxLayout(home)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(self._head())
        layout.addWidget(self.note)
        layout.addWidget(self.performance.report)
        layout.addWidget(self.tabs, 1)
        for banner in (self.note, self.performance.report):
            banner.hide()
        self._home = home
        self.stack = QStackedWidget()
        for part in (self.loading, home, self.empty):
            self.stack.addWidget(part)
        self.body.addWidget(self.stack, 1)
        self._serves = True
        for number, key in enumerate(("live", "drift", "performance"), start=1):
            self.add_key(f"Alt+{number}", f"Open {key}", partial(self.tabs.open, key))
        self.add_key("L", "Back to live", self.live.group.go_live)
        self.add_key("+", "Zoom in around the middle", lambda: self._zoom(0.5))
        self.add_key("-", "Zoom out", lambda: self._zoom(2.0))
        # No shortcut of Qt's: it would take the key away from the buttons.
        self._keys.append(("Space", "Pause and go on"))

    # What is shown

    def show_pairs(self, pairs: Sequence[Pair], chosen: Pair | None, deployment: str) -> None:
        """Fill the pickers; a list that stayed the same is left alone, as it may be open under the hand."""
        if chosen is None:
            self.stack.setCurrentWidget(self.empty)
            return
        self.stack.setCurrentWidget(self._home)
        _fill(self.pair, [(p.title, (p.model, p.environment)) for p in pairs])
        self.pair.setCurrentIndex(next(i for i, p in enumerate(pairs) if p is chosen))
        choices = [("All versions together", "")]
        for d in chosen.deployments:
            state = "carries traffic" if d.current else "warm" if d.state.live else badge_of(d.state).word.lower()
            since = d.created_at.astimezone()
            choices.append((f"Version {d.version}, {state} (since {since:%d %b %H:%M})", d.id))
        _fill(self.deployment, choices)
        self.deployment.setCurrentIndex(max(0, self.deployment.findData(deployment)))
        self._serves = (
            chosen.serves if not deployment else any(d.id == deployment and d.state.live for d in chosen.deployments)
        )
        self.show_state()

    def show_window(self, seconds: float) -> None:
        index = self.window_box.findData(seconds)
        self.window_box.setCurrentIndex(index if index >= 0 else self.window_box.findData(USUAL_WINDOW))

    def show_state(self) -> None:
        """Live, paused or zoomed, as an icon and a word."""
        group = self.live.group
        if group.paused:
            moment = datetime.fromtimestamp(group.range[1]).astimezone()
            badge = Badge(f"Paused at {moment:%H:%M:%S}", PAUSED.icon, PAUSED.tone)
        elif not group.live:
            badge = ZOOMED
        else:
            badge = LIVE if self._serves else IDLE
        self.state.show_badge(badge)
        self.pause.setVisible(group.live)
        self.back_to_live.setVisible(not group.live)

    def show_drift_count(self, state: DriftState, drifted: int) -> None:
        self.tabs.count_of("drift", drifted if state in {DriftState.DRIFT, DriftState.SUSPECTED} and drifted else None)

    def permit(self, account: Account) -> None:
        """Whoever may not send labels sees who may."""
        self.performance.permit(account)

    # Questions

    def ask_labels_file(self) -> str:
        """The path of a CSV file; empty when the person thought better of it."""
        path, _ = QFileDialog.getOpenFileName(self, "Send labels", "", "CSV (*.csv);;All files (*)")
        return path

    def ask_save(self, name: str, kind: str) -> str:
        """Where to save a chart."""
        path, _ = QFileDialog.getSaveFileName(self, "Save the chart", f"{name}.{kind}", f"{kind.upper()} (*.{kind})")
        return path

    def copy_text(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)

    # What the person does

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and self.stack.currentWidget() is self._home:
            self.live.group.toggle_pause()
        else:
            super().keyPressEvent(event)

    def _on_pair(self, index: int) -> None:
        model, environment = self.pair.itemData(index)
        self.pair_chosen.emit(model, environment)

    def _on_tab(self, key: str) -> None:
        if key != "performance":
            self.performance.report.hide()
        self.tab_opened.emit(key)

    def _zoom(self, times: float) -> None:
        group = self.live.group
        start, end = group.range
        if start == start and self.tabs.current == "live":
            middle, half = (start + end) / 2, (end - start) / 2 * times
            group.zoom(middle - max(half, 2.0), middle + max(half, 2.0))

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(M)
        head.addWidget(self.pair, 5)
        head.addWidget(self.deployment, 4)
        head.addWidget(self.window_box, 3)
        head.addStretch(0)
        head.addWidget(self.state)
        head.addWidget(self.pause)
        head.addWidget(self.back_to_live)
        return head


class Memory:
    """What was chosen last in a workspace, kept with the window's state."""

    def __init__(self, workspace: str) -> None:
        self._at = f"monitoring/{workspace}"

    @property
    def pair(self) -> tuple[str, str]:
        model, _, environment = str(window_state().value(f"{self._at}/pair", "")).partition("\n")
        return model, environment

    @pair.setter
    def pair(self, pair: tuple[str, str]) -> None:
        window_state().setValue(f"{self._at}/pair", "\n".join(pair))

    @property
    def window(self) -> float:
        text = str(window_state().value(f"{self._at}/window", ""))
        return next((seconds for seconds, _ in WINDOWS if text == f"{seconds:.0f}"), USUAL_WINDOW)

    @window.setter
    def window(self, seconds: float) -> None:
        window_state().setValue(f"{self._at}/window", f"{seconds:.0f}")


def _box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(10)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setMaximumWidth(320)
    return box


def _fill(box: QComboBox, choices: Sequence[tuple[str, object]]) -> None:
    if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != list(choices):
        box.clear()
        for words, data in choices:
            box.addItem(words, data)
