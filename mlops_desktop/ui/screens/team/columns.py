"""The table of people, and the table of which role may do what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_desktop.domain.accounts import PERMISSIONS, Account, Action, Role
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, exactly

ROLE_WORDS = {
    Role.ADMIN: "invites people, gives roles, changes policies",
    Role.ML_ENGINEER: "registers, deploys, stops, rolls back",
    Role.DATA_SCIENTIST: "registers, checks, asks for promotion",
    Role.REVIEWER: "approves or rejects, may roll back",
    Role.VIEWER: "looks at everything, changes nothing",
}
ACTIVE = Badge("Active", "circle-check", Tone.OK)
DISABLED = Badge("Disabled", "ban", Tone.UNKNOWN)
MAY = Badge("May", "circle-check", Tone.OK)
MAY_NOT = Badge("May not", "circle-minus", Tone.UNKNOWN)


def roles_of(account: Account) -> str:
    return ", ".join(sorted(role.value for role in account.roles)) or "no role"


def state_of(account: Account) -> Badge:
    return DISABLED if account.disabled else ACTIVE


def _seen(account: Account) -> str:
    return ago(account.last_seen, datetime.now(UTC)) if account.last_seen is not None else "never"


PEOPLE_COLUMNS = (
    Column("name", "Account", lambda a: a.name, width=120, strong=True),
    Column("full_name", "Name", lambda a: a.full_name, width=170),
    Column("roles", "Roles", roles_of, stretch=True),
    Column("state", "State", lambda a: state_of(a).word, kind=Kind.BADGE, badge=state_of, width=116),
    Column(
        "last_seen",
        "Last seen",
        _seen,
        value=lambda a: a.last_seen,
        muted=True,
        width=112,
        tool_tip=lambda a: exactly(a.last_seen) if a.last_seen is not None else "Has never signed in",
    ),
    Column(
        "created_at",
        "Since",
        lambda a: ago(a.created_at, datetime.now(UTC)),
        value=lambda a: a.created_at,
        muted=True,
        hidden=True,
        width=112,
    ),
)


@dataclass(frozen=True, slots=True)
class Permission:
    """A line of the matrix: an action, and whether the person who looks may do it."""

    action: Action
    mine: bool

    def badge(self, role: Role) -> Badge:
        return MAY if role in PERMISSIONS[self.action] else MAY_NOT

    @property
    def words(self) -> str:
        return self.action.value[:1].upper() + self.action.value[1:]

    @property
    def reason(self) -> str:
        """Why the one who looks may or may not."""
        roles = " or ".join(sorted(PERMISSIONS[self.action]))
        return f"You may {self.action.value}." if self.mine else f"You may not: this needs the role {roles}."


def permissions_of(account: Account) -> list[Permission]:
    return [Permission(action, account.may(action)) for action in Action]


def _role_column(role: Role) -> Column:
    return Column(
        role.value,
        role.value.replace("-", " ").capitalize().replace("Ml ", "ML "),
        lambda p: p.badge(role).word,
        kind=Kind.BADGE,
        badge=lambda p: p.badge(role),
        width=112,
        explanation=f"{role.value}: {ROLE_WORDS[role]}",
    )


MATRIX_COLUMNS = (
    Column("action", "Action", lambda p: p.words, stretch=True, strong=True, tool_tip=lambda p: p.reason),
    *(_role_column(role) for role in (Role.VIEWER, Role.DATA_SCIENTIST, Role.ML_ENGINEER, Role.REVIEWER, Role.ADMIN)),
    Column(
        "mine",
        "You",
        lambda p: (MAY if p.mine else MAY_NOT).word,
        kind=Kind.BADGE,
        badge=lambda p: MAY if p.mine else MAY_NOT,
        width=104,
        tool_tip=lambda p: p.reason,
    ),
)
