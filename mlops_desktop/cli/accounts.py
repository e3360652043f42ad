"""Commands about accounts: list, add, roles, disable, enable, password."""

from __future__ import annotations

import click

from mlops_desktop.cli.context import Here, pass_here
from mlops_desktop.cli.output import table
from mlops_desktop.domain.accounts import Role, parse_roles

NEW_PASSWORD_VARIABLE = "MLOPS_DESKTOP_NEW_PASSWORD"  # noqa: S105  the name of a variable
ROLES = ", ".join(Role)


@click.group()
def accounts() -> None:
    """Who works here, and which roles they have."""


@accounts.command("list")
@pass_here
def list_accounts(here: Here) -> None:
    """List the accounts."""
    found = here.workspace.accounts.accounts(here.session)
    here.output.show(
        found,
        lambda: table(
            ["name", "full name", "roles", "state", "last seen"],
            [(a.name, a.full_name, a.roles, "disabled" if a.disabled else "active", a.last_seen) for a in found],
        ),
    )


@accounts.command()
@click.argument("name")
@click.option("--full-name", default="", help="As it is shown; the name itself when left out.")
@click.option("--role", "roles", multiple=True, required=True, help=f"Repeat for several: {ROLES}.")
@pass_here
def add(here: Here, name: str, full_name: str, roles: tuple[str, ...]) -> None:
    """Make the account NAME. Its first password is asked for, or taken from MLOPS_DESKTOP_NEW_PASSWORD."""
    granted, session = parse_roles(roles), here.session
    password = here.new_password(name, NEW_PASSWORD_VARIABLE)
    here.workspace.accounts.create_account(session, name, full_name or name, password, granted)
    account = here.workspace.accounts.account(name)
    here.output.show(account, f"Made the account {name} with the roles {', '.join(sorted(granted))}.")


@accounts.command("roles")
@click.argument("name")
@click.argument("roles", nargs=-1, required=True, metavar="ROLE...")
@pass_here
def set_roles(here: Here, name: str, roles: tuple[str, ...]) -> None:
    """Give NAME exactly these roles."""
    granted = parse_roles(roles)
    here.workspace.accounts.set_roles(here.session, name, granted)
    account = here.workspace.accounts.account(name)
    here.output.show(account, f"{name} has the roles {', '.join(sorted(granted))} now.")


@accounts.command()
@click.argument("name")
@pass_here
def disable(here: Here, name: str) -> None:
    """Keep NAME from signing in; what the account did stays."""
    here.workspace.accounts.disable(here.session, name)
    here.output.show(here.workspace.accounts.account(name), f"{name} can't sign in any more.")


@accounts.command()
@click.argument("name")
@pass_here
def enable(here: Here, name: str) -> None:
    """Let NAME sign in again."""
    here.workspace.accounts.enable(here.session, name)
    here.output.show(here.workspace.accounts.account(name), f"{name} can sign in again.")


@accounts.command()
@click.argument("name", required=False)
@pass_here
def password(here: Here, name: str | None) -> None:
    """Change your own password, or as an admin give NAME a new one (MLOPS_DESKTOP_NEW_PASSWORD or a prompt)."""
    session = here.session
    whose = name or here.user
    chosen = here.new_password(whose, NEW_PASSWORD_VARIABLE)
    if whose == here.user:
        here.workspace.accounts.change_password(session, here.password, chosen)
    else:
        here.workspace.accounts.reset_password(session, whose, chosen)
    here.output.show({"account": whose}, f"{whose} has a new password.")
