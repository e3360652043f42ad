"""Who did what to what, when; and whether the chain of hashes still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout

from mlops_desktop.domain.audit import AuditEvent, ChainState
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.audit.columns import AUDIT_COLUMNS, KINDS, json_of, words_of
from mlops_desktop.ui.screens.audit.dialogs import EntryDialog
from mlops_desktop.ui.theme import L, Tone
from mlops_desktop.ui.widgets.badges import Badge, StateBadge
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import count

EVERYBODY, EVERYTHING = "Everybody", "Everything"
SPANS = (("Any time", 0.0), ("Last hour", 3_600.0), ("Last day", 86_400.0), ("Last 7 days", 7 * 86_400.0))
NOT_LOOKED = Badge("Not verified yet", "circle-dashed", Tone.UNKNOWN)
LOOKING = Badge("Verifying", "loader-circle", Tone.ACCENT)
INTACT = Badge("Intact", "shield-check", Tone.OK)
BROKEN = Badge("Broken", "shield-alert", Tone.CRITICAL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters as the person set them; empty fields want all. `seconds` looks back from now."""

    actor: str = ""
    event: str = ""
    subject: str = ""
    search: str = ""
    seconds: float = 0.0


class AuditView(Screen):
    """`filters_changed` whenever other entries are wanted."""

    filters_changed = Signal()
    older_wanted = Signal()
    verify_wanted = Signal()
    verify_cancelled = Signal()
    export_wanted = Signal(object)  # Path
    place_wanted = Signal(object)  # AuditEvent
    copied = Signal()

    def __init__(self) -> None:
        super().__init__("Audit")
        self._subject = ""
        self._broken_at: int | None = None
        self.body.addWidget(self._chain_card())
        self.body.addWidget(self._trail(), 1)
        self.add_key("V", "Verify the chain", self.verify_wanted.emit)
        self.add_key("E", "Export the trail", self.ask_where)
        self.dialog: EntryDialog | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            actor="" if self.actor.currentIndex() <= 0 else self.actor.currentText(),
            event="" if self.kind.currentIndex() <= 0 else str(self.kind.currentData()),
            subject=self._subject,
            search=self.table.filter_box.text().strip(),
            seconds=SPANS[max(0, self.span.currentIndex())][1],
        )

    # Filters

    def show_actors(self, names: Sequence[str]) -> None:
        chosen = self.actor.currentText()
        self.actor.blockSignals(True)
        self.actor.clear()
        self.actor.addItems([EVERYBODY, *names])
        self.actor.setCurrentIndex(max(0, self.actor.findText(chosen)))
        self.actor.blockSignals(False)

    def show_subject(self, subject: str) -> None:
        """Only what is about this; an empty text takes it back."""
        self._subject = subject
        self.subject.setText(f"About {subject}" if subject else "")
        self.subject.setVisible(bool(subject))
        self.subject.setAccessibleName(f"Show more than what is about {subject}" if subject else "")

    # Entries

    def show_events(self, events: Sequence[AuditEvent], more: bool) -> None:
        self.table.set_records(events)
        self.older.setVisible(more)
        narrowed = self.wanted != Wanted()
        self.empty.show_text(
            "Nothing matches" if narrowed else "Nothing has happened yet",
            "Widen the range, or choose other people and kinds." if narrowed else "Every change will be a line here.",
        )
        self.empty.button.setVisible(narrowed)

    def show_entry(self, event: AuditEvent) -> None:
        """All of one entry, in a dialog."""
        self.dialog = EntryDialog(event, can_open=True, parent=self)
        self.dialog.place_wanted.connect(self.place_wanted)
        self.dialog.open()

    def clear_filters(self) -> None:
        for box in (self.actor, self.kind, self.span):
            box.blockSignals(True)
            box.setCurrentIndex(0)
            box.blockSignals(False)
        self.show_subject("")
        self.table.filter_box.setText("")
        self.filters_changed.emit()

    # The chain

    def show_verifying(self, fraction: float | None, message: str, seconds: float) -> None:
        self.badge.show_badge(LOOKING)
        self.verify.forbid("The chain is being verified.")
        self.progress.show_progress("Verifying the chain", fraction, message, seconds)

    def show_not_verified(self) -> None:
        """The verification was cancelled or failed: nothing is known."""
        self._end_verifying(NOT_LOOKED, "Press Verify to walk the whole chain.")

    def show_chain(self, state: ChainState, when: str) -> None:
        self._broken_at = state.broken_at
        if state.intact:
            text = f"{count(state.entries, 'entry', 'entries')}, each bound to the one before. Verified {when}."
            self._end_verifying(INTACT, text)
            self.head.setText(f"Head {state.head[:16]}")
        else:
            self._end_verifying(BROKEN, f"{state.problem[:1].upper()}{state.problem[1:]}. Verified {when}.")
            self.head.setText("Restore a backup, or ask who changed the file.")
        self.broken.setVisible(self._broken_at is not None)
        self.broken.setText(f"Show entry {self._broken_at}")

    def _end_verifying(self, badge: Badge, text: str) -> None:
        self.badge.show_badge(badge)
        self.chain_text.setText(text)
        self.verify.allow()
        self.progress.show_finished()

    # Parts

    def _chain_card(self) -> Card:
        card = Card("Chain of hashes", "link")
        self.badge = StateBadge(NOT_LOOKED)
        self.chain_text = PlainLabel("Press Verify to walk the whole chain.", wrap=True, selectable=True)
        self.head = ElidedLabel("Whoever alters or removes an entry breaks it.", "caption")
        self.verify = Button("Verify", "shield-check", "primary", clicked=self.verify_wanted.emit, tool_tip="V")
        self.export = Button("Export", "download", clicked=self.ask_where, tool_tip="One JSON object a line  (E)")
        self.broken = Button("", "search", clicked=self._show_broken)
        self.progress = JobProgress()
        self.progress.cancelled.connect(self.verify_cancelled)
        for button in (self.export, self.verify):
            card.header.addWidget(button)
        line = QHBoxLayout()
        line.setSpacing(L)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.chain_text)
        words.addWidget(self.head)
        line.addWidget(self.badge)
        line.addLayout(words, 1)
        line.addWidget(self.broken)
        card.add(line)
        card.add(self.progress)
        self.broken.hide()
        return card

    def _trail(self) -> RecordTable:
        self.table = RecordTable("audit", AUDIT_COLUMNS, lambda e: e.sequence, title="The trail")
        self.actor, self.kind, self.span = QComboBox(), QComboBox(), QComboBox()
        self.actor.addItem(EVERYBODY)
        self.kind.addItem(EVERYTHING, "")
        for name in sorted(KINDS, key=words_of):
            self.kind.addItem(words_of(name), name)
        self.span.addItems([title for title, _ in SPANS])
        for box, name in ((self.actor, "Who"), (self.kind, "What kind"), (self.span, "When")):
            box.setAccessibleName(name)
            box.setMinimumWidth(116)
            box.currentIndexChanged.connect(self.filters_changed)
            self.table.bar.addWidget(box)
        self.kind.setMaximumWidth(190)
        self.subject = Button("", "x", clicked=self._drop_subject)
        self.older = Button("Older", "chevron-down", clicked=self.older_wanted.emit, tool_tip="Read further back")
        self.table.bar.addWidget(self.subject)
        self.table.bar.addWidget(self.older)
        self.subject.hide()
        self.older.hide()
        self.empty = EmptyState("scroll-text", "Nothing has happened yet", "", "Clear the filters")
        self.empty.action.connect(self.clear_filters)
        self.table.set_empty(self.empty)
        self.table.filter_changed.connect(lambda _text: self.filters_changed.emit())
        self.table.opened.connect(self.show_entry)
        self.table.add_action("Details", "info", self._show_first)
        self.table.add_action("Copy as JSON", "copy", self._copy_json, shortcut="Ctrl+Shift+C")
        self.table.add_action("Only about this subject", "list-filter", self._only_subject)
        self.table.add_action("Only by this person", "user", self._only_actor)
        self.table.add_action("Show what it is about", "external-link", self._go)
        return self.table

    def ask_where(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Export the trail", "audit-trail.jsonl", "JSON lines (*.jsonl)")
        if chosen:
            self.export_wanted.emit(Path(chosen))

    def _show_first(self, events: list[AuditEvent]) -> None:
        if events:
            self.show_entry(events[0])

    def _copy_json(self, events: list[AuditEvent]) -> None:
        QGuiApplication.clipboard().setText("\n".join(json_of(event) for event in events))
        self.copied.emit()

    def _only_subject(self, events: list[AuditEvent]) -> None:
        if events:
            self.show_subject(events[0].subject)
            self.filters_changed.emit()

    def _only_actor(self, events: list[AuditEvent]) -> None:
        if events:
            if self.actor.findText(events[0].actor) < 0:
                self.actor.addItem(events[0].actor)
            self.actor.setCurrentText(events[0].actor)

    def _go(self, events: list[AuditEvent]) -> None:
        if events:
            self.place_wanted.emit(events[0])

    def _drop_subject(self) -> None:
        self.show_subject("")
        self.filters_changed.emit()

    def _show_broken(self) -> None:
        if self._broken_at is not None and not self.table.select(self._broken_at):
            self.chain_text.setText(f"Entry {self._broken_at} is not among the entries that were read.")
