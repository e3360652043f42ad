"""Commands of the window itself: in the palette and in the account's menu."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from mlops_desktop.domain.accounts import Account
from mlops_desktop.ui.shell.command_palette import Command
from mlops_desktop.ui.theme import Appearance

if TYPE_CHECKING:
    from mlops_desktop.ui.program import Program

THEMES = (
    ("As the system", "monitor", Appearance.SYSTEM),
    ("Light", "sun", Appearance.LIGHT),
    ("Dark", "moon", Appearance.DARK),
)


def window_commands(program: Program) -> list[Command]:
    """What can be run from the palette whatever screen is open."""
    desk = program.window.desk
    commands = [
        Command("Refresh", "Command", "refresh-cw", desk.refresh, "F5"),
        Command("Lock", "Command", "lock", program.lock, "Ctrl+L"),
        Command("Switch person", "Command", "users", program.switch_person),
        Command("Sign out", "Command", "log-out", program.sign_out),
        Command("Open another workspace", "Command", "folder-open", program.change_workspace),
        Command("Shortcuts", "Command", "keyboard", desk.show_shortcuts, "?"),
    ]
    for title, icon, appearance in THEMES:
        run = partial(program.choose_theme, appearance)
        commands.append(Command(f"Colours: {title.lower()}", "Command", icon, run, words="theme"))
    return commands


def fill_account_menu(menu: QMenu, program: Program, account: Account) -> None:
    """Who is signed in with which roles, and the ways to leave."""
    menu.clear()
    roles = ", ".join(sorted(role.value for role in account.roles)) or "no role"
    menu.addAction(f"{account.full_name}  ·  {roles}".replace("&", "&&")).setEnabled(False)
    menu.addSeparator()
    menu.addAction("Lock\tCtrl+L", program.lock)
    menu.addAction("Switch person …", program.switch_person)
    menu.addAction("Sign out", program.sign_out)
    menu.addSeparator()
    colours = menu.addMenu("Colours")
    for title, _, appearance in THEMES:
        action = colours.addAction(title, partial(program.choose_theme, appearance))
        action.setCheckable(True)
        action.setChecked(program.appearance is appearance)
