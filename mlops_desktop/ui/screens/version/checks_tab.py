"""What the checks found for one environment's policy, and running them again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Action
from mlops_desktop.domain.checks import CheckResult, CheckRun, Verdict
from mlops_desktop.domain.policy import QUESTIONS
from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.screens.version.policy_words import check_title, policy_sentence
from mlops_desktop.ui.theme import M, S, Tone
from mlops_desktop.ui.widgets.badges import NOTHING, Badge, StateBadge
from mlops_desktop.ui.widgets.buttons import Button, forbidden
from mlops_desktop.ui.widgets.cards import Card, Page
from mlops_desktop.ui.widgets.check_list import CheckList
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress
from mlops_desktop.ui.words import ago, count, exactly

PASSED = Badge("Passed", "circle-check", Tone.OK)
NOT_PASSED = Badge("Did not pass", "circle-x", Tone.CRITICAL)
NOT_RUN = Badge("Not run", "circle-dashed", Tone.UNKNOWN)
RUNNING = Badge("Running", "loader-circle", Tone.ACCENT)


def verdict_of(run: CheckRun | None) -> Badge:
    """The whole run in one badge; a warning doesn't stop anything, but should not look like nothing."""
    if run is None:
        return NOT_RUN
    warnings = sum(result.verdict is Verdict.WARN for result in run.results)
    if run.passed and warnings:
        return Badge(f"Passed, {count(warnings, 'warning')}", "triangle-alert", Tone.WARNING)
    return PASSED if run.passed else NOT_PASSED


class ChecksTab(QWidget):
    """The newest run for the chosen environment, or the one that is running."""

    run_wanted = Signal(str)
    cancel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._facts: VersionFacts | None = None
        self._running = ""  # the environment that they run for
        self.environment = QComboBox()
        self.environment.setAccessibleName("Environment whose policy the checks are for")
        self.environment.setMinimumWidth(130)
        self.environment.currentTextChanged.connect(self._on_environment)
        self.verdict = StateBadge(NOTHING)
        self.when = PlainLabel("", "muted", wrap=True)
        self.run = Button("Run checks", "play", clicked=self._on_run)
        self.progress = JobProgress()
        self.progress.cancelled.connect(self.cancel_wanted)
        self.policy = PlainLabel("", "caption", wrap=True)
        self.results = CheckList("")
        head = QHBoxLayout()
        head.setSpacing(M)
        head.addWidget(PlainLabel("For", "muted"))
        head.addWidget(self.environment)
        head.addWidget(self.verdict)
        head.addWidget(self.when, 1)
        head.addWidget(self.run)
        card = Card()
        card.add(self.policy)
        card.add(self.results)
        page = Page(margin=0)
        page.body.setContentsMargins(0, 0, 0, 0)
        page.body.addWidget(card)
        page.body.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self.progress)
        layout.addWidget(page, 1)

    def forget(self) -> None:
        """Another version: its newest run decides what is shown first."""
        self._facts, self._running = None, ""
        self.progress.show_finished()
        self.environment.blockSignals(True)
        self.environment.clear()
        self.environment.blockSignals(False)

    def show_facts(self, facts: VersionFacts) -> None:
        self._facts = facts
        self._show_environments(facts)
        self._show()

    def show_running(self, where: str, title: str, fraction: float | None, message: str, seconds: float) -> None:
        if self._running != where:
            self._running = where
            self.environment.setCurrentText(where)
            self._show()
        self.progress.show_progress(title, fraction, message, seconds)

    def show_so_far(self, results: Sequence[CheckResult]) -> None:
        """While they run, as long as their environment is looked at."""
        if self.environment.currentText() != self._running:
            return
        if results:
            self.results.show_results(results)
        else:
            self.results.show_nothing("The first check is running.")

    def show_finished(self) -> None:
        self._running = ""
        self.progress.show_finished()
        self._show()

    def _show_environments(self, facts: VersionFacts) -> None:
        shown = [self.environment.itemText(i) for i in range(self.environment.count())]
        if shown == facts.environments:
            return
        chosen = self.environment.currentText()
        if not chosen:
            chosen = facts.runs[0].environment if facts.runs else facts.home
        self.environment.blockSignals(True)
        self.environment.clear()
        self.environment.addItems(facts.environments)
        self.environment.setCurrentText(chosen)
        self.environment.blockSignals(False)

    def _show(self) -> None:
        facts, where = self._facts, self.environment.currentText()
        if facts is None:
            return
        policy, run = facts.policy(where), facts.latest_run(where)
        self.policy.setText(policy_sentence(policy) if policy is not None else "")
        if self._running:
            self.run.forbid("The checks are running.")
        elif not facts.account.may(Action.RUN_CHECKS):
            self.run.forbid(forbidden(Action.RUN_CHECKS))
        else:
            self.run.allow()
        self.run.setText("Run again" if run is not None else "Run checks")
        if self._running == where:
            self.verdict.show_badge(RUNNING)
            self.when.setText("")
            return
        self.verdict.show_badge(verdict_of(run))
        if run is None:
            self.when.setText("")
            asked = [f"{check_title(n)}: {QUESTIONS.get(n, '')}" for n in policy.required_checks] if policy else []
            words = "They were not run yet. They ask:\n" + "\n".join(f"· {line}" for line in asked)
            self.results.show_nothing(words if asked else "This policy demands no checks.")
            return
        old = "" if run.version_digest == facts.version.digest else ", of another content than it has now"
        self.when.setText(f"{ago(run.started_at, facts.read_at)} by {run.run_by}, in {run.seconds:.1f} s{old}")
        self.when.setToolTip(exactly(run.started_at))
        self.results.show_results(run.results)

    def _on_environment(self) -> None:
        self._show()

    def _on_run(self) -> None:
        self.run_wanted.emit(self.environment.currentText())
