"""A form: labelled fields, each with its own problem below it; nothing that was typed is lost."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XS, M, set_role
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.plain_label import PlainLabel


class Field(QWidget):
    """A label, a control and the line for help or the problem. `input` is the control itself."""

    changed = Signal()

    def __init__(self, label: str, control: QWidget, help_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input = control
        self._help = help_text
        self.label = PlainLabel(label, "field")
        self.label.setBuddy(control)
        self._note = PlainLabel(help_text, "caption", wrap=True)
        control.setAccessibleName(label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(XS)
        layout.addWidget(self.label)
        layout.addWidget(control)
        layout.addWidget(self._note)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._note.setVisible(bool(help_text))
        if isinstance(control, QLineEdit):
            control.textChanged.connect(self._on_changed)
        elif isinstance(control, QPlainTextEdit):
            control.setTabChangesFocus(True)
            control.textChanged.connect(self._on_changed)
        elif isinstance(control, QComboBox):
            control.currentTextChanged.connect(self._on_changed)

    def show_problem(self, text: str) -> None:
        """Say what is wrong with this field; an empty text takes it back."""
        set_role(self.input, "problem" if text else "")
        set_role(self._note, "problem" if text else "caption")
        self._note.setText(text or self._help)
        self._note.setVisible(bool(text or self._help))
        self.input.setAccessibleDescription(text or self._help)

    @property
    def problem(self) -> str:
        return self._note.text() if self._note.property("role") == "problem" else ""

    def text(self) -> str:
        if isinstance(self.input, QLineEdit):
            return self.input.text()
        if isinstance(self.input, QPlainTextEdit):
            return self.input.toPlainText()
        return self.input.currentText() if isinstance(self.input, QComboBox) else ""

    def set_text(self, text: str) -> None:
        if isinstance(self.input, QLineEdit):
            self.input.setText(text)
        elif isinstance(self.input, QPlainTextEdit):
            self.input.setPlainText(text)
        elif isinstance(self.input, QComboBox):
            self.input.setCurrentText(text)

    def _on_changed(self) -> None:
        if self.problem:
            self.show_problem("")
        self.changed.emit()


def text_field(label: str, help_text: str = "", placeholder: str = "", text: str = "") -> Field:
    edit = QLineEdit(text)
    edit.setPlaceholderText(placeholder)
    return Field(label, edit, help_text)


def area_field(label: str, help_text: str = "", placeholder: str = "", lines: int = 4) -> Field:
    edit = QPlainTextEdit()
    edit.setPlaceholderText(placeholder)
    edit.setFixedHeight(edit.fontMetrics().lineSpacing() * lines + 18)
    return Field(label, edit, help_text)


def choice_field(label: str, choices: list[str], help_text: str = "") -> Field:
    box = QComboBox()
    box.addItems(choices)
    return Field(label, box, help_text)


class PasswordEdit(QLineEdit):
    """A password with an eye to look at it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self._eye = IconButton("eye", "Show the password", clicked=self._toggle, parent=self)
        self._eye.setFixedSize(26, 26)
        self.setTextMargins(0, 0, 30, 0)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]  # QResizeEvent, only passed on
        self._eye.move(self.width() - 30, (self.height() - 26) // 2)

    def _toggle(self) -> None:
        hidden = self.echoMode() is QLineEdit.EchoMode.Password
        self.setEchoMode(QLineEdit.EchoMode.Normal if hidden else QLineEdit.EchoMode.Password)
        self._eye.show_icon("eye-off" if hidden else "eye")
        self._eye.rename("Hide the password" if hidden else "Show the password")


def password_field(label: str, help_text: str = "") -> Field:
    return Field(label, PasswordEdit(), help_text)


class Form(QWidget):
    """Fields by name: `form.add("model", text_field("Model"))`, `form.text("model")`, `form.show_problem(…)`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(M)
        self._layout.addStretch(1)

    def add(self, name: str, field: Field) -> Field:
        self.fields[name] = field
        field.changed.connect(self.changed)
        self._layout.insertWidget(self._layout.count() - 1, field)
        return field

    def text(self, name: str) -> str:
        return self.fields[name].text()

    def show_problem(self, name: str, text: str) -> None:
        """Mark the field and move the focus there."""
        self.fields[name].show_problem(text)
        if text:
            self.fields[name].input.setFocus()

    def clear_problems(self) -> None:
        for field in self.fields.values():
            field.show_problem("")
