"""A request to make a version current in an environment, and what its reviews amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mlops_desktop.domain.checks import CheckRun
from mlops_desktop.domain.policy import Policy
from mlops_desktop.domain.registry import Comparison, ModelVersion


class PromotionState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    VOID = "void"  # what had been pinned changed
    EXPIRED = "expired"  # approved, but not deployed in time
    DEPLOYED = "deployed"

    @property
    def open(self) -> bool:
        return self in {PromotionState.PENDING, PromotionState.APPROVED}


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Pinned:
    """The digests that a promotion is about; any change of one voids it."""

    version_digest: str
    serving_digest: str  # serving settings and limits
    base_image: str  # name or digest of the base image setting
    policy_version: int


@dataclass(frozen=True, slots=True)
class Review:
    promotion: int
    reviewer: str
    decision: Decision
    comment: str
    signed_at: datetime
    signature: str  # hex Ed25519 over canonical JSON, see services/promotions.py


@dataclass(frozen=True, slots=True)
class Promotion:
    id: int
    model: str
    version: int
    environment: str
    requested_by: str
    reason: str
    pinned: Pinned
    state: PromotionState
    created_at: datetime
    decided_at: datetime | None
    check_run: int | None
    reviews: tuple[Review, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class ReviewBrief:
    """Everything a reviewer should see on one page."""

    promotion: Promotion
    version: ModelVersion
    current: ModelVersion | None  # what answers in the environment now
    comparison: Comparison | None  # current on the left, this version on the right
    check_run: CheckRun | None
    policy: Policy
    approvals: int  # that count now
    effect: str  # one sentence: what an approval leads to
    may_review: tuple[str, ...]  # accounts that can still decide
    barred: Mapping[str, str]  # accounts with the role that can't, and why: “asked for it”


def barred_reviewers(requested_by: str, registered_by: str, trained_by: str) -> dict[str, str]:
    """Accounts that may not review, each with the reason; the last named reason wins."""
    barred = {
        trained_by: "trained this version",
        registered_by: "registered this version",
        requested_by: "asked for it",
    }
    return {name: reason for name, reason in barred.items() if name}


def decide(
    promotion: Promotion, reviews: Sequence[Review], policy: Policy, now_pinned: Pinned, now: datetime
) -> PromotionState:
    """What a promotion's state is, given its reviews.

    A rejection wins over any number of approvals; a change of what was pinned voids the request; an approval that
    waited longer than the policy's hours has expired. Final states stay as they are.
    """
    if not promotion.state.open:
        return promotion.state
    if now_pinned != promotion.pinned:
        return PromotionState.VOID
    if any(r.decision is Decision.REJECT for r in reviews):
        return PromotionState.REJECTED
    approvals = {r.reviewer: r for r in reviews if r.decision is Decision.APPROVE}
    if len(approvals) < policy.reviewers:
        return PromotionState.PENDING
    # A request that needs nobody's approval counts from when it was made.
    last = max((r.signed_at for r in approvals.values()), default=promotion.created_at)
    return PromotionState.EXPIRED if now - last > timedelta(hours=policy.approval_hours) else PromotionState.APPROVED
