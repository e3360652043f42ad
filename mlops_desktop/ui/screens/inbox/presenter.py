"""Reads requests and their briefs, and hands over decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mlops_desktop.domain.accounts import Action
from mlops_desktop.domain.errors import Conflict, WorkstationError
from mlops_desktop.domain.events import AccountEvent, PolicyChanged, PromotionEvent
from mlops_desktop.domain.promotions import Decision, Promotion, PromotionState, ReviewBrief
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.inbox.review_page import Standing
from mlops_desktop.ui.screens.inbox.view import InboxView
from mlops_desktop.ui.widgets.badges import badge_of
from mlops_desktop.ui.widgets.buttons import forbidden
from mlops_desktop.ui.words import ago


class InboxPresenter(Presenter):
    """What a reviewer reads doesn't change under the eyes: a decision made meanwhile is told, and loaded on demand."""

    def __init__(self, view: InboxView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._waiting: Sequence[Promotion] = ()
        self._all: Sequence[Promotion] = ()
        self._wanted: int | None = None  # the request that was asked for
        self._brief: ReviewBrief | None = None
        self._deciding = False
        self._missing = False  # the request that was asked for does not exist, and the page says so
        view.request_chosen.connect(self._choose)
        view.shown_changed.connect(lambda _: self._show_list())
        view.decision_wanted.connect(self._open_decision)
        view.page.reload_wanted.connect(self._reload)
        view.page.withdraw_wanted.connect(self._withdraw)
        view.page.version_opened.connect(self._open_version)
        view.page.compare_wanted.connect(self._compare)
        view.page.show_nothing("Nothing is open", "Choose a request on the left.")
        self.listen(self.refresh, PromotionEvent, PolicyChanged, AccountEvent)

    def open(self, params: dict[str, Any]) -> None:
        if (wanted := params.get("promotion")) is not None:
            self._wanted = int(wanted)
            self._brief, self._missing = None, False
        self.refresh()

    def refresh(self) -> None:
        self.read(self._lists, self._on_lists)
        if self._brief is not None:
            self._read_brief(self._brief.promotion.id)

    # The list

    def _lists(self) -> tuple[list[Promotion], list[Promotion]]:
        """On a reading thread."""
        promotions = self.context.workspace.promotions
        return promotions.waiting_for(self.context.session), promotions.promotions()

    def _on_lists(self, lists: tuple[list[Promotion], list[Promotion]]) -> None:
        self._waiting, self._all = lists
        if self._wanted is not None and self._wanted not in {p.id for p in self._waiting}:
            self.view.show_all()
        self._show_list()

    def _show_list(self) -> None:
        shown = self._all if self.view.all_shown else self._waiting
        self.view.show_requests(shown, len(self._waiting), len(self._all))
        open_now = self._brief.promotion.id if self._brief is not None else None
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            if not self.view.table.select(wanted):
                self._read_brief(wanted)
        elif open_now is None and shown and not self._missing:
            self.view.table.select(shown[0].id)

    def _choose(self, promotion: Promotion | None) -> None:
        if promotion is not None and (self._brief is None or self._brief.promotion.id != promotion.id):
            self._brief, self._missing = None, False
            self.context.navigator.replace_params(promotion=promotion.id)
            self._read_brief(promotion.id)

    # The one that is read

    def _read_brief(self, number: int) -> None:
        promotions = self.context.workspace.promotions

        def failed(error: BaseException) -> None:
            if self._brief is None and isinstance(error, WorkstationError):
                self._missing = True
                self.view.page.show_nothing(error.message, error.hint)
            else:
                self.view.show_problem(error)

        self.read(lambda: promotions.review_brief(number), self._on_brief, failed)

    def _on_brief(self, brief: ReviewBrief) -> None:
        before = self._brief
        same = before is not None and before.promotion.id == brief.promotion.id
        if same and before is not None and _decided(before.promotion, brief.promotion) and not self._deciding:
            self.view.page.show_decided_meanwhile(*_meanwhile(brief.promotion))
            return
        self._show_brief(brief)

    def _show_brief(self, brief: ReviewBrief) -> None:
        self._brief, self._deciding = brief, False
        self.view.page.show_brief(brief, self._standing(brief))

    def _reload(self) -> None:
        if self._brief is not None:
            number, self._brief = self._brief.promotion.id, None
            self._read_brief(number)

    def _standing(self, brief: ReviewBrief) -> Standing:
        promotion, me = brief.promotion, self.context.account
        own = promotion.requested_by == me.name
        closed = "" if promotion.state.open else f"It is {badge_of(promotion.state).word.lower()} already."
        review = closed
        if not review and not me.may(Action.REVIEW):
            review = forbidden(Action.REVIEW)
        if not review and me.name in brief.barred:
            review = f"You {brief.barred[me.name]}: somebody else has to decide.".replace("You has", "You have")
        if not review and promotion.state is PromotionState.APPROVED:
            review = "It has the approvals that it needs."
        withdraw = closed or ("" if me.may(Action.REQUEST_PROMOTION) else forbidden(Action.REQUEST_PROMOTION))
        return Standing(review, withdraw, own)

    # Decisions

    def _open_decision(self, decision: Decision) -> None:
        brief = self._brief
        if brief is None or self.view.dialog is not None:
            return
        dialog = self.view.open_decision(brief, decision)
        dialog.decided.connect(lambda comment, password: self._decide(brief, decision, comment, password))

    def _decide(self, brief: ReviewBrief, decision: Decision, comment: str, password: str) -> None:
        promotions, session, number = self.context.workspace.promotions, self.context.session, brief.promotion.id
        self._deciding = True

        def failed(error: BaseException) -> None:
            self._deciding = False
            if self.view.dialog is None:
                self.view.show_problem(error, can_retry=False)
            elif isinstance(error, Conflict):
                self.view.dialog.reject()
                self.view.page.show_decided_meanwhile(error.message, error.hint)
            else:
                self.view.dialog.show_refused(error)

        self.read(lambda: promotions.review(session, number, decision, comment, password), self._on_decided, failed)

    def _on_decided(self, promotion: Promotion) -> None:
        if self.view.dialog is not None:
            self.view.dialog.accept()
        self.context.toast(f"{promotion.label} is {badge_of(promotion.state).word.lower()}.")
        self._brief = None
        self._read_brief(promotion.id)

    def _withdraw(self) -> None:
        if self._brief is None:
            return
        promotions, session, number = self.context.workspace.promotions, self.context.session, self._brief.promotion.id
        self._deciding = True
        self.read(lambda: promotions.withdraw(session, number), self._on_decided)

    # Elsewhere

    def _open_version(self) -> None:
        if self._brief is not None:
            promotion = self._brief.promotion
            self.context.navigator.open("version", model=promotion.model, version=promotion.version)

    def _compare(self) -> None:
        if self._brief is not None and self._brief.current is not None:
            left, right = self._brief.current.label, self._brief.version.label
            self.context.navigator.open("compare", left=left, right=right)


def _decided(before: Promotion, now: Promotion) -> bool:
    return before.state.open and (before.state is not now.state or len(before.reviews) != len(now.reviews))


def _meanwhile(promotion: Promotion) -> tuple[str, str]:
    """Who decided, and when."""
    word = badge_of(promotion.state).word.lower()
    title = (
        f"Request {promotion.id} is {word} meanwhile." if promotion.reviews else f"Request {promotion.id} is {word}."
    )
    if not promotion.reviews:
        return title, "Reload to see it."
    last = max(promotion.reviews, key=lambda review: review.signed_at)
    return title, f"{last.reviewer} decided {ago(last.signed_at, datetime.now(UTC))}: {last.comment or 'no comment'}"


def create(context: ScreenContext) -> Screen:
    view = InboxView()
    InboxPresenter(view, context)
    return view
