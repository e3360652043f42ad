"""Ask for a version to serve in an environment, and decide about it with signed reviews.

A review is the reviewer's signature over `statements.statement`. What is stored is believed only as far as it verifies
again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Account, Action, Role, Session
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound, PolicyViolation
from mlops_desktop.domain.events import PromotionClosed, PromotionRequested, PromotionReviewed
from mlops_desktop.domain.names import check_text
from mlops_desktop.domain.promotions import (
    Decision,
    Pinned,
    Promotion,
    PromotionState,
    Review,
    ReviewBrief,
    barred_reviewers,
    decide,
)
from mlops_desktop.domain.registry import ModelVersion, compare
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.services.logged import promotion_problem
from mlops_desktop.services.statements import pinned_of, statement, what_changed
from mlops_desktop.store import accounts as account_store
from mlops_desktop.store import policies as policy_store
from mlops_desktop.store import promotions as store
from mlops_desktop.store import versions as version_store

if TYPE_CHECKING:
    from mlops_desktop.domain.policy import Policy
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.checks import ChecksService
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.policies import PoliciesService
    from mlops_desktop.services.registry import RegistryService
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

APP = "mlops-desktop"  # the actor of what no person did
_REVIEW_HINT = "Somebody else with the role reviewer has to decide."


class PromotionsService:
    """Every decision is made inside one write, on what the database says at that moment."""

    def __init__(
        self,
        parts: Parts,
        accounts: AccountsService,
        registry: RegistryService,
        policies: PoliciesService,
        checks: ChecksService,
    ) -> None:
        self._parts = parts
        self._accounts = accounts
        self._registry = registry
        self._policies = policies
        self._checks = checks

    # Policies, for callers that need no more of them

    def environments(self) -> list[str]:
        return self._policies.environments()

    def policy(self, environment: str) -> Policy:
        """NotFound for an environment that does not exist."""
        return self._policies.policy(environment)

    def set_policy(self, session: Session, policy: Policy) -> Policy:
        return self._policies.set_policy(session, policy)

    # Asking

    def request(
        self,
        session: Session,
        model: str,
        number: int,
        environment: str,
        reason: str,
        context: JobContext | None = None,
    ) -> Promotion:
        """Ask for the version to serve there. Runs the required checks unless they passed lately; PolicyViolation names
        those that fail, and no request is made. Where the policy demands no reviewer it is approved at once."""
        account = self._accounts.authorise(session, Action.REQUEST_PROMOTION)
        reason = check_text(reason, "reason").strip()
        if not reason:
            raise InvalidInput("The request has no reason.", "Say why, for whoever reviews it.")
        version, policy = self._registry.version(model, number), self._policies.policy(environment)
        self._refuse_second(self._parts.database.read(), version, environment)
        run = self._checks.passing_run(account.name, version, policy, context or JobContext.silent())
        pinned = pinned_of(version, policy, self._parts.settings)
        with self._parts.database.write() as tx:
            now = self._now_pinned(tx.db, version, environment)
            if now != pinned:
                raise Conflict(f"The policy of {environment} changed meanwhile.", "Ask again.")
            self._refuse_second(tx.db, version, environment)
            identifier = store.insert_promotion(
                tx,
                model=model,
                number=number,
                environment=environment,
                requested_by=account.name,
                reason=reason,
                pinned=pinned,
                check_run=run.id if run else None,
            )
            tx.record(
                PromotionRequested(model, number, environment, identifier, reason, store.pinned_dict(pinned)),
                account.name,
            )
            if policy.reviewers == 0:
                made = _existing(store.promotion_of(tx.db, identifier), identifier)
                self._close(tx, made, PromotionState.APPROVED, "nobody has to approve", APP)
        return self.promotion(identifier)

    def withdraw(self, session: Session, identifier: int) -> Promotion:
        """Take back one's own request."""
        account = self._accounts.authorise(session, Action.REQUEST_PROMOTION)
        promotion = self.promotion(identifier)
        if promotion.requested_by != account.name:
            self._accounts.note_refusal(account.name, f"withdraw the request of {promotion.requested_by}")
            raise NotAllowed(f"Request {identifier} is {promotion.requested_by}'s.", "A reviewer may reject it.")
        with self._parts.database.write() as tx:
            promotion = self._open(tx.db, identifier)
            self._close(tx, promotion, PromotionState.WITHDRAWN, "taken back", account.name)
        return self.promotion(identifier)

    # Reading

    def promotion(self, identifier: int) -> Promotion:
        """One request with its reviews; NotFound if there is none."""
        self._close_overdue()
        return _existing(store.promotion_of(self._parts.database.read(), identifier), identifier)

    def promotions(self, *, state: PromotionState | None = None, model: str | None = None) -> list[Promotion]:
        """Newest first."""
        self._close_overdue()
        return store.promotions_of(self._parts.database.read(), state=state, model=model or "")

    def waiting_for(self, session: Session) -> list[Promotion]:
        """Requests that the signed-in account can decide about now, oldest first."""
        account = self._accounts.account(session)
        if not account.may(Action.REVIEW):
            return []
        waiting = self.promotions(state=PromotionState.PENDING)
        return [
            promotion
            for promotion in reversed(waiting)
            if account.name not in self._barred(promotion, self._registry.version(promotion.model, promotion.version))
            and account.name not in {review.reviewer for review in promotion.reviews}
        ]

    def review_brief(self, identifier: int) -> ReviewBrief:
        """What a reviewer should see: the request, the checks, what changes, and who can decide."""
        promotion = self.promotion(identifier)
        version = self._registry.version(promotion.model, promotion.version)
        current = self._registry.current(promotion.model, promotion.environment)
        if current is not None and current.number == version.number:
            current = None
        database = self._parts.database.read()
        reviewers = [a for a in account_store.accounts_of(database) if Role.REVIEWER in a.roles and not a.disabled]
        barred = self._barred(promotion, version)
        done = {review.reviewer: "has decided already" for review in promotion.reviews}
        approvals = [r for r in promotion.reviews if r.decision is Decision.APPROVE]
        return ReviewBrief(
            promotion=promotion,
            version=version,
            current=current,
            comparison=compare(current, version) if current else None,
            check_run=self._checks.run(promotion.check_run) if promotion.check_run else None,
            policy=self._policies.policy(promotion.environment),
            approvals=len(approvals),
            effect=_effect(promotion, current),
            may_review=tuple(a.name for a in reviewers if a.name not in barred and a.name not in done),
            barred={a.name: (barred | done)[a.name] for a in reviewers if a.name in barred | done},
        )

    # Deciding

    def review(self, session: Session, identifier: int, decision: Decision, comment: str, password: str) -> Promotion:
        """Approve or reject with one's own password, which opens the signing key. A rejection needs a comment.

        NotAllowed for who asked for, registered or trained the version; Conflict when it was decided meanwhile.
        """
        account = self._accounts.authorise(session, Action.REVIEW)
        comment = check_text(comment, "comment").strip()
        if decision is Decision.REJECT and not comment:
            raise InvalidInput("A rejection needs a comment.", "Say what has to change.")
        promotion = self.promotion(identifier)
        version = self._registry.version(promotion.model, promotion.version)
        self._refuse_barred(account, promotion, version)
        _require_open(promotion)
        signed_at = self._parts.clock()
        payload = statement(self._parts.workspace_id, promotion, account.name, decision, comment, signed_at)
        signature = self._accounts.sign(session, password, payload)  # slow: before the write, not in it
        review = Review(identifier, account.name, decision, comment, signed_at, signature)
        with self._parts.database.write() as tx:
            self._accounts.authorised(tx.db, session, Action.REVIEW)
            promotion = self._open(tx.db, identifier)
            if any(r.reviewer == account.name and r.decision is decision for r in promotion.reviews):
                raise Conflict("You have approved this request already.", "Nothing else is needed from you.")
            if (now := self._now_pinned(tx.db, version, promotion.environment)) != promotion.pinned:
                self._close(tx, promotion, PromotionState.VOID, what_changed(promotion.pinned, now), APP)
            else:
                store.put_review(tx, review)
                tx.record(
                    PromotionReviewed(
                        promotion.model,
                        promotion.version,
                        promotion.environment,
                        identifier,
                        decision.value,
                        comment,
                        signature,
                    ),
                    account.name,
                )
                self._settle_review(tx, identifier, review, version)
        return self.promotion(identifier)

    def approved_for(self, model: str, number: int, environment: str) -> Promotion | None:
        """The approved request, decided again on what holds now: signatures, rights of the approvers, pinned digests,
        age. None when there is none; PolicyViolation names what was altered outside the application."""
        version = self._registry.version(model, number)
        with self._parts.database.write() as tx:
            found = store.promotions_of(tx.db, model=model, number=number, environment=environment, only_open=True)
            if not found:
                return None
            promotion = self._decided(tx, found[0], version)
        return promotion if promotion.state is PromotionState.APPROVED else None

    def mark_deployed(self, tx: Transaction, identifier: int, actor: str) -> None:
        """Inside the write that makes it current. PolicyViolation if the request was closed since it was approved."""
        promotion = _existing(store.promotion_of(tx.db, identifier), identifier)
        if promotion.state is PromotionState.DEPLOYED:
            return
        if promotion.state is not PromotionState.APPROVED:
            raise PolicyViolation(
                f"Request {identifier} is {promotion.state.value} by now.", "Ask for the promotion again."
            )
        self._close(tx, promotion, PromotionState.DEPLOYED, "it runs", actor)

    # Steps

    def _refuse_second(self, db: Sql, version: ModelVersion, environment: str) -> None:
        found = store.promotions_of(
            db, model=version.model, number=version.number, environment=environment, only_open=True
        )
        for promotion in found:
            policy = policy_store.policy_of(db, environment)
            now = self._now_pinned(db, version, environment)
            if policy and decide(promotion, promotion.reviews, policy, now, self._parts.clock()).open:
                raise Conflict(
                    f"{version.label} is asked for in {environment} already (request {promotion.id}).",
                    "Wait for its review, or withdraw it first.",
                )

    def _barred(self, promotion: Promotion, version: ModelVersion) -> dict[str, str]:
        return barred_reviewers(promotion.requested_by, version.registered_by, version.lineage.trained_by)

    def _refuse_barred(self, account: Account, promotion: Promotion, version: ModelVersion) -> None:
        if reason := self._barred(promotion, version).get(account.name):
            self._accounts.note_refusal(account.name, f"review request {promotion.id}: {reason}")
            raise NotAllowed(f"You can't review request {promotion.id}: you {reason}.", _REVIEW_HINT)

    def _open(self, db: Sql, identifier: int) -> Promotion:
        promotion = _existing(store.promotion_of(db, identifier), identifier)
        _require_open(promotion)
        return promotion

    def _now_pinned(self, db: Sql, version: ModelVersion, environment: str) -> Pinned:
        fresh = version_store.version_of(db, version.model, version.number) or version
        policy = policy_store.policy_of(db, environment) or self._policies.policy(environment)
        return pinned_of(fresh, policy, self._parts.settings)

    def _settle_review(self, tx: Transaction, identifier: int, review: Review, version: ModelVersion) -> None:
        promotion = _existing(store.promotion_of(tx.db, identifier), identifier)
        if review.decision is Decision.REJECT:  # wins, whatever the others said
            self._close(tx, promotion, PromotionState.REJECTED, review.comment, review.reviewer)
        else:
            self._decided(tx, promotion, version, review.reviewer)

    def _decided(self, tx: Transaction, promotion: Promotion, version: ModelVersion, actor: str = APP) -> Promotion:
        """Decide again and write down what changed."""
        problem = promotion_problem(tx.db, promotion, version)
        if problem:
            raise PolicyViolation(
                f"Not trusted: {problem} outside the application.", "Verify the audit trail, then ask again."
            )
        policy = policy_store.policy_of(tx.db, promotion.environment) or self._policies.policy(promotion.environment)
        now = self._now_pinned(tx.db, version, promotion.environment)
        counted = self._counted(tx.db, promotion, version)
        state = decide(promotion, counted, policy, now, self._parts.clock())
        if state is promotion.state:
            return promotion
        reasons = {
            PromotionState.VOID: what_changed(promotion.pinned, now),
            PromotionState.EXPIRED: f"approved more than {policy.approval_hours:g} hours ago",
            PromotionState.APPROVED: f"{len(counted)} of {policy.reviewers} approvals",
            PromotionState.PENDING: "an approval no longer counts",
        }
        self._close(tx, promotion, state, reasons.get(state, "decided"), actor)
        return replace(promotion, state=state)

    def _counted(self, db: Sql, promotion: Promotion, version: ModelVersion) -> list[Review]:
        """Reviews that verify and whose authors may still review; PolicyViolation for one that does not verify."""
        barred = self._barred(promotion, version)
        counted = []
        for review in promotion.reviews:
            account = account_store.account_of(db, review.reviewer)
            payload = statement(
                self._parts.workspace_id, promotion, review.reviewer, review.decision, review.comment, review.signed_at
            )
            if not self._accounts.verify(review.reviewer, payload, review.signature):
                raise PolicyViolation(
                    f"The review of request {promotion.id} by {review.reviewer} does not verify: it was altered, or "
                    "the key was replaced since.",
                    "Withdraw the request and ask again.",
                )
            if account is not None and account.may(Action.REVIEW) and review.reviewer not in barred:
                counted.append(review)
        return counted

    def _close(self, tx: Transaction, promotion: Promotion, state: PromotionState, reason: str, actor: str) -> None:
        store.set_state(tx, promotion.id, state)
        event = PromotionClosed(
            promotion.model, promotion.version, promotion.environment, promotion.id, state.value, reason
        )
        tx.record(event, actor)

    def _close_overdue(self) -> None:
        """Write down what time or a change of the pinned digests has decided. Cheap while nothing changed."""
        for promotion in store.promotions_of(self._parts.database.read(), only_open=True):
            if self._overdue(self._parts.database.read(), promotion) is None:
                continue
            with self._parts.database.write() as tx:
                again = store.promotion_of(tx.db, promotion.id)
                found = self._overdue(tx.db, again) if again is not None else None
                if again is not None and found is not None:
                    self._close(tx, again, *found, APP)

    def _overdue(self, db: Sql, promotion: Promotion) -> tuple[PromotionState, str] | None:
        version = version_store.version_of(db, promotion.model, promotion.version)
        policy = policy_store.policy_of(db, promotion.environment)
        if version is None or policy is None or not promotion.state.open:
            return None
        now = pinned_of(version, policy, self._parts.settings)
        state = decide(promotion, promotion.reviews, policy, now, self._parts.clock())
        if state is PromotionState.VOID:
            return state, what_changed(promotion.pinned, now)
        if state is PromotionState.EXPIRED:
            return state, f"approved more than {policy.approval_hours:g} hours ago"
        return None


def _existing(promotion: Promotion | None, identifier: int) -> Promotion:
    if promotion is None:
        raise NotFound(f"There is no request {identifier}.", "The inbox and the command `requests` list them.")
    return promotion


def _require_open(promotion: Promotion) -> None:
    if not promotion.state.open:
        names = ", ".join(review.reviewer for review in promotion.reviews)
        by = f" (reviewed by {names})" if names else ""
        raise Conflict(f"Request {promotion.id} is {promotion.state.value} already{by}.", "Reload to see it.")


def _effect(promotion: Promotion, current: ModelVersion | None) -> str:
    where = f"{promotion.model} in {promotion.environment}"
    if current is None:
        return f"Once deployed, version {promotion.version} answers for {where}; nothing answers there now."
    return f"Once deployed, version {promotion.version} answers for {where} instead of version {current.number}."
