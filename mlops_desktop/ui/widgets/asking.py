"""Dialogs that stay open until the workspace has agreed: what was typed outlives every refusal."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.accounts import Account, check_password
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, password_field


class AskingDialog(Dialog):
    """A form, and above it what was wrong. `on_accept` shows busy and sends; then comes `accept` or `show_refused`."""

    def __init__(
        self, title: str, text: str, accept: str, parent: QWidget | None = None, *, danger: bool = False
    ) -> None:
        super().__init__(title, text, accept, danger=danger, parent=parent)
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

    def judged(self, field: str, name: str) -> bool:
        """Whether the password in this field can be taken for that account; marks the field if not."""
        try:
            check_password(self.form.text(field), name)
        except InvalidInput as error:
            self.form.show_problem(field, str(error))
            return False
        return True


class OwnPasswordDialog(AskingDialog):
    """A new password for whoever is signed in; what was signed stays valid."""

    change_wanted = Signal(str, str)  # the present one, the new one

    def __init__(self, account: Account, parent: QWidget | None = None) -> None:
        text = "Approvals that you signed stay valid. Your other sessions end."
        super().__init__("My password", text, "Change it", parent)
        self._name = account.name
        self.form.add("old", password_field("Present password"))
        self.form.add("new", password_field("New password", "At least ten characters that nobody would guess"))
        self.form.add("again", password_field("New password again"))

    def on_accept(self) -> None:
        if not self.form.text("old"):
            self.form.show_problem("old", "Type your present password.")
        elif self.judged("new", self._name):
            if self.form.text("again") != self.form.text("new"):
                self.form.show_problem("again", "It differs from the one above.")
                return
            self.show_busy(True)
            self.change_wanted.emit(self.form.text("old"), self.form.text("new"))
