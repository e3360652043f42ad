"""What a request pins and what a reviewer signs.

A review holds for one request in one workspace, for what was pinned, and for nothing else: copied anywhere it does not
verify.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Limits
from mlops_desktop.domain.promotions import Decision, Pinned, Promotion
from mlops_desktop.domain.registry import ModelVersion, canonical_json, version_digest
from mlops_desktop.store.promotions import pinned_dict

if TYPE_CHECKING:
    from mlops_desktop.domain.policy import Policy
    from mlops_desktop.settings import Settings


def pinned_of(version: ModelVersion, policy: Policy, settings: Settings) -> Pinned:
    """What an approval of the version is about; the version's digest is taken from its files, not from its row."""
    serving = hashlib.sha256(canonical_json({"limits": Limits().to_dict()})).hexdigest()
    digest = version_digest(version.format, version.files, version.signature)
    return Pinned(digest, serving, ", ".join(settings.base_images), policy.version)


def statement(
    workspace_id: str, promotion: Promotion, reviewer: str, decision: Decision, comment: str, signed_at: datetime
) -> bytes:
    """The bytes that a reviewer signs; the nonce binds the review to what this one request pinned."""
    pinned = pinned_dict(promotion.pinned)
    nonce = {"workspace": workspace_id, "promotion": promotion.id, "at": promotion.created_at.timestamp(), **pinned}
    return canonical_json(
        {
            "type": "mlops-desktop review v1",
            "workspace": workspace_id,
            "promotion": promotion.id,
            "nonce": hashlib.sha256(canonical_json(nonce)).hexdigest(),
            "subject": promotion.label,
            "environment": promotion.environment,
            "requested_by": promotion.requested_by,
            "pinned": pinned,
            "reviewer": reviewer,
            "decision": decision.value,
            "comment": comment,
            "signed_at": signed_at.timestamp(),
        }
    )


def what_changed(pinned: Pinned, now: Pinned) -> str:
    """Which of the pinned things differ, in words."""
    words = {
        "version_digest": "the version's content",
        "serving_digest": "the serving settings",
        "base_image": "the base image",
        "policy_version": "the policy",
    }
    changed = [text for name, text in words.items() if getattr(pinned, name) != getattr(now, name)]
    return f"{' and '.join(changed) or 'nothing'} changed since it was asked for"
