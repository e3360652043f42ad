"""The panel beside the desk that guides through the tour. It shows a Story and says what the person wants."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.tour.replay import Progress
from mlops_desktop.tour.scenario import STEPS
from mlops_desktop.tour.stage import Figures
from mlops_desktop.ui.theme import XS, L, M, S, set_role
from mlops_desktop.ui.tour.parts import (
    ChapterList,
    Copyable,
    FigureList,
    FlightsCard,
    PersonRow,
    ProblemCard,
    Section,
)
from mlops_desktop.ui.tour.story import Story
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.cards import Page
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress

WIDTH = 320
# Figures that the flights' own part shows as they change.
LIVE = {"day of the flights", "flights answered", "requests answered", "requests failed", "outcomes sent"}
OWN = "The tour takes this one itself."
OWN_WORKSPACE = "The tour makes this one itself, so that it knows everybody's password. Yours you make at the end."
BEFORE = (
    "Ten chapters take two models from a training script into production, and back. About two minutes when the tour "
    "takes every step; any of them you may take yourself. Nothing leaves this machine."
)


class GuidePanel(QFrame):
    """Signals are wishes; `person_wanted` asks to sit down as who acts now."""

    do_wanted = Signal()
    hand_wanted = Signal()
    next_wanted = Signal()
    retry_wanted = Signal()
    auto_wanted = Signal(bool)
    cancel_wanted = Signal()
    leave_wanted = Signal()
    own_wanted = Signal()
    person_wanted = Signal()
    place_wanted = Signal()
    close_wanted = Signal()
    speed_wanted = Signal(float)
    hold_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "guide")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("The tour")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 0, 0, 0)  # the border on the left
        layout.setSpacing(0)
        layout.addWidget(self._head())
        layout.addWidget(self._body(), 1)
        layout.addWidget(self._foot())

    def _head(self) -> QWidget:
        head = QFrame()
        set_role(head, "bar")
        head.setFixedHeight(52)
        self.count = PlainLabel("", "muted")
        line = QHBoxLayout(head)
        line.setContentsMargins(L, 0, S, 0)
        line.setSpacing(S)
        line.addWidget(IconLabel("map", "accent", 18))
        line.addWidget(PlainLabel("The tour", "strong"))
        line.addWidget(self.count, 1)
        self.close_button = IconButton("x", "Close the panel; the tour stays", clicked=self.close_wanted.emit)
        line.addWidget(self.close_button)
        return head

    def _body(self) -> QWidget:
        page = Page(margin=L)
        page.setAccessibleName("The chapter")
        page.body.setSpacing(M)
        self.title = PlainLabel("", "section", wrap=True)
        self.now = PlainLabel("", wrap=True)
        self.why = PlainLabel("", "muted", wrap=True)
        self.person = PersonRow()
        self.person.wanted.connect(self.person_wanted)
        self.problem = ProblemCard()
        self.problem.retry.connect(self.retry_wanted)
        self.problem.skip.connect(self.next_wanted)
        self.progress = JobProgress()
        self.progress.cancelled.connect(self.cancel_wanted)
        self.note = PlainLabel("", "strong", wrap=True)
        self.result = FigureList("Figures of this chapter")
        self.flights = FlightsCard()
        self.flights.speed_wanted.connect(self.speed_wanted)
        self.flights.paused.connect(self.hold_wanted)
        self.flights_section = Section("The flights", self.flights)
        self.chapters = ChapterList([step.title for step in STEPS])
        self.chapters_section = Section("The whole way", self.chapters)
        for part in (
            self.title,
            self.now,
            self.why,
            self.person,
            self._hand_box(),
            self.problem,
            self.progress,
            self.note,
            self.result,
            self.flights_section,
            self.chapters_section,
        ):
            page.body.addWidget(part)
        page.body.addStretch(1)
        self.flights_section.hide()
        self.page = page
        return page

    def _hand_box(self) -> QWidget:
        self.hand = QFrame()
        set_role(self.hand, "accent")
        self.hint = PlainLabel("", wrap=True, selectable=True)
        self.place = Button("Show me where", "arrow-right", "link", clicked=self.place_wanted.emit)
        self.command = Copyable("Line for the terminal")
        self.password = Copyable("Password")
        box = QVBoxLayout(self.hand)
        box.setContentsMargins(M, M, S, M)
        box.setSpacing(S)
        for part in (self.hint, self.command, self.password):
            box.addWidget(part)
        box.addWidget(self.place, 0, Qt.AlignmentFlag.AlignLeft)
        self.hand.hide()
        return self.hand

    def _foot(self) -> QWidget:
        foot = QFrame()
        set_role(foot, "guide-foot")
        self.do = Button("Do this step for me", "play", "primary", clicked=self.do_wanted.emit)
        self.next = Button("Next", "arrow-right", "primary", clicked=self.next_wanted.emit)
        self.own = Button("Open my own workspace", "folder-plus", "primary", clicked=self.own_wanted.emit)
        self.by_hand = Button("I'll do it myself", "", clicked=self.hand_wanted.emit)
        self.after_all = Button("Do it for me after all", "", clicked=self.do_wanted.emit)
        self.skip = Button("Skip", "", "plain", clicked=self.next_wanted.emit)
        self.auto = Button("Run the rest by itself", "zap", "link", clicked=self._on_auto)
        self.leave = Button("Leave the tour", "", "link", clicked=self.leave_wanted.emit)
        self._auto = False
        second = QHBoxLayout()
        second.setSpacing(S)
        second.addWidget(self.by_hand, 1)
        second.addWidget(self.after_all, 1)
        second.addWidget(self.skip)
        third = QHBoxLayout()
        third.setSpacing(S)
        third.addWidget(self.auto)
        third.addStretch(1)
        third.addWidget(self.leave)
        box = QVBoxLayout(foot)
        box.setContentsMargins(L, M, L, M)
        box.setSpacing(S)
        for button in (self.do, self.next, self.own):
            box.addWidget(button)
        box.addLayout(second)
        box.addSpacing(XS)
        box.addLayout(third)
        return foot

    def _on_auto(self) -> None:
        self.auto_wanted.emit(not self._auto)

    # Showing

    def show_story(self, story: Story) -> None:
        """Everything but who acts, the flights and the progress of what runs."""
        self.count.setText(f"{story.at + 1} of {len(STEPS)}")
        open_row = -1 if story.ended else story.at
        self.chapters.show_standings([story.standing(i) for i in range(len(STEPS))], open_row)
        self._show_foot(story)
        hand = story.by_hand and not story.ended
        self.hand.setVisible(hand)
        self.problem.show_error(story.error)
        if not story.running:
            self.progress.show_finished()
        if story.ended:
            return
        step = story.step
        self.title.setText(step.title)
        self.now.setText(step.explanation)
        self.why.setText(step.why)
        untouched = story.at == 0 and not story.done and not story.running
        self.note.setText("Done." if story.done else BEFORE if untouched else "")
        set_role(self.note, "muted" if untouched else "strong")
        self.note.setVisible(bool(self.note.text()))
        known = story.figures.get(step.id, ()) if story.done else ()
        figures = tuple(f for f in known if f.name not in LIVE)
        if story.done and not known:
            self.note.setText("Done, by your own hand.")
        self.result.show_figures(figures)
        self.result.setVisible(bool(figures))
        if hand:
            self.hint.setText(story.act.hint)

    def _show_foot(self, story: Story) -> None:
        waits = not story.running and not story.done and not story.ended
        self.do.setVisible(waits and not story.by_hand and story.error is None)
        self.after_all.setVisible(waits and story.by_hand and story.error is None)
        self.do.setText(
            f"Begin: {story.step.title[0].lower()}{story.step.title[1:]}" if story.at == 0 else "Do this step for me"
        )
        self.by_hand.setVisible(waits and not story.by_hand and story.error is None and story.at > 0)
        if story.can_be_done_by_hand:
            self.by_hand.allow()
        else:
            self.by_hand.forbid(OWN_WORKSPACE if story.at == 0 else OWN)
        self.skip.setVisible(waits and story.error is None and story.at > 0)
        unseen = story.by_hand and story.act.seen is None
        self.next.setVisible(not story.ended and not story.running and (story.done or unseen))
        self.next.setText("I have done it" if unseen else "See what came of it" if story.is_last else "Next chapter")
        self.own.setVisible(story.ended)
        self._auto = story.auto
        self.auto.setVisible(not story.ended and not (story.is_last and story.done))
        rest = "Run it all by itself" if story.at == 0 and not story.done else "Run the rest by itself"
        self.auto.setText("Pause after this step" if story.auto else rest)
        self.auto.show_icon("pause" if story.auto else "zap")

    def show_secrets(self, command: str, name: str, password: str) -> None:
        """What the person needs in hand: a line for the terminal, the password of who acts; empty hides."""
        self.command.setVisible(bool(command))
        self.command.show_text(command)
        self.password.setVisible(bool(password))
        self.password.show_text(password)
        self.place.setVisible(not command)
        self.password.setToolTip(f"The password of {name}")

    def show_person(self, name: str, does: str, *, here: bool, can_sit_down: bool) -> None:
        self.person.show_person(name, does, here=here, can_sit_down=can_sit_down)
        self.person.show()

    def show_running(self, title: str, fraction: float | None, message: str, seconds: float) -> None:
        self.progress.show_progress(title, fraction, message, seconds)

    def show_flights(self, progress: Progress | None, speed: float, *, held: bool, over: bool) -> None:
        """None: no flight was sent yet."""
        self.flights_section.setVisible(progress is not None)
        if progress is not None:
            self.flights.show_flights(progress, speed, held=held, over=over)

    def show_summary(self, figures: Figures) -> None:
        """The end of the tour."""
        self.count.setText("The end")
        self.title.setText("That was the whole job")
        self.now.setText(
            "Two models went from a script into production under review and served flights all through the seasons. "
            "The better one was found to drift, and rolled back."
        )
        self.why.setText("Everything you saw is still here to look at. Your own models take the same way.")
        self.person.hide()
        self.note.hide()
        self.result.show_figures(figures)
        self.result.setVisible(bool(figures))

    def show_leaving(self) -> None:
        """The tour is being tidied up, and nothing can be pressed."""
        self.title.setText("Leaving the tour")
        self.now.setText("Stopping the flights, the containers and the gateway. This takes a few seconds.")
        for part in (self.why, self.person, self.hand, self.note, self.result, self.flights_section, self.problem):
            part.hide()
        for button in self._buttons():
            button.setEnabled(False)
        self.progress.show_progress("Tidying up", None)
        self.progress.setEnabled(False)

    def show_left_behind(self, error: BaseException) -> None:
        """Tidying up failed; Retry, or leave things as they are."""
        self.progress.show_finished()
        self.problem.show_error(error)
        self.problem.skip_button.setText("Leave it as it is")

    def _buttons(self) -> Sequence[Button]:
        return (self.do, self.next, self.own, self.by_hand, self.after_all, self.skip, self.auto, self.leave)
