"""One's own password, and the name of a new environment. Each stays open until the workspace has agreed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.accounts import Account, check_password
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_name
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, password_field, text_field


class AskingDialog(Dialog):
    """Says what is wrong and keeps what was typed."""

    def __init__(self, title: str, text: str, accept: str, parent: QWidget | None = None) -> None:
        super().__init__(title, text, accept, parent=parent)
        self.problem = Banner()
        self.form = Form()
        self.body.addWidget(self.problem)
        self.body.addWidget(self.form)

    def show_busy(self, busy: bool) -> None:
        self.accept_button.setEnabled(not busy)
        if busy:
            self.problem.clear()

    def show_refused(self, error: BaseException) -> None:
        """The workspace said no; the dialog can be sent again."""
        self.show_busy(False)
        self.problem.show_problem(error, can_retry=False)


class PasswordDialog(AskingDialog):
    """A new password for whoever is signed in."""

    change_wanted = Signal(str, str)

    def __init__(self, account: Account, parent: QWidget | None = None) -> None:
        text = "Approvals that you signed stay valid. Your other sessions end."
        super().__init__("My password", text, "Change it", parent)
        self._name = account.name
        self.form.add("old", password_field("Present password"))
        self.form.add("new", password_field("New password", "At least ten characters that nobody would guess"))
        self.form.add("again", password_field("New password again"))

    def on_accept(self) -> None:
        form = self.form
        if not form.text("old"):
            form.show_problem("old", "Type your present password.")
            return
        try:
            check_password(form.text("new"), self._name)
        except InvalidInput as error:
            form.show_problem("new", error.message)
            return
        if form.text("again") != form.text("new"):
            form.show_problem("again", "It differs from the one above.")
            return
        self.show_busy(True)
        self.change_wanted.emit(form.text("old"), form.text("new"))


class EnvironmentDialog(AskingDialog):
    """A new place where models may serve."""

    add_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        text = "It begins with all checks and one reviewer, which can be changed at once. It can't be removed later."
        super().__init__("Add an environment", text, "Add", parent)
        self.form.add("name", text_field("Name", "Part of the address of its models, such as canary"))

    def on_accept(self) -> None:
        name = self.form.text("name").strip()
        try:
            check_name(name, "environment")
        except InvalidInput as error:
            self.form.show_problem("name", f"{error.message} {error.hint}")
            return
        self.show_busy(True)
        self.add_wanted.emit(name)
