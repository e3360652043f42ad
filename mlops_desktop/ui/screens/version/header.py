"""The top of the page: which version it is, how far it is in each environment, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.screens.version.facts import VersionFacts, open_ways, why_no_deployment, why_no_request
from mlops_desktop.ui.theme import L, M, S, Tone, set_role
from mlops_desktop.ui.widgets.badges import Badge, StateBadge
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.plain_label import ElidedLabel
from mlops_desktop.ui.words import ago, exactly, size

SHOWN_ENVIRONMENTS = 3
DAMAGED = Badge("Damaged", "file-warning", Tone.CRITICAL)


class Glance(QWidget):
    """One cell of the strip: a caption, what counts, and a smaller line below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = ElidedLabel("", "caption")
        self.badge = StateBadge()
        self.figure = ElidedLabel("", "section")
        self.figure.setFixedHeight(24)
        self.note = ElidedLabel("", "caption")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.badge)
        row.addWidget(self.figure, 1)
        row.addStretch(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(L, S, S, S)
        layout.setSpacing(2)
        layout.addWidget(self.caption)
        layout.addLayout(row)
        layout.addWidget(self.note)

    def show_badge(self, caption: str, badge: Badge, note: str) -> None:
        self.badge.show_badge(badge)
        self._show(caption, badge.word, note, badge=True)

    def show_figure(self, caption: str, figure: str, note: str) -> None:
        self.figure.setText(figure)
        self._show(caption, figure, note, badge=False)

    def _show(self, caption: str, word: str, note: str, *, badge: bool) -> None:
        self.caption.setText(caption)
        self.note.setText(note)
        self.badge.setVisible(badge)
        # The figure keeps the row's stretch, also when the badge stands in its place.
        if badge:
            self.figure.setText("")
        self.setAccessibleName(f"{caption}: {word}. {note}")


class Strip(QFrame):
    """Stages, the key metric and the owner, side by side; a hairline between them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._cells: list[Glance] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)

    def show_facts(self, facts: VersionFacts) -> None:
        stages = facts.stages()
        shown = stages[:SHOWN_ENVIRONMENTS]
        self._grow(len(shown) + 2)
        for cell, stage in zip(self._cells, shown, strict=False):
            cell.show_badge(stage.environment.capitalize(), stage.badge, stage.text)
        metric, owner = self._cells[len(shown)], self._cells[len(shown) + 1]
        metric.show_figure(*facts.key_figure())
        version = facts.version
        registered = f"{version.registered_by} registered it {ago(version.created_at, facts.read_at)}"
        owner.show_figure("Owner", facts.model.owner, registered)
        owner.note.setToolTip(f"{registered}: {exactly(version.created_at)}")
        self.setAccessibleName("Where it is, its key metric and its owner")

    def _grow(self, wanted: int) -> None:
        """Cells are only ever added or hidden, so that nothing flickers."""
        while len(self._cells) < wanted:
            if self._cells:
                line = QFrame()
                set_role(line, "line")
                line.setFixedWidth(1)
                line.setMaximumHeight(16_777_215)
                line.setStyleSheet("QFrame { max-height: 16777215px; min-width: 1px; max-width: 1px; }")
                self._layout.addWidget(line)
            cell = Glance()
            self._cells.append(cell)
            self._layout.addWidget(cell, 1)
        for index, cell in enumerate(self._cells):
            cell.setVisible(index < wanted)


class Header(QWidget):
    """Buttons say why they can't be pressed; so do their keys."""

    request_wanted = Signal()
    deploy_wanted = Signal()
    compare_wanted = Signal()
    model_wanted = Signal()
    copied = Signal(str)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: VersionFacts | None = None
        self._deploying = ""
        self.title = ElidedLabel("", "title")
        self.damaged = StateBadge(DAMAGED)
        self.damaged.hide()
        self._about = ElidedLabel("", "caption")
        self.copy_label = IconButton("copy", "Copy the version's name", clicked=self._copy_label)
        self.copy_digest = IconButton("hash", "Copy the digest", clicked=self._copy_digest)
        self.compare = Button("Compare", "git-compare-arrows", clicked=self.compare_wanted.emit, tool_tip="C")
        self.request = Button("Request promotion", "send", clicked=self.request_wanted.emit, tool_tip="R")
        self.deploy = Button("Deploy", "rocket", "primary", clicked=self.deploy_wanted.emit, tool_tip="D")
        self.strip = Strip()
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self._about)
        top = QHBoxLayout()
        top.setSpacing(S)
        top.addLayout(words, 1)
        top.addWidget(self.damaged, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.copy_label, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.copy_digest, 0, Qt.AlignmentFlag.AlignVCenter)
        for button in (self.compare, self.request, self.deploy):
            top.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(M)
        layout.addLayout(top)
        layout.addWidget(self.strip)

    def show_title(self, label: str) -> None:
        """Before anything is read; what was known of another version goes."""
        self._facts, self._deploying = None, ""
        self.title.setText(label)
        self._about.setText("Reading …")
        self.damaged.hide()
        self.strip.hide()
        for button in (self.compare, self.request, self.deploy):
            button.forbid("It is not read yet.")

    def show_facts(self, facts: VersionFacts) -> None:
        self._facts = facts
        version = facts.version
        about = [version.format.value, size(version.size), f"digest {version.digest[:12]}"]
        self._about.setText("  ·  ".join(about))
        self._about.setToolTip(f"Digest {version.digest}")
        self.damaged.setVisible(version.damaged)
        self.strip.show_facts(facts)
        self.strip.show()
        self._show_ways()

    def show_deploying(self, where: str) -> None:
        """A release that was begun here runs; empty when it is over."""
        self._deploying = f"It is being deployed to {where}." if where else ""
        self._show_ways()

    def press(self, button: Button) -> None:
        """What a key does: what the button would, or the reason why not."""
        if button.isEnabled():
            button.click()
        else:
            self.refused.emit(button.accessibleDescription())

    def _show_ways(self) -> None:
        facts = self._facts
        if facts is None:
            return
        _, request = open_ways(facts, {e: why_no_request(facts, e) for e in facts.environments})
        _, deploy = open_ways(facts, {e: why_no_deployment(facts, e) for e in facts.environments})
        alone = "" if facts.versions > 1 else "There is no other version of this model."
        for button, reason in (
            (self.request, request),
            (self.deploy, self._deploying or deploy),
            (self.compare, alone),
        ):
            if reason:
                button.forbid(reason)
            else:
                button.allow()

    def _copy_label(self) -> None:
        if self._facts is not None:
            self._copy(self._facts.version.label)

    def _copy_digest(self) -> None:
        if self._facts is not None:
            self._copy(self._facts.version.digest)

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.copied.emit(text)
