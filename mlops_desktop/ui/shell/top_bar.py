"""The bar above every screen: where one is, the way back, search, jobs, news, and who is signed in."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from mlops_desktop.domain.accounts import Account
from mlops_desktop.ui.screen import Crumb
from mlops_desktop.ui.theme import CAPTION, XS, M, S, Tone, colours, font, set_role
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, IconLabel, tip

HEIGHT = 52
SEARCH = "Search or run a command"


class CountButton(IconButton):
    """An icon button with a number on it."""

    def __init__(self, icon: str, name: str, shortcut: str = "", parent: QWidget | None = None) -> None:
        super().__init__(icon, name, shortcut=shortcut, size=18, parent=parent)
        self._plain_name, self._count, self._tone = name, 0, Tone.ACCENT

    def show_count(self, count: int, tone: Tone = Tone.ACCENT) -> None:
        self._count, self._tone = count, tone
        self.rename(f"{self._plain_name}: {count}" if count else self._plain_name)
        self.update()

    @property
    def count(self) -> int:
        return self._count

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._count:
            return
        now, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dot = QRectF(self.width() - 17, 0, 17, 17)
        painter.setPen(QColor(now.surface))
        painter.setBrush(QColor(now.critical_fill if self._tone is Tone.CRITICAL else now.accent_fill))
        painter.drawEllipse(dot)
        painter.setFont(font(CAPTION - 2, QFont.Weight.DemiBold))
        painter.setPen(QColor(now.on_accent))
        painter.drawText(dot, int(Qt.AlignmentFlag.AlignCenter), str(self._count) if self._count < 10 else "9+")


class AccountButton(QToolButton):
    """A disc with initials, the name and the roles; opens the account's menu."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._initials = self._name = self._roles = ""
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMenu(QMenu(self))
        self.setFixedSize(168, 40)

    def show_account(self, account: Account) -> None:
        self._name = account.full_name or account.name
        self._initials = "".join(word[0] for word in self._name.split()[:2]).upper()
        self._roles = ", ".join(sorted(role.value for role in account.roles)) or "no role"
        self.setAccessibleName(f"Signed in as {account.full_name} ({account.name}), {self._roles}")
        self.setToolTip(tip(f"{self._name} ({account.name})\n{self._roles}"))
        self.update()

    def set_compact(self, compact: bool) -> None:
        """The initials alone; name and roles stay in the tool tip and the menu."""
        self.setFixedSize(40 if compact else 168, 40)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.showMenu()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        now, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        disc = QRectF(6, (self.height() - 28) / 2, 28, 28)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(now.accent_soft))
        painter.drawEllipse(disc)
        painter.setFont(font(CAPTION - 1, QFont.Weight.DemiBold))
        painter.setPen(QColor(now.accent))
        painter.drawText(disc, int(Qt.AlignmentFlag.AlignCenter), self._initials)
        for words, top, size, weight, shade in (
            (self._name, 4, CAPTION + 1, QFont.Weight.DemiBold, now.text),
            (self._roles, 20, CAPTION - 1, QFont.Weight.Normal, now.muted),
        ):
            painter.setFont(font(size, weight))
            painter.setPen(QColor(shade))
            area = QRectF(42, top, self.width() - 48, 17)
            if area.width() <= 0:
                continue
            line = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(area.width()))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), line)


class Breadcrumb(QWidget):
    """Steps parted by chevrons; all but the last can be pressed."""

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Where you are")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)

    def show_crumbs(self, crumbs: Sequence[Crumb]) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for index, crumb in enumerate(crumbs):
            if index:
                self._layout.addWidget(IconLabel("chevron-right", "muted", 14))
            if crumb.key and index < len(crumbs) - 1:
                button = Button(crumb.title.replace("&", "&&"), role="crumb")
                button.clicked.connect(lambda _on=False, c=crumb: self.wanted.emit(c))
                self._layout.addWidget(button)
            else:
                label = ElidedLabel(crumb.title, "crumb")
                self._layout.addWidget(label, 1)


class TopBar(QFrame):
    """Parts are public; the shell connects them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self.setFixedHeight(HEIGHT)
        self.back = IconButton("arrow-left", "Back", shortcut="Alt+Left")
        self.forward = IconButton("arrow-right", "Forward", shortcut="Alt+Right")
        self.crumbs = Breadcrumb()
        self.search = Button(SEARCH, "search", "search")
        self.search.setFixedWidth(240)
        self.search.setToolTip(tip("Every screen, command, model, version and deployment  (Ctrl+K)"))
        self.tray = CountButton("list-checks", "Jobs", "Ctrl+J")
        self.bell = CountButton("bell", "News", "Ctrl+B")
        self.keys = IconButton("keyboard", "Shortcuts", shortcut="?", size=18)
        self.account = AccountButton()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(M, 0, M, 0)
        layout.setSpacing(XS)
        layout.addWidget(self.back)
        layout.addWidget(self.forward)
        layout.addSpacing(S)
        layout.addWidget(self.crumbs, 1)
        layout.addSpacing(S)
        layout.addWidget(self.search)
        layout.addSpacing(S)
        for button in (self.tray, self.bell, self.keys):
            layout.addWidget(button)
        layout.addSpacing(XS)
        layout.addWidget(self.account)

    def set_compact(self, *, account: bool, search: bool) -> None:
        """Less of each, where the window is narrow or a panel beside the desk takes the room."""
        self.search.setFixedWidth(40 if search else 240)
        self.search.setText("" if search else SEARCH)
        self.search.setAccessibleName(SEARCH)
        self.account.set_compact(account)
