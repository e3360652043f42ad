"""The rules: what each says at present, and what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.domain.alerts import TITLES, AlertRule
from mlops_desktop.ui.screens.alerts.rows import RULE_COLUMNS, RuleRow, limit_words
from mlops_desktop.ui.theme import S, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button, forbidden
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable


class RulesPage(QWidget):
    """`show_rules`; wishes are edit_wanted(rule), switch_wanted(rule), suggested_wanted and deploy_wanted."""

    edit_wanted = Signal(object)
    switch_wanted = Signal(object)
    suggested_wanted = Signal()
    deploy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.suggestion = Banner()
        self.suggestion.action.connect(self.suggested_wanted)
        self.table = RecordTable("alert-rules", RULE_COLUMNS, lambda r: r.rule.id, title="Rules")
        suggested = (
            "They are made with a model's first deployment: errors above 5 %, slow answers, memory, drift, a loss of "
            "performance, no data, no requests."
        )
        self.table.set_empty(EmptyState("sliders-horizontal", "No rules yet", suggested, "Deploy a version"))
        self.edit = Button("Edit", "pencil", clicked=self._on_edit)
        self.switch = Button("Switch off", "circle-off", clicked=self._on_switch)
        self.table.bar.addWidget(self.edit)
        self.table.bar.addWidget(self.switch)
        self.note = PlainLabel("", "muted", wrap=True)
        self.note.setMinimumHeight(20)
        self._account: Account | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addWidget(self.suggestion)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.note)
        empty = self.table.findChild(EmptyState)
        if empty is not None:
            empty.action.connect(self.deploy_wanted)
        self.table.current_changed.connect(lambda _: self._show_current())
        self.table.opened.connect(lambda row: self.edit_wanted.emit(row.rule))
        self.table.add_action("Edit …", "pencil", lambda _: self._on_edit())
        self.table.add_action("Switch on or off", "circle-off", lambda _: self._on_switch())

    def show_rules(self, rules: Sequence[RuleRow], suggested: Sequence[AlertRule], account: Account) -> None:
        self._account = account
        self.table.set_records(rules)
        if suggested and rules:
            first = suggested[0]
            names = ", ".join(f"{TITLES[r.figure].lower()} {limit_words(r)}" for r in suggested[:3])
            more = f" and {len(suggested) - 3} more" if len(suggested) > 3 else ""
            title = f"Suggested for {first.model} in {first.environment}: {names}{more}."
            action = "Add them" if account.may(Action.MANAGE_ALERTS) else ""
            self.suggestion.show_message(title, "Nothing watches this yet.", Tone.ACCENT, action=action)
        else:
            self.suggestion.clear()
        self._show_current()

    def _show_current(self) -> None:
        row: RuleRow | None = self.table.current()
        self.note.setText(row.note if row is not None else "Choose a rule to see what it says.")
        off = row is not None and not row.rule.enabled
        self.switch.setText("Switch on" if off else "Switch off")
        for button in (self.edit, self.switch):
            if self._account is None or not self._account.may(Action.MANAGE_ALERTS):
                button.forbid(forbidden(Action.MANAGE_ALERTS))
            elif row is None:
                button.forbid("Choose a rule first.")
            else:
                button.allow()

    def _on_edit(self) -> None:
        row = self.table.current()
        if row is not None:
            self.edit_wanted.emit(row.rule)

    def _on_switch(self) -> None:
        row = self.table.current()
        if row is not None and self.switch.isEnabled():
            self.switch_wanted.emit(row.rule)
