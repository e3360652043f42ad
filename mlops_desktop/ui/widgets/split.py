"""A list on the left, what is chosen in it on the right, and a line between them that can be moved."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import L, S

LEAST = 300  # pixels of the list


def list_and_page(listed: list[QWidget], page: QWidget, sizes: tuple[int, int]) -> QSplitter:
    """`listed` stand one below the other, the last takes the room; `sizes` are pixels at first, and how both grow."""
    left, right = QWidget(), QWidget()
    left.setMinimumWidth(LEAST)
    column = QVBoxLayout(left)
    column.setContentsMargins(0, 0, S, 0)
    column.setSpacing(S)
    for widget in listed:
        column.addWidget(widget, int(widget is listed[-1]))
    holder = QVBoxLayout(right)
    holder.setContentsMargins(L, 0, 0, 0)
    holder.addWidget(page)
    split = QSplitter(Qt.Orientation.Horizontal)
    split.setChildrenCollapsible(False)
    split.setHandleWidth(1)
    split.addWidget(left)
    split.addWidget(right)
    split.setStretchFactor(0, sizes[0])
    split.setStretchFactor(1, sizes[1])
    split.setSizes(list(sizes))
    return split
