"""Who works here, with which roles, and which role may do what."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account, Action, Role
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.team.columns import MATRIX_COLUMNS, PEOPLE_COLUMNS, permissions_of
from mlops_desktop.ui.screens.team.dialogs import InviteDialog, ResetDialog, RolesDialog
from mlops_desktop.ui.theme import S, Tone
from mlops_desktop.ui.widgets.asking import OwnPasswordDialog
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.widgets.tabs import Tabs

LAST_ADMIN = "The last admin stays. Make somebody else an admin first."


class TeamView(Screen):
    """Buttons act on the person under the cursor."""

    invited = Signal(str, str, str, object)
    roles_chosen = Signal(str, object)
    password_reset = Signal(str, str)
    password_changed = Signal(str, str)
    disable_wanted = Signal(str)
    enable_wanted = Signal(str)
    trail_wanted = Signal(str)

    def __init__(self, me: Account) -> None:
        super().__init__("Team")
        self._me = me
        self._people: list[Account] = []
        self.dialog: Dialog | None = None
        self.note = Banner()
        self.note.action.connect(self.ask_invite)
        self.body.addWidget(self.note)
        self.tabs = Tabs("Team")
        self.tabs.add("people", "People", self._people_page())
        self.tabs.add("matrix", "Who may do what", self._matrix_page())
        self.body.addWidget(self.tabs, 1)
        self.may_manage = self.invite.permit(me, Action.MANAGE_ACCOUNTS)
        self._on_current(None)
        self.matrix.set_records(permissions_of(me))
        self.add_key("N", "Invite somebody", self.ask_invite)
        self.add_key("R", "Change the roles", self.ask_roles)

    def show_people(self, people: Sequence[Account]) -> None:
        self._people = list(people)
        self.table.set_records(people)
        if self.table.current() is None and people:
            self.table.select(self._me.name)
        self._on_current(self.table.current())
        self._show_note()

    def last_admin(self, account: Account) -> bool:
        admins = [a.name for a in self._people if a.may(Action.MANAGE_ACCOUNTS)]
        return admins == [account.name]

    # Dialogs

    def ask_invite(self) -> None:
        if self.may_manage:
            dialog = InviteDialog(self)
            dialog.invite_wanted.connect(self.invited)
            self._open(dialog)

    def ask_roles(self) -> None:
        account = self.table.current()
        if self.may_manage and account is not None:
            dialog = RolesDialog(account, last_admin=self.last_admin(account), parent=self)
            dialog.roles_wanted.connect(self.roles_chosen)
            self._open(dialog)

    def ask_reset(self) -> None:
        account = self.table.current()
        if self.may_manage and account is not None:
            dialog = ResetDialog(account, self)
            dialog.reset_wanted.connect(self.password_reset)
            self._open(dialog)

    def ask_my_password(self) -> None:
        dialog = OwnPasswordDialog(self._me, self)
        dialog.change_wanted.connect(self.password_changed)
        self._open(dialog)

    def show_done(self) -> None:
        """The workspace agreed: the dialog closes."""
        if self.dialog is not None:
            self.dialog.accept()

    def show_refused(self, error: BaseException) -> None:
        """In the dialog while it is open, else in the banner."""
        if self.dialog is not None and self.dialog.isVisible() and hasattr(self.dialog, "show_refused"):
            self.dialog.show_refused(error)
        else:
            self.show_problem(error, can_retry=False)

    def _open(self, dialog: Dialog) -> None:
        self.dialog = dialog
        dialog.open()

    # What the cursor allows

    def _on_current(self, account: Account | None) -> None:
        for button in (self.roles, self.reset, self.switch):
            if button.permit(self._me, Action.MANAGE_ACCOUNTS) and account is None:
                button.forbid("Choose a person first.")
        off = account is not None and account.disabled
        self.switch.setText("Enable" if off else "Disable")
        self.switch.show_icon("circle-check" if off else "ban")
        if account is None or not self.may_manage or off:
            return
        if self.last_admin(account):
            self.switch.forbid(LAST_ADMIN)
        elif account.name == self._me.name:
            self.switch.forbid("You can't disable yourself: ask another admin.")

    def _on_switch(self) -> None:
        account = self.table.current()
        if account is not None:
            (self.enable_wanted if account.disabled else self.disable_wanted).emit(account.name)

    def _show_note(self) -> None:
        active = [a for a in self._people if not a.disabled]
        reviewers = [a for a in active if Role.REVIEWER in a.roles]
        if len(active) == 1:
            title = "Only you work here: approvals need two people."
            text = "Nobody may approve their own work, so production waits for a second person."
        elif not reviewers:
            title = "Nobody may approve: there is no reviewer."
            text = "Give somebody the role reviewer; who asked for a promotion can't approve it."
        elif len(reviewers) == 1 and reviewers[0].may(Action.REQUEST_PROMOTION):
            title = f"Only {reviewers[0].full_name} may approve."
            text = "What they ask for themselves waits until there is a second reviewer."
        else:
            self.note.clear()
            return
        self.note.show_message(title, text, Tone.WARNING, action="Invite somebody" if self.may_manage else "")

    # Parts

    def _people_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, S, 0, 0)
        self.table = RecordTable("team", PEOPLE_COLUMNS, lambda a: a.name, title="People")
        self.table.set_empty(EmptyState("users", "Nobody is here yet", "The first account is made with the workspace."))
        self.roles = Button("Roles", "sliders-horizontal", clicked=self.ask_roles, tool_tip="Change the roles  (R)")
        self.reset = Button("Reset password", "key-round", clicked=self.ask_reset)
        self.switch = Button("Disable", "ban", clicked=self._on_switch)
        self.mine = Button("My password", "lock", clicked=self.ask_my_password)
        self.invite = Button("Invite", "user-plus", "primary", clicked=self.ask_invite, tool_tip="N")
        for button in (self.roles, self.reset, self.switch, self.mine, self.invite):
            self.table.bar.addWidget(button)
        self.table.current_changed.connect(self._on_current)
        self.table.opened.connect(lambda _account: self.ask_roles())
        self.table.add_action("Change the roles", "sliders-horizontal", lambda _: self.ask_roles())
        self.table.add_action("What they did", "scroll-text", self._show_trail)
        layout.addWidget(self.table, 1)
        return page

    def _matrix_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, S, 0, 0)
        layout.setSpacing(S)
        text = "A person may do what any of their roles may do. Whoever asked for a promotion can't approve it."
        layout.addWidget(PlainLabel(text, "muted", wrap=True))
        self.matrix = RecordTable("permissions", MATRIX_COLUMNS, lambda p: p.action, title="Who may do what")
        layout.addWidget(self.matrix, 1)
        return page

    def _show_trail(self, accounts: list[Account]) -> None:
        if accounts:
            self.trail_wanted.emit(accounts[0].name)
