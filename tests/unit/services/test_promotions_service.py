"""Requests and reviews: who may, what counts, what voids; and what happens when rows are edited behind the app."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from mlops_desktop.domain.checks import Verdict
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound, PolicyViolation
from mlops_desktop.domain.promotions import Decision, Promotion, PromotionState
from mlops_desktop.settings import Settings
from tests.unit.services.registry_kit import PASSWORD, Kit, lineage

APPROVE, REJECT = Decision.APPROVE, Decision.REJECT


def review(kit: Kit, promotion: Promotion, who: str = "rev", decision: Decision = APPROVE, comment: str = "ok"):
    return kit.workspace.promotions.review(kit.session(who), promotion.id, decision, comment, PASSWORD)


def approved(kit: Kit) -> Promotion | None:
    return kit.workspace.promotions.approved_for("delay", 1, "production")


def test_from_request_to_approval(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    assert promotion.state is PromotionState.PENDING
    assert approved(kit) is None
    assert [p.id for p in kit.workspace.promotions.waiting_for(kit.session("rev"))] == [promotion.id]
    brief = kit.workspace.promotions.review_brief(promotion.id)
    assert brief.may_review == ("rev", "rob", "root")
    assert brief.barred == {}
    assert brief.check_run is not None
    assert brief.check_run.passed
    assert "nothing answers there now" in brief.effect
    promotion = review(kit, promotion)
    assert promotion.state is PromotionState.APPROVED
    assert kit.workspace.promotions.waiting_for(kit.session("rev")) == []
    found = approved(kit.reopen() and kit)
    assert found == promotion
    with kit.workspace._parts.database.write() as tx:
        kit.workspace.promotions.mark_deployed(tx, promotion.id, "eng")
    assert approved(kit) is None
    assert kit.workspace.promotions.promotion(promotion.id).state is PromotionState.DEPLOYED
    assert kit.workspace.audit.problems() == []


def test_staging_needs_nobody(kit: Kit) -> None:
    promotion = kit.request(kit.register(), "staging")
    assert promotion.state is PromotionState.APPROVED
    assert kit.workspace.promotions.approved_for("delay", 1, "staging") == promotion


def test_failing_checks_make_no_request(kit: Kit) -> None:
    policies, admin = kit.workspace.policies, kit.session("root")
    policies.set_policy(admin, replace(policies.policy("production"), thresholds={"roc_auc": 0.8, "f1": 0.5}))
    with pytest.raises(PolicyViolation, match=r"metric-thresholds: f1 is not known; roc_auc is 0.7, below 0.8"):
        kit.request(kit.register())
    assert kit.workspace.promotions.promotions() == []
    run = kit.workspace.checks.latest("delay", 1, "production")
    assert run is not None
    assert {r.check: r.verdict for r in run.results}["metric-thresholds"] is Verdict.FAIL
    assert kit.request(kit.register(auc=0.9, metrics={"roc_auc": 0.9, "f1": 0.6})).label == "delay@2"


def test_a_fresh_passing_run_is_used_again(kit: Kit) -> None:
    version = kit.register()
    run = kit.workspace.checks.run_checks(kit.session("ada"), "delay", 1, "production")
    promotion = kit.request(version)
    assert promotion.check_run == run.id
    kit.workspace.promotions.withdraw(kit.session("ada"), promotion.id)
    kit.clock.forward(hours=25)
    assert kit.request(version).check_run == run.id + 1


def test_requests_that_can_not_be_made(kit: Kit) -> None:
    version = kit.register()
    with pytest.raises(InvalidInput, match="no reason"):
        kit.workspace.promotions.request(kit.session("ada"), "delay", 1, "production", "  ")
    with pytest.raises(NotFound, match="no environment"):
        kit.request(version, "moon")
    with pytest.raises(NotAllowed, match="rev may not ask"):
        kit.request(version, who="rev")
    kit.request(version)
    with pytest.raises(Conflict, match="asked for in production already"):
        kit.request(version, who="eng")


@pytest.mark.parametrize(
    ("who", "registrar", "trainer", "requester", "reason"),
    [
        ("rob", "eng", "ada", "rob", "asked for it"),
        ("rob", "rob", "ada", "ada", "registered this version"),
        ("rob", "ada", "rob", "ada", "trained this version"),
    ],
)
def test_c01_requester_registrar_and_trainer_can_not_decide(
    kit: Kit, who: str, registrar: str, trainer: str, requester: str, reason: str
) -> None:
    version = kit.register(registrar, lineage=lineage(trained_by=trainer))
    promotion = kit.request(version, who=requester)
    with pytest.raises(NotAllowed, match=f"you {reason}"):
        review(kit, promotion, who)
    assert kit.workspace.promotions.waiting_for(kit.session(who)) == []
    assert kit.workspace.promotions.review_brief(promotion.id).barred == {who: reason}
    assert [e.actor for e in kit.workspace.audit.events(event="ActionDenied")] == [who]
    review(kit, promotion, "rev")
    assert approved(kit) is not None


def test_a_rejection_needs_a_comment_and_wins(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    with pytest.raises(InvalidInput, match="needs a comment"):
        review(kit, promotion, decision=REJECT, comment=" ")
    review(kit, promotion)
    promotion = review(kit, promotion, "rob", REJECT, "too early")
    assert promotion.state is PromotionState.REJECTED
    assert approved(kit) is None
    with pytest.raises(Conflict, match="rejected already"):
        review(kit, promotion, "root")
    again = kit.request(kit.workspace.registry.version("delay@1"))
    assert again.state is PromotionState.PENDING


def test_reviews_that_do_not_count(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    with pytest.raises(NotAllowed, match="wrong"):
        kit.workspace.promotions.review(kit.session("rev"), promotion.id, APPROVE, "", "wrong password")
    with pytest.raises(NotAllowed, match="vic may not approve"):
        review(kit, promotion, "vic")
    with pytest.raises(NotFound, match="no request 99"):
        kit.workspace.promotions.promotion(99)
    assert kit.workspace.promotions.promotion(promotion.id).reviews == ()


def test_two_reviewers_when_the_policy_says_so(kit: Kit) -> None:
    policies, admin = kit.workspace.policies, kit.session("root")
    policies.set_policy(admin, replace(policies.policy("production"), reviewers=2))
    promotion = kit.request(kit.register())
    assert review(kit, promotion).state is PromotionState.PENDING
    with pytest.raises(Conflict, match="approved this request already"):
        review(kit, promotion)
    assert review(kit, promotion, "rob").state is PromotionState.APPROVED


def test_only_the_requester_withdraws(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    with pytest.raises(NotAllowed, match="ada's"):
        kit.workspace.promotions.withdraw(kit.session("eng"), promotion.id)
    found = kit.workspace.promotions.withdraw(kit.session("ada"), promotion.id)
    assert found.state is PromotionState.WITHDRAWN
    with pytest.raises(Conflict, match="withdrawn already"):
        review(kit, promotion)


def test_c02_a_changed_policy_voids(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    review(kit, promotion)
    policies = kit.workspace.policies
    policies.set_policy(kit.session("root"), replace(policies.policy("production"), thresholds={"roc_auc": 0.1}))
    assert approved(kit) is None
    found = kit.workspace.promotions.promotion(promotion.id)
    assert found.state is PromotionState.VOID
    [closed] = kit.workspace.audit.events(search="void")
    assert "the policy changed since it was asked for" in closed.sentence


def test_c02_another_base_image_voids(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    review(kit, promotion)
    kit.reopen(Settings(base_images=("other:latest",)))
    assert approved(kit) is None
    assert kit.workspace.promotions.promotions()[0].state is PromotionState.VOID


def test_an_approval_expires(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    review(kit, promotion)
    kit.clock.forward(hours=73)
    assert approved(kit) is None
    assert kit.workspace.promotions.promotion(promotion.id).state is PromotionState.EXPIRED
    kit.clock.forward(hours=-73)
    assert approved(kit) is None, "an expired approval does not come back to life"


def test_c03_an_approver_who_lost_the_role_does_not_count(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    review(kit, promotion)
    kit.workspace.accounts.set_roles(kit.session("root"), "rev", ["viewer"])
    assert approved(kit) is None
    assert kit.workspace.promotions.promotion(promotion.id).state is PromotionState.PENDING
    assert review(kit, promotion, "rob").state is PromotionState.APPROVED
    assert approved(kit) is not None


def test_c04_a_copied_review_does_not_count(kit: Kit) -> None:
    first = kit.request(kit.register())
    review(kit, first)
    second = kit.request(kit.register(auc=0.8))
    kit.sql("INSERT INTO reviews SELECT ?, reviewer, decision, comment, signed_at, signature FROM reviews", second.id)
    kit.sql("UPDATE promotions SET state = 'approved' WHERE id = ?", second.id)
    with pytest.raises(PolicyViolation, match=f"request {second.id}"):
        kit.workspace.promotions.approved_for("delay", 2, "production")


EDITS = {
    "state": ("UPDATE promotions SET state = 'approved'", "the state of request 1"),
    "requester": ("UPDATE promotions SET requested_by = 'eng'", "the requester of request 1"),
    "environment": ("UPDATE promotions SET environment = 'production', reason = 'x'", "the reason of request 1"),
    "pinned": ("UPDATE promotions SET pinned = json_set(pinned, '$.base_image', 'evil')", "the pinned digests"),
    "registrar": ("UPDATE versions SET registered_by = 'eng'", "the facts of delay@1"),
    "trainer": ("UPDATE versions SET lineage = json_set(lineage, '$.trained_by', 'eng')", "the facts of delay@1"),
    "metrics": ("UPDATE versions SET metrics = '{\"roc_auc\":0.99}'", "the facts of delay@1"),
    "digest": ("UPDATE versions SET digest = 'ab'", "the files or the signature of delay@1"),
    "file": ("UPDATE version_files SET digest = 'ab'", "the files or the signature of delay@1"),
    "policy": ("DELETE FROM policies WHERE environment = 'production' AND version = 2", "the policy of production"),
}
AFTER_APPROVAL = {
    "comment": ("UPDATE reviews SET comment = 'fine'", "does not verify"),
    "decision": ("UPDATE reviews SET decision = 'reject'", "the review of request 1 by rev"),
    "reviewer": ("UPDATE reviews SET reviewer = 'rob'", "the review of request 1 by rev"),
    "signature": ("UPDATE reviews SET signature = '00'", "the review of request 1 by rev"),
    "time": ("UPDATE reviews SET signed_at = signed_at + 1000000", "does not verify"),
    "removed": ("DELETE FROM reviews", "the review of request 1 by rev"),
    "key": ("UPDATE accounts SET public_key = zeroblob(32) WHERE name = 'rev'", "the key of account rev"),
    "roles": ("UPDATE accounts SET roles = '[\"admin\",\"reviewer\"]' WHERE name = 'rev'", "the roles of account rev"),
}


@pytest.mark.parametrize("what", EDITS)
def test_c05_c06_an_edited_request_is_refused_and_named(kit: Kit, what: str) -> None:
    kit.request(kit.register())
    statement, problem = EDITS[what]
    kit.sql(statement)
    with pytest.raises(PolicyViolation, match=problem):
        approved(kit)
    assert any(problem in found for found in kit.workspace.audit.problems())
    state = kit.workspace.audit.verify()
    assert not state.intact
    assert problem in state.problem


@pytest.mark.parametrize("what", AFTER_APPROVAL)
def test_c05_an_edited_approval_is_refused_and_named(kit: Kit, what: str) -> None:
    review(kit, kit.request(kit.register()))
    statement, problem = AFTER_APPROVAL[what]
    kit.sql(statement)
    with pytest.raises(PolicyViolation, match=problem):
        approved(kit)


def test_c05_a_rejection_can_not_be_turned(kit: Kit) -> None:
    review(kit, kit.request(kit.register()), decision=REJECT, comment="no")
    kit.sql("UPDATE promotions SET state = 'approved'")
    kit.sql("DELETE FROM reviews")
    with pytest.raises(PolicyViolation, match="request 1"):
        approved(kit)


def test_c05_roles_given_by_hand_don_t_help(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    kit.sql("UPDATE accounts SET roles = '[\"reviewer\"]' WHERE name = 'vic'")
    with pytest.raises(PolicyViolation, match="the roles of account vic"):
        review(kit, promotion, "vic")
    assert kit.workspace.promotions.promotion(promotion.id).state is PromotionState.PENDING


def race(kit: Kit, promotion: Promotion) -> Promotion:
    promotions = kit.workspace.promotions

    def attempt(action: Callable[[], object]) -> None:
        with contextlib.suppress(Conflict, PolicyViolation):
            action()

    wishes = [
        lambda: review(kit, promotion, "rev"),
        lambda: review(kit, promotion, "rob", REJECT, "no"),
        lambda: promotions.withdraw(kit.session("ada"), promotion.id),
        *[lambda: approved(kit)] * 6,
    ]
    threads = [threading.Thread(target=attempt, args=(wish,)) for wish in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return promotions.promotion(promotion.id)


def test_c07_one_final_state_whoever_is_first(kit: Kit) -> None:
    """An approval, a rejection, a withdrawal and deployments at once, again and again."""
    version = kit.register()
    for session in ("rev", "rob", "ada"):
        kit.session(session)
    for _ in range(5):
        promotion = race(kit, kit.request(version))
        assert promotion.state in {PromotionState.REJECTED, PromotionState.WITHDRAWN}
        closed = kit.workspace.audit.events(event="PromotionClosed", subject="delay@1")
        states = [e.details["state"] for e in closed if e.details["promotion"] == promotion.id]
        assert [state for state in states if state in {"rejected", "withdrawn"}] == [promotion.state]
    assert kit.workspace.audit.problems() == []


def test_deploying_what_was_withdrawn_meanwhile_is_refused(kit: Kit) -> None:
    promotion = kit.request(kit.register())
    review(kit, promotion)
    kit.workspace.promotions.withdraw(kit.session("ada"), promotion.id)
    with pytest.raises(PolicyViolation, match="withdrawn by now"), kit.workspace._parts.database.write() as tx:
        kit.workspace.promotions.mark_deployed(tx, promotion.id, "eng")
