"""Acknowledging with a note, and changing a rule with a look at what it would have done."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from mlops_desktop.domain.accounts import Action
from mlops_desktop.domain.alerts import BY_PERIODS, FIGURES, Alert, AlertRule, Comparator, Severity, Trial
from mlops_desktop.ui.screens.alerts.limit_chart import LimitChart, Past
from mlops_desktop.ui.screens.alerts.rows import COMPARATORS, SEVERITIES, explanation_of, rule_name
from mlops_desktop.ui.theme import M
from mlops_desktop.ui.widgets.asking import AskingDialog
from mlops_desktop.ui.widgets.badges import badge_of
from mlops_desktop.ui.widgets.buttons import forbidden
from mlops_desktop.ui.widgets.forms import Field, area_field, choice_field, text_field
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.words import lasting

TYPING_MS = 400
LONGEST_SECONDS = 7 * 86_400


class AcknowledgeDialog(AskingDialog):
    """`agreed(note)`."""

    agreed = Signal(str)

    def __init__(self, alert: Alert, parent: QWidget | None = None) -> None:
        super().__init__("Acknowledge the alert", alert.sentence, "Acknowledge", parent)
        self.setMinimumWidth(480)
        self.form.add("note", area_field("Note", "Everybody can read it: what you know, and what you do.", "Optional"))
        self.form.fields["note"].input.setFocus()

    def on_accept(self) -> None:
        self.show_busy(True)
        self.agreed.emit(self.form.text("note").strip())


class RuleDialog(AskingDialog):
    """`agreed(rule)` with the changed rule, `trial_wanted(rule)` while it is typed."""

    agreed = Signal(object)
    trial_wanted = Signal(object)

    def __init__(self, rule: AlertRule, parent: QWidget | None = None) -> None:
        super().__init__(rule_name(rule), explanation_of(rule.figure), "Save the rule", parent)
        self.setMinimumWidth(560)
        self._rule = rule
        unit = FIGURES[rule.figure][1]
        box = QComboBox()
        box.addItems(list(COMPARATORS))
        box.setCurrentText(next(words for words, c in COMPARATORS.items() if c is rule.comparator))
        self._beyond = Field("Fires when it is", box)
        self._limit = text_field(f"Limit{f', in {unit}' if unit else ''}", text=f"{rule.threshold:g}")
        self._seconds = text_field("For so many seconds", text=f"{rule.for_seconds:g}")
        line = QHBoxLayout()
        line.setSpacing(M)
        for field in (self._beyond, self._limit, self._seconds):
            line.addWidget(field, 1)
            field.changed.connect(self._on_typed)
        self._seconds.setVisible(rule.figure not in BY_PERIODS)
        self._severity = choice_field("Severity", [badge_of(s).word for s in SEVERITIES])
        self._severity.set_text(badge_of(rule.severity).word)
        self._enabled = QCheckBox("Switched on")
        self._enabled.setAccessibleName("Switched on")
        self._enabled.setChecked(rule.enabled)
        self.chart = LimitChart("The last day and the limit")
        self.chart.show_message("Trying it on the last day …")
        self.verdict = PlainLabel("Trying it on the last day …", "muted", wrap=True)
        self.form.hide()
        self.body.addLayout(line)
        self.body.addWidget(self._severity)
        self.body.addWidget(self._enabled)
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.chart)
        self._typing = QTimer(self, interval=TYPING_MS, singleShot=True)
        self._typing.timeout.connect(self._ask_trial)
        self._limit.input.setFocus()

    @property
    def fields(self) -> dict[str, Field]:
        return {"limit": self._limit, "seconds": self._seconds, "severity": self._severity, "beyond": self._beyond}

    @property
    def enabled(self) -> QCheckBox:
        return self._enabled

    def forbid_saving(self) -> None:
        """Everybody may look and try; who may save is said."""
        self.accept_button.forbid(forbidden(Action.MANAGE_ALERTS))

    def typed(self) -> AlertRule | None:
        """The rule as it is typed now; None, with a problem at the field, when it is none."""
        limit = _number(self._limit.text())
        seconds = _number(self._seconds.text())
        self._limit.show_problem("" if limit is not None else "A number, such as 5 or 0.03.")
        wrong = seconds is None or not 0 <= seconds <= LONGEST_SECONDS
        self._seconds.show_problem("A number from 0 to 604,800, which is 7 days." if wrong else "")
        if limit is None or seconds is None or wrong:
            return None
        severity = next(s for s in SEVERITIES if badge_of(s).word == self._severity.text())
        comparator = COMPARATORS.get(self._beyond.text(), Comparator.ABOVE)
        return replace(
            self._rule,
            threshold=limit,
            for_seconds=seconds,
            comparator=comparator,
            severity=Severity(severity),
            enabled=self._enabled.isChecked(),
        )

    def on_accept(self) -> None:
        rule = self.typed()
        if rule is not None:
            self.show_busy(True)
            self.agreed.emit(rule)

    def show_trial(self, rule: AlertRule, trial: Trial) -> None:
        """How often the rule would have fired, and the picture of it."""
        past = Past(trial.start, max(trial.end, trial.start + 1), trial.times, trial.values, trial.firings)
        self.chart.show_past(rule, past)
        span = lasting(trial.end - trial.start)
        if not past.known:
            self.verdict.setText("Nothing is known of its past yet, so the rule can't be tried.")
            return
        times = len(trial.firings)
        often = {0: "would not have fired", 1: "would have fired once"}.get(times, f"would have fired {times} times")
        self.verdict.setText(f"With this limit it {often} in the last {span} of {rule.model}@{trial.version}.")

    def show_no_trial(self, text: str) -> None:
        self.verdict.setText(text)
        self.chart.show_message("Nothing to show")

    def _on_typed(self) -> None:
        self._typing.start()

    def _ask_trial(self) -> None:
        rule = self.typed()
        if rule is not None:
            self.trial_wanted.emit(rule)


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
