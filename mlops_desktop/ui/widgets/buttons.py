"""Buttons with an icon and a word, icon buttons with a spoken name, and what a role forbids."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from mlops_desktop.domain.accounts import PERMISSIONS, Account, Action
from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import colours, set_role
from mlops_desktop.ui.widgets.plain_label import tip

_REDRAW = {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}
_ICON_COLOUR = {"primary": "on_accent", "danger": "critical", "danger-fill": "on_accent", "link": "accent"}


class Button(QPushButton):
    """A push button. `role`: "" (outlined), primary, danger, danger-fill, plain, link."""

    def __init__(
        self,
        text: str,
        icon: str = "",
        role: str = "",
        *,
        clicked: Callable[[], object] | None = None,
        tool_tip: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._icon, self._role, self._tip = icon, role, tool_tip
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setIconSize(QSize(16, 16))
        self.setAccessibleName(text)
        self.setToolTip(tool_tip)
        if role:
            set_role(self, role)
        if clicked is not None:
            self.clicked.connect(lambda _checked=False: clicked())
        self._draw()

    def permit(self, account: Account | None, action: Action) -> bool:
        """Enable it if the account may do it; otherwise it stays visible and says who may."""
        allowed = account is not None and account.may(action)
        self.setEnabled(allowed)
        self.setToolTip(self._tip if allowed else forbidden(action))
        return allowed

    def forbid(self, reason: str) -> None:
        """Disable it and say why, for example “The engine does not answer.”"""
        self.setEnabled(False)
        self.setToolTip(reason)

    def allow(self) -> None:
        self.setEnabled(True)
        self.setToolTip(self._tip)

    def show_icon(self, name: str) -> None:
        self._icon = name
        self._draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Outside dialogs Qt presses buttons with Space only.
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(text)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))
        self.setAccessibleDescription(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in _REDRAW:
            self._draw()

    def _draw(self) -> None:
        if self._icon:
            shade = str(getattr(colours(), _ICON_COLOUR.get(self._role, "muted")))
            self.setIcon(icons.icon(self._icon, shade))


class IconButton(QToolButton):
    """A button without words on it: `name` is what a screen reader says and what the tool tip shows."""

    def __init__(
        self,
        icon: str,
        name: str,
        *,
        shortcut: str = "",
        checkable: bool = False,
        clicked: Callable[[], object] | None = None,
        size: int = 16,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon, self._shortcut = icon, shortcut
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(size, size))
        self.setFixedSize(size + 14, size + 14)
        self.setCheckable(checkable)
        self.rename(name)
        if clicked is not None:
            self.clicked.connect(lambda _checked=False: clicked())
        self._draw()

    def rename(self, name: str) -> None:
        self.setAccessibleName(name)
        self.setToolTip(tip(f"{name}  ({self._shortcut})" if self._shortcut else name))

    def show_icon(self, name: str) -> None:
        self._icon = name
        self._draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Outside dialogs Qt presses buttons with Space only.
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in _REDRAW:
            self._draw()

    def _draw(self) -> None:
        self.setIcon(icons.icon(self._icon, colours().muted, self.iconSize().width()))


def forbidden(action: Action) -> str:
    """The sentence under a disabled control: who may press it."""
    roles = sorted(role.value for role in PERMISSIONS[action])
    return f"Your roles don't permit this: only {' or '.join(roles)} may {action.value}."
