"""Somebody at the window: presses what bears a word, types where a label says so, and reads what is shown.

The person acts on a thread of its own, as people do: a question that the window asks with a nested event loop, or a
window that is busy, holds up only who waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QTabBar,
    QToolButton,
    QWidget,
)

T = TypeVar("T")
LOOK = 0.03  # seconds between two looks
PATIENCE = 15.0


class _Hands(QObject):
    """Lives on the window's thread and does what is asked for from another."""

    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(lambda work: work(), Qt.ConnectionType.QueuedConnection)


class Person:
    """Create it on the window's thread; `act` runs a story and returns when it ended."""

    def __init__(self) -> None:
        self._hands = _Hands()
        self._failure: BaseException | None = None

    def act(self, story: Callable[[], None], wait: Callable[[Callable[[], bool]], None]) -> None:
        """Run the story; `wait` keeps the event loop going until its condition holds. Raises what the story raised."""

        def told() -> None:
            try:
                story()
            except BaseException as error:  # noqa: BLE001 - raised again by `act`
                self._failure = error

        thread = threading.Thread(target=told, name="person", daemon=True)
        thread.start()
        wait(lambda: not thread.is_alive())
        if self._failure is not None:
            raise self._failure

    # Looking

    def look(self, work: Callable[[], T], patience: float = PATIENCE) -> T:
        """What `work` returns on the window's thread."""
        done = threading.Event()
        found: list[T] = []
        failed: list[BaseException] = []

        def doing() -> None:
            try:
                found.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again below
                failed.append(error)
            finally:
                done.set()

        self._hands.asked.emit(doing)
        if not done.wait(patience):
            raise AssertionError(f"the window did not answer for {patience:g} s")
        if failed:
            raise failed[0]
        return found[0]

    def until(self, what: str, seen: Callable[[], T], patience: float = PATIENCE) -> T:
        """Look again and again until there is something true to see."""
        end = time.monotonic() + patience
        while True:
            found = self.look(seen)
            if found:
                return found
            if time.monotonic() > end:
                shown = self.look(lambda: list(dict.fromkeys(t for w in _visible(QWidget) for t in _words(w))))
                raise AssertionError(f"never saw {what} within {patience:g} s; on the screen: {shown}")
            time.sleep(LOOK)

    def reads(self, words: str, patience: float = PATIENCE) -> str:
        """The whole text in which the words stand."""

        def found() -> str:
            texts = (text for widget in _visible(QWidget) for text in _words(widget))
            return next((text for text in texts if words in text), "")

        return self.until(f"“{words}”", found, patience)

    # Acting. None of these waits for what it sets off: a question may stay open for long.

    def press(self, words: str, patience: float = PATIENCE) -> None:
        """The button with these words, as soon as it may be pressed."""

        def button() -> QAbstractButton | None:
            named = (b for b in _visible(QAbstractButton) if words in {b.text(), b.accessibleName()})
            return next((b for b in named if b.isEnabled()), None)

        found = self.until(f"a button “{words}” to press", button, patience)
        self._hands.asked.emit(lambda: QTest.mouseClick(found, Qt.MouseButton.LeftButton))

    def opens_tab(self, title: str) -> None:
        def tab() -> tuple[QTabBar, QPoint] | None:
            for bar in _visible(QTabBar):
                for i in range(bar.count()):
                    if bar.tabText(i).split("  ")[0].split(" (")[0].strip() == title:
                        return bar, bar.tabRect(i).center()
            return None

        bar, at = self.until(f"a tab “{title}”", tab)
        self._hands.asked.emit(lambda: QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=at))

    def types(self, label: str, words: str) -> None:
        """Into the field with this label, over what stands there."""

        def field() -> QWidget | None:
            fields = [*_visible(QLineEdit), *_visible(QPlainTextEdit)]
            return next((f for f in fields if f.accessibleName() == label and f.isEnabled()), None)

        found = self.until(f"a field “{label}”", field)

        def typing() -> None:
            found.setFocus()
            QTest.keyClick(found, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
            QTest.keyClicks(found, words)

        self.look(typing)

    def chooses(self, label: str, option: str) -> None:
        def box() -> QComboBox | None:
            return next((b for b in _visible(QComboBox) if b.accessibleName() == label and b.isEnabled()), None)

        found = self.until(f"a choice “{label}”", box)

        def choosing() -> None:
            at = found.findText(option, Qt.MatchFlag.MatchContains)
            assert at >= 0, f"{option} is not offered: {[found.itemText(i) for i in range(found.count())]}"
            found.setCurrentIndex(at)

        self.look(choosing)

    def keys(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """On the keyboard, for whatever has the focus."""

        def active() -> QWidget | None:
            window = QApplication.activeModalWidget() or next(_visible(QMainWindow))
            window.activateWindow()  # no window manager does it after a question was answered
            return window if window.isActiveWindow() else None

        window = self.until("an active window", active)
        self._hands.asked.emit(lambda: QTest.keyClick(window.focusWidget() or window, key, modifier))

    def row(self, *words: str, opened: bool = False, patience: float = PATIENCE) -> None:
        """Click the row of a table that holds all of the words, or open it by a double click."""

        def cell() -> tuple[QAbstractItemView, QModelIndex] | None:
            for table in _visible(QAbstractItemView):
                model = table.model()
                for row in range(model.rowCount() if model is not None else 0):
                    cells = _cells(model, row)
                    line = " ".join(str(c.data() or "") for c in cells)
                    if all(word in line for word in words):
                        return table, next(c for c in cells if table.visualRect(c).isValid())
            return None

        table, index = self.until(f"a row with {words}", cell, patience)

        def clicking() -> None:
            at = table.visualRect(index).center()
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
            if opened:
                QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)

        self._hands.asked.emit(clicking)

    def runs(self, command: str) -> None:
        """A command of the palette, by its name."""
        self.keys(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        self.types("Search commands", command)
        self.row(command)


def _visible(kind: type[T]) -> Iterator[T]:
    """Widgets of the question that is open, else of all windows; what lies on top last made first."""
    modal = QApplication.activeModalWidget()
    roots = [modal] if modal is not None else [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    for root in roots:
        for widget in (root, *root.findChildren(QWidget)):
            if isinstance(widget, kind) and widget.isVisible():
                yield widget


def _words(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, (QLabel, QAbstractButton)) and not isinstance(widget, QToolButton):
        yield widget.text()
    elif isinstance(widget, QAbstractItemView) and widget.model() is not None:
        model = widget.model()
        for row in range(min(model.rowCount(), 200)):
            yield " | ".join(str(cell.data() or "") for cell in _cells(model, row))
    if widget.accessibleName():
        yield widget.accessibleName()


def _cells(model: QAbstractItemModel, row: int) -> list[QModelIndex]:
    # A list has one column, and hides the question.
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()
    return [model.index(row, column) for column in range(columns)]
