"""Who is there? The same page locks the window: then the name is known and stays."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XL, L, S
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.forms import Form, password_field, text_field
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, IconLabel, PlainLabel

WIDTH = 380


class SignInView(QWidget):
    """`submitted(name, password)`; `others_wanted` is another workspace, `person_wanted` another person."""

    submitted = Signal(str, str)
    others_wanted = Signal()
    person_wanted = Signal()
    retry = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("window")
        self.setAccessibleName("Sign in")
        self._icon = IconLabel("layers", "accent", 32)
        self._title = PlainLabel("Sign in", "title")
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._place = ElidedLabel("", "muted", Qt.TextElideMode.ElideMiddle)
        self._place.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.banner = Banner()
        self.banner.retry.connect(self.retry)
        self.form = Form()
        self.form.add("name", text_field("Name", placeholder="for example dan"))
        self.form.add("password", password_field("Password"))
        self.button = Button("Sign in", "log-in", "primary", clicked=self._submit)
        self._person = Button("Sign in as somebody else", role="link", clicked=self.person_wanted.emit)
        self._other = Button("Open another workspace", role="link", clicked=self.others_wanted.emit)
        card = Card(padding=XL)
        card.setFixedWidth(WIDTH)
        card.body.setSpacing(L)
        card.add(self.form)
        card.add(self.button)
        links = QHBoxLayout()
        links.addStretch(1)
        links.addWidget(self._person)
        links.addWidget(self._other)
        links.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(S)
        column.addStretch(2)
        column.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._title)
        column.addWidget(self._place, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(S)
        column.addWidget(self.banner, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(S)
        column.addLayout(links)
        column.addStretch(3)
        outer = QHBoxLayout(self)
        outer.addStretch(1)
        outer.addLayout(column)
        outer.addStretch(1)
        self._place.setFixedWidth(WIDTH)
        self.banner.setFixedWidth(WIDTH + 240)  # room for a sentence beside its buttons
        for field in self.form.fields.values():
            field.input.returnPressed.connect(self._submit)  # type: ignore[attr-defined]  # both are QLineEdit

    def show_place(self, name: str, path: str) -> None:
        self._place.setText(f"{name}  ·  {path}" if name else path)

    def show_sign_in(self, name: str = "") -> None:
        """An open question: who is there?"""
        self._present("Sign in", "Sign in", "layers", locked=False, name=name)

    def show_locked(self, name: str, full_name: str) -> None:
        """Only this person comes back to where they were."""
        self._present(f"Locked by {full_name or name}", "Unlock", "lock", locked=True, name=name)

    def show_problem(self, error: BaseException, *, can_retry: bool) -> None:
        self.banner.show_problem(error, can_retry=can_retry)

    def show_wrong(self, message: str) -> None:
        """Name and password stay; the password is selected, to be typed again."""
        self.form.show_problem("password", message)
        self.form.fields["password"].input.selectAll()  # type: ignore[attr-defined]  # a QLineEdit

    def show_busy(self, busy: bool) -> None:
        self.button.setEnabled(not busy)
        self.button.setText("One moment …" if busy else self._word)

    def clear_password(self) -> None:
        self.form.fields["password"].set_text("")

    def _present(self, title: str, word: str, icon: str, *, locked: bool, name: str) -> None:
        self._word = word
        self._title.setText(title)
        self._icon.show_icon(icon)
        self.button.setText(word)
        self.button.show_icon("lock" if locked else "log-in")
        self.button.setEnabled(True)
        self.banner.clear()
        self.form.clear_problems()
        self.form.fields["name"].set_text(name)
        self.form.fields["name"].setVisible(not locked)
        self._person.setVisible(locked)
        self._other.setVisible(not locked)
        self.clear_password()
        self.form.fields["password" if name else "name"].input.setFocus()

    def _submit(self) -> None:
        name, password = self.form.text("name").strip(), self.form.text("password")
        if not name:
            self.form.show_problem("name", "Type the name of your account.")
        elif not password:
            self.form.show_problem("password", "Type your password.")
        elif self.button.isEnabled():
            self.submitted.emit(name, password)
