"""A setting on its page: what it is called and does, its control at the right, what is wrong with it below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XL, L, M, S, set_role
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, Page
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel, tip

CONTROL_WIDTH = 220


class SettingRow(QFrame):
    """`wanted(name, value)` when somebody chose another value; `show_value` says what holds."""

    wanted = Signal(str, object)

    def __init__(self, name: str, title: str, text: str, control: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.title, self._text = name, title, text
        self._control = control
        self._problem = PlainLabel("", "problem", wrap=True)
        self._problem.hide()
        self._note = PlainLabel("", "caption", wrap=True)
        self._note.hide()
        control.setAccessibleName(title)
        control.setAccessibleDescription(text)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(PlainLabel(title, "strong", wrap=True))
        words.addWidget(PlainLabel(text, "caption", wrap=True))
        words.addWidget(self._problem)
        words.addWidget(self._note)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(L, M, L, M)
        self._line.setSpacing(XL)
        self._line.addLayout(words, 1)
        self._line.addWidget(control, 0, Qt.AlignmentFlag.AlignTop)

    @property
    def problem(self) -> str:
        return self._problem.text()

    def matches(self, words: Sequence[str]) -> bool:
        text = f"{self.title} {self._text} {self.name}".casefold()
        return all(word in text for word in words)

    def show_found(self, found: bool) -> None:
        """Stand out among the others of the page."""
        set_role(self, "accent" if found else "")

    def show_problem(self, text: str) -> None:
        """What was refused, and that the old value still holds; an empty text takes it back."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self._control.setAccessibleDescription(text or self._text)

    def forbid(self, reason: str, *, note: bool = False) -> None:
        """Stays visible, its tool tip (and a `note` below it) says who or what decides; "" allows it again."""
        self._control.setEnabled(not reason)
        self._control.setToolTip(tip(reason))
        self._note.setText(reason if note else "")
        self._note.setVisible(bool(reason) and note)

    def show_value(self, value: Any) -> None:
        """What holds now."""


