"""Reads and writes settings; a change is applied at once, audited, and can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication

from mlops_desktop.domain.deployments import EngineStatus
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.events import AccountEvent, EngineStateChanged, SettingsChanged
from mlops_desktop.settings import Settings
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.settings.computer import ComputerPresenter
from mlops_desktop.ui.screens.settings.pages import recent_without
from mlops_desktop.ui.screens.settings.rules import RulesPresenter
from mlops_desktop.ui.screens.settings.view import SettingsView
from mlops_desktop.ui.widgets.asking import OwnPasswordDialog

FIRST = "appearance"


class SettingsPresenter(Presenter):
    """The settings of the workspace; rules, and what belongs to the computer, have presenters of their own."""

    def __init__(self, view: SettingsView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._page = ""
        self.dialog: OwnPasswordDialog | None = None
        self.rules = RulesPresenter(view, context)
        self.computer = ComputerPresenter(view, context)
        view.presenter = self
        view.page_wanted.connect(lambda key: context.navigator.open("settings", page=key))
        view.changed.connect(lambda name, value: self._change({name: value}, name))
        view.reset.connect(self._reset)
        view.waiting.action.connect(self._open_again)
        view.account.password.pressed.connect(self._ask_password)
        view.workspace.copy.pressed.connect(self._copy_path)
        view.workspace.opened.connect(self._open_other)
        view.engine.test_wanted.connect(self._ask_engine)
        if (window := context.window) is not None:
            view.account.lock.pressed.connect(window.lock)
            view.account.sign_out.pressed.connect(window.sign_out)
            view.workspace.change.pressed.connect(window.change_workspace)
        self.listen(self._read_settings, SettingsChanged)
        self.listen(self._show_account, AccountEvent)
        self.listen(self._ask_engine, EngineStateChanged)

    def open(self, params: dict[str, Any]) -> None:
        """`page` by its key; without one the page that was open stays."""
        wanted = str(params.get("page") or self._page or FIRST)
        self._page = wanted if wanted in self.view.pages else FIRST
        here = self.context.navigator.here
        if here is not None and here.key == "settings":
            self.context.navigator.replace_params(page=self._page)  # so that Back returns to this page
        self.view.show_page(self._page)
        self.refresh()
        self.rules.refresh()
        self.computer.refresh()

    def refresh(self) -> None:
        self._read_settings()
        match self._page:
            case "account":
                self._show_account()
            case "workspace":
                self._read_workspace()
            case "engine":
                self._ask_engine()

    # Settings of the workspace

    def _read_settings(self) -> None:
        preferences = self.context.workspace.preferences
        self.read(lambda: (preferences.stored(), preferences.overridden()), self._show_settings)

    def _show_settings(self, read: tuple[Settings, list[str]]) -> None:
        settings, overridden = read
        self.view.show_overridden(overridden)
        self.view.show_settings(settings)
        present = self.context.workspace.settings
        at_once = {"lock_minutes"} if self.context.window is not None else set()
        names = [n for n in self.view.rows if n not in at_once and getattr(settings, n) != getattr(present, n)]
        self.view.show_waiting(names)

    def _change(self, changes: Mapping[str, Any], name: str = "", *, undone: bool = False) -> None:
        workspace, session = self.context.workspace, self.context.session

        def changing() -> tuple[Settings, Settings]:
            before = workspace.preferences.stored()
            return before, workspace.preferences.change(session, changes)

        def done(result: tuple[Settings, Settings]) -> None:
            before, after = result
            for one in changes:
                self.view.show_settled(one, after)
            if "lock_minutes" in changes and self.context.window is not None:
                self.context.window.lock_after(after.lock_minutes)
            back = {n: getattr(before, n) for n in changes if getattr(before, n) != getattr(after, n)}
            if undone or not back:
                return
            said = f"{self.view.rows[name].title} is changed." if name else "The page is as delivered."
            self.context.toast(said, "Undo", lambda: self._change(back, undone=True))

        def failed(error: BaseException) -> None:
            if name and isinstance(error, WorkstationError):
                self.view.show_refused(name, f"{error.message.removeprefix(f'{name}: ')} {error.hint}".strip())
            else:
                self.view.show_problem(error, can_retry=False)

        self.context.tasks.start(self, changing, done, failed)

    def _reset(self, names: list[str]) -> None:
        self._change(dict.fromkeys(names))

    def _open_again(self) -> None:
        if self.context.window is not None:
            self.context.window.open_workspace(self.context.workspace.path)

    # Account

    def _show_account(self) -> None:
        account = self.context.account
        roles = ", ".join(sorted(role.value for role in account.roles)) or "no role"
        self.view.account.facts.show_facts(
            {"Name": account.full_name, "Account": account.name, "Roles": f"{roles} (an admin gives them, under Team)"}
        )

    def _ask_password(self) -> None:
        self.dialog = OwnPasswordDialog(self.context.account, self.view)
        self.dialog.change_wanted.connect(self._change_password)
        self.dialog.open()

    def _change_password(self, old: str, new: str) -> None:
        accounts, session, dialog = self.context.workspace.accounts, self.context.session, self.dialog
        if dialog is None:
            return

        def done(_: object) -> None:
            dialog.accept()
            self.context.toast("Your password is changed.")

        self.context.tasks.start(self, lambda: accounts.change_password(session, old, new), done, dialog.show_refused)

    # Workspace

    def _read_workspace(self) -> None:
        workspace = self.context.workspace

        def looking() -> tuple[Any, ...]:
            from mlops_desktop.workspace import recent_workspaces

            recent = [(entry.name, entry.path) for entry in recent_workspaces()]
            sizes = [(s.kind, s.files, s.size_bytes) for s in workspace.diagnostics.sizes()]
            return workspace.diagnostics.facts(), sizes, recent_without(recent, workspace.path)

        self.read(looking, self._show_workspace)

    def _show_workspace(self, looked: tuple[Any, ...]) -> None:
        facts, sizes, recent = looked
        workspace, page = self.context.workspace, self.view.workspace
        page.facts.show_facts(
            {
                "Name": workspace.name,
                "Folder": str(workspace.path),
                "Schema version": facts["Schema"],
                "Id": facts["Workspace id"],
            }
        )
        page.show_sizes(sizes, facts["Free space"])
        page.show_recent(recent)

    def _copy_path(self) -> None:
        QGuiApplication.clipboard().setText(str(self.context.workspace.path))
        self.context.toast("The path is copied.")

    def _open_other(self, path: str) -> None:
        if self.context.window is not None:
            self.context.window.open_workspace(Path(path))

    # Engine

    def _ask_engine(self) -> None:
        if self._page != "engine":
            return
        self.view.engine.show_asking()
        delivery = self.context.workspace.delivery

        def asking() -> tuple[EngineStatus, str]:
            return delivery.engine_status(), self.computer.gateway_words()

        def failed(error: BaseException) -> None:
            self.view.engine.test.allow()
            self.view.show_problem(error, can_retry=False)

        self.read(asking, lambda answer: self.view.engine.show_engine(*answer), failed, name="engine")


def create(context: ScreenContext) -> Screen:
    view = SettingsView(context.account)
    SettingsPresenter(view, context)
    return view
