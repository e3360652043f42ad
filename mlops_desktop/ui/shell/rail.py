"""The rail on the left: every screen with its icon, its word and, where something waits, a number."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import CAPTION, XS, L, M, S, Tone, colours, font, set_role
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, IconLabel, tip

WIDTH, COMPACT = 208, 56


class RailButton(QPushButton):
    """One screen. `show_count` puts a number at its right edge; the accessible name says it too."""

    def __init__(self, key: str, title: str, icon: str, shortcut: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.key, self._title, self._icon, self._count, self._tone = key, title, icon, 0, Tone.ACCENT
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setIconSize(QSize(18, 18))
        self.setToolTip(tip(f"{title}  ({shortcut})"))
        self.setAccessibleName(title)
        set_role(self, "rail")
        self.toggled.connect(lambda _on: self._draw_icon())
        self._draw_icon()

    def show_count(self, count: int, tone: Tone = Tone.ACCENT) -> None:
        self._count, self._tone = count, tone
        self.setAccessibleName(f"{self._title}, {count} waiting" if count else self._title)
        self.update()

    @property
    def count(self) -> int:
        return self._count

    def set_compact(self, compact: bool) -> None:
        """The icon alone; the word stays in the tool tip and for screen readers."""
        self.setText("" if compact else self._title)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}:
            self._draw_icon()

    def _draw_icon(self) -> None:
        now = colours()
        self.setIcon(icons.icon(self._icon, now.accent if self.isChecked() else now.muted, 18))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._count:
            return
        now, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        typeface = font(CAPTION - 1, QFont.Weight.DemiBold, tabular=True)
        words = str(self._count) if self._count < 100 else "99+"
        width = max(20.0, QFontMetrics(typeface).horizontalAdvance(words) + 12.0)
        pill = QRectF(self.width() - width - 10, self.height() / 2 - 9, width, 18)
        if not self.text():
            pill = QRectF(self.width() - width + 2, 0, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(now.soft(self._tone)))
        painter.drawRoundedRect(pill, 9, 9)
        painter.setFont(typeface)
        painter.setPen(QColor(now.tone(self._tone)))
        painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), words)


class Rail(QFrame):
    """`wanted(key)` when a screen is pressed."""

    wanted = Signal(str)
    workspace_wanted = Signal()

    def __init__(self, entries: Sequence[tuple[str, str, str, str]], parent: QWidget | None = None) -> None:
        """`entries` are (key, title, icon, shortcut); settings stand at the foot."""
        super().__init__(parent)
        set_role(self, "rail")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Screens")
        self.buttons: dict[str, RailButton] = {}
        self._name = ElidedLabel("", "strong")
        head = QHBoxLayout()
        head.setContentsMargins(M, 0, S, 0)
        head.setSpacing(S)
        self._mark = IconLabel("layers", "accent", 20)
        head.addWidget(self._mark)
        head.addWidget(self._name, 1)
        head.addWidget(IconButton("chevrons-up-down", "Another workspace", clicked=self.workspace_wanted.emit))
        self._head = head
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S, M, S, M)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addSpacing(L)
        for key, title, icon, shortcut in entries:
            button = RailButton(key, title, icon, shortcut)
            button.clicked.connect(lambda _on=False, k=key: self.wanted.emit(k))
            self.buttons[key] = button
            if key == "settings":
                layout.addStretch(1)
            layout.addWidget(button)
        if not any(key == "settings" for key, *_ in entries):
            layout.addStretch(1)
        layout.addSpacing(XS)

    def show_workspace(self, name: str, path: str) -> None:
        self._name.setText(name)
        self._name.setToolTip(f"{name}\n{path}")

    def set_compact(self, compact: bool) -> None:
        """Icons without words, where there is no room for both."""
        self.setFixedWidth(COMPACT if compact else WIDTH)
        self._head.setContentsMargins(S if compact else M, 0, S, 0)
        self._mark.setVisible(not compact)
        self._name.setVisible(not compact)
        for button in self.buttons.values():
            button.set_compact(compact)

    def light_up(self, key: str) -> None:
        if key in self.buttons:
            self.buttons[key].setChecked(True)

    def show_count(self, key: str, count: int, tone: Tone = Tone.ACCENT) -> None:
        self.buttons[key].show_count(count, tone)
