"""Reads the models and registers versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_desktop.domain.alerts import AlertState
from mlops_desktop.domain.errors import JobCancelled
from mlops_desktop.domain.events import ModelEvent, VersionEvent
from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.models.columns import PRODUCTION, ModelRow
from mlops_desktop.ui.screens.models.dialogs import RegisterDialog
from mlops_desktop.ui.screens.models.registration import Found, KnownModel, Registration
from mlops_desktop.ui.screens.models.view import ModelsView
from mlops_desktop.ui.task_runner import Job, JobContext


class ModelsPresenter(Presenter):
    """The list follows what is registered, deployed and alerted, whoever did it."""

    def __init__(self, view: ModelsView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._rows: Sequence[ModelRow] = ()
        navigator = context.navigator
        view.model_opened.connect(lambda name: navigator.open("model", model=name))
        view.register_wanted.connect(self._open_register)
        view.compare_wanted.connect(self._compare)
        view.name_copied.connect(lambda _: context.toast("Copied."))
        self.listen(self.refresh, ModelEvent, VersionEvent)

    def open(self, params: dict[str, Any]) -> None:
        if search := params.get("search"):
            self.view.table.set_filter(str(search))
        if files := params.get("files"):
            self._open_register([Path(f) for f in files])
        self.refresh()

    def refresh(self) -> None:
        self.read(self._models, self._show)

    def _models(self) -> list[ModelRow]:
        """On a reading thread."""
        workspace = self.context.workspace
        firing = Counter(alert.model for alert in workspace.alerts.alerts(AlertState.FIRING))
        return [ModelRow(summary, firing[summary.name]) for summary in workspace.registry.models()]

    def _show(self, rows: list[ModelRow]) -> None:
        self._rows = rows
        self.view.show_models(rows)

    def _compare(self, rows: list[ModelRow]) -> None:
        """The newest of two models; of one model what serves, or the one before, with the newest."""
        if len(rows) == 2:
            left, right = (f"{row.name}@{row.summary.latest}" for row in rows)
        else:
            summary = rows[0].summary
            newest = summary.latest or 1
            serving = summary.current.get(PRODUCTION, newest)
            before = serving if serving != newest else newest - 1
            left, right = f"{summary.name}@{before}", f"{summary.name}@{newest}"
        self.context.navigator.open("compare", left=left, right=right)

    # Registering

    def _open_register(self, paths: list[Path]) -> None:
        fresh = self.view.dialog is None
        known = {row.name: KnownModel(row.name, row.summary.task, (row.summary.latest or 0) + 1) for row in self._rows}
        dialog = self.view.open_register(known)
        if fresh:
            dialog.inspect_wanted.connect(self._inspect)
            dialog.register_wanted.connect(self._register)
        if paths:
            dialog.choose(paths[0])

    def _inspect(self, path: Path) -> None:
        registry, session, dialog = self.context.workspace.registry, self.context.session, self.view.dialog

        def look() -> Found:
            found = registry.inspect_file(session, path)
            return Found(path, found.format, len(found.files), found.signature, found.inspection)

        def failed(error: BaseException) -> None:
            if dialog is not None and dialog is self.view.dialog:
                dialog.show_unreadable(error)

        def done(found: Found) -> None:
            if dialog is not None and dialog is self.view.dialog:
                dialog.show_found(found)

        self.read(look, done, failed, name="inspect")

    def _register(self, wanted: Registration) -> None:
        registry, session, dialog = self.context.workspace.registry, self.context.session, self.view.dialog
        if dialog is None:
            return
        title = f"Register {wanted.path.name} as {wanted.model}"

        def register(job: JobContext) -> ModelVersion:
            return registry.register_version(
                session,
                wanted.model,
                wanted.path,
                task=wanted.task,
                metrics=wanted.metrics,
                description=wanted.description,
                signature=wanted.signature,
                context=job,
            )

        def progress(job: Job[Any]) -> None:
            if dialog is self.view.dialog and not job.state.finished:
                dialog.show_progress(title, job.fraction, job.message, job.seconds)

        def failed(error: BaseException) -> None:
            if dialog is self.view.dialog:
                dialog.show_refused(None if isinstance(error, JobCancelled) else error)

        dialog.show_running()
        job = self.run_job(
            title, register, lambda version: self._registered(dialog, version), failed, progress=progress
        )
        dialog.cancel_wanted.connect(lambda: self.context.tasks.cancel(job.id))

    def _registered(self, dialog: RegisterDialog, version: ModelVersion) -> None:
        if dialog is self.view.dialog:
            dialog.accept()
        self.context.toast(f"Registered {version.label}.")
        self.context.navigator.open("version", model=version.model, version=version.number)


def create(context: ScreenContext) -> Screen:
    view = ModelsView(context.account)
    ModelsPresenter(view, context)
    return view
