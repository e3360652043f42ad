"""Surfaces: a card with a title, a card that is one big button, a line, a section."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XL, L, M, S, set_role
from mlops_desktop.ui.widgets.plain_label import ClampedLabel, IconLabel, PlainLabel


class Line(QFrame):
    """A hairline between two parts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "line")


class Card(QFrame):
    """A rounded surface. `body` is its layout; `header` (when it has a title) takes buttons on the right."""

    def __init__(self, title: str = "", icon: str = "", *, padding: int = L, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = QHBoxLayout()
        self.header.setSpacing(S)
        self.title = PlainLabel(title, "section")
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if title:
            self.header.setContentsMargins(L, M, M, M if padding else S)
            if icon:
                self.header.addWidget(IconLabel(icon))
            self.header.addWidget(self.title)
            self.header.addStretch(1)
            outer.addLayout(self.header)
            self.setAccessibleName(title)
        else:
            self.title.hide()
            self.title.setParent(self)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(padding, 0 if title else padding, padding, padding)
        self.body.setSpacing(S)
        outer.addLayout(self.body, 1)

    def add(self, item: QWidget | QLayout, stretch: int = 0) -> None:
        if isinstance(item, QWidget):
            self.body.addWidget(item, stretch)
        else:
            self.body.addLayout(item, stretch)


class FigureCard(QFrame):
    """One number with its name and a sentence, that opens what it counts: by click, Enter or Space."""

    opened = Signal()

    def __init__(self, name: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card-button")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._name = name
        self._icon = IconLabel(icon)
        self._figure = PlainLabel("–", "figure")
        self._note = ClampedLabel("", "caption", lines=3)
        top = QHBoxLayout()
        top.setSpacing(S)
        top.addWidget(self._icon)
        top.addWidget(PlainLabel(name, "muted"), 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(L, M, L, M)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._figure)
        layout.addWidget(self._note)
        layout.addStretch(1)
        self.show_figure("–", "")

    def show_figure(self, figure: str, note: str, colour: str = "muted") -> None:
        """`colour` is a field of Colours for the icon; the note says the same in words."""
        self._figure.setText(figure)
        self._note.setText(note)
        self._icon.show_icon(self._icon._name, colour)
        self.setAccessibleName(f"{self._name}: {figure}. {note}")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.opened.emit()
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.opened.emit()
        else:
            super().keyPressEvent(event)


class FactList(QWidget):
    """Names on the left, values on the right, one a line; values can be selected and copied."""

    def __init__(
        self, facts: dict[str, str] | None = None, name_width: int = 128, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._width = name_width
        self._labels: dict[str, PlainLabel] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self.show_facts(facts or {})

    def show_facts(self, facts: dict[str, str]) -> None:
        """Values change in place when the names stay the same, so that a selection is not lost."""
        if list(facts) == list(self._labels):
            for name, value in facts.items():
                if self._labels[name].text() != value:
                    self._labels[name].setText(value)
            return
        while (item := self._layout.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._labels = {}
        for name, value in facts.items():
            row = QWidget(self)
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(M)
            label = PlainLabel(name, "muted")
            label.setFixedWidth(self._width)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            text = PlainLabel(value, wrap=True, selectable=True)
            text.setAccessibleName(f"{name}: {value}")
            self._labels[name] = text
            line.addWidget(label)
            line.addWidget(text, 1)
            self._layout.addWidget(row)


class Page(QScrollArea):
    """A scrolling page: fill `body`. Its width follows the window's, so nothing scrolls sideways."""

    def __init__(self, parent: QWidget | None = None, *, margin: int = XL) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = self._page = QWidget()
        page.setObjectName("page")
        self.body = QVBoxLayout(page)
        self.body.setContentsMargins(margin, margin - 4, margin, margin)
        self.body.setSpacing(L)
        self.setWidget(page)
        self.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
        page.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._page and event.type() is QEvent.Type.LayoutRequest:
            # A page as narrow as its contents allow, never narrower than what can be read.
            self.setMinimumWidth(min(self._page.minimumSizeHint().width() + 14, 640))
        return super().eventFilter(watched, event)