class ChoiceRow(SettingRow):
    """One of a few values."""

    def __init__(self, name: str, title: str, text: str, choices: Sequence[tuple[Any, str]]) -> None:
        self.box = QComboBox()
        self.box.setFixedWidth(CONTROL_WIDTH)
        for value, words in choices:
            self.box.addItem(words, value)
        super().__init__(name, title, text, self.box)
        self.box.activated.connect(lambda _index: self.wanted.emit(self.name, self.box.currentData()))
        # A wheel that scrolls the page must not change what it passes.
        self.box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.box.installEventFilter(self)

    def show_value(self, value: Any) -> None:
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(max(0, self.box.findData(value)))
        self.show_problem("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Wheel and not self.box.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


class TextRow(SettingRow):
    """A number with its unit, or words. Enter or leaving the field applies it, Escape takes back what was typed."""

    def __init__(self, name: str, title: str, text: str, unit: str = "", *, wide: bool = False) -> None:
        self.edit = QLineEdit()
        self._held = ""
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(S)
        line.addWidget(self.edit, 1)
        if unit:
            line.addWidget(PlainLabel(unit, "muted"))
            self.edit.setAlignment(Qt.AlignmentFlag.AlignRight)
        holder.setFixedWidth(CONTROL_WIDTH)
        super().__init__(name, title, text, holder)
        if wide:
            holder.setMinimumWidth(0)
            holder.setMaximumWidth(16_777_215)
            self._line.setDirection(QBoxLayout.Direction.TopToBottom)
            self._line.setSpacing(S)
            self._line.setAlignment(holder, Qt.AlignmentFlag(0))
        self.edit.setAccessibleName(f"{title}, in {unit}" if unit else title)
        self.edit.setAccessibleDescription(text)
        self.edit.editingFinished.connect(self._on_finished)
        self.edit.installEventFilter(self)

    def show_value(self, value: Any) -> None:
        """A value that somebody else set doesn't take away what is being typed."""
        held = words_of(value)
        if self.edit.text() == self._held or held == self.edit.text():
            self.edit.setText(held)
            self._mark("")
        self._held = held

    def show_problem(self, text: str) -> None:
        super().show_problem(f"{text} It is still {self._held}." if text else "")
        self._mark(text)

    def settle(self, value: Any) -> None:
        """What was asked for holds: show it as it is written."""
        self._held = words_of(value)
        self.edit.setText(self._held)
        self.show_problem("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:
            self.edit.setText(self._held)
            self.show_problem("")
            return True
        return super().eventFilter(watched, event)

    def _mark(self, text: str) -> None:
        set_role(self.edit, "problem" if text else "")
        if not text:
            super().show_problem("")

    def _on_finished(self) -> None:
        text = self.edit.text().strip()
        if text != self._held:
            self.wanted.emit(self.name, text)
        elif self.problem:
            self.show_problem("")


class ActionRow(SettingRow):
    """Something to do, with a button."""

    pressed = Signal()

    def __init__(self, name: str, title: str, text: str, button: str, icon: str = "", role: str = "") -> None:
        self.button = Button(button, icon, role, clicked=self._press)
        super().__init__(name, title, text, self.button)
        self.button.setAccessibleName(f"{title}: {button}")

    def _press(self) -> None:
        self.pressed.emit()


class SettingsPage(QWidget):
    """A title, a sentence, cards with rows, and what is special. `reset` for all of its settings."""

    reset_wanted = Signal()

    def __init__(self, key: str, title: str, text: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key, self.title, self.icon, self._text = key, title, icon, text
        self.rows: list[SettingRow] = []
        self._keywords = ""
        self.reset = Button("Reset this page", "undo-2", clicked=self.reset_wanted.emit)
        head = QHBoxLayout()
        head.setSpacing(M)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(PlainLabel(title, "title"))
        words.addWidget(PlainLabel(text, "muted", wrap=True))
        head.addLayout(words, 1)
        head.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignTop)
        self.reset.hide()
        self.page = Page(margin=0)
        self.page.body.setContentsMargins(0, 0, 0, M)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(L)
        layout.addLayout(head)
        layout.addWidget(self._forbidden())
        layout.addWidget(self.page, 1)

    def forbid(self, reason: str) -> None:
        """Say once, above everything, who may change what is on this page."""
        self.who.setText(f"You can look at this page. {reason}" if reason else "")
        self._lock.setVisible(bool(reason))

    def _forbidden(self) -> QWidget:
        self._lock = QFrame()
        set_role(self._lock, "unknown")
        self.who = PlainLabel("", wrap=True)
        line = QHBoxLayout(self._lock)
        line.setContentsMargins(M, S, M, S)
        line.setSpacing(S)
        line.addWidget(IconLabel("lock", "unknown"))
        line.addWidget(self.who, 1)
        self._lock.hide()
        return self._lock

    def add_card(self, title: str, *rows: SettingRow) -> Card:
        """Rows below one another in a card."""
        card = Card(title, padding=0)
        card.body.setSpacing(0)
        for row in rows:
            card.add(row)
            self.rows.append(row)
        self.add(card)
        return card

    def add(self, widget: QWidget) -> None:
        self.page.body.addWidget(widget)

    def finish(self, *, can_reset: bool = False, keywords: str = "") -> None:
        """Everything was added; `keywords` are found by the search too."""
        self.page.body.addStretch(1)
        self._keywords = keywords
        self.reset.setVisible(can_reset)

    @property
    def names(self) -> list[str]:
        """Settings of the workspace that this page shows."""
        return [row.name for row in self.rows if row.name]

    def search(self, words: Sequence[str]) -> int:
        """How many settings fit; the page itself counts when its title does. Marks them, without words none."""
        found = [row for row in self.rows if words and row.matches(words)]
        for row in self.rows:
            row.show_found(row in found)
        if found:
            self.page.ensureWidgetVisible(found[0], 0, L)
        about = f"{self.title} {self._text} {self._keywords}".casefold()
        return len(found) + (1 if words and all(word in about for word in words) else 0)


def words_of(value: Any) -> str:
    """As it stands in a field."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return f"{value:g}"
    if isinstance(value, (tuple, list)):
        return ", ".join(str(entry) for entry in value)
    return str(value)
