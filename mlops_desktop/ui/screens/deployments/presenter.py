"""Reads deployments and their figures, and runs releases as jobs that can be watched and cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTimer

from mlops_desktop.domain.accounts import Action
from mlops_desktop.domain.deployments import Deployment, DeploymentState, Endpoint, EngineStatus, Limits
from mlops_desktop.domain.errors import JobCancelled, NotAllowed, WorkstationError
from mlops_desktop.domain.events import AccountEvent, DeploymentEvent, EngineStateChanged, TrafficSwitched
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.deployments.dialogs import Deployable
from mlops_desktop.ui.screens.deployments.reading import Reading
from mlops_desktop.ui.screens.deployments.release import entries_of, stored_lines
from mlops_desktop.ui.screens.deployments.rows import DeploymentRow, where
from mlops_desktop.ui.screens.deployments.try_it import Answer, Examples, curl_command
from mlops_desktop.ui.screens.deployments.view import DeploymentsView
from mlops_desktop.ui.task_runner import Job, JobContext
from mlops_desktop.ui.widgets.buttons import forbidden

FIGURES_MS = 2_000


class DeploymentsPresenter(Presenter):
    """One release at a time is watched here; others run on in the task tray."""

    def __init__(self, view: DeploymentsView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._reading = Reading(context.workspace)
        self._wanted = ""  # id of the deployment whose page is open
        self._filter_by = ""
        self._job: Job[Any] | None = None
        self._again: Callable[[], None] = lambda: None
        self._lines_shown = 0
        self._result = ""  # id of the deployment that the last release was about
        self._log: tuple[str, list[tuple[float, str]]] = ("", [])
        self._build: tuple[str, int, bool] = ("", 0, False)  # deployment, lines shown, ended
        self._timer = QTimer(self, interval=FIGURES_MS)
        self._timer.timeout.connect(self._on_tick)
        view.became_visible.connect(self._timer.start)
        self._connect()
        view.permit(context.account)
        self.listen(self.refresh, DeploymentEvent, TrafficSwitched)
        self.listen(self._read_engine, EngineStateChanged)
        self.listen(lambda: view.permit(context.account), AccountEvent)

    def _connect(self) -> None:
        view, page = self.view, self.view.page
        navigator = self.context.navigator
        view.table.opened.connect(lambda r: navigator.open("deployments", deployment=r.deployment.id))
        view.list_wanted.connect(lambda: navigator.open("deployments"))
        view.monitoring_wanted.connect(self._open_monitoring)
        view.deploy_wanted.connect(self._on_deploy)
        view.roll_back_wanted.connect(self._on_roll_back)
        view.stop_wanted.connect(self._on_stop)
        view.start_wanted.connect(self._on_start)
        view.restart_wanted.connect(self._on_restart)
        view.engine.retry.connect(self._read_engine)
        view.progress.cancelled.connect(self._on_cancel)
        view.progress.log_opened.connect(lambda: navigator.open("deployments", release=True))
        view.release.retry_wanted.connect(self._on_retry)
        view.release.result_opened.connect(self._open_result)
        page.url_copied.connect(self._copy_url)
        page.try_it.curl_wanted.connect(self._copy_curl)
        page.try_it.send_wanted.connect(self._send)
        page.tab_opened.connect(lambda _key: self._read_page())

    # Showing

    def open(self, params: dict[str, Any]) -> None:
        self._wanted = str(params.get("deployment") or "")
        if self._wanted:
            self._read_engine()
            self._read_rows()
            return
        if params.get("release"):
            self.view.show_release()
        else:
            self.view.show_list()
            model = str(params.get("model") or "")
            if model != self._filter_by:
                self.view.table.set_filter(model)
                self._filter_by = model
            if params.get("version") and model:
                self._on_deploy((model, int(params["version"]), str(params.get("environment") or "")))
        self.refresh()

    def refresh(self) -> None:
        self._read_engine()
        self._read_rows()

    def _on_tick(self) -> None:
        """Figures move while somebody looks at something that lives; otherwise nothing is asked."""
        if not self.view.isVisible():
            self._timer.stop()
            return
        if self.view.at_release:
            return
        if any(r.deployment.state.live for r in self.view._rows):
            self._read_rows()

    def _read_engine(self) -> None:
        def status() -> EngineStatus:
            return self.context.workspace.delivery.engine_status()

        self.read(status, self.view.show_engine)

    def _read_rows(self) -> None:
        self.read(self._reading.rows, self._show_rows)

    def _show_rows(self, rows: list[DeploymentRow]) -> None:
        self.view.show_rows(rows)
        if not self._wanted:
            return
        found = [r for r in rows if r.deployment.id.startswith(self._wanted)]
        if not found:
            self.view.show_list()
            self.view.banner.show_message(f"There is no deployment “{self._wanted}”.", "Here are those that there are.")
            self._wanted = ""
            return
        known = self.view.row
        anew = known is None or known.deployment.id != found[0].deployment.id or not self.view.at_page
        self.view.show_deployment(found[0], opened=True)
        if anew:
            self._endpoint: Endpoint | None = None
            self._read_version(found[0].deployment)
        self.view.page.show_deployment(found[0], self._endpoint)
        self._read_page()

    _endpoint: Endpoint | None = None

    def _read_page(self) -> None:
        """What the open tab needs; the address always."""
        row = self.view.row
        if row is None or not self.view.at_page:
            return
        d = row.deployment
        self.read(lambda: self._reading.endpoint(d), self._show_endpoint)
        tab = self.view.page.tabs.current
        if tab == "log":
            self.read(lambda: (d.id, self._reading.log(d)), self._show_log, self._show_no_log)
        elif tab == "build" and self._build[::2] != (d.id, True):
            self.read(lambda: (d, self._reading.build_log(d)), self._show_build_log)
        elif tab == "history":
            self.read(lambda: self._reading.history(d), self.view.page.show_history)

    def _show_endpoint(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        if self.view.row is not None:
            self.view.page.show_deployment(self.view.row, endpoint)

    def _read_version(self, d: Deployment) -> None:
        def show(found: tuple[Any, Examples]) -> None:
            self.view.page.try_it.show_inputs(*found)

        self.read(lambda: self._reading.inputs(d), show, name="inputs")

    def _show_log(self, found: tuple[str, list[tuple[float, str]]]) -> None:
        identifier, lines = found
        known, seen = self._log
        anew = known != identifier
        fresh = lines if anew else fresh_lines(seen, lines)
        self._log = (identifier, lines or ([] if anew else seen))
        self.view.page.show_log([text for _, text in fresh], anew=anew)

    def _show_no_log(self, error: BaseException) -> None:
        """The engine has no log of one that is gone; that is no failure of the page."""
        if isinstance(error, WorkstationError):
            self._log = ("", [])
            self.view.page.show_log([str(error)], anew=True)
        else:
            self.view.show_problem(error)

    def _show_build_log(self, found: tuple[Deployment, list[str]]) -> None:
        d, lines = found
        known, shown, _ = self._build
        anew = known != d.id or len(lines) < shown
        ended = d.state is not DeploymentState.STARTING
        entries = entries_of(stored_lines(lines if anew else lines[shown:]))
        if not lines:
            entries = entries_of([("", "There is no build log of this deployment.", None)]) if anew else []
        self._build = (d.id, len(lines), ended)
        failed = d.state is DeploymentState.FAILED
        self.view.page.show_build_log(entries, anew=anew, finished=ended, failed=failed)

    # Address and test request

    def _copy_url(self) -> None:
        if self._endpoint is not None:
            self.view.copy(self._endpoint.url)
            self.context.toast("Copied the address.")

    def _copy_curl(self) -> None:
        if self._endpoint is None:
            return
        try:
            payload = self.view.page.try_it.payload()
        except WorkstationError as error:
            self.view.page.try_it.show_problem(error)
            return
        self.view.copy(curl_command(self._endpoint.url, payload))
        self.context.toast("Copied as curl.")

    def _send(self, payload: bytes) -> None:
        row = self.view.row
        if row is None:
            return
        d, page = row.deployment, self.view.page
        delivery, session = self.context.workspace.delivery, self.context.session

        def predict() -> Answer:
            began = time.perf_counter()
            body = delivery.predict(session, d.model, d.environment, payload)
            seconds = time.perf_counter() - began
            return Answer(body, seconds, delivery.endpoint(d.model, d.environment).current)

        page.try_it.show_sending()
        self.read(predict, page.try_it.show_answer, page.try_it.show_problem)

    def _open_monitoring(self, row: DeploymentRow) -> None:
        d = row.deployment
        self.context.navigator.open("monitoring", model=d.model, environment=d.environment, deployment=d.id)

    # Releases

    def _on_deploy(self, wanted: tuple[str, int, str] | None = None) -> None:
        if not self._may(Action.DEPLOY):
            return

        def chosen(found: tuple[list[Deployable], EngineStatus]) -> None:
            options, status = found
            match = [i for i, o in enumerate(options) if wanted and (o.model, o.version) == wanted[:2]]
            answer = self.view.ask_deploy(options, status, match[0] if match else 0)
            if answer is not None:
                self.deploy(*answer)

        self.read(self._reading.deployables, chosen, name="deployables")

    def deploy(self, what: Deployable, limits: Limits) -> None:
        """Start the release and turn to its log."""
        delivery, session = self.context.workspace.delivery, self.context.session

        def run(context: JobContext) -> Deployment:
            return delivery.deploy(session, what.model, what.version, what.environment, limits=limits, context=context)

        self._start(f"Deploy {what.label}", run, f"{what.model}/{what.environment}", watch=True)

    def _on_roll_back(self, row: DeploymentRow) -> None:
        if row.back_to is None or not self._may(Action.ROLL_BACK):
            return
        reason = self.view.ask_roll_back(row)
        if reason is None:
            return
        d, delivery, session = row.deployment, self.context.workspace.delivery, self.context.session

        def run(context: JobContext) -> Deployment:
            release = delivery.roll_back(session, d.model, d.environment, reason=reason, context=context)
            return delivery.deployment(release.deployment or d.id)

        self._start(f"Roll {d.model} back to version {row.back_to}", run, f"{d.model}/{d.environment}")

    def _on_stop(self, row: DeploymentRow) -> None:
        d, delivery, session = row.deployment, self.context.workspace.delivery, self.context.session
        if d.state.live and self._may(Action.DEPLOY) and self.view.ask_stop(row):
            self._start(
                f"Stop {where(d)}", lambda c: delivery.stop(session, d.id, context=c), f"{d.model}/{d.environment}"
            )

    def _on_start(self, row: DeploymentRow) -> None:
        d, delivery, session = row.deployment, self.context.workspace.delivery, self.context.session
        if not d.state.live and self._may(Action.DEPLOY):
            self._start(
                f"Start {where(d)}", lambda c: delivery.start(session, d.id, context=c), f"{d.model}/{d.environment}"
            )

    def _on_restart(self, row: DeploymentRow) -> None:
        d, delivery, session = row.deployment, self.context.workspace.delivery, self.context.session
        if not (d.state.live and self._may(Action.DEPLOY) and self.view.ask_restart(row)):
            return

        def run(context: JobContext) -> Deployment:
            delivery.stop(session, d.id, reason="restarted", context=context)
            return delivery.start(session, d.id, context=context)

        self._start(f"Restart {where(d)}", run, f"{d.model}/{d.environment}")

    def _may(self, action: Action) -> bool:
        """Keys and the context menu reach what a button would have refused."""
        if self.context.account.may(action):
            return True
        self.view.show_problem(NotAllowed(forbidden(action)), can_retry=False)
        return False

    def _start(self, title: str, run: Callable[[JobContext], Deployment], key: str, *, watch: bool = False) -> None:
        self._again = lambda: self._start(title, run, key, watch=watch)
        self._lines_shown = 0
        self.view.release.begin(title)
        job = self.run_job(
            title,
            run,
            lambda deployment: self._on_done(job, deployment),
            lambda error: self._on_failed(job, error),
            key=f"release-{key}",
            progress=self._on_progress,
        )
        self._job = job
        self.view.progress.show_progress(title, None)
        if watch:
            self.context.navigator.open("deployments", release=True)

    def _on_progress(self, job: Job[Any]) -> None:
        if job is not self._job:
            return
        if not job.state.finished:
            self.view.progress.show_progress(job.title, job.fraction, job.message, job.seconds)
        self._show_lines(job)

    def _show_lines(self, job: Job[Any]) -> None:
        lines, self._lines_shown = job.lines(self._lines_shown), job.line_count
        self.view.release.log.append(entries_of([(line.step, line.text, line.at) for line in lines]))

    def _on_done(self, job: Job[Deployment], deployment: Deployment) -> None:
        if job is self._job:
            self._show_lines(job)
            self._result = deployment.id
            self.view.progress.show_finished()
            words = f"{deployment.label} is {deployment.state.value} in {deployment.environment}"
            self.view.release.show_done(words, job.seconds)
        if not self.view.at_release:
            self.context.toast(f"{job.title}: done.")
        self._build = ("", 0, False)
        self.refresh()

    def _on_failed(self, job: Job[Deployment], error: BaseException) -> None:
        if job is self._job:
            self._show_lines(job)
            self._result = ""
            self.view.progress.show_finished()
            if isinstance(error, JobCancelled):
                self.view.release.show_cancelled(job.seconds)
            else:
                self.view.release.show_failed(error, job.seconds)
        if not self.view.at_release and not isinstance(error, JobCancelled):
            self.view.show_problem(error, can_retry=False)
        self.refresh()

    def _on_retry(self) -> None:
        self._again()

    def _on_cancel(self) -> None:
        if self._job is not None:
            self.context.tasks.cancel(self._job.id)

    def _open_result(self) -> None:
        if self._result:
            self.context.navigator.open("deployments", deployment=self._result)


def fresh_lines(seen: list[tuple[float, str]], lines: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Lines (time, text) that came after the last one seen; all of them when that one is no longer among them."""
    if not seen:
        return lines
    for index in range(len(lines) - 1, -1, -1):
        if lines[max(0, index - 2) : index + 1] == seen[-(min(index, 2) + 1) :]:
            return lines[index + 1 :]
    return lines


def create(context: ScreenContext) -> Screen:
    view = DeploymentsView()
    DeploymentsPresenter(view, context)
    return view
