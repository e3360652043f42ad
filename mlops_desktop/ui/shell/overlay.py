"""A panel above the window: closes on Escape or a press outside, and gives the focus back where it was."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XS, colours, set_role


class Overlay(QWidget):
    """Covers its parent. Fill `content`; override `place` for where the panel goes."""

    closed = Signal()

    def __init__(self, parent: QWidget, name: str, *, dim: bool = False) -> None:
        super().__init__(parent)
        self._dim = dim
        self._before: QWidget | None = None
        self.panel = QFrame(self)
        set_role(self.panel, "popup")
        self.panel.setAccessibleName(name)
        self.content = QVBoxLayout(self.panel)
        self.content.setContentsMargins(XS, XS, XS, XS)
        self.content.setSpacing(0)
        parent.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        self._before = QApplication.focusWidget()
        self._fit()
        self.show()
        self.raise_()
        self.focus_first()

    def close_panel(self) -> None:
        if not self.isHidden():
            self.hide()
            if self._before is not None and self._before.isVisible():
                self._before.setFocus()
            self.closed.emit()

    def toggle(self) -> None:
        if self.isHidden():
            self.open()
        else:
            self.close_panel()

    def focus_first(self) -> None:
        self.panel.setFocus()

    def place(self) -> None:
        """Put the panel where it belongs; called when it opens and when the window changes its size."""
        self.panel.adjustSize()
        self.panel.move((self.width() - self.panel.width()) // 2, max(24, (self.height() - self.panel.height()) // 3))

    def drop_below(self, anchor: QWidget, width: int, height: int) -> None:
        """Hang the panel under a button, its right edges in line."""
        corner = self.mapFromGlobal(anchor.mapToGlobal(QPoint(anchor.width(), anchor.height() + 6)))
        height = min(height, self.height() - corner.y() - 12)
        self.panel.setGeometry(max(8, corner.x() - width), corner.y(), width, height)

    def _fit(self) -> None:
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and not self.isHidden():
            self._fit()
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.panel.geometry().contains(event.position().toPoint()):
            self.close_panel()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        # The focus goes round inside the panel; what is below is covered.
        inside = [w for w in self.panel.findChildren(QWidget) if w.isVisible() and _takes_tab(w)]
        current = QApplication.focusWidget()
        if not inside:
            return False
        at = inside.index(current) if current in inside else -1
        inside[(at + (1 if forward else -1)) % len(inside)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._dim:
            shade = QColor("#000000")
            shade.setAlpha(70 if colours().name == "light" else 120)
            QPainter(self).fillRect(self.rect(), shade)


def _takes_tab(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.isEnabled()
