"""A banner in place: what went wrong, why, and what to do; what was there before stays visible below it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.error_reporter import Problem, problem_of
from mlops_desktop.ui.theme import M, S, Tone, set_role
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel

_ICONS = {
    Tone.OK: "circle-check",
    Tone.WARNING: "triangle-alert",
    Tone.CRITICAL: "circle-alert",
    Tone.UNKNOWN: "info",
    Tone.ACCENT: "info",
}


class Banner(QFrame):
    """Hidden until something is shown. `retry` is emitted by its Retry button, `action` by the named one."""

    retry = Signal()
    action = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details = ""
        self._icon = IconLabel("info")
        self._title = PlainLabel("", "strong", wrap=True, selectable=True)
        self._text = PlainLabel("", wrap=True, selectable=True)
        self._action = Button("", role="plain", clicked=self.action.emit)
        self._retry = Button("Retry", "rotate-cw", clicked=self.retry.emit)
        self._copy = Button("Copy details", "copy", "plain", clicked=self._copy_details)
        self._close = IconButton("x", "Dismiss", clicked=self.hide)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(M, S, S, S)
        layout.setSpacing(S)
        layout.addWidget(self._icon)
        layout.addLayout(words, 1)
        for button in (self._action, self._copy, self._retry, self._close):
            layout.addWidget(button)
        self.hide()

    def show_problem(self, error: BaseException, *, can_retry: bool = True) -> None:
        """An error for the person: its sentence and hint; a bug: a sentence, and the traceback to copy."""
        problem = problem_of(error)
        self._fill(problem, Tone.CRITICAL, retry=can_retry, copy=True, action="")

    def show_message(self, title: str, text: str = "", tone: Tone = Tone.ACCENT, *, action: str = "") -> None:
        """Something worth knowing that is no failure; `action` names a button."""
        self._fill(Problem(title, text, "", bug=False), tone, retry=False, copy=False, action=action)

    def clear(self) -> None:
        self.hide()

    def _fill(self, problem: Problem, tone: Tone, *, retry: bool, copy: bool, action: str) -> None:
        set_role(self, tone.value)
        self._icon.show_icon(_ICONS[tone], tone.value)
        self._title.setText(problem.message)
        self._text.setText(problem.hint)
        self._text.setVisible(bool(problem.hint))
        self._details = problem.details
        self._retry.setVisible(retry)
        self._copy.setVisible(copy)
        self._action.setVisible(bool(action))
        self._action.setText(action)
        self.setAccessibleName(f"{problem.message} {problem.hint}".strip())
        self.show()

    def _copy_details(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
