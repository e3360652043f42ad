"""One request as a reviewer should see it: the requester's words, the checks, what changes, and who may decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.promotions import Decision, Review, ReviewBrief
from mlops_desktop.ui.theme import L, M, S, Tone
from mlops_desktop.ui.widgets.badges import Badge, StateBadge, badge_of
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, Page
from mlops_desktop.ui.widgets.check_list import CheckList
from mlops_desktop.ui.widgets.differences import ChangeList
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.items import Item, ItemList
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel
from mlops_desktop.ui.words import ago, count


@dataclass(frozen=True, slots=True)
class Standing:
    """What the signed-in person can do about the shown request; an empty reason means that it can be done."""

    review: str
    withdraw: str
    own: bool


class ReviewPage(QWidget):
    """`show_brief`; wishes are approve_wanted, reject_wanted, withdraw_wanted, version_opened and compare_wanted."""

    approve_wanted = Signal()
    reject_wanted = Signal()
    withdraw_wanted = Signal()
    version_opened = Signal()
    compare_wanted = Signal()
    reload_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nothing = EmptyState("inbox", "Nothing is open", "Choose a request on the left.")
        self.banner = Banner()
        self.banner.action.connect(self.reload_wanted)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._nothing)
        self._stack.addWidget(self._page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def show_nothing(self, title: str, text: str) -> None:
        self._nothing.show_text(title, text)
        self._stack.setCurrentIndex(0)

    def show_brief(self, brief: ReviewBrief, standing: Standing) -> None:
        promotion, now = brief.promotion, datetime.now(UTC)
        self.banner.clear()
        self._title.setText(f"{promotion.label} to {promotion.environment}")
        self._state.show_badge(badge_of(promotion.state))
        self._when.setText(f"Request {promotion.id}, asked {ago(promotion.created_at, now)}")
        self._asker.setText(f"{promotion.requested_by} asks")
        self._reason.setText(promotion.reason)
        self._effect.setText(brief.effect if promotion.state.open else "")
        self._effect.setVisible(promotion.state.open)
        self._who.setText(_who_may(brief))
        run = brief.check_run
        if run is None:
            self._checks_when.setText("")
            self._checks.show_nothing(f"The policy of {promotion.environment} demands no checks.")
        else:
            verdict = "passed" if run.passed else "did not pass"
            self._checks_when.setText(f"{verdict}, {ago(run.started_at, now)} by {run.run_by}")
            self._checks.show_results(run.results)
        self._show_changes(brief)
        self._reviews.show_items([_review_item(review, now) for review in promotion.reviews])
        for button, forbidden in (
            (self.approve, standing.review),
            (self.reject, standing.review),
            (self.withdraw, standing.withdraw),
        ):
            if forbidden:
                button.forbid(forbidden)
            else:
                button.allow()
        self.withdraw.setVisible(standing.own)
        self._why_not.setText(standing.review)
        self._why_not.setVisible(bool(standing.review))
        self._stack.setCurrentIndex(1)

    def show_decided_meanwhile(self, title: str, text: str) -> None:
        """Somebody was faster: what was being read stays until the person reloads."""
        self.banner.show_message(title, text, Tone.ACCENT, action="Reload")
        for button in (self.approve, self.reject, self.withdraw):
            button.forbid(title)

    def _show_changes(self, brief: ReviewBrief) -> None:
        comparison = brief.comparison
        self._changes.setVisible(comparison is not None)
        self.compare.setVisible(comparison is not None)
        if comparison is None or brief.current is None:
            promotion = brief.promotion
            nothing = f"Nothing else answers for {promotion.model} there now."
            closed = "The request is closed. Compare the versions to see what it changed."
            self._changes_title.setText(nothing if promotion.state.open else closed)
            return
        title = f"Against version {brief.current.number}, which answers now."
        if comparison.same_test_data is False:
            title += " The two were measured on different test data, so their metrics can't be compared."
        self._changes_title.setText(title)
        self._changes.show_differences(comparison.differences, judge=comparison.same_test_data is not False)

    def _page(self) -> QWidget:
        holder = QWidget()
        outer = QVBoxLayout(holder)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(M)
        self._title = ElidedLabel("", "title")
        self._state = StateBadge(Badge("", "circle", Tone.UNKNOWN))
        self._when = PlainLabel("", "caption")
        self.approve = Button("Approve", "check", "primary", clicked=self.approve_wanted.emit, tool_tip="A")
        self.reject = Button("Reject", "x", "danger", clicked=self.reject_wanted.emit, tool_tip="X")
        self.withdraw = Button("Withdraw", "undo-2", clicked=self.withdraw_wanted.emit)
        words = QVBoxLayout()
        words.setSpacing(2)
        below = QHBoxLayout()
        below.setSpacing(S)
        below.addWidget(self._state)
        below.addWidget(self._when, 1)
        words.addWidget(self._title)
        words.addLayout(below)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addLayout(words, 1)
        head.addSpacing(S)
        for button in (self.withdraw, self.reject, self.approve):
            head.addWidget(button)
        outer.addLayout(head)
        outer.addWidget(self.banner)
        page = Page(margin=0)
        outer.addWidget(page, 1)

        asks = Card(" ", "message-square")
        self._asker = asks.title
        self._reason = PlainLabel("", wrap=True, selectable=True)
        self._effect = PlainLabel("", "muted", wrap=True, selectable=True)
        asks.add(self._reason)
        asks.add(self._effect)
        asks.header.addWidget(Button("Open the version", "package", "plain", clicked=self.version_opened.emit))
        page.body.addWidget(asks)

        decides = Card("Who decides", "users")
        self._who = PlainLabel("", wrap=True, selectable=True)
        self._why_not = PlainLabel("", "muted", wrap=True)
        self._reviews = ItemList("Nobody has decided yet.")
        self._reviews.setContentsMargins(-L, 0, -L, 0)
        decides.add(self._who)
        decides.add(self._why_not)
        decides.add(self._reviews)

        checks = Card("Checks", "list-checks")
        self._checks_when = PlainLabel("", "caption")
        checks.header.addWidget(self._checks_when)
        self._checks = CheckList("No checks were run.")
        checks.add(self._checks)
        page.body.addWidget(checks)

        changes = Card("What changes", "git-compare-arrows")
        self.compare = Button("Compare in full", "", "plain", clicked=self.compare_wanted.emit)
        changes.header.addWidget(self.compare)
        self._changes_title = PlainLabel("", "muted", wrap=True)
        self._changes = ChangeList()
        changes.add(self._changes_title)
        changes.add(self._changes)
        page.body.addWidget(changes)
        page.body.addWidget(decides)
        page.body.addStretch(1)
        return holder


def _who_may(brief: ReviewBrief) -> str:
    """How many approvals there are and need be, who can still give one, and who can't and why."""
    promotion, needed = brief.promotion, brief.policy.reviewers
    parts = [f"{brief.approvals} of {count(needed, 'approval')}."]
    if promotion.state.open and brief.approvals < needed:
        free = ", ".join(brief.may_review)
        parts.append(f"Can decide: {free}." if free else "Nobody can decide: another reviewer is needed.")
    if brief.barred:
        parts.append("Can't: " + ", ".join(f"{name} ({reason})" for name, reason in brief.barred.items()) + ".")
    parts.append(f"An approval holds for {brief.policy.approval_hours:g} hours.")
    return " ".join(parts)


def _review_item(review: Review, now: datetime) -> Item:
    approved = review.decision is Decision.APPROVE
    verb = "approved" if approved else "rejected"
    return Item(
        review.reviewer,
        "circle-check" if approved else "circle-x",
        f"{review.reviewer} {verb} {ago(review.signed_at, now)}",
        review.comment or "Without a comment",
        "ok" if approved else "critical",
    )
