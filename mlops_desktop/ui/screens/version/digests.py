"""Digests: short on the screen, whole in the tool tip and on the clipboard."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import M, mono_font
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel


class DigestList(QWidget):
    """A name, its digest in the room that there is, and a button that copies all of it."""

    copied = Signal(str)

    def __init__(self, name_width: int = 128, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name_width = name_width
        self._shown: dict[str, str] = {}
        self._rows: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)

    def show_digests(self, digests: Mapping[str, str]) -> None:
        if dict(digests) == self._shown:
            return
        self._shown = dict(digests)
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows = [self._row(name, digest) for name, digest in digests.items()]
        for row in self._rows:
            self._layout.addWidget(row)
        self.setVisible(bool(self._rows))

    def _row(self, name: str, digest: str) -> QWidget:
        row = QWidget(self)
        row.setAccessibleName(f"{name}: {digest}")
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(M)
        label = PlainLabel(name, "muted")
        label.setFixedWidth(self._name_width)
        value = ElidedLabel(digest, mode=Qt.TextElideMode.ElideMiddle)
        value.setFont(mono_font())
        line.addWidget(label)
        line.addWidget(value, 1)
        line.addWidget(IconButton("copy", f"Copy the digest of {name}", clicked=lambda: self._copy(digest), size=14))
        return row

    def _copy(self, digest: str) -> None:
        QGuiApplication.clipboard().setText(digest)
        self.copied.emit(digest)
