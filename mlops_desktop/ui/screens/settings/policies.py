"""The rules of each environment: which checks, which limits, how many reviewers, for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.policy import CHECKS, QUESTIONS, Policy
from mlops_desktop.ui.screens.settings.limits import LimitRows
from mlops_desktop.ui.screens.settings.rows import SettingsPage
from mlops_desktop.ui.theme import L, M, S, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.forms import Field, text_field
from mlops_desktop.ui.widgets.items import Item, ItemList
from mlops_desktop.ui.widgets.plain_label import PlainLabel, tip


class PolicyForm(QWidget):
    """The rules of one environment. What is typed stays until it is saved or given back."""

    save_wanted = Signal(object, object)  # the policy that was edited, the wished one
    changed = Signal()
    trouble_at = Signal(object)  # the widget that says what is wrong

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy
        self.note = Banner()
        self.checks: dict[str, QCheckBox] = {}
        self.reviewers = text_field("Reviewers", "So many people with this role have to approve.")
        self.hours = text_field("An approval lasts, in hours", "After that the version needs a new request.")
        self.tolerance = text_field("Tolerance of answers", "How far a score of the container may be off.")
        self.least = LimitRows("Limits of metrics", "limit", "A least value, or a greatest for an error such as rmse.")
        self.loss = LimitRows(
            "May be worse than the current version",
            "by up to",
            "A version that lost more fails not-worse-than-current.",
        )
        self.save = Button("Save", "check", "primary", clicked=self._on_save)
        self.discard = Button("Discard", "undo-2", clicked=lambda: self.show_policy(self.policy))
        self.hint = PlainLabel("", "caption", wrap=True)
        self.history = ItemList("Nothing was changed yet.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(L)
        layout.addWidget(self.note)
        layout.addWidget(self._checks_card())
        layout.addWidget(self._people_card())
        layout.addWidget(self._limits_card())
        layout.addWidget(self._save_card())
        past = Card("Changes", "history", padding=0)
        past.add(self.history)
        layout.addWidget(past)
        for field in (self.reviewers, self.hours, self.tolerance):
            field.changed.connect(self._compare)
        for rows in (self.least, self.loss):
            rows.changed.connect(self._compare)
        self._allowed = True
        self.show_policy(policy)

    @property
    def dirty(self) -> bool:
        return self._texts() != self._shown

    def forbid(self, reason: str) -> None:
        """Everything can be read, nothing changed."""
        self._allowed = not reason
        controls: list[QWidget] = [*self.checks.values(), self.least, self.loss]
        controls += [field.input for field in (self.reviewers, self.hours, self.tolerance)]
        for control in controls:
            control.setEnabled(not reason)
            control.setToolTip(tip(reason))
        if reason:
            self.hint.setText(reason)
            self.save.forbid(reason)
            self.discard.hide()

    def show_policy(self, policy: Policy) -> None:
        """Begin with what holds now."""
        self.policy = policy
        for name, box in self.checks.items():
            box.setChecked(name in policy.required_checks)
        self.reviewers.set_text(str(policy.reviewers))
        self.hours.set_text(f"{policy.approval_hours:g}")
        self.tolerance.set_text(f"{policy.answer_tolerance:g}")
        self.least.show_values(policy.thresholds)
        self.loss.show_values(policy.tolerances)
        self._shown = self._texts()
        self.note.clear()
        self._compare()

    def show_newer(self, policy: Policy) -> None:
        """Somebody else changed the rules: taken over, unless that would lose what is typed here."""
        if policy.version == self.policy.version:
            return
        if not self.dirty:
            self.show_policy(policy)
            return
        self.policy = policy
        self.note.show_message(
            f"Somebody made version {policy.version} of these rules meanwhile.",
            "Saving puts yours in its place; Discard shows theirs.",
            Tone.WARNING,
        )

    def show_refused(self, error: BaseException) -> None:
        self.note.show_problem(error, can_retry=False)
        self._compare()
        self.trouble_at.emit(self.note)

    def show_history(self, entries: Sequence[tuple[str, str]]) -> None:
        self.history.show_items([Item(str(n), "scroll-text", title, text) for n, (title, text) in enumerate(entries)])

    def wished(self) -> Policy | None:
        """What was typed as rules; None, with the problem beside its field, when it makes none."""
        least, loss = self.least.values(), self.loss.values()
        reviewers = _number(self.reviewers, whole=True)
        hours, tolerance = _number(self.hours), _number(self.tolerance)
        if least is None or loss is None or reviewers is None or hours is None or tolerance is None:
            return None
        return replace(
            self.policy,
            required_checks=tuple(name for name, box in self.checks.items() if box.isChecked()),
            reviewers=int(reviewers),
            approval_hours=hours,
            thresholds=least,
            tolerances=loss,
            answer_tolerance=tolerance,
        )

    def _on_save(self) -> None:
        wished = self.wished()
        if wished is not None:
            self.save.setEnabled(False)
            self.save_wanted.emit(self.policy, wished)
            return
        for field in (self.reviewers, self.hours, self.tolerance):
            if field.problem:
                field.input.setFocus()
                self.trouble_at.emit(field)
                return
        self.trouble_at.emit(self.least if self.least.problem.text() else self.loss)

    def _texts(self) -> object:
        return (
            [name for name, box in self.checks.items() if box.isChecked()],
            [field.text().strip() for field in (self.reviewers, self.hours, self.tolerance)],
            self.least.texts(),
            self.loss.texts(),
        )

    def _compare(self) -> None:
        if not self._allowed or not hasattr(self, "_shown"):
            return
        dirty = self.dirty
        self.save.setEnabled(dirty)
        self.discard.setVisible(dirty)
        number = self.policy.version
        open_requests = f"Open requests to {self.policy.environment} become void."
        self.hint.setText(
            f"This will be version {number + 1} of the rules. {open_requests}"
            if dirty
            else f"Version {number} of the rules holds."
        )
        self.changed.emit()

    # Parts

    def _checks_card(self) -> Card:
        card = Card("Required checks", "list-checks")
        for name in CHECKS:
            box = QCheckBox(name)
            box.setAccessibleDescription(QUESTIONS.get(name, ""))
            box.toggled.connect(lambda _on: self._compare())
            box.setFixedWidth(196)
            line = QHBoxLayout()
            line.setSpacing(S)
            line.addWidget(box)
            line.addWidget(PlainLabel(QUESTIONS.get(name, ""), "muted", wrap=True), 1)
            card.add(line)
            self.checks[name] = box
        return card

    def _people_card(self) -> Card:
        card = Card("Reviews", "users")
        line = QHBoxLayout()
        line.setSpacing(L)
        line.addWidget(self.reviewers, 1, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.hours, 1, Qt.AlignmentFlag.AlignTop)
        card.add(line)
        card.add(PlainLabel("Who trained, registered or requested a version can't approve it.", "caption", wrap=True))
        return card

    def _limits_card(self) -> Card:
        card = Card("Limits", "gauge")
        card.body.setSpacing(L)
        card.add(self.least)
        card.add(self.loss)
        card.add(self.tolerance)
        return card

    def _save_card(self) -> Card:
        card = Card()
        line = QHBoxLayout()
        line.setSpacing(S)
        line.addWidget(self.hint, 1)
        line.addWidget(self.discard)
        line.addWidget(self.save)
        card.add(line)
        return card


class PoliciesPage(SettingsPage):
    """Choose an environment, change its rules, or add one."""

    save_wanted = Signal(object, object)
    add_wanted = Signal()
    history_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__("policies", "Policies", "What a version must fulfil before it may serve.", "shield-check")
        self.forms: dict[str, PolicyForm] = {}
        self._reason = ""
        self.choice = QComboBox()
        self.choice.setAccessibleName("Environment")
        self.choice.setMinimumWidth(200)
        self.choice.currentIndexChanged.connect(self._on_choice)
        self.more = Button("Add an environment", "plus", clicked=self.add_wanted.emit)
        head = QWidget()
        line = QHBoxLayout(head)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(M)
        line.addWidget(PlainLabel("Environment", "strong"))
        line.addWidget(self.choice)
        line.addStretch(1)
        line.addWidget(self.more)
        self.stack = QStackedWidget()
        self.add(head)
        self.add(self.stack)
        words = "check threshold reviewer approval environment rules metric tolerance staging production"
        self.finish(keywords=f"{words} {' '.join(CHECKS)}")

    @property
    def form(self) -> PolicyForm | None:
        widget = self.stack.currentWidget()
        return widget if isinstance(widget, PolicyForm) else None

    def forbid(self, reason: str) -> None:
        super().forbid(reason)
        self._reason = reason
        if reason:
            self.more.forbid(reason)
        for form in self.forms.values():
            form.forbid(reason)

    def show_policies(self, policies: Sequence[Policy]) -> None:
        for policy in policies:
            if policy.environment in self.forms:
                self.forms[policy.environment].show_newer(policy)
                continue
            form = PolicyForm(policy)
            form.save_wanted.connect(self.save_wanted)
            form.trouble_at.connect(lambda widget: self.page.ensureWidgetVisible(widget, 0, L))
            form.forbid(self._reason)
            self.forms[policy.environment] = form
            self.stack.addWidget(form)
            self.choice.addItem(policy.environment)

    def open(self, environment: str) -> None:
        self.choice.setCurrentText(environment)

    def _on_choice(self, _index: int) -> None:
        form = self.forms.get(self.choice.currentText())
        if form is not None:
            self.stack.setCurrentWidget(form)
            self.history_wanted.emit(form.policy.environment)


def _number(field: Field, *, whole: bool = False) -> float | None:
    text = field.text().strip()
    try:
        number = float(text)
    except ValueError:
        field.show_problem(f"{text or 'Nothing'} is no number.")
        return None
    if whole and number != int(number):
        field.show_problem("Give a whole number.")
        return None
    return number
