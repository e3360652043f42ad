"""Settings: pages at the left with a search over all of them, the open one beside them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.settings import Settings
from mlops_desktop.ui.screen import Crumb, Screen
from mlops_desktop.ui.screens.settings.pages import (
    AccountPage,
    AppearancePage,
    EnginePage,
    MonitoringPage,
    WorkspacePage,
)
from mlops_desktop.ui.screens.settings.policies import PoliciesPage
from mlops_desktop.ui.screens.settings.reports import AboutPage, DiagnosticsPage
from mlops_desktop.ui.screens.settings.rows import SettingRow, SettingsPage
from mlops_desktop.ui.theme import XL, L, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import forbidden
from mlops_desktop.ui.widgets.side_list import SideEntry, SideList
from mlops_desktop.ui.words import count


class SettingsView(Screen):
    """`changed(name, value)` for a setting of the workspace, `reset(names)` for those of a page."""

    page_wanted = Signal(str)
    changed = Signal(str, object)
    reset = Signal(list)

    def __init__(self, account: Account) -> None:
        super().__init__("Settings")
        self.appearance, self.account, self.workspace = AppearancePage(), AccountPage(), WorkspacePage()
        self.engine, self.monitoring, self.policies = EnginePage(), MonitoringPage(), PoliciesPage()
        self.diagnostics, self.about = DiagnosticsPage(), AboutPage()
        self.pages: dict[str, SettingsPage] = {
            page.key: page
            for page in (
                self.appearance,
                self.account,
                self.workspace,
                self.engine,
                self.monitoring,
                self.policies,
                self.diagnostics,
                self.about,
            )
        }
        self.list = SideList("Pages of settings", "Search settings", "No setting has these words.")
        self.list.set_entries([SideEntry(p.key, p.title, p.icon) for p in self.pages.values()])
        self.list.opened.connect(self.page_wanted)
        self.list.searched.connect(self.search)
        self.waiting = Banner()
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        right = QVBoxLayout()
        right.setSpacing(L)
        right.addWidget(self.waiting)
        right.addWidget(self.stack, 1)
        row = QHBoxLayout()
        row.setSpacing(XL)
        row.addWidget(self.list)
        row.addLayout(right, 1)
        self.body.addLayout(row, 1)
        self.rows: dict[str, SettingRow] = {}
        self._stored: Settings | None = None
        for page in self.pages.values():
            for setting in page.rows:
                if setting.name:
                    self.rows[setting.name] = setting
                    setting.wanted.connect(self.changed)
            if page.names:
                page.reset_wanted.connect(lambda p=page: self.reset.emit(p.names))
        self.may_change = account.may(Action.MANAGE_POLICIES)
        self._reason = "" if self.may_change else forbidden(Action.MANAGE_POLICIES)
        for page in (self.engine, self.monitoring, self.policies):
            page.forbid(self._reason)
        self.show_overridden(())

    @property
    def current(self) -> SettingsPage:
        page = self.stack.currentWidget()
        return page if isinstance(page, SettingsPage) else self.appearance

    def show_page(self, key: str) -> None:
        page = self.pages[key]
        self.stack.setCurrentWidget(page)
        self.list.open(key)
        self.set_crumbs(Crumb("Settings", "settings"), Crumb(page.title))

    def show_settings(self, settings: Settings) -> None:
        """What is stored; a field in which somebody types keeps its words."""
        self._stored = settings
        for name, row in self.rows.items():
            row.show_value(getattr(settings, name))
        defaults = Settings()
        for page in self.pages.values():
            if not page.names:
                continue
            if not self.may_change:
                page.reset.forbid(self._reason)
            elif all(getattr(settings, name) == getattr(defaults, name) for name in page.names):
                page.reset.forbid("Everything on this page is as delivered.")
            else:
                page.reset.allow()

    def show_settled(self, name: str, settings: Settings) -> None:
        """The change was taken."""
        row = self.rows[name]
        settle = getattr(row, "settle", row.show_value)
        settle(getattr(settings, name))
        self.show_settings(settings)

    def show_refused(self, name: str, text: str) -> None:
        """The change was refused: beside the setting, which keeps its old value."""
        row = self.rows[name]
        if self._stored is not None and not hasattr(row, "edit"):
            row.show_value(getattr(self._stored, name))
        row.show_problem(text)

    def show_overridden(self, names: Sequence[str]) -> None:
        """What a variable of the environment decides can't be changed here."""
        for name, row in self.rows.items():
            if name in names:
                row.forbid(f"Decided by the variable MLOPS_DESKTOP_{name.upper()} of this computer.", note=True)
            else:
                # The other pages of an admin's say it once, above everything.
                row.forbid(self._reason, note=row in self.account.rows)

    def show_waiting(self, names: Sequence[str]) -> None:
        """Settings that count only when the workspace is opened again."""
        if not names:
            self.waiting.clear()
            return
        titles = ", ".join(self.rows[name].title for name in names)
        one = len(names) == 1
        self.waiting.show_message(
            f"{count(len(names), 'change')} {'waits' if one else 'wait'} until the workspace is opened again",
            titles,
            Tone.ACCENT,
            action="Open it again",
        )

    def search(self, text: str) -> None:
        """Leave the pages that fit, mark the settings, and go to the first page if the open one doesn't fit."""
        words = text.casefold().split()
        found = {key: page.search(words) for key, page in self.pages.items()}
        fitting = {key: f"{count(number, 'match', 'matches')}" for key, number in found.items() if number}
        self.list.show_fitting(fitting if words else None)
        if words and fitting and self.current.key not in fitting:
            held = self.list.search.hasFocus()
            self.page_wanted.emit(next(iter(fitting)))
            if held:  # opening a page takes the focus away, and somebody is typing
                self.list.search.setFocus()

    def focus_filter(self) -> bool:
        return self.list.focus_filter()
