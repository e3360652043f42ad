"""Accounts as the workspace knows them, and what an admin does to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlops_desktop.domain.accounts import Account
from mlops_desktop.domain.events import AccountEvent
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.team.view import TeamView


class TeamPresenter(Presenter):
    """Every change is a short write on another thread; a refusal stays in the dialog that asked."""

    def __init__(self, view: TeamView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._wanted = ""
        accounts, session = context.workspace.accounts, context.session
        view.invited.connect(
            lambda name, full_name, password, roles: self._change(
                lambda: accounts.create_account(session, name, full_name, password, roles),
                f"{full_name} can sign in as {name}.",
                select=name,
            )
        )
        view.roles_chosen.connect(
            lambda name, roles: self._change(
                lambda: accounts.set_roles(session, name, roles), f"The roles of {name} are changed."
            )
        )
        view.password_reset.connect(
            lambda name, password: self._change(
                lambda: accounts.reset_password(session, name, password), f"{name} has a new password."
            )
        )
        view.password_changed.connect(
            lambda old, new: self._change(
                lambda: accounts.change_password(session, old, new), "Your password is changed."
            )
        )
        view.disable_wanted.connect(self._disable)
        view.enable_wanted.connect(self._enable)
        view.trail_wanted.connect(lambda name: context.navigator.open("audit", subject=f"account {name}"))
        self.listen(self.refresh, AccountEvent)

    def open(self, params: dict[str, Any]) -> None:
        """`account` puts the cursor on that person."""
        self._wanted = str(params.get("account") or "")
        self.refresh()

    def refresh(self) -> None:
        workspace, session = self.context.workspace, self.context.session

        def people() -> list[Account]:
            return workspace.accounts.accounts(session)

        self.read(people, self._show)

    def _show(self, people: list[Account]) -> None:
        self.view.show_people(people)
        if self._wanted and self.view.table.select(self._wanted):
            self._wanted = ""

    def _disable(self, name: str) -> None:
        accounts, session = self.context.workspace.accounts, self.context.session
        undo: tuple[str, Callable[[], None]] = ("Undo", lambda: self._enable(name))
        self._change(lambda: accounts.disable(session, name), f"{name} can no longer sign in.", undo)

    def _enable(self, name: str) -> None:
        accounts, session = self.context.workspace.accounts, self.context.session
        self._change(lambda: accounts.enable(session, name), f"{name} can sign in again.")

    def _change(
        self,
        function: Callable[[], object],
        said: str,
        undo: tuple[str, Callable[[], None]] | None = None,
        *,
        select: str = "",
    ) -> None:
        def done(_: object) -> None:
            self.view.show_done()
            self._wanted = select
            self.context.toast(said, *(undo or ()))
            self.refresh()

        self.context.tasks.start(self, function, done, self.view.show_refused)


def create(context: ScreenContext) -> Screen:
    view = TeamView(context.account)
    TeamPresenter(view, context)
    return view
