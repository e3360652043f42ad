"""Where the tour is: the standing of each chapter and which one is open. No widgets, no waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mlops_desktop.tour.acts import ACTS, Act, by_hand
from mlops_desktop.tour.scenario import STEPS, Step
from mlops_desktop.tour.stage import Figures


class Standing(StrEnum):
    """What became of a chapter."""

    LATER = "Later"
    NEXT = "Next"
    NOW = "Now"
    WORKING = "Working"
    DONE = "Done"
    SKIPPED = "Skipped"
    FAILED = "Failed"


@dataclass(slots=True)
class Story:
    """The chapters in order. `at` is the open one; `by_hand` while the person takes it; `auto` runs on by itself."""

    at: int = 0
    by_hand: bool = False
    auto: bool = False
    running: bool = False
    ended: bool = False
    error: BaseException | None = None
    closed: dict[str, Standing] = field(default_factory=dict)  # done or skipped, by step
    figures: dict[str, Figures] = field(default_factory=dict)
    seen: tuple[bool, ...] = ()  # the acts of the open chapter

    @property
    def step(self) -> Step:
        return STEPS[self.at]

    @property
    def is_last(self) -> bool:
        return self.at == len(STEPS) - 1

    @property
    def acts(self) -> tuple[Act, ...]:
        return ACTS[self.step.id]

    @property
    def act(self) -> Act:
        """The first act that nobody has done yet, else the last."""
        open_acts = [act for act, seen in zip(self.acts, self.seen, strict=False) if not seen]
        return open_acts[0] if open_acts else self.acts[-1 if self.seen else 0]

    @property
    def done(self) -> bool:
        return self.closed.get(self.step.id) is Standing.DONE

    @property
    def can_be_done_by_hand(self) -> bool:
        return by_hand(self.step.id)

    def standing(self, index: int) -> Standing:
        """The word beside a chapter in the list."""
        if index == self.at and not self.ended:
            if self.error is not None:
                return Standing.FAILED
            if self.running:
                return Standing.WORKING
            if not self.done:
                return Standing.NOW
        if (found := self.closed.get(STEPS[index].id)) is not None:
            return found
        return Standing.NEXT if index == self.at + 1 else Standing.LATER

    def look(self, seen: Sequence[bool]) -> bool:
        """Take what was read of the workspace; True if the person has just finished the chapter by hand."""
        self.seen = tuple(seen)
        if self.running or self.done or not self.seen or not all(self.seen):
            return False
        self.closed[self.step.id] = Standing.DONE
        self.by_hand, self.error = False, None
        return True

    def begin(self) -> None:
        """The tour takes the open chapter."""
        self.running, self.by_hand, self.error = True, False, None

    def finish(self, taken: Sequence[tuple[str, Figures]]) -> None:
        """The tour has taken these steps; the open one is the last of them."""
        self.running = False
        for step, figures in taken:
            self.closed[step] = Standing.DONE
            self.figures[step] = figures

    def fail(self, error: BaseException) -> None:
        self.running, self.auto, self.error = False, False, error

    def go_on(self) -> None:
        """Open the next chapter; one that isn't done is skipped, and caught up when a later one needs it."""
        if not self.done:
            self.closed[self.step.id] = Standing.SKIPPED
        self.by_hand, self.error = False, None
        if self.is_last:
            self.ended, self.auto = True, False
        else:
            self.at += 1
            self.seen = ()
