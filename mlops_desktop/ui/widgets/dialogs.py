"""Questions: plain ones, and the one that asks to type a name because it can't be undone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from mlops_desktop.ui.error_reporter import Problem
from mlops_desktop.ui.theme import XL, L, M, S, mono_font
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.forms import Form, area_field, password_field, text_field
from mlops_desktop.ui.widgets.plain_label import PlainLabel

_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}


class Dialog(QDialog):
    """A dialog with a title, a text, a body to fill and its buttons. Escape cancels, Ctrl+Enter accepts.

    Override or connect `accepted`; for slow or refusable actions keep it open: set `self.submit` to a function that
    returns True when the dialog may close.
    """

    def __init__(
        self, title: str, text: str = "", accept: str = "OK", *, danger: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        self.setMinimumWidth(440)
        self.heading = PlainLabel(title, "title", wrap=True)
        self.body = QVBoxLayout()
        self.body.setSpacing(M)
        self.accept_button = Button(accept, role="danger-fill" if danger else "primary", clicked=self.on_accept)
        self.cancel_button = Button("Cancel", clicked=self.reject)
        self.accept_button.setDefault(not danger)
        self.cancel_button.setAutoDefault(False)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(S)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.accept_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL - 4, XL, XL - 4)
        layout.setSpacing(M)
        layout.addWidget(self.heading)
        if text:
            layout.addWidget(PlainLabel(text, "muted", wrap=True, selectable=True))
        layout.addLayout(self.body, 1)
        layout.addSpacing(S)
        layout.addLayout(self.buttons)

    def on_accept(self) -> None:
        self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # A field of several lines takes Return alone for a new line.
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.key() in _ENTER:
            self.accept_button.click()
        else:
            super().keyPressEvent(event)


def ask(
    parent: QWidget | None, title: str, text: str, accept: str, *, danger: bool = False, cancel: str = "Cancel"
) -> bool:
    """A question with two answers; Escape is the harmless one."""
    dialog = Dialog(title, text, accept, danger=danger, parent=parent)
    dialog.cancel_button.setText(cancel)
    if danger:
        dialog.cancel_button.setFocus()
    return dialog.exec() == QDialog.DialogCode.Accepted


class TypedNameDialog(Dialog):
    """For what can't be undone: the button works once the name was typed."""

    def __init__(self, title: str, text: str, name: str, accept: str, parent: QWidget | None = None) -> None:
        super().__init__(title, text, accept, danger=True, parent=parent)
        self._name = name
        self.field = text_field(f"Type “{name}” to go on")
        self.field.changed.connect(self._compare)
        self.body.addWidget(self.field)
        self._compare()

    def _compare(self) -> None:
        self.accept_button.setEnabled(self.field.text().strip() == self._name)


def confirm_typed(parent: QWidget | None, title: str, text: str, name: str, accept: str) -> bool:
    return TypedNameDialog(title, text, name, accept, parent).exec() == QDialog.DialogCode.Accepted


class AskText(Dialog):
    """A reason or a comment, and a password when the person has to sign."""

    def __init__(
        self,
        title: str,
        text: str,
        label: str,
        accept: str,
        *,
        required: bool = False,
        password: bool = False,
        danger: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, text, accept, danger=danger, parent=parent)
        self._required = required
        self.form = Form()
        self.form.add("text", area_field(label, "" if required else "Optional"))
        if password:
            self.form.add("password", password_field("Your password", "It signs your decision."))
        self.body.addWidget(self.form)

    @property
    def words(self) -> str:
        return self.form.text("text").strip()

    @property
    def password(self) -> str:
        return self.form.text("password") if "password" in self.form.fields else ""

    def on_accept(self) -> None:
        if self._required and not self.words:
            self.form.show_problem("text", "Say it in a few words; the others will read it.")
        elif "password" in self.form.fields and not self.password:
            self.form.show_problem("password", "Type your password.")
        else:
            self.accept()


class BugReportDialog(Dialog):
    """A mistake of ours: plain text to copy, nothing is sent anywhere."""

    def __init__(self, problem: Problem, parent: QWidget | None = None) -> None:
        super().__init__("Something went wrong", f"{problem.message} {problem.hint}", "Copy the details", parent=parent)
        self._details = problem.details
        self.setMinimumWidth(620)
        text = QPlainTextEdit(problem.details)
        text.setReadOnly(True)
        text.setFont(mono_font())
        text.setAccessibleName("Details of the mistake")
        text.setMinimumHeight(200)
        self.body.addWidget(text)
        self.body.setContentsMargins(0, 0, 0, L)
        self.cancel_button.setText("Close")
        self.setWindowModality(Qt.WindowModality.NonModal)

    def on_accept(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
        self.accept_button.setText("Copied")
