"""What can be done with a version and takes its time: checks, requests and releases.

A job belongs to the version that it was begun for; the page may show another one when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.checks import CheckResult, CheckRun, Verdict
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import JobCancelled
from mlops_desktop.domain.promotions import Promotion, PromotionState
from mlops_desktop.ui.screen import Presenter
from mlops_desktop.ui.screens.version.dialogs import RequestDialog
from mlops_desktop.ui.screens.version.view import VersionView
from mlops_desktop.ui.task_runner import Job, JobContext, JobLine
from mlops_desktop.ui.theme import Tone

if TYPE_CHECKING:
    from mlops_desktop.domain.registry import ModelVersion

Name = tuple[str, int]  # model and number


@dataclass(slots=True)
class Running:
    """A job that was begun here, for one environment; `shown` lines of its log are on the screen."""

    job: Job[Any]
    where: str
    shown: int = 0


class VersionWork:
    """Starts jobs through the presenter, and shows them while their version is on the page."""

    def __init__(self, presenter: Presenter, view: VersionView) -> None:
        self._presenter, self._view = presenter, view
        self._context = presenter.context
        self._here: Name = ("", 0)
        self._checks: dict[Name, Running] = {}
        self._releases: dict[Name, Running] = {}
        view.checks.cancel_wanted.connect(lambda: self._cancel(self._checks))
        view.job.cancelled.connect(lambda: self._cancel(self._releases))

    def turn_to(self, name: Name) -> None:
        """The page shows this version from now on, with what is under way for it."""
        self._here = name
        if (checks := self._checks.get(name)) is not None:
            self._show_checks(name, checks)
        if (release := self._releases.get(name)) is not None:
            self._begin_log(release)
            self._show_release(name, release)

    # Checks

    def run_checks(self, where: str) -> None:
        name = self._here
        if name in self._checks or not where:
            return
        service, session = self._context.workspace.checks, self._context.session

        def run(job: JobContext) -> CheckRun:
            return service.run_checks(session, *name, where, job)

        def done(_: CheckRun) -> None:
            self._checks_ended(name)

        def failed(error: BaseException) -> None:
            self._checks_ended(name)
            self._tell_failure(name, title, error)

        title = f"Checks of {name[0]}@{name[1]} for {where}"
        self._view.outcome.clear()
        job = self._presenter.run_job(
            title, run, done, failed, key=f"checks {name[0]}", progress=lambda _: self._on_checks(name)
        )
        self._checks[name] = Running(job, where)
        self._show_checks(name, self._checks[name])

    def _on_checks(self, name: Name) -> None:
        if (running := self._checks.get(name)) is not None:
            self._show_checks(name, running)

    def _show_checks(self, name: Name, running: Running) -> None:
        job = running.job
        if name == self._here and not job.state.finished:
            self._view.checks.show_running(running.where, job.title, job.fraction, job.message, job.seconds)
            self._view.checks.show_so_far(results_so_far(job.lines()))

    def _checks_ended(self, name: Name) -> None:
        self._checks.pop(name, None)
        if name == self._here:
            self._view.checks.show_finished()
        self._presenter.refresh()

    # Asking

    def ask(self, dialog: RequestDialog) -> None:
        """Make requests of what the dialog says, until one succeeds or the person gives up."""
        promotions, session, name = self._context.workspace.promotions, self._context.session, self._here
        jobs: list[Job[Promotion]] = []

        def still_open() -> bool:
            return dialog is self._view.request_dialog

        def failed(error: BaseException) -> None:
            if still_open():
                dialog.show_refused(None if isinstance(error, JobCancelled) else error)
            self._presenter.refresh()

        def done(promotion: Promotion) -> None:
            if still_open():
                dialog.accept()
            waits = promotion.state is PromotionState.PENDING
            words = "waits for a reviewer" if waits else f"is {promotion.state.value}: it can be deployed"
            self._context.toast(f"Request {promotion.id} {words}.")
            self._presenter.refresh()

        def progress(job: Job[Any]) -> None:
            if still_open() and not job.state.finished:
                dialog.progress.show_progress(job.title, job.fraction, job.message, job.seconds)

        def ask(where: str, reason: str) -> None:
            def request(job: JobContext) -> Promotion:
                return promotions.request(session, *name, where, reason, job)

            title = f"Request {name[0]}@{name[1]} for {where}"
            dialog.progress.show_progress(title, None)
            jobs.append(self._presenter.run_job(title, request, done, failed, progress=progress))

        def cancel() -> None:
            if jobs:
                self._context.tasks.cancel(jobs[-1].id)

        dialog.request_wanted.connect(ask)
        dialog.cancel_wanted.connect(cancel)

    # Deploying

    def deploy(self, where: str) -> None:
        name = self._here
        if name in self._releases:
            return
        workspace, session = self._context.workspace, self._context.session

        def deploy(job: JobContext) -> Deployment:
            return workspace.delivery.deploy(session, *name, where, context=job)

        def done(deployment: Deployment) -> None:
            seconds = running.job.seconds
            self._release_ended(name, running, failed=False)
            self._context.toast(f"{deployment.label} answers in {deployment.environment} after {seconds:.0f} s.")

        def failed(error: BaseException) -> None:
            self._release_ended(name, running, failed=True)
            if isinstance(error, JobCancelled) and name == self._here:
                self._view.outcome.show_message(
                    "Cancelled", "What had begun was undone; the traffic stayed where it was.", Tone.WARNING
                )
            self._tell_failure(name, title, error)

        title = f"Deploy {name[0]}@{name[1]} to {where}"
        self._view.outcome.clear()
        # The same key as that of the deployments screen: one release at a time for a model and environment.
        job = self._presenter.run_job(
            title, deploy, done, failed, key=f"release-{name[0]}/{where}", progress=lambda _: self._on_release(name)
        )
        running = self._releases[name] = Running(job, where)
        self._begin_log(running)
        self._show_release(name, running)
        self._view.open_log()

    def _begin_log(self, running: Running) -> None:
        running.shown = 0
        self._view.deployments.begin_log(running.job.title)

    def _on_release(self, name: Name) -> None:
        if (running := self._releases.get(name)) is not None:
            self._show_release(name, running)

    def _show_release(self, name: Name, running: Running) -> None:
        if name != self._here:
            return
        job = running.job
        if not job.state.finished:
            self._view.show_job(running.where, job.title, job.fraction, job.message, job.seconds)
        lines, running.shown = job.lines(running.shown), job.line_count
        self._view.deployments.append_log(lines)

    def _release_ended(self, name: Name, running: Running, *, failed: bool) -> None:
        if name == self._here:
            self._show_release(name, running)
            self._view.deployments.finish_log(failed=failed, seconds=running.job.seconds)
            self._view.show_job_finished()
        self._releases.pop(name, None)
        self._presenter.refresh()

    # Files

    def verify(self, version: ModelVersion) -> None:
        registry, session, name = self._context.workspace.registry, self._context.session, self._here

        def verify(_job: JobContext) -> list[str]:
            return registry.verify_artifacts(session, *name)

        def done(damaged: Sequence[str]) -> None:
            if name == self._here:
                self._view.files.show_verifying(False)
                if damaged:
                    self._view.outcome.show_message(f"Damaged: {', '.join(damaged)}.", "", Tone.CRITICAL)
            if not damaged:
                self._context.toast(f"All {len(version.files)} files are as they were registered.")
            self._presenter.refresh()

        def failed(error: BaseException) -> None:
            if name == self._here:
                self._view.files.show_verifying(False)
            self._tell_failure(name, title, error)

        title = f"Verify the files of {version.label}"
        self._view.outcome.clear()
        self._view.files.show_verifying(True)
        self._presenter.run_job(title, verify, done, failed)

    def save(self, title: str, write: Callable[[], str]) -> None:
        """Write something outside the workspace; `write` returns what to say afterwards."""
        name = self._here
        self._view.outcome.clear()
        self._presenter.run_job(
            title, lambda _: write(), self._context.toast, lambda error: self._tell_failure(name, title, error)
        )

    # Telling

    def _tell_failure(self, name: Name, title: str, error: BaseException) -> None:
        """In the banner of the version that it is about; what was cancelled was wanted."""
        if isinstance(error, JobCancelled):
            return
        if name == self._here:
            self._view.outcome.show_problem(error, can_retry=False)
        else:
            self._context.toast(f"{title}: failed.")

    def _cancel(self, jobs: dict[Name, Running]) -> None:
        if (running := jobs.get(self._here)) is not None:
            self._context.tasks.cancel(running.job.id)


def results_so_far(lines: Sequence[JobLine]) -> list[CheckResult]:
    """The verdicts that a running job has logged: “pass: All 3 files …” under the name of the check."""
    results = []
    for line in lines:
        word, separator, summary = line.text.partition(": ")
        if separator and line.step and word in set(Verdict):
            results.append(CheckResult(line.step, Verdict(word), summary))
    return results
