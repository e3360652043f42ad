"""Accounts, roles, and which role may do what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mlops_desktop.domain.errors import InvalidInput, NotAllowed


class Role(StrEnum):
    VIEWER = "viewer"
    DATA_SCIENTIST = "data-scientist"
    ML_ENGINEER = "ml-engineer"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Action(StrEnum):
    """What a person can want; the value completes the sentence “… may …”."""

    VIEW = "look at everything"
    REGISTER = "register versions"
    RUN_CHECKS = "run checks"
    REQUEST_PROMOTION = "ask for a promotion"
    REVIEW = "approve or reject"
    DEPLOY = "deploy, stop and restart"
    ROLL_BACK = "roll back"
    SEND_LABELS = "send labels"
    MANAGE_ALERTS = "acknowledge alerts and change rules"
    MANAGE_ACCOUNTS = "manage accounts"
    MANAGE_POLICIES = "change policies and settings"


_ALL = frozenset(Role)
PERMISSIONS: dict[Action, frozenset[Role]] = {
    Action.VIEW: _ALL,
    Action.REGISTER: frozenset({Role.DATA_SCIENTIST, Role.ML_ENGINEER}),
    Action.RUN_CHECKS: frozenset({Role.DATA_SCIENTIST, Role.ML_ENGINEER}),
    Action.REQUEST_PROMOTION: frozenset({Role.DATA_SCIENTIST, Role.ML_ENGINEER}),
    Action.REVIEW: frozenset({Role.REVIEWER}),
    Action.DEPLOY: frozenset({Role.ML_ENGINEER}),
    Action.ROLL_BACK: frozenset({Role.ML_ENGINEER, Role.REVIEWER}),
    Action.SEND_LABELS: frozenset({Role.DATA_SCIENTIST, Role.ML_ENGINEER}),
    Action.MANAGE_ALERTS: frozenset({Role.DATA_SCIENTIST, Role.ML_ENGINEER, Role.REVIEWER}),
    Action.MANAGE_ACCOUNTS: frozenset({Role.ADMIN}),
    Action.MANAGE_POLICIES: frozenset({Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    full_name: str
    roles: frozenset[Role]
    created_at: datetime
    disabled: bool = False
    last_seen: datetime | None = None

    def may(self, action: Action) -> bool:
        return not self.disabled and bool(self.roles & PERMISSIONS[action])


@dataclass(frozen=True, slots=True)
class Session:
    """Proof that `account` signed in. Roles are read again at every call, so that a lowered role counts at once."""

    account: str
    token: str


def require(account: Account, action: Action) -> None:
    """Raise NotAllowed, naming the roles that may, unless the account may do it."""
    if account.disabled:
        raise NotAllowed(f"The account {account.name} is disabled.", "Ask an admin to enable it.")
    if not account.may(action):
        roles = " or ".join(sorted(PERMISSIONS[action]))
        raise NotAllowed(f"{account.name} may not {action.value}.", f"This needs the role {roles}.")


COMMON_PASSWORDS = frozenset(
    {
        "password",
        "passwort",
        "123456789012",
        "1234567890",
        "qwertyuiop",
        "letmein",
        "welcome",
        "iloveyou",
        "administrator",
        "changeme",
        "password1234",
        "passwordpassword",
        "admin1234567",
        "qwerty123456",
        "correcthorsebatterystaple",
        "mlopsdesktop",
    }
)
MIN_PASSWORD = 10


def check_password(password: str, name: str) -> None:
    """Refuse short, common and self-naming passwords (NIST SP 800-63B: length and a block list, no composition)."""
    hint = f"Choose at least {MIN_PASSWORD} characters that nobody would guess, for example four words."
    plain = password.casefold().replace(" ", "")
    if len(password) < MIN_PASSWORD:
        raise InvalidInput(f"The password has fewer than {MIN_PASSWORD} characters.", hint)
    if plain in COMMON_PASSWORDS or len(set(plain)) < 5:
        raise InvalidInput("That password is among the first that anybody would try.", hint)
    if name.casefold() in plain and len(plain) - len(name) < 6:
        raise InvalidInput("The password is little more than the account's name.", hint)


def parse_roles(names: Iterable[str]) -> frozenset[Role]:
    """Roles by name; InvalidInput names those that don't exist."""
    try:
        return frozenset(Role(name) for name in names)
    except ValueError as error:
        raise InvalidInput(f"Unknown role: {error}.", f"Roles are {', '.join(Role)}.") from None
