"""Asking for a promotion, and confirming a deployment."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.deployments import EngineKind, EngineStatus
from mlops_desktop.domain.policy import QUESTIONS, Policy
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.screens.version.policy_words import approvals_sentence, check_title
from mlops_desktop.ui.theme import XL, L, S, set_role
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, area_field, choice_field
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress
from mlops_desktop.ui.words import ago

WIDTH = 620


class RequestDialog(Dialog):
    """Stays open while the checks run; a refusal is told here, and what was typed stays."""

    request_wanted = Signal(str, str)  # environment, reason
    cancel_wanted = Signal()

    def __init__(
        self, facts: VersionFacts, reasons: Mapping[str, str], first: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(f"Request promotion of {facts.version.label}", accept="Request promotion", parent=parent)
        self.setMinimumWidth(WIDTH)
        self._facts, self._reasons = facts, reasons
        self._running = False
        self.problem = Banner()
        self.environment = choice_field("Environment", list(reasons))
        self.environment.set_text(first)
        self.environment.changed.connect(self._show_policy)
        self.form = Form()
        policy = Card(" ", "shield-check")
        self._policy_title = policy.title
        self.approvals = PlainLabel("", wrap=True)
        self.checks = PlainLabel("", "muted", wrap=True)
        policy.add(self.approvals)
        policy.add(self.checks)
        self.reason = self.form.add(
            "reason",
            area_field("Reason", "Whoever reviews it reads this first.", "Why should it serve there?", lines=4),
        )
        self.progress = JobProgress()
        self.progress.cancelled.connect(self.cancel_wanted)
        for part in (self.problem, self.environment, policy, self.form, self.progress):
            self.body.addWidget(part)
        self._show_policy()
        self.reason.input.setFocus()

    def on_accept(self) -> None:
        self.form.clear_problems()
        reason = self.reason.text().strip()
        if not reason:
            self.form.show_problem("reason", "Say why, for whoever reviews it.")
            return
        self._run(True)
        self.request_wanted.emit(self.environment.text(), reason)

    def show_refused(self, error: BaseException | None) -> None:
        """Refused or (None) cancelled."""
        self._run(False)
        self.progress.show_finished()
        if error is not None:
            self.problem.show_problem(error, can_retry=False)

    def reject(self) -> None:
        if self._running:
            self.cancel_wanted.emit()
        else:
            super().reject()

    def _run(self, running: bool) -> None:
        self._running = running
        if running:
            self.problem.clear()
        self.form.setEnabled(not running)
        self.environment.setEnabled(not running)
        self._show_ready()

    def _show_ready(self) -> None:
        reason = "The request is being made." if self._running else self._reasons.get(self.environment.text(), "")
        if reason:
            self.accept_button.forbid(reason)
        else:
            self.accept_button.allow()

    def _show_policy(self) -> None:
        where = self.environment.text()
        policy, why_not = self._facts.policy(where), self._reasons.get(where, "")
        self.environment.show_problem(why_not)
        self._policy_title.setText(f"Policy {policy.version} of {where}" if policy is not None else where)
        self.approvals.setText(approvals_sentence(policy) if policy is not None else "")
        self.checks.setText(self._checks_words(policy) if policy is not None else "")
        # A dialog doesn't ask wrapped labels how high they become.
        for label in (self.approvals, self.checks):
            label.setMinimumHeight(label.heightForWidth(WIDTH - 2 * XL - 2 * L - 2))
        self._show_ready()

    def _checks_words(self, policy: Policy) -> str:
        if not policy.required_checks:
            return "No checks are demanded."
        run = self._facts.latest_run(policy.environment)
        head = "These checks run first; one that fails stops the request:"
        if run is not None and run.passed:
            head = (
                f"They passed {ago(run.started_at, self._facts.read_at)}; these checks run again if that is outdated:"
            )
        lines = [f"· {check_title(name)}: {QUESTIONS.get(name, '')}" for name in policy.required_checks]
        return "\n".join([head, *lines])


class DeployDialog(Dialog):
    """What will happen, before it does; `environment` after it was accepted."""

    def __init__(
        self, facts: VersionFacts, reasons: Mapping[str, str], first: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(f"Deploy {facts.version.label}", accept="Deploy", parent=parent)
        self.setMinimumWidth(520)
        self._facts, self._reasons = facts, reasons
        self.form = Form()
        self.field = self.form.add("environment", choice_field("Environment", list(reasons)))
        self.field.set_text(first)
        self.field.changed.connect(self._show_effect)
        self.effect = PlainLabel("", wrap=True)
        self.engine = PlainLabel("", "caption", wrap=True)
        self.engine.setContentsMargins(0, S, 0, 0)
        for part in (self.form, self.effect, self.engine):
            self.body.addWidget(part)
        self._show_effect()
        self.accept_button.setFocus()

    @property
    def environment(self) -> str:
        return self.field.text()

    def show_engine(self, status: EngineStatus) -> None:
        """What it will run in; a problem is said before anything is begun."""
        if not status.available:
            self.engine.setText(f"{status.message} {status.hint}".strip())
            set_role(self.engine, "problem")
        elif status.kind is EngineKind.PROCESS and not self._facts.version.format.code_free:
            self.engine.setText(
                f"The process engine has no isolation, so it refuses {self._facts.version.format.value}. Start Docker."
            )
            set_role(self.engine, "problem")
        else:
            words = {EngineKind.DOCKER: "It runs in a container without network, with Docker {}."}
            self.engine.setText(
                words.get(status.kind, "It runs in a process of its own, without isolation.").format(status.version)
            )

    def _show_effect(self) -> None:
        where = self.environment
        why_not, other = self._reasons.get(where, ""), self._facts.against(where)
        self.field.show_problem(why_not)
        if why_not:
            self.accept_button.forbid(why_not)
        else:
            self.accept_button.allow()
        before = (
            "Nothing answers there now."
            if other is None
            else f"It answers instead of version {other.number}, which stays warm for a roll-back."
        )
        if self._facts.serves(where):
            before = "It answers there already; a new deployment takes its place."
        request = self._facts.open_request(where)
        if request is not None and request.state is PromotionState.APPROVED:
            first = f"Request {request.id} was approved."
        else:
            first = "Nobody has to approve it there; the required checks run first."
        steps = "It is built, started and asked once; then the traffic moves without a dropped request."
        self.effect.setText("" if why_not else f"{first} {steps} {before}")
        self.effect.setVisible(not why_not)
