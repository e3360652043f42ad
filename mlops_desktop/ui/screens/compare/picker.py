"""Choose a version by typing.

The list below the field is what the workspace finds, not all that there are: it may have 100,000 versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QListView, QVBoxLayout, QWidget

from mlops_desktop.domain.registry import ModelVersion, VersionSummary
from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import colours, set_role
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel, tip
from mlops_desktop.ui.words import ago

SEARCH_DELAY_MS = 120
FOUND = 50
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class FoundModel(QAbstractListModel):
    """Versions under the field: a line to read, and the label that is taken over."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found: list[VersionSummary] = []

    def set_found(self, found: Sequence[VersionSummary]) -> None:
        self.beginResetModel()
        self._found = list(found)
        self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._found)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._found):
            return None
        version = self._found[index.row()]
        if role == Qt.ItemDataRole.EditRole:
            return version.label
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(version.description)
        if role == Qt.ItemDataRole.DisplayRole:
            parts = [version.label, *(f"in {e}" for e in version.environments)]
            return "   ".join([*parts, ago(version.created_at, datetime.now(UTC))])
        return None


class PickerEdit(QLineEdit):
    """A field that offers its list when it is clicked, entered by Tab, or asked with the Down key."""

    offered = Signal()
    left = Signal()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        # The list that opens takes the focus for itself; that is no leaving.
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.left.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self.selectAll()
        self.offered.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.offered.emit()
        else:
            super().keyPressEvent(event)


class VersionPicker(Card):
    """One side of a comparison: the field, and what is known of the version that was chosen."""

    chosen = Signal(str)  # a label, as it was typed or taken from the list
    search_wanted = Signal(str)

    def __init__(self, side: str, parent: QWidget | None = None) -> None:
        super().__init__(padding=12, parent=parent)
        self.side = side
        self._label = ""
        self._offering = False
        self.edit = PickerEdit()
        self.edit.setPlaceholderText("Search for a version, or type model@number")
        self.edit.setAccessibleName(f"{side} version")
        self._search_icon = QAction(self.edit)
        self.edit.addAction(self._search_icon, QLineEdit.ActionPosition.LeadingPosition)
        self._found = FoundModel(self)
        self._completer = QCompleter(self._found, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setCompletionRole(int(Qt.ItemDataRole.EditRole))
        self._completer.setMaxVisibleItems(12)
        self._popup = QListView()
        set_role(self._popup, "popup")
        self._popup.setAccessibleName(f"Versions found for the {side.lower()} side")
        self._completer.setPopup(self._popup)
        self._completer.setWidget(self.edit)
        self._completer.activated.connect(self._on_taken)
        self.note = ElidedLabel("", "caption")
        column = QVBoxLayout()
        column.setSpacing(6)
        head = PlainLabel(side, "field")
        head.setBuddy(self.edit)
        column.addWidget(head)
        column.addWidget(self.edit)
        column.addWidget(self.note)
        self.add(column)
        self._timer = QTimer(self, interval=SEARCH_DELAY_MS, singleShot=True)
        self._timer.timeout.connect(self._search)
        self.edit.textEdited.connect(self._on_edited)
        self.edit.offered.connect(self._offer)
        self.edit.returnPressed.connect(self._on_return)
        self.edit.left.connect(self._on_left)
        self._draw_icon()
        self.show_version(None)

    @property
    def label(self) -> str:
        """What was chosen; what is being typed is not yet."""
        return self._label

    def set_label(self, label: str) -> None:
        self._label = label
        self.edit.setText(label)
        self.show_problem("")

    def show_version(self, version: ModelVersion | None, environments: Sequence[str] = ()) -> None:
        if version is None:
            self.note.setText("None chosen" if not self._label else "")
            return
        facts = [version.format.value, *(f"in {e}" for e in environments)]
        facts.append(f"{version.registered_by}, {ago(version.created_at, datetime.now(UTC))}")
        if version.damaged:
            facts.append("damaged")
        if version.description:
            facts.append(version.description)
        self.note.setText("  ·  ".join(facts))

    def show_problem(self, text: str) -> None:
        set_role(self.edit, "problem" if text else "")
        set_role(self.note, "problem" if text else "caption")
        if text:
            self.note.setText(text)
        self.edit.setAccessibleDescription(text)

    def show_found(self, found: Sequence[VersionSummary]) -> None:
        """What the search gave; shown if the person still waits for it."""
        self._found.set_found(found)
        if self._offering and self.edit.hasFocus():
            if found:
                self._completer.complete()
            else:
                self._popup.hide()
                self.show_problem("Nothing is found; write model@number.")

    def _offer(self) -> None:
        # With the chosen label in the field the newest are offered: who wants that very one has it.
        self._offering = True
        text = self.edit.text()
        self.search_wanted.emit("" if text == self._label else text)

    def _on_edited(self, _text: str) -> None:
        self._offering = True
        self.show_problem("")
        self._timer.start()

    def _search(self) -> None:
        self.search_wanted.emit(self.edit.text())

    def _on_taken(self, label: object) -> None:
        # The signal has two forms; the other one, with an index, tells the same.
        if isinstance(label, str):
            self._choose(label)

    def _on_return(self) -> None:
        """A label is taken as it is; words stand for the first that they found."""
        if self._popup.isVisible() and self._popup.currentIndex().isValid():
            return  # the list answers
        self._popup.hide()
        text, first = self.edit.text().strip(), self._found.index(0).data(int(Qt.ItemDataRole.EditRole))
        self._choose(first if "@" not in text and first and text and not self._timer.isActive() else text)

    def _on_left(self) -> None:
        """A field that was left half typed keeps the words; nothing is compared until they are taken."""
        self._offering = False
        if self.edit.text().strip() == "" and self._label:
            self.edit.setText(self._label)

    def _choose(self, label: str) -> None:
        self._offering = False
        self._timer.stop()
        if label:
            self.edit.setText(label)
            self.chosen.emit(label)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange} and hasattr(self, "_search_icon"):
            self._draw_icon()

    def _draw_icon(self) -> None:
        self._search_icon.setIcon(icons.icon("search", colours().muted))
