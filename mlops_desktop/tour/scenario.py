"""The steps of the guided tour: what each is about, how to take it by hand, and how the tour takes it.

The window's panel and the run without a screen go through the same list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_desktop.domain.errors import JobCancelled, WorkstationError
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import steps
from mlops_desktop.tour.stage import Figures, Tour


@dataclass(frozen=True, slots=True)
class Step:
    """`explanation` is for somebody who has never seen the app; `by_hand` says where to do it without the tour."""

    id: str
    title: str
    explanation: str
    screen: str  # name of the screen that shows it best
    by_hand: str
    run: Callable[[Tour, JobContext], Figures]


STEPS = (
    Step(
        "workspace",
        "A workspace and three people",
        "A workspace is a folder with everything: models, approvals, figures and the audit trail. Three people work "
        "in it, because nobody may approve their own work.",
        "team",
        "First run: Create a workspace. Then Team: Invite.",
        steps.make_workspace,
    ),
    Step(
        "train",
        "Train and register two models",
        "Dan's training script learns from the flights of January and February which ones arrive more than 15 minutes "
        "late, and registers a simple and a better model. Each becomes a numbered version that nobody can change.",
        "models",
        "Run your own script with mlops_desktop.client, or drop a model file on Models.",
        steps.train,
    ),
    Step(
        "check",
        "Check version 1",
        "Automated checks look at the files, the figures and the answers before a person spends time on a version.",
        "version",
        "Version 1, tab Checks: Run checks.",
        steps.check,
    ),
    Step(
        "promote",
        "One asks, another approves",
        "Dan asks for version 1 to serve in production. He can't approve it himself; Rosa reads what changed, which "
        "checks passed and why he asks, and approves with her password.",
        "inbox",
        "Version 1: Request promotion. Sign in as Rosa, Inbox: Approve.",
        steps.promote_first,
    ),
    Step(
        "deploy",
        "Build, start, serve",
        "Mila deploys it: the version is put into an image, started without network or rights, asked once, and then "
        "gets the traffic of one stable address.",
        "deployments",
        "Sign in as Mila, version 1: Deploy.",
        steps.deploy_first,
    ),
    Step(
        "traffic",
        "Send flights",
        "Every flight that left New York from March 2013 on is sent to that address in order of time, many days in a "
        "second. Hours later in flight time its true outcome arrives.",
        "monitoring",
        "This step is the tour's; your own programs send requests to the address on the screen Deployments.",
        steps.send_flights,
    ),
    Step(
        "release",
        "Version 2, while flights go on",
        "The better model is requested, approved and deployed. Traffic moves once it answers; version 1 stays warm. "
        "No request is lost.",
        "deployments",
        "As before with version 2.",
        steps.release_second,
    ),
    Step(
        "watch",
        "The seasons drift",
        "The models know winter only. As it gets warmer the inputs leave what was learnt, and the outcomes show what "
        "that costs: the realised performance falls below the reference and alerts open.",
        "monitoring",
        "Monitoring: the heat map and the performance chart. Alerts: the bell.",
        steps.watch,
    ),
    Step(
        "roll-back",
        "One click back",
        "Version 1 still runs, so rolling back is a matter of moving the traffic.",
        "deployments",
        "Deployments: Roll back.",
        steps.roll_back,
    ),
    Step(
        "audit",
        "Who did what",
        "Every change is a link of a chain of hashes. Whoever alters or removes one breaks the chain.",
        "audit",
        "Audit: Verify.",
        steps.audit,
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step."""

    step: Step
    figures: Figures
    seconds: float
    error: str = ""


def run(
    tour: Tour,
    *,
    on_start: Callable[[Step], None] = lambda _: None,
    on_step: Callable[[Outcome], None] = lambda _: None,
    context: JobContext | None = None,
    chosen: Sequence[Step] = STEPS,
) -> list[Outcome]:
    """Take all steps on this thread; `on_step` may take its time, the flights go on meanwhile.

    The first step that fails is told and ends the tour by raising its error.
    """
    context = context or JobContext.silent()
    outcomes: list[Outcome] = []
    for step in chosen:
        on_start(step)
        began = time.monotonic()
        try:
            context.check_cancelled()
            figures = step.run(tour, context)
        except WorkstationError as error:
            if not isinstance(error, JobCancelled):
                on_step(Outcome(step, (), time.monotonic() - began, str(error)))
            raise
        outcome = Outcome(step, figures, time.monotonic() - began)
        outcomes.append(outcome)
        on_step(outcome)
    return outcomes
