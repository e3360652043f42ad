"""What the audit trail says the state should be, held against the rows: an edited row is named.

A chain of hashes proves the log, not the tables beside it; bit flips in row text also escape SQLite's integrity check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.promotions import Promotion, PromotionState
from mlops_desktop.domain.registry import ModelVersion, record_digest, version_digest
from mlops_desktop.store import accounts as account_store
from mlops_desktop.store import audit, policies
from mlops_desktop.store.promotions import pinned_dict
from mlops_desktop.store.versions import VersionDigests

if TYPE_CHECKING:
    from mlops_desktop.domain.audit import AuditEvent
    from mlops_desktop.domain.deployments import Deployment
    from mlops_desktop.store.sql import Sql

ACCOUNT_EVENTS = ("AccountCreated", "AccountRolesChanged", "AccountKeyReplaced")
PROMOTION_EVENTS = ("PromotionRequested", "PromotionReviewed", "PromotionClosed")
EVENTS = (*ACCOUNT_EVENTS, *PROMOTION_EVENTS, "VersionRegistered", "DeploymentStarted", "PolicyChanged")


@dataclass(slots=True)
class LoggedAccount:
    roles: frozenset[str]
    public_key: str


@dataclass(slots=True)
class LoggedPromotion:
    label: str
    environment: str
    requested_by: str
    reason: str
    pinned: dict[str, Any]
    state: str = PromotionState.PENDING.value
    reviews: dict[str, tuple[str, str]] = field(default_factory=dict)  # reviewer -> decision, signature


@dataclass(slots=True)
class Logged:
    """The state that the events lead to."""

    versions: dict[str, AuditEvent] = field(default_factory=dict)
    promotions: dict[int, LoggedPromotion] = field(default_factory=dict)
    accounts: dict[str, LoggedAccount] = field(default_factory=dict)
    deployments: dict[str, AuditEvent] = field(default_factory=dict)
    policies: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_events(cls, events: Iterable[AuditEvent]) -> Logged:
        logged = cls()
        for event in events:
            logged._take(event)
        return logged

    def _take(self, event: AuditEvent) -> None:
        details: dict[str, Any] = event.details
        match event.event:
            case "VersionRegistered":
                self.versions[event.subject] = event
            case "DeploymentStarted":
                self.deployments[details["deployment"]] = event
            case "PolicyChanged":
                self.policies[details["environment"]] = details["version"]
            case "AccountCreated":
                self.accounts[details["account"]] = LoggedAccount(frozenset(details["roles"]), details["public_key"])
            case "AccountRolesChanged" if details["account"] in self.accounts:
                self.accounts[details["account"]].roles = frozenset(details["roles"])
            case "AccountKeyReplaced" if details["account"] in self.accounts:
                self.accounts[details["account"]].public_key = details["public_key"]
            case "PromotionRequested":
                self.promotions[details["promotion"]] = LoggedPromotion(
                    event.subject, details["environment"], event.actor, details["reason"], details["pinned"]
                )
            case "PromotionReviewed" if details["promotion"] in self.promotions:
                reviews = self.promotions[details["promotion"]].reviews
                reviews[event.actor] = (details["decision"], details["signature"])
            case "PromotionClosed" if details["promotion"] in self.promotions:
                self.promotions[details["promotion"]].state = details["state"]

    # What differs, one sentence each; empty when the row is as it should be

    def of_version(self, version: ModelVersion) -> str:
        served = version_digest(version.format, version.files, version.signature)
        return self.of_digests(
            VersionDigests(version.label, version.digest, served, record_digest(version), version.registered_by)
        )

    def of_digests(self, row: VersionDigests) -> str:
        event = self.versions.get(row.label)
        if event is None:
            return f"version {row.label} was never registered"
        if not row.digest == row.served == event.details["digest"]:
            return f"the files or the signature of {row.label} are not those that were registered"
        if event.actor != row.registered_by or event.details["record"] != row.record:
            return f"the facts of {row.label} are not those that were registered"
        return ""

    def of_promotion(self, promotion: Promotion) -> str:
        logged = self.promotions.get(promotion.id)
        if logged is None:
            return f"request {promotion.id} was never made"
        for what, row, log in (
            ("version", promotion.label, logged.label),
            ("environment", promotion.environment, logged.environment),
            ("requester", promotion.requested_by, logged.requested_by),
            ("reason", promotion.reason, logged.reason),
            ("pinned digests", pinned_dict(promotion.pinned), logged.pinned),
            ("state", promotion.state.value, logged.state),
        ):
            if row != log:
                return f"the {what} of request {promotion.id} was altered"
        rows = {review.reviewer: (review.decision.value, review.signature) for review in promotion.reviews}
        for reviewer in sorted(rows.keys() | logged.reviews.keys()):
            if rows.get(reviewer) != logged.reviews.get(reviewer):
                return f"the review of request {promotion.id} by {reviewer} was altered"
        return ""

    def of_account(self, name: str, roles: Iterable[str], public_key: bytes) -> str:
        logged = self.accounts.get(name)
        if logged is None:
            return f"account {name} was never created"
        if frozenset(roles) != logged.roles:
            return f"the roles of account {name} were altered"
        if public_key.hex() != logged.public_key:
            return f"the key of account {name} was exchanged"
        return ""

    def of_deployment(self, deployment: Deployment) -> str:
        event = self.deployments.get(deployment.id)
        if event is None:
            return f"deployment {deployment.id} was never started"
        if (event.subject, event.details["environment"]) != (deployment.label, deployment.environment):
            return f"the version or environment of deployment {deployment.id} was altered"
        return ""


def account_problem(db: Sql, name: str) -> str:
    """What is wrong with one account's row; empty when nothing is."""
    account, keys = account_store.account_of(db, name), account_store.keys_of(db, name)
    if account is None or keys is None:
        return f"account {name} is missing"
    logged = Logged.from_events(audit.events_about(db, f"account {name}", ACCOUNT_EVENTS))
    return logged.of_account(name, account.roles, keys.public)


def promotion_problem(db: Sql, promotion: Promotion, version: ModelVersion) -> str:
    """What is wrong with one request, its version and its reviewers; empty when nothing is."""
    logged = Logged.from_events(audit.events_about(db, promotion.label, (*PROMOTION_EVENTS, "VersionRegistered")))
    problems = (
        logged.of_version(version),
        logged.of_promotion(promotion),
        policy_problem(db, promotion.environment),
        *(account_problem(db, review.reviewer) for review in promotion.reviews),
    )
    return next((problem for problem in problems if problem), "")


def policy_problem(db: Sql, environment: str) -> str:
    """Whether the newest policy is the one that was recorded last."""
    logged = Logged.from_events(audit.events_about(db, f"policy {environment}", ("PolicyChanged",)))
    policy = policies.policy_of(db, environment)
    if policy is None or policy.version != logged.policies.get(environment):
        return f"the policy of {environment} was altered"
    return ""
