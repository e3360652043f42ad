"""The first minute: choose or make a workspace, say who you are, see whether Docker answers, begin."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XL, L, M, S, Tone
from mlops_desktop.ui.widgets.badges import Badge, StateBadge
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, Line
from mlops_desktop.ui.widgets.choice import Choice
from mlops_desktop.ui.widgets.forms import Form, password_field, text_field
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel

WIDTH = 520
ASKING = Badge("Looking …", "loader-circle", Tone.ACCENT)


class FirstRunView(QWidget):
    """Pages `start`, `create`, `ready`. Enter goes on, Escape goes back; nothing that was typed is lost."""

    open_wanted = Signal(str)
    tour_wanted = Signal()
    create_wanted = Signal()  # the filled form
    begin_wanted = Signal()
    forget_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("window")
        self.setAccessibleName("Welcome")
        self.banner = Banner()
        self.banner.setMaximumWidth(WIDTH)
        self._pages = QStackedWidget()
        self._start, self._create, self._ready = self._start_page(), self._create_page(), self._ready_page()
        for page in (self._start, self._create, self._ready):
            self._pages.addWidget(page)
        column = QVBoxLayout()
        column.setSpacing(S)
        column.addStretch(1)
        column.addWidget(IconLabel("layers", "accent", 36), 0, Qt.AlignmentFlag.AlignHCenter)
        title = PlainLabel("MLOps Desktop", "title")
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        said = PlainLabel("Register, check, approve, deploy and watch your models.", "muted")
        column.addWidget(said, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(L)
        column.addWidget(self.banner)
        column.addWidget(self._pages)
        column.addStretch(2)
        self._pages.setFixedWidth(WIDTH)
        self._open(self._start)
        outer = QHBoxLayout(self)
        outer.addStretch(1)
        outer.addLayout(column)
        outer.addStretch(1)

    # Pages

    def _start_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(M)
        self.tour = Choice("plane", "Take the tour", "The whole job on a year of real flights, step by step.")
        self.tour.chosen.connect(self.tour_wanted)
        self.new = Choice("folder-plus", "Create a workspace", "A folder for your models, approvals and figures.")
        self.new.chosen.connect(self.show_create)
        self.open = Choice("folder-open", "Open a workspace", "A folder that you or a colleague made before.")
        self.open.chosen.connect(self._choose_folder)
        for choice in (self.tour, self.new, self.open):
            layout.addWidget(choice)
        self._recent_title = PlainLabel("Opened lately", "muted")
        layout.addSpacing(S)
        layout.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(S)
        layout.addLayout(self._recent)
        layout.addStretch(1)
        return page

    def _create_page(self) -> QWidget:
        page = Card(padding=XL)
        self.form = Form()
        self.form.add("name", text_field("Name of the workspace", text="My models"))
        self.form.add("folder", text_field("Folder", "New or empty. Everything lives in it, so it can be moved."))
        self.form.add("full_name", text_field("Your name", placeholder="Ada Lovelace"))
        self.form.add("admin", text_field("Account", "You sign in with it, and approvals name it."))
        self.form.add("password", password_field("Password", "At least 10 characters, for example four words."))
        browse = Button("Browse …", "folder", "plain", clicked=self._browse)
        back = Button("Back", "arrow-left", "plain", clicked=self.show_start)
        self.create_button = Button("Create", "check", "primary", clicked=self.create_wanted.emit)
        buttons = QHBoxLayout()
        buttons.setSpacing(S)
        buttons.addWidget(back)
        buttons.addWidget(browse)
        buttons.addStretch(1)
        buttons.addWidget(self.create_button)
        page.body.setSpacing(L)
        page.add(PlainLabel("Create a workspace", "section"))
        page.add(self.form)
        page.add(buttons)
        for field in self.form.fields.values():
            if isinstance(field.input, QLineEdit):
                field.input.returnPressed.connect(self._on_enter)
        return page

    def _ready_page(self) -> QWidget:
        page = Card(padding=XL)
        page.body.setSpacing(L)
        self._ready_title = PlainLabel("Your workspace is ready", "section")
        line = QHBoxLayout()
        line.setSpacing(M)
        line.addWidget(IconLabel("container", "muted", 20))
        line.addWidget(PlainLabel("Docker"), 1)
        self._engine = StateBadge(ASKING)
        line.addWidget(self._engine)
        self._engine_text = PlainLabel("It isolates every model that is deployed.", "muted", wrap=True)
        self.begin_button = Button("Begin", "arrow-right", "primary", clicked=self.begin_wanted.emit)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.begin_button)
        page.add(self._ready_title)
        page.add(Line())
        page.add(line)
        page.add(self._engine_text)
        page.add(buttons)
        return page

    # What the presenter says

    def offer_tour(self, offered: bool) -> None:
        self.tour.setVisible(offered)

    def show_start(self) -> None:
        self._open(self._start)
        (self.new if self.tour.isHidden() else self.tour).setFocus()

    def show_create(self) -> None:
        self.banner.clear()
        self._open(self._create)
        self.form.fields["name"].input.setFocus()

    def show_ready(self, name: str) -> None:
        self.banner.clear()
        self._ready_title.setText(f"“{name}” is ready")
        self._engine.show_badge(ASKING)
        self._open(self._ready)
        self.begin_button.setFocus()

    def show_engine(self, answers: bool, text: str) -> None:
        found = Badge("Answers", "circle-check", Tone.OK)
        self._engine.show_badge(found if answers else Badge("Not found", "circle-alert", Tone.WARNING))
        self._engine_text.setText(text)

    def show_recent(self, recent: Sequence[tuple[str, str]]) -> None:
        """(name, path), the last opened first."""
        while (item := self._recent.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for name, path in recent[:4]:
            choice = Choice("database", name, path)
            choice.chosen.connect(lambda p=path: self.open_wanted.emit(p))
            self._recent.addWidget(choice)
        self._recent_title.setVisible(bool(recent))

    def show_busy(self, busy: bool) -> None:
        self.create_button.setEnabled(not busy)
        self.create_button.setText("One moment …" if busy else "Create")

    def _open(self, page: QWidget) -> None:
        # Only the open page counts, so that a short one doesn't float in the room of the tallest.
        for other in (self._start, self._create, self._ready):
            height = QSizePolicy.Policy.Preferred if other is page else QSizePolicy.Policy.Ignored
            other.setSizePolicy(QSizePolicy.Policy.Preferred, height)
        self._pages.setCurrentWidget(page)

    def _on_enter(self) -> None:
        fields = list(self.form.fields.values())
        at = next((n for n, field in enumerate(fields) if field.input.hasFocus()), len(fields) - 1)
        if at < len(fields) - 1:
            fields[at + 1].input.setFocus()
        else:
            self.create_wanted.emit()

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the new workspace", self.form.text("folder"))
        if folder:
            self.form.fields["folder"].set_text(folder)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a workspace")
        if folder:
            self.open_wanted.emit(folder)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._pages.currentWidget() is self._create:
            self.show_start()
        else:
            super().keyPressEvent(event)
