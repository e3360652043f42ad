"""Reads what the open part shows, as often as it changes and only while it can be seen."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication

from mlops_desktop.domain.accounts import Action
from mlops_desktop.domain.alerts import AlertRule
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import NotAllowed, StorageError
from mlops_desktop.domain.events import (
    AccountEvent,
    AlertEvent,
    ChunksRecorded,
    DeploymentEvent,
    LabelsReceived,
    RuleChanged,
    TrafficSwitched,
)
from mlops_desktop.domain.monitoring import DriftState, LabelReport
from mlops_desktop.ui.screen import Crumb, Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.monitoring.chart_files import save_chart
from mlops_desktop.ui.screens.monitoring.drift_reading import DriftPicture, DriftReading, Spot
from mlops_desktop.ui.screens.monitoring.live_reading import Happening, LivePicture, SlidingSeries, read_happenings
from mlops_desktop.ui.screens.monitoring.performance_reading import PerformancePicture, read_performance
from mlops_desktop.ui.screens.monitoring.stretches import Pair, Target, choose, clock, pairs_of
from mlops_desktop.ui.screens.monitoring.view import Memory, MonitoringView
from mlops_desktop.ui.task_runner import JobContext
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.buttons import forbidden

TICK_MS = 1_000
QUIET_SECONDS = 2.0  # between two looks while nothing comes in: zeros and the processor's use are figures too
AT_ONCE = 21_600.0  # seconds of the longest stretch in which each chunk is seen when it comes
DRIFT_SECONDS = 3.0
START_SECONDS = 15.0  # that the collector may take after the window was opened
LABELS_SECONDS = 3.0  # after a look during which labels came
PERFORMANCE_SECONDS = 15.0  # labels tell of themselves; this is for predictions that wait for theirs


class MonitoringPresenter(Presenter):
    """One reading of the live figures at a time: a slow one makes the page slower, never the queue longer."""

    def __init__(self, view: MonitoringView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self.memory = Memory(context.workspace.id)
        self.target: Target | None = None
        self.pairs: list[Pair] = []
        self._wanted: dict[str, Any] = {}
        self._live = SlidingSeries(context.workspace)
        self._drift = DriftReading(context.workspace)
        self._happenings: list[Happening] = []
        self._metric = ""
        self._feature = ""  # asked for by the navigator, until it was shown
        self._reading, self._again, self._failed = False, False, False
        self._read_at = {"live": -math.inf, "drift": -math.inf, "performance": -math.inf}
        self._labels_came = False
        self._began = time.time()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        view.became_visible.connect(self._timer.start)
        self._connect()
        view.permit(context.account)
        view.live.group.window = self.memory.window
        view.show_window(self.memory.window)
        self.listen(self._on_chunks, ChunksRecorded)
        self.listen(self._read_pairs, DeploymentEvent, TrafficSwitched)
        self.listen(self._read_happenings, AlertEvent, RuleChanged)
        self.listen(self._on_labels_received, LabelsReceived)
        self.listen(lambda: view.permit(context.account), AccountEvent)

    def _connect(self) -> None:
        view, navigator = self.view, self.context.navigator
        view.pair_chosen.connect(self._on_pair)
        view.deployment_chosen.connect(self._on_deployment)
        view.window_chosen.connect(self._on_window)
        view.tab_opened.connect(self._on_tab)
        view.deploy_wanted.connect(lambda: navigator.open("deployments"))
        view.live.group.range_changed.connect(self._on_range)
        view.live.happening_opened.connect(self._open_happening)
        view.live.save_wanted.connect(lambda chart, kind: self._save(view.live.charts[chart], chart, kind))
        view.live.traffic_wanted.connect(self._open_traffic)
        view.drift.traffic_wanted.connect(self._open_traffic)
        view.drift.spot_opened.connect(self._read_feature)
        page = view.performance
        page.metric_chosen.connect(self._on_metric)
        page.labels_wanted.connect(self._on_labels)
        page.save_wanted.connect(lambda chart, kind: self._save(getattr(page, chart), chart, kind))
        page.empty.second.connect(self._copy_command)

    # Whose figures

    def open(self, params: dict[str, Any]) -> None:
        self._wanted = dict(params)
        self._feature = str(params.get("feature") or "")
        if self._feature:
            self.view.tabs.open("drift")
        elif params.get("tab"):
            self.view.tabs.open(str(params["tab"]))
        self.refresh()

    def refresh(self) -> None:
        self._read_at = dict.fromkeys(self._read_at, -math.inf)
        self._read_pairs()

    def _read_pairs(self) -> None:
        def deployments() -> list[Deployment]:
            return self.context.workspace.delivery.deployments()

        self.read(deployments, self._show_pairs)

    def _show_pairs(self, deployments: list[Deployment]) -> None:
        self.pairs = pairs_of(deployments)
        before = self.target
        chosen, problem = choose(self.pairs, self._wanted, before, self.memory.pair)
        self.target, self._wanted = chosen, {}
        self.view.show_pairs(self.pairs, chosen.pair if chosen else None, chosen.deployment if chosen else "")
        if chosen is None:
            return
        if problem:
            self.view.note.show_message(problem, "Here is what there is to watch.")
        self.view.set_crumbs(Crumb("Monitoring", "monitoring"), Crumb(chosen.pair.title))
        if before is None or before.key != chosen.key:
            self._read_at = dict.fromkeys(self._read_at, -math.inf)
        self._read_happenings()
        self._read_open()

    def _on_pair(self, model: str, environment: str) -> None:
        self.memory.pair = (model, environment)
        self._metric = ""
        self._wanted = {"model": model, "environment": environment}
        self.target = None
        self._show_pairs([d for p in self.pairs for d in p.deployments])

    def _on_deployment(self, identifier: str) -> None:
        if self.target is not None:
            self.target = Target(self.target.pair, identifier)
            self.refresh()

    def _on_window(self, seconds: float) -> None:
        self.memory.window = seconds
        self._read_at = dict.fromkeys(self._read_at, -math.inf)
        self._move_on()
        self.view.live.group.set_window(seconds)

    def _on_tab(self, key: str) -> None:
        self._read_at[key] = -math.inf
        self._read_open()

    # When to read

    def _on_tick(self) -> None:
        if not self.view.isVisible():
            self._timer.stop()
            return
        if self.target is None or self.view.live.group.paused:
            return
        now, tab = time.monotonic(), self.view.tabs.current
        wait = LABELS_SECONDS if self._labels_came else PERFORMANCE_SECONDS
        pause = {"live": max(QUIET_SECONDS, self._least_pause()), "drift": DRIFT_SECONDS, "performance": wait}[tab]
        if now - self._read_at[tab] >= pause and not (tab == "performance" and self.pending(self._show_performance)):
            self._read_open()

    def _on_chunks(self) -> None:
        early = time.monotonic() - self._read_at["live"] < self._least_pause()
        if self.view.tabs.current == "live" and self.view.live.group.live and not early:
            self._read_live()

    def _least_pause(self) -> float:
        """Months don't move within a second: up to six hours each chunk is shown at once, 90 days each half minute."""
        window = self.view.live.group.window
        return 0.0 if window <= AT_ONCE else min(window / 36_000, 30.0)

    def _move_on(self) -> None:
        """The right edge follows the clock with each reading, so that a chart is drawn once for both."""
        self.view.live.group.set_now(time.time())

    def _read_open(self) -> None:
        if self.target is None:
            return
        {"live": self._read_live, "drift": self._read_drift, "performance": self._read_performance}[
            self.view.tabs.current
        ]()

    def _stretch(self) -> tuple[float, float]:
        group = self.view.live.group
        if group.live:
            now = time.time()
            return now - group.window, now
        return group.range

    def _on_range(self, _start: float, _end: float) -> None:
        self._again = False
        self._read_at = dict.fromkeys(self._read_at, -math.inf)
        if self.target is not None:
            self._move_on()
            self._reading = False  # another stretch is wanted; the answer under way is dropped
            self._read_open()

    # Live

    def _read_live(self) -> None:
        if self._reading:
            self._again = True
            return
        target, group = self.target, self.view.live.group
        if target is None or group.paused:
            return
        self._move_on()
        sliding, (start, end) = group.live, self._stretch()
        self._reading = True
        self._read_at["live"] = time.monotonic()
        self.read(
            lambda: (target, self._live.read(target, start, end, sliding=sliding)),
            self._show_live,
            self._on_live_failed,
        )

    def _show_live(self, found: tuple[Target, LivePicture]) -> None:
        self._reading = False
        target, picture = found
        if target == self.target:
            if self._failed:
                self._failed = False
                self.view.banner.clear()
            self.view.live.show_figures(picture)
            self.view.live.show_marks()
            self._say(target, picture)
        if self._again:
            self._again = False
            self._read_live()

    def _on_live_failed(self, error: BaseException) -> None:
        self._reading, self._failed = False, True
        self.view.show_problem(error)

    def _say(self, target: Target, picture: LivePicture) -> None:
        """What the lines can't say: that none come any more, or that none ever came."""
        page = self.view.live
        silent = picture.silent_since
        if silent is not None and silent < self._began and picture.end < self._began + START_SECONDS:
            page.say("")  # numbers are collected while the app is open, and it was opened just now
        elif silent is not None:
            since = f"No data since {clock(silent, picture.end)}"
            if target.serves:
                page.say(since, "The deployment does not answer. Its log may say why.", action="Open the deployment")
            else:
                page.say(since, "Nothing serves here any more.", action="Open the deployments")
        elif not picture.figures["request_rate"].values:
            page.say("No data in this time", "Choose a longer time, or look whether something serves.")
        elif picture.requests < 0.5:
            page.say(
                "No requests in this time",
                "Figures move within two seconds of a request.",
                Tone.ACCENT,
                "Send test traffic" if target.serves else "",
            )
        else:
            page.say("")

    def _read_happenings(self) -> None:
        target = self.target
        if target is not None:
            self.read(lambda: read_happenings(self.context.workspace, target), self._show_happenings)

    def _show_happenings(self, found: tuple[list[Happening], Sequence[AlertRule]]) -> None:
        self._happenings = found[0]
        self.view.live.show_happenings(*found)

    def _open_happening(self, key: str) -> None:
        kind, _, identifier = key.partition(":")
        if kind == "deployment" and identifier:
            self.context.navigator.open("deployments", deployment=identifier)
        elif kind == "alert":
            self.context.navigator.open("alerts", alert=int(identifier))

    def _open_traffic(self) -> None:
        current = self.target.pair.current if self.target is not None else None
        if current is None:
            self.context.navigator.open("deployments")
        else:
            self.context.navigator.open("deployments", deployment=current.id)

    # Drift

    def _read_drift(self) -> None:
        target = self.target
        if target is None:
            return
        start, end = self._stretch()
        self._read_at["drift"] = time.monotonic()
        columns = self.view.drift.columns
        self.read(lambda: self._drift.picture(target, start, end, time.time(), columns), self._show_drift)

    def _show_drift(self, picture: DriftPicture) -> None:
        page = self.view.drift
        page.show_picture(picture)
        self.view.show_drift_count(picture.state, sum(s.drift.state is DriftState.DRIFT for s in picture.newest))
        if not picture.newest:
            return
        feature, self._feature = self._feature, ""
        shown = page.table.current()
        if feature and (spot := page.spot_of(feature)) is None:
            self.view.note.show_message(f"There is no verdict on a feature “{feature[:80]}”.", "Here are all.")
        elif feature and spot is not None:
            page.focus_feature(feature)
            self._read_feature(spot)
        elif shown is None:
            page.focus_feature(picture.newest[0].drift.feature)
            self._read_feature(picture.newest[0])

    def _read_feature(self, spot: Spot) -> None:
        target = self.target
        if target is not None:
            self.read(lambda: self._drift.feature(target, spot), self.view.drift.show_detail)

    # Performance and labels

    def _read_performance(self) -> None:
        target, metric = self.target, self._metric
        if target is None or self.view.tabs.current != "performance":
            return
        start, end = self._stretch()
        self._read_at["performance"] = time.monotonic()
        self._labels_came = False
        self.read(lambda: read_performance(self.context.workspace, target, start, end, metric), self._show_performance)

    def _show_performance(self, picture: PerformancePicture) -> None:
        self.view.performance.show_picture(picture, self._happenings)

    def _on_labels_received(self) -> None:
        """They may come many times a second, and all of them are read together."""
        self._labels_came = True
        late = time.monotonic() - self._read_at["performance"] >= LABELS_SECONDS
        if late and not self.pending(self._show_performance):
            self._read_performance()

    def _on_metric(self, metric: str) -> None:
        self._metric = metric
        self._read_performance()

    def _on_labels(self) -> None:
        if not self.context.account.may(Action.SEND_LABELS):
            self.view.note.show_problem(NotAllowed(forbidden(Action.SEND_LABELS)), can_retry=False)
            return
        if path := self.view.ask_labels_file():
            self.send_labels(Path(path))

    def send_labels(self, path: Path) -> None:
        """Join the labels of a file; what is wrong with it is said where it was sent."""
        monitoring, session = self.context.workspace.monitoring, self.context.session
        page = self.view.performance

        def send(context: JobContext) -> LabelReport:
            context.progress(None, path.name)
            return monitoring.send_labels_file(session, path)

        self.run_job(
            f"Send labels of {path.name}",
            send,
            lambda report: page.show_report(report, path.name),
            lambda error: page.report.show_problem(error, can_retry=False),
        )

    def _copy_command(self) -> None:
        self.view.copy_text(f"mlops-desktop --workspace {self.context.workspace.path} labels FILE")
        self.context.toast("Copied the command.")

    # Charts as files

    def _save(self, chart: Any, name: str, kind: str) -> None:
        if kind == "copy":
            QGuiApplication.clipboard().setPixmap(chart.to_png())
            self.context.toast("Copied the picture.")
            return
        if path := self.view.ask_save(name, kind):
            try:
                save_chart(chart, Path(path), kind)
            except StorageError as error:
                self.view.note.show_problem(error, can_retry=False)
            else:
                self.context.toast(f"Saved {Path(path).name}.")


def create(context: ScreenContext) -> Screen:
    view = MonitoringView()
    MonitoringPresenter(view, context)
    return view
