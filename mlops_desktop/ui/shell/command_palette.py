"""Ctrl+K: every screen, command, model, version and deployment, by a few letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import QFrame, QLineEdit, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from mlops_desktop.ui import icons
from mlops_desktop.ui.shell.fuzzy import score
from mlops_desktop.ui.shell.overlay import Overlay
from mlops_desktop.ui.theme import BODY, CAPTION, M, S, colours, font, set_role
from mlops_desktop.ui.widgets.cards import Line
from mlops_desktop.ui.widgets.plain_label import PlainLabel

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
SHOWN = 60
TITLE_BONUS = 200
ROW = 36
CommandRole = int(Qt.ItemDataRole.UserRole) + 1


@dataclass(frozen=True, slots=True)
class Command:
    """`kind` is the word on its right: Screen, Command, Model …"""

    title: str
    kind: str
    icon: str
    run: Callable[[], object]
    hint: str = ""  # a shortcut, or what tells it from others
    words: str = ""  # found by these too


class CommandPalette(Overlay):
    """`set_commands` with what is always there; `searched(text)` asks for more, `set_found` answers."""

    searched = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "Commands", dim=True)
        self._commands: Sequence[Command] = ()
        self._found: Sequence[Command] = ()
        self._kept: Sequence[Command] = ()
        self._model = _Commands(self)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Go to a screen, model, version or deployment, or run a command")
        self.search.setAccessibleName("Search commands")
        set_role(self.search, "bare")
        self.search.textChanged.connect(self._on_text)
        self.search.installEventFilter(self)
        self.list = QListView()
        self.list.setModel(self._model)
        self.list.setItemDelegate(_CommandDelegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setAccessibleName("Matches")
        self.list.setMouseTracking(True)
        self.list.clicked.connect(self._run)
        self._nothing = PlainLabel("Nothing fits.", "muted")
        self._nothing.setContentsMargins(M, M, M, M)
        self.content.addWidget(self.search)
        self.content.addWidget(Line())
        self.content.addWidget(self.list, 1)
        self.content.addWidget(self._nothing)

    def set_commands(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._show()

    def set_kept(self, commands: Sequence[Command]) -> None:
        """Commands of what accompanies the desk, such as the tour; they stay when `set_commands` is called anew."""
        self._kept = commands
        self._show()

    def set_found(self, commands: Sequence[Command]) -> None:
        self._found = commands
        self._show()

    def open(self) -> None:
        self.search.clear()
        super().open()
        self._show()

    def focus_first(self) -> None:
        self.search.setFocus()

    def place(self) -> None:
        width = min(640, self.width() - 48)
        height = 60 + ROW * max(1, min(self._model.rowCount(), 11))
        self.panel.setGeometry((self.width() - width) // 2, 72, width, min(height, self.height() - 120))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.search and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
            by = step.get(Qt.Key(event.key()))
            if by is not None:
                row = max(0, min(self.list.currentIndex().row() + by, self._model.rowCount() - 1))
                self.list.setCurrentIndex(self._model.index(row))
                return True
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._run(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def _on_text(self, text: str) -> None:
        self._show()
        self.searched.emit(text)

    def _show(self) -> None:
        text = self.search.text()
        seen: dict[tuple[str, str], Command] = {
            (c.kind, c.title): c for c in (*self._commands, *self._kept, *self._found)
        }
        scored = [(s, c) for c in seen.values() if (s := _fit(text, c)) is not None]
        if text:
            scored.sort(key=lambda pair: -pair[0])
        self._model.show_commands([c for _, c in scored[:SHOWN]])
        self.list.setVisible(bool(scored))
        self._nothing.setVisible(not scored)
        self.place()
        if scored:
            self.list.setCurrentIndex(self._model.index(0))

    def _run(self, index: Index) -> None:
        command = index.data(CommandRole)
        if isinstance(command, Command):
            self.close_panel()
            command.run()


def _fit(text: str, command: Command) -> int | None:
    """A title that fits is meant more often than words behind it."""
    fit = score(text, command.title)
    if fit is not None:
        return fit + TITLE_BONUS
    return score(text, f"{command.title} {command.words}") if command.words else None


class _Commands(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._commands: list[Command] = []

    def show_commands(self, commands: list[Command]) -> None:
        self.beginResetModel()
        self._commands = commands
        self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._commands)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not 0 <= index.row() < len(self._commands):
            return None
        command = self._commands[index.row()]
        if role == CommandRole:
            return command
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return f"{command.title}, {command.kind}"
        return None


class _CommandDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        command: Command = index.data(CommandRole)
        now, rect = colours(), option.rect.adjusted(S, 1, -S, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(now.accent_soft if chosen else now.hover))
            painter.drawRoundedRect(rect, 6, 6)
        device = painter.device()
        ratio = device.devicePixelRatio() if device is not None else 1.0
        shade = now.accent if chosen else now.muted
        painter.drawPixmap(rect.left() + S, rect.center().y() - 7, icons.pixmap(command.icon, shade, 16, ratio))
        middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
        painter.setFont(font(BODY, QFont.Weight.Medium))
        painter.setPen(QColor(now.text))
        painter.drawText(rect.adjusted(36, 0, -170, 0), middle, command.title)
        painter.setFont(font(CAPTION))
        painter.setPen(QColor(now.muted))
        right = "   ".join(part for part in (command.hint, command.kind) if part)
        painter.drawText(rect.adjusted(0, 0, -M, 0), middle | int(Qt.AlignmentFlag.AlignRight), right)
        painter.restore()
