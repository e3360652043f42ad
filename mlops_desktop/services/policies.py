"""The rules of the environments."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.errors import InvalidInput, NotFound
from mlops_desktop.domain.events import PolicyChanged
from mlops_desktop.domain.names import check_name
from mlops_desktop.domain.policy import CHECKS, DEFAULT_POLICIES, Policy
from mlops_desktop.store import policies as store

if TYPE_CHECKING:
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.store.database import Transaction

MAX_REVIEWERS = 10
MAX_HOURS = 24.0 * 366


class PoliciesService:
    """An environment exists when it has a policy; each change of it is a new version."""

    def __init__(self, parts: Parts, accounts: AccountsService) -> None:
        self._parts = parts
        self._accounts = accounts

    def environments(self) -> list[str]:
        """In the order in which they were added."""
        return store.environments(self._parts.database.read())

    def policy(self, environment: str) -> Policy:
        """The present policy; NotFound for an environment that does not exist."""
        policy = store.policy_of(self._parts.database.read(), environment)
        if policy is None:
            known = ", ".join(self.environments())
            raise NotFound(f"There is no environment {environment[:80]!r}.", f"There are {known}.")
        return policy

    def policies(self) -> list[Policy]:
        return [self.policy(environment) for environment in self.environments()]

    def history(self, environment: str) -> list[Policy]:
        """All policies that the environment ever had, oldest first."""
        self.policy(environment)
        return store.history_of(self._parts.database.read(), environment)

    def set_policy(self, session: Session, policy: Policy) -> Policy:
        """Give an environment new rules, or add one; counted as its next version. Open requests become void."""
        admin = self._accounts.authorise(session, Action.MANAGE_POLICIES)
        _check(policy)
        with self._parts.database.write() as tx:
            before = store.policy_of(tx.db, policy.environment)
            changed = replace(policy, version=before.version + 1 if before else 1)
            if before is not None and replace(changed, version=before.version) == before:
                return before
            store.insert_policy(tx, changed, admin.name)
            tx.record(PolicyChanged(policy.environment, changed.version, _change(before, changed)), admin.name)
        return changed

    def insert_defaults(self, tx: Transaction, by: str) -> None:
        """The environments that a new workspace begins with."""
        for policy in DEFAULT_POLICIES:
            store.insert_policy(tx, policy, by)
            tx.record(PolicyChanged(policy.environment, policy.version, "as delivered"), by)


def _check(policy: Policy) -> None:
    check_name(policy.environment, "environment")
    unknown = [name for name in policy.required_checks if name not in CHECKS]
    if unknown:
        raise InvalidInput(f"There is no check {unknown[0]!r}.", f"There are {', '.join(CHECKS)}.")
    if not 0 <= policy.reviewers <= MAX_REVIEWERS:
        raise InvalidInput(f"{policy.reviewers} reviewers can't be demanded.", f"Choose 0 to {MAX_REVIEWERS}.")
    if not 0 < policy.approval_hours <= MAX_HOURS:
        raise InvalidInput("An approval must last more than 0 and at most 8,784 hours.", "72 is usual.")
    for name, value in (*policy.thresholds.items(), *policy.tolerances.items(), ("tolerance", policy.answer_tolerance)):
        if not math.isfinite(value):
            raise InvalidInput(f"The limit of {name[:80]!r} is no finite number.", "Give a number.")
    for name, value in (*policy.tolerances.items(), ("of the answers", policy.answer_tolerance)):
        if value < 0:
            raise InvalidInput(f"The tolerance {name[:80]!r} is negative.", "Give 0 or more.")


def _change(before: Policy | None, after: Policy) -> str:
    if before is None:
        return "a new environment"
    old, new = before.to_dict(), after.to_dict()
    changes = [f"{name} {old[name]} → {new[name]}" for name in new if name != "version" and new[name] != old[name]]
    return "; ".join(changes)
