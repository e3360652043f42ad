"""Inviting somebody, changing roles, and resetting a password."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account, Role
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.names import check_name
from mlops_desktop.ui.screens.team.columns import ROLE_WORDS
from mlops_desktop.ui.theme import XS, S
from mlops_desktop.ui.widgets.asking import AskingDialog
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.forms import password_field, text_field
from mlops_desktop.ui.widgets.plain_label import PlainLabel

CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aeiou"


def suggested_password() -> str:
    """Ten syllables that can be said on the telephone: 63 bits from the operating system's source."""
    syllables = [secrets.choice(CONSONANTS) + secrets.choice(VOWELS) for _ in range(10)]
    return "-".join("".join(syllables[i : i + 2]) for i in range(0, 10, 2))


class RolesBox(QWidget):
    """A box for each role, with what it is for."""

    changed = Signal()

    def __init__(self, chosen: Iterable[Role] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[Role, QCheckBox] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(XS)
        layout.addWidget(PlainLabel("Roles", "field"))
        for role, words in ROLE_WORDS.items():
            box = QCheckBox(role.value)
            box.setChecked(role in set(chosen))
            box.setAccessibleName(f"Role {role.value}")
            box.setAccessibleDescription(words)
            box.setFixedWidth(136)
            box.toggled.connect(lambda _on: self.changed.emit())
            line = QHBoxLayout()
            line.setSpacing(S)
            line.addWidget(box)
            line.addWidget(PlainLabel(words, "muted"), 1)
            layout.addLayout(line)
            self.boxes[role] = box

    @property
    def chosen(self) -> frozenset[Role]:
        return frozenset(role for role, box in self.boxes.items() if box.isChecked())


class InviteDialog(AskingDialog):
    """A new account with a first password."""

    invite_wanted = Signal(str, str, str, object)  # name, full name, password, roles

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Invite somebody",
            "They sign in at this workspace with the password that you hand over, and choose their own under "
            "Team: My password.",
            "Invite",
            parent,
        )
        self.form.add("full_name", text_field("Full name", "As colleagues should see it"))
        self.form.add("name", text_field("Account", "Lower-case letters, digits, dots, dashes; it can't be changed"))
        password = password_field("First password", "At least ten characters")
        self.form.add("password", password)
        self.roles = RolesBox()
        self.body.addWidget(self.roles)
        line = QHBoxLayout()
        line.setSpacing(S)
        self.suggest = Button("Suggest a password", "sparkles", clicked=self._suggest)
        self.copy = Button("Copy it", "copy", clicked=self._copy)
        line.addWidget(self.suggest)
        line.addWidget(self.copy)
        line.addStretch(1)
        self.body.insertLayout(self.body.indexOf(self.roles), line)
        self._typed = False
        account, full_name = self.form.fields["name"].input, self.form.fields["full_name"].input
        if isinstance(account, QLineEdit) and isinstance(full_name, QLineEdit):
            account.textEdited.connect(self._on_typed)
            full_name.textEdited.connect(self._propose)
        full_name.setFocus()

    def on_accept(self) -> None:
        name, full_name = self.form.text("name").strip(), self.form.text("full_name").strip()
        if not full_name:
            self.form.show_problem("full_name", "Give the name as colleagues should see it.")
            return
        try:
            check_name(name, "account")
        except WorkstationError as error:
            self.form.show_problem("name", str(error))
            return
        if not self.judged("password", name):
            return
        self.show_busy(True)
        self.invite_wanted.emit(name, full_name, self.form.text("password"), self.roles.chosen)

    def _on_typed(self) -> None:
        self._typed = True

    def _propose(self, full_name: str) -> None:
        from mlops_desktop.domain.names import suggest_name

        words = full_name.split()
        if not self._typed:
            self.form.fields["name"].set_text(suggest_name(words[0]) if words else "")

    def _suggest(self) -> None:
        self.form.fields["password"].set_text(suggested_password())
        self._copy()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.form.text("password"))
        self.copy.setText("Copied" if self.form.text("password") else "Copy it")


class RolesDialog(AskingDialog):
    """Exactly these roles from now on."""

    roles_wanted = Signal(str, object)

    def __init__(self, account: Account, *, last_admin: bool, parent: QWidget | None = None) -> None:
        super().__init__(
            f"Roles of {account.full_name}",
            "They count from the next click, here and in other windows.",
            "Save",
            parent,
        )
        self.account = account
        self.form.hide()
        self.roles = RolesBox(account.roles)
        self.body.addWidget(self.roles)
        if last_admin:
            box = self.roles.boxes[Role.ADMIN]
            box.setEnabled(False)
            box.setToolTip("The last admin stays one. Make somebody else an admin first.")
            self.body.addWidget(PlainLabel("The last admin stays one.", "caption"))
        self.roles.changed.connect(self._compare)
        self._compare()

    def on_accept(self) -> None:
        self.show_busy(True)
        self.roles_wanted.emit(self.account.name, self.roles.chosen)

    def _compare(self) -> None:
        self.accept_button.setEnabled(self.roles.chosen != self.account.roles)


class ResetDialog(AskingDialog):
    """A new password for somebody who forgot theirs."""

    reset_wanted = Signal(str, str)

    def __init__(self, account: Account, parent: QWidget | None = None) -> None:
        super().__init__(
            f"Reset the password of {account.full_name}",
            "They get a new signing key as well: approvals that they signed and that are not deployed yet no longer "
            "count, and they are signed out everywhere.",
            "Reset",
            parent,
        )
        self.account = account
        self.form.add("password", password_field("New password", "Hand it over; they choose their own afterwards"))
        line = QHBoxLayout()
        self.suggest = Button("Suggest one and copy it", "sparkles", clicked=self._suggest)
        line.addWidget(self.suggest)
        line.addStretch(1)
        self.body.addLayout(line)

    def on_accept(self) -> None:
        if self.judged("password", self.account.name):
            self.show_busy(True)
            self.reset_wanted.emit(self.account.name, self.form.text("password"))

    def _suggest(self) -> None:
        password = suggested_password()
        self.form.fields["password"].set_text(password)
        QGuiApplication.clipboard().setText(password)
