"""The dialog in which a decision is signed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from mlops_desktop.domain.errors import NotAllowed
from mlops_desktop.domain.promotions import Decision, ReviewBrief
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, area_field, password_field


class DecisionDialog(Dialog):
    """Stays open until the decision is stored; a wrong password costs nothing that was typed."""

    decided = Signal(str, str)  # comment, password

    def __init__(self, brief: ReviewBrief, decision: Decision, parent: QWidget | None = None) -> None:
        promotion, approve = brief.promotion, decision is Decision.APPROVE
        verb = "Approve" if approve else "Reject"
        text = brief.effect if approve else f"The request of {promotion.requested_by} is closed, whatever others say."
        super().__init__(
            f"{verb} {promotion.label} for {promotion.environment}", text, verb, danger=not approve, parent=parent
        )
        self._approve = approve
        self.problem = Banner()
        self.form = Form()
        self.form.add(
            "comment",
            area_field(
                "Comment",
                f"{promotion.requested_by} and everybody else will read it."
                + ("" if approve else " Say what has to change."),
                "Optional" if approve else "",
            ),
        )
        self.form.add("password", password_field("Your password", "It opens the key that signs your decision."))
        self.body.addWidget(self.problem)
        self.body.addWidget(self.form)
        self.form.fields["comment"].input.setFocus()

    def on_accept(self) -> None:
        comment, password = self.form.text("comment").strip(), self.form.text("password")
        self.problem.clear()
        self.form.clear_problems()
        if not self._approve and not comment:
            self.form.show_problem("comment", "A rejection needs a comment: say what has to change.")
        elif not password:
            self.form.show_problem("password", "Type your password.")
        else:
            self._enable(False)
            self.decided.emit(comment, password)

    def show_refused(self, error: BaseException) -> None:
        """The comment stays; a wrong password is told where it was typed."""
        self._enable(True)
        if isinstance(error, NotAllowed) and "password" in error.message.lower():
            self.form.fields["password"].set_text("")
            self.form.show_problem("password", str(error))
        else:
            self.problem.show_problem(error, can_retry=False)

    def _enable(self, on: bool) -> None:
        self.form.setEnabled(on)
        self.accept_button.setEnabled(on)
