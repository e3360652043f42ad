"""The jobs of this window: how far they are, Cancel, and the log of each. A job can be left and returned to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.error_reporter import problem_of
from mlops_desktop.ui.shell.overlay import Overlay
from mlops_desktop.ui.task_runner import Job, JobState
from mlops_desktop.ui.theme import L, M, S, Tone
from mlops_desktop.ui.widgets.badges import Badge, StateBadge
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Line, Page
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.log_model import LogEntry
from mlops_desktop.ui.widgets.log_view import LogView
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress

SHOWN = 30
BADGES = {
    JobState.QUEUED: Badge("Queued", "clock", Tone.UNKNOWN),
    JobState.RUNNING: Badge("Running", "loader-circle", Tone.ACCENT),
    JobState.DONE: Badge("Done", "circle-check", Tone.OK),
    JobState.FAILED: Badge("Failed", "circle-x", Tone.CRITICAL),
    JobState.CANCELLED: Badge("Cancelled", "circle-minus", Tone.UNKNOWN),
}


class JobRow(QWidget):
    """One job: progress while it runs, its outcome afterwards."""

    def __init__(self, job: Job[Any], tray: TaskTray) -> None:
        super().__init__()
        self._job = job
        self._progress = JobProgress(with_log=True)
        self._progress.cancelled.connect(lambda: tray.cancelled.emit(job.id))
        self._progress.log_opened.connect(lambda: tray.show_log(job))
        self._finished = QWidget()
        self._badge = StateBadge()
        self._message = ElidedLabel("", "caption")
        self._time = PlainLabel("", "caption")
        line = QHBoxLayout()
        line.setSpacing(S)
        line.addWidget(ElidedLabel(job.title, "strong"), 1)
        line.addWidget(self._time)
        line.addWidget(self._badge)
        line.addWidget(Button("Log", "file-text", "plain", clicked=lambda: tray.show_log(job)))
        inner = QVBoxLayout(self._finished)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addLayout(line)
        inner.addWidget(self._message)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(M, S, M, S)
        layout.addWidget(self._progress)
        layout.addWidget(self._finished)
        self.show_job()

    def show_job(self) -> None:
        job = self._job
        finished = job.state.finished
        self._finished.setVisible(finished)
        if finished:
            self._progress.show_finished()
            self._badge.show_badge(BADGES[job.state])
            self._time.setText(f"{job.seconds:.1f} s")
            self._message.setText(problem_of(job.error).message if job.error is not None else job.message)
            self._message.setVisible(bool(self._message.text()))
        else:
            waits = "waits for its turn" if job.state is JobState.QUEUED else job.message
            self._progress.show_progress(job.title, job.fraction, waits, job.seconds)


class TaskTray(Overlay):
    """`show_jobs` with the pool's list; `cancelled(job id)` is the person's wish."""

    cancelled = Signal(str)

    def __init__(self, parent: QWidget, anchor: QWidget) -> None:
        super().__init__(parent, "Jobs")
        self._anchor = anchor
        self._rows: dict[str, JobRow] = {}
        self._logs: dict[str, JobLog] = {}
        head = PlainLabel("Jobs", "section")
        head.setContentsMargins(M, S, M, S)
        self._page = Page(margin=0)
        self._page.body.setContentsMargins(0, 0, 0, 0)
        self._page.body.setSpacing(0)
        self._page.body.addStretch(1)
        self._empty = EmptyState("list-checks", "No jobs", "Checks, builds and deployments show up here.")
        self.content.addWidget(head)
        self.content.addWidget(Line())
        self.content.addWidget(self._page, 1)
        self.content.addWidget(self._empty, 1)

    def place(self) -> None:
        self.drop_below(self._anchor, 420, 460)

    def show_jobs(self, jobs: Sequence[Job[Any]]) -> None:
        """Newest first. Rows change in place; the focus stays where it is."""
        shown = jobs[:SHOWN]
        for gone in self._rows.keys() - {job.id for job in shown}:
            row = self._rows.pop(gone)
            row.hide()
            row.deleteLater()
        for job in reversed(shown):
            if job.id not in self._rows:
                self._rows[job.id] = JobRow(job, self)
                self._page.body.insertWidget(0, self._rows[job.id])
            self._rows[job.id].show_job()
        self._empty.setVisible(not shown)
        self._page.setVisible(bool(shown))

    def on_job_changed(self, job: Job[Any]) -> None:
        if job.id in self._rows:
            self._rows[job.id].show_job()
        if job.id in self._logs:
            self._logs[job.id].show_job()

    def show_log(self, job: Job[Any]) -> None:
        """The log in a window of its own, which may stay open."""
        if job.id not in self._logs:
            log = JobLog(job, self.window())
            log.finished.connect(lambda _code: self._logs.pop(job.id, None))
            log.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self._logs[job.id] = log
        self.close_panel()
        self._logs[job.id].show()
        self._logs[job.id].raise_()


class JobLog(Dialog):
    """The streamed, foldable log of one job."""

    def __init__(self, job: Job[Any], parent: QWidget | None = None) -> None:
        super().__init__(job.title, "", "Cancel the job", danger=True, parent=parent)
        self._job, self._shown = job, 0
        self.setModal(False)
        self.resize(760, 520)
        self.log = LogView(f"Log of {job.title}")
        self.body.addWidget(self.log, 1)
        self.body.setContentsMargins(0, 0, 0, L)
        self.cancel_button.setText("Close")
        self._ended = False
        self.show_job()

    def show_job(self) -> None:
        lines = self._job.lines(self._shown)
        self._shown = self._job.line_count
        self.log.append(LogEntry(line.text, line.step, line.at) for line in lines)
        if self._job.state.finished and not self._ended:
            self._ended = True
            self.accept_button.hide()
            if self._job.error is not None:
                message = problem_of(self._job.error).message
                self.log.append([LogEntry(message, lines[-1].step if lines else "", self._job.seconds)])
            self.log.finish(self._job.state is JobState.FAILED, self._job.seconds)

    def on_accept(self) -> None:
        self._job.context.cancel()
        self.accept_button.setEnabled(False)
