"""Labels that show exactly what they are given.

QLabel guesses rich text and would load a local file that a model's name points at; tool tips guess as well.
"""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QTextLayout
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QStyleOption, QStylePainter, QWidget

from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import colours, set_role


def _may_be_rich(text: str) -> bool:
    """Qt guesses by the first tag; anything with a bracket or an entity is treated as if it guessed so."""
    return "<" in text or "&" in text


def tip(text: str) -> str:
    """`text` for a tool tip, so that it is shown literally."""
    return f"<qt>{escape(text)}</qt>" if _may_be_rich(text) else text


class PlainLabel(QLabel):
    """A QLabel in plain text. `role` is a name in the style sheet: title, section, strong, figure, muted, caption …"""

    def __init__(
        self,
        text: str = "",
        role: str = "",
        *,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setWordWrap(wrap)
        if role:
            set_role(self, role)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))


class ElidedLabel(PlainLabel):
    """One line that ends in … where there is no room; the whole text is its tool tip."""

    def __init__(
        self,
        text: str = "",
        role: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", role, parent=parent)
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOption()
        option.initFrom(self)
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option)
        line = self.text().replace("\n", " ")
        text = self.fontMetrics().elidedText(line, self._mode, self.contentsRect().width())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(self.contentsRect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), text)


class ClampedLabel(PlainLabel):
    """At most so many lines; what doesn't fit ends in … and is in the tool tip."""

    def __init__(self, text: str = "", role: str = "", *, lines: int = 2, parent: QWidget | None = None) -> None:
        super().__init__("", role, wrap=True, parent=parent)
        self._lines = lines
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)

    def hasHeightForWidth(self) -> bool:
        return False

    def sizeHint(self) -> QSize:
        return QSize(80, self.fontMetrics().lineSpacing() * self._lines)

    def minimumSizeHint(self) -> QSize:
        return QSize(20, self.fontMetrics().lineSpacing() * self._lines)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.setFont(self.font())
        metrics, words = self.fontMetrics(), self.text()
        layout = QTextLayout(words, self.font())
        layout.beginLayout()
        for number in range(self._lines):
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(self.width())
            start, length = line.textStart(), line.textLength()
            last = number == self._lines - 1 and start + length < len(words)
            part = words[start:] if last else words[start : start + length]
            shown = metrics.elidedText(part, Qt.TextElideMode.ElideRight, self.width()) if last else part
            painter.drawText(0, number * metrics.lineSpacing() + metrics.ascent(), shown)
        layout.endLayout()


class IconLabel(QLabel):
    """An icon that says what its neighbour's words say; it has no meaning of its own and no focus."""

    def __init__(self, name: str, colour: str = "muted", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._name, self._colour, self._size = name, colour, size
        self.setFixedSize(size, size)
        self._draw()

    def show_icon(self, name: str, colour: str = "") -> None:
        """`colour` is a field of Colours, such as muted, text, accent, ok, warning, critical."""
        self._name, self._colour = name, colour or self._colour
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}:
            self._draw()

    def _draw(self) -> None:
        shade = str(getattr(colours(), self._colour))
        self.setPixmap(icons.pixmap(self._name, shade, self._size, self.devicePixelRatioF()))
