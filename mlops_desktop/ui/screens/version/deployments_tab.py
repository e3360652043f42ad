"""Where the version runs or ran, and the live log of the release that was begun here."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.ui.screens.version.columns import DEPLOYMENT_COLUMNS
from mlops_desktop.ui.task_runner import JobLine
from mlops_desktop.ui.theme import M, S
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.log_model import LogEntry
from mlops_desktop.ui.widgets.log_view import LogView
from mlops_desktop.ui.widgets.plain_label import ElidedLabel
from mlops_desktop.ui.widgets.table import RecordTable

CACHED = ": cached"
TABLE_HEIGHT = 160


def entries_of(lines: Sequence[JobLine]) -> list[LogEntry]:
    """Lines of a job for the log view; a step that was found ready says “cached” in its header."""
    found = []
    for line in lines:
        name = line.step.removesuffix(CACHED)
        found.append(LogEntry(line.text, name, line.at))
        if line.step.endswith(CACHED) or line.text.strip().endswith("---> cached"):
            found.append(LogEntry("cached", name, line.at))
    return found


class DeploymentsTab(QWidget):
    """The log takes the lower half while a release runs, and stays until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RecordTable(
            "version-deployments",
            DEPLOYMENT_COLUMNS,
            lambda d: d.id,
            title="Deployments",
            filterable=False,
            heading=True,
        )
        self._empty = EmptyState("rocket", "Never deployed")
        self.table.set_empty(self._empty)
        self.log_title = ElidedLabel("", "section")
        self.log = LogView("Log of the release")
        self.close_log = IconButton("x", "Close the log", clicked=self.hide_log)
        self._log_part = QWidget()
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self.log_title, 1)
        head.addWidget(self.close_log)
        below = QVBoxLayout(self._log_part)
        below.setContentsMargins(0, M, 0, 0)
        below.setSpacing(S)
        below.addLayout(head)
        below.addWidget(self.log, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        layout.addWidget(split, 1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(self._log_part)
        split.setStretchFactor(1, 1)
        self._log_part.hide()

    def show_deployments(self, deployments: Sequence[Deployment], next_step: str) -> None:
        """`next_step` says what leads to the first one."""
        self._empty.show_text("Never deployed", next_step)
        self.table.set_records(deployments)

    @property
    def log_shown(self) -> bool:
        return not self._log_part.isHidden()

    def begin_log(self, title: str, lines: Sequence[JobLine] = ()) -> None:
        self.log.clear()
        self.log_title.setText(title)
        self.show_log()
        self.log.append(entries_of(lines))

    def append_log(self, lines: Sequence[JobLine]) -> None:
        self.log.append(entries_of(lines))

    def finish_log(self, *, failed: bool, seconds: float) -> None:
        self.log.finish(failed=failed, at=seconds)

    def show_log(self) -> None:
        """Most of the room is the log's, until the person moves the handle."""
        if self._log_part.isHidden():
            self._log_part.show()
            self._split.setSizes([TABLE_HEIGHT, 4 * TABLE_HEIGHT])

    def hide_log(self) -> None:
        self._log_part.hide()
