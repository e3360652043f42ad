"""A release while it runs: steps of the build with their times, the log, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import S, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.log_model import LogEntry
from mlops_desktop.ui.widgets.log_view import LogView
from mlops_desktop.ui.widgets.plain_label import ElidedLabel

CACHED = ": cached"


class ReleasePage(QWidget):
    """Cancel stands beside the progress above; here are the log and the result."""

    retry_wanted = Signal()
    result_opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel("Nothing is being released", "title")
        self.result = Banner()
        self.result.retry.connect(self.retry_wanted)
        self.result.action.connect(self.result_opened)
        self.log = LogView("Log of the release")
        self.back = Button("All deployments", "arrow-left", "plain")
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self.title, 1)
        head.addWidget(self.back)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self.result)
        layout.addWidget(self.log, 1)

    def begin(self, title: str) -> None:
        self.title.setText(title)
        self.result.clear()
        self.log.clear()

    def show_done(self, words: str, seconds: float) -> None:
        self.log.finish(at=seconds)
        self.result.show_message(words, f"It took {seconds:.1f} s.", Tone.OK, action="Open the deployment")

    def show_failed(self, error: BaseException, seconds: float) -> None:
        self.log.finish(failed=True, at=seconds)
        self.result.show_problem(error)

    def show_cancelled(self, seconds: float) -> None:
        self.log.finish(failed=True, at=seconds)
        self.result.show_message(
            "Cancelled", "What had begun was undone; the traffic stayed where it was.", Tone.WARNING
        )


def entries_of(lines: Sequence[tuple[str, str, float | None]]) -> list[LogEntry]:
    """Lines (step, text, seconds) for the log view; a step found ready says “cached” in its header."""
    found = []
    for step, text, at in lines:
        name = step.removesuffix(CACHED)
        found.append(LogEntry(text, name, at))
        if step.endswith(CACHED) or text.strip().endswith("---> cached"):
            found.append(LogEntry("cached", name, at))
    return found


def stored_lines(lines: Sequence[str]) -> list[tuple[str, str, float | None]]:
    """The kept log: `step<TAB>text`, or the text alone."""
    return [
        (step, text, None) if tab else ("", step, None) for step, tab, text in (line.partition("\t") for line in lines)
    ]
