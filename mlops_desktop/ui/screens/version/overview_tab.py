"""The first tab: what the version is, and the goals that it has to reach."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.screens.version.digests import DigestList
from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.screens.version.policy_words import Goal, goals_of, policy_sentence
from mlops_desktop.ui.theme import L, M, S
from mlops_desktop.ui.widgets.badges import StateBadge
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList, Page
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.words import count, exactly, size

BADGE_WIDTH = 100


class GoalList(QWidget):
    """A badge and a sentence for each figure that a policy demands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._goals: list[Goal] = []
        self._rows: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(S)

    def show_goals(self, goals: list[Goal]) -> None:
        if goals == self._goals:
            return
        self._goals = goals
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows = [self._row(goal) for goal in goals]
        for row in self._rows:
            self._layout.addWidget(row)

    def _row(self, goal: Goal) -> QWidget:
        row = QWidget(self)
        row.setAccessibleName(f"{goal.badge.word}: {goal.text}")
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(M)
        holder = QWidget()
        holder.setFixedWidth(BADGE_WIDTH)
        inner = QHBoxLayout(holder)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(StateBadge(goal.badge))
        inner.addStretch(1)
        line.addWidget(holder, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(PlainLabel(goal.text, wrap=True, selectable=True), 1)
        return row


class OverviewTab(Page):
    """The few facts that most people come for."""

    model_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(margin=0)
        self.body.setContentsMargins(0, M, 0, 0)
        about = Card("About", "file-text")
        about.header.addWidget(Button("Open the model", "box", "plain", clicked=self.model_wanted.emit))
        self._description = PlainLabel("", wrap=True, selectable=True)
        self._facts = FactList()
        about.add(self._description)
        about.body.addSpacing(S)
        about.add(self._facts)
        self.digest = DigestList()
        about.add(self.digest)
        about.body.addStretch(1)
        self._goals_card = Card("Goals", "flag")
        self._policy = PlainLabel("", "muted", wrap=True)
        self._goals = GoalList()
        self._goals_card.add(self._policy)
        self._goals_card.add(self._goals)
        params = Card("Parameters", "sliders-horizontal")
        self._params = FactList()
        self._no_params = PlainLabel("None were registered.", "muted", wrap=True)
        params.add(self._no_params)
        params.add(self._params)
        side = QVBoxLayout()
        side.setSpacing(L)
        side.addWidget(self._goals_card)
        side.addWidget(params)
        side.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(L)
        row.addWidget(about, 1)
        row.addLayout(side, 1)
        self.body.addLayout(row)
        self.body.addStretch(1)

    def show_facts(self, facts: VersionFacts) -> None:
        version = facts.version
        self._description.setText(version.description or "Nobody described this version when it was registered.")
        shown = {
            "Task": version.task.value.capitalize(),
            "Format": version.format.value + ("" if version.format.code_free else ", loaded in a container only"),
            "Files": f"{count(len(version.files), 'file')}, {size(version.size)}",
            "Registered": f"{exactly(version.created_at)} by {version.registered_by}",
            "Trained by": version.lineage.trained_by or "not known",
            "Inputs": count(len(version.signature.inputs), "column"),
        }
        shown |= {f"Tag: {name}": value for name, value in version.tags.items()}
        self._facts.show_facts(shown)
        self.digest.show_digests({"Digest": version.digest})
        self._params.show_facts(dict(version.params))
        self._params.setVisible(bool(version.params))
        self._no_params.setVisible(not version.params)
        self._show_goals(facts)

    def _show_goals(self, facts: VersionFacts) -> None:
        policy = facts.policy(facts.home)
        if policy is None:
            self._policy.setText("There is no environment.")
            self._goals.show_goals([])
            return
        other = facts.against(facts.home)
        goals = goals_of(facts.version, policy, other, comparable=other is None or facts.comparable(other))
        words = policy_sentence(policy)
        if not goals:
            words += " It sets no limits"
            words += "." if other is not None else ", and nothing answers there to be compared with."
            if facts.serves(policy.environment):
                words = f"{policy_sentence(policy)} It sets no limits, and this version answers there."
        self._policy.setText(words)
        self._goals.show_goals(goals)
