"""What holds for every screen: spoken names, plain text, readable colours."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)

SPOKEN = (QAbstractButton, QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractItemView, QTabBar)
# Parts that Qt makes for itself inside a widget that has a name.
QT_OWN = {"qt_spinbox_lineedit", "qt_toolbar_ext_button", "ScrollLeftButton", "ScrollRightButton"}


def problems(root: QWidget) -> Iterator[str]:
    """Everything about the widgets below `root` that one of the rules forbids."""
    for widget in (root, *root.findChildren(QWidget)):
        name = f"{type(widget).__name__} {widget.objectName()!r} in {_path(widget)}"
        if isinstance(widget, QLabel) and widget.textFormat() is not Qt.TextFormat.PlainText:
            yield f"E10: {name} guesses rich text: {widget.text()!r}"
        rich = "<" in widget.toolTip() or "&" in widget.toolTip()
        if rich and not widget.toolTip().startswith("<qt>"):
            yield f"E10: tool tip of {name} may be read as rich text: {widget.toolTip()!r}"
        if (
            isinstance(widget, SPOKEN)
            and not widget.isHidden()
            and not _made_by_qt(widget)
            and not widget.accessibleName()
        ):
            # A button with neither word nor icon waits in a hidden part for what it will say.
            silent = isinstance(widget, QAbstractButton) and (widget.text() or widget.icon().isNull())
            if not silent:
                yield f"{name} has no accessible name"


def assert_accessible(root: QWidget) -> None:
    """Fails with a list of what is wrong; for every screen's test."""
    found = list(problems(root))
    assert found == [], "\n".join(found)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = []
    for value in QColor(colour).getRgbF()[:3]:
        parts.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    red, green, blue = parts
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _made_by_qt(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    if widget.objectName() in QT_OWN or isinstance(widget, QScrollBar):
        return True
    if isinstance(parent, (QLineEdit, QComboBox, QTabBar)) and type(widget).__module__.startswith("PySide6"):
        return True
    # The corner button and the headers of a table, the list inside a combo box.
    while parent is not None:
        if isinstance(parent, (QAbstractScrollArea, QComboBox)) and type(widget).__module__.startswith("PySide6"):
            return isinstance(parent, (QAbstractItemView, QComboBox))
        if not type(parent).__module__.startswith("PySide6"):
            return False
        parent = parent.parentWidget()
    return False


def _path(widget: QWidget) -> str:
    names = []
    parent = widget.parentWidget()
    while parent is not None and len(names) < 4:
        names.append(type(parent).__name__)
        parent = parent.parentWidget()
    return " < ".join(names)
