"""Every request for the version, with the words of who asked and who decided."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.promotions import Decision, Promotion, PromotionState, Review
from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.theme import XS, L, M, S
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, Line, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel
from mlops_desktop.ui.words import ago, exactly

TOLD = {PromotionState.VOID, PromotionState.EXPIRED, PromotionState.WITHDRAWN}


class RequestCard(Card):
    """One request: reason, decisions, and what became of it."""

    opened = Signal(int)

    def __init__(self, promotion: Promotion, closed: str, now: datetime) -> None:
        super().__init__()
        self.setAccessibleName(f"Request {promotion.id} for {promotion.environment}: {badge_of(promotion.state).word}")
        when = PlainLabel(f"Request {promotion.id}, asked {ago(promotion.created_at, now)}", "caption")
        when.setToolTip(exactly(promotion.created_at))
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(StateBadge(badge_of(promotion.state)))
        head.addWidget(PlainLabel(f"To {promotion.environment}", "strong"))
        head.addWidget(when)
        head.addStretch(1)
        open_it = Button("Open in the inbox", "inbox", "plain", clicked=lambda: self.opened.emit(promotion.id))
        open_it.setAccessibleName(f"Open request {promotion.id} in the inbox")
        head.addWidget(open_it)
        self.add(head)
        self.add(_said("message-square", "muted", f"{promotion.requested_by} asks", promotion.reason))
        for review in promotion.reviews:
            self.add(Line())
            self.add(self._review(review, now))
        if closed and promotion.state in TOLD:
            self.add(Line())
            self.add(_said("info", "muted", badge_of(promotion.state).word, closed))
        elif promotion.state is PromotionState.PENDING and not promotion.reviews:
            self.add(PlainLabel("Nobody has decided yet.", "muted"))

    @staticmethod
    def _review(review: Review, now: datetime) -> QWidget:
        approved = review.decision is Decision.APPROVE
        words = f"{review.reviewer} {'approved' if approved else 'rejected'} {ago(review.signed_at, now)}"
        icon, colour = ("circle-check", "ok") if approved else ("circle-x", "critical")
        part = _said(icon, colour, words, review.comment or "Without a comment.")
        part.setToolTip(exactly(review.signed_at))
        return part


class ReviewsTab(QWidget):
    """The newest request first."""

    promotion_opened = Signal(int)
    request_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._page = Page(margin=0)
        self._page.body.setContentsMargins(0, M, 0, 0)
        self._page.body.setSpacing(M)
        self._page.body.addStretch(1)
        self.empty = EmptyState(
            "send",
            "Nobody has asked for this version yet",
            "A request says why it should serve; somebody else decides.",
            "Request promotion",
        )
        self.empty.action.connect(self.request_wanted)
        self._either = QStackedLayout(self)
        self._either.addWidget(self.empty)
        self._either.addWidget(self._page)
        self._shown: list[tuple[Promotion, str]] = []
        self._cards: list[RequestCard] = []

    def show_facts(self, facts: VersionFacts, why_not: str) -> None:
        """`why_not` says why nothing can be asked for; it stands under the disabled button."""
        self._either.setCurrentIndex(1 if facts.promotions else 0)
        if why_not:
            self.empty.button.forbid(why_not)
        else:
            self.empty.button.allow()
        wanted = [(p, facts.closed.get(p.id, "")) for p in facts.promotions]
        if wanted == self._shown:
            return
        self._shown = wanted
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = [RequestCard(p, closed, facts.read_at) for p, closed in wanted]
        for place, card in enumerate(self._cards):
            card.opened.connect(self.promotion_opened)
            self._page.body.insertWidget(place, card)


def _said(icon: str, colour: str, who: str, words: str) -> QWidget:
    """Who said it, and what: literally, however long."""
    part = QWidget()
    part.setAccessibleName(f"{who}: {words}")
    layout = QHBoxLayout(part)
    layout.setContentsMargins(0, XS, 0, XS)
    layout.setSpacing(M)
    holder = QVBoxLayout()
    holder.addSpacing(1)
    holder.addWidget(IconLabel(icon, colour))
    holder.addStretch(1)
    text = QVBoxLayout()
    text.setSpacing(2)
    text.addWidget(PlainLabel(who, "strong"))
    text.addWidget(PlainLabel(words, wrap=True, selectable=True))
    layout.addLayout(holder)
    layout.addLayout(text, 1)
    layout.setContentsMargins(0, XS, L, XS)
    return part
