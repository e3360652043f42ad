"""What reviews amount to: no database, no clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mlops_desktop.domain.policy import Policy
from mlops_desktop.domain.promotions import (
    Decision,
    Pinned,
    Promotion,
    PromotionState,
    Review,
    barred_reviewers,
    decide,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PINNED = Pinned("v", "s", "b", 1)
ASKED = Promotion(1, "delay", 2, "production", "ada", "why", PINNED, PromotionState.PENDING, NOW, None, None)


def review(who: str, decision: Decision = Decision.APPROVE, hours: float = 0.0) -> Review:
    return Review(1, who, decision, "", NOW + timedelta(hours=hours), "")


@pytest.mark.parametrize(
    ("reviews", "reviewers", "hours", "state"),
    [
        ([], 1, 0, "pending"),
        ([], 0, 0, "approved"),
        ([], 0, 80, "expired"),
        ([review("rev")], 1, 0, "approved"),
        ([review("rev")], 2, 0, "pending"),
        ([review("rev"), review("rev", hours=1)], 2, 1, "pending"),
        ([review("rev"), review("rob")], 2, 0, "approved"),
        ([review("rev"), review("rob", Decision.REJECT)], 1, 0, "rejected"),
        ([review("rev", Decision.REJECT)], 0, 0, "rejected"),
        ([review("rev")], 1, 72, "approved"),
        ([review("rev")], 1, 72.1, "expired"),
        ([review("rev"), review("rob", hours=10)], 1, 80, "approved"),
    ],
)
def test_what_reviews_amount_to(reviews: list[Review], reviewers: int, hours: float, state: str) -> None:
    policy = Policy("production", reviewers=reviewers)
    assert decide(ASKED, reviews, policy, PINNED, NOW + timedelta(hours=hours)) == state


@pytest.mark.parametrize("field", ["version_digest", "serving_digest", "base_image"])
def test_any_change_of_what_was_pinned_voids(field: str) -> None:
    changed = replace(PINNED, **{field: "x"})
    assert decide(ASKED, [review("rev")], Policy("production"), changed, NOW) is PromotionState.VOID


@pytest.mark.parametrize("state", [s for s in PromotionState if not s.open])
def test_final_states_stay(state: PromotionState) -> None:
    closed = replace(ASKED, state=state)
    assert decide(closed, [review("rev")], Policy("production"), replace(PINNED, base_image="x"), NOW) is state


def test_who_is_barred() -> None:
    assert barred_reviewers("ada", "ada", "") == {"ada": "asked for it"}
    assert barred_reviewers("ada", "eng", "rev") == {
        "ada": "asked for it",
        "eng": "registered this version",
        "rev": "trained this version",
    }
