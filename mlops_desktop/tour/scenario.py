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
from mlops_desktop.tour.acts import is_done
from mlops_desktop.tour.stage import Figures, Tour


@dataclass(frozen=True, slots=True)
class Step:
    """`explanation` is for somebody who has never seen the app; `by_hand` says where to do it without the tour.

    `needs` are the steps without which this one can't be taken.
    """

    id: str
    title: str
    explanation: str
    screen: str  # name of the screen that shows it best
    by_hand: str
    run: Callable[[Tour, JobContext], Figures]
    why: str = ""
    needs: tuple[str, ...] = ()


STEPS = (
    Step(
        "workspace",
        "A workspace and three people",
        "A workspace is a folder with everything: models, approvals, figures and the audit trail. Mila makes one "
        "and invites Dan and Rosa.",
        "team",
        "First run: Create a workspace. Then Team: Invite.",
        steps.make_workspace,
        "Three people, because nobody may approve their own work.",
    ),
    Step(
        "train",
        "Train and register two models",
        "Dan's training script learns from the flights of January and February which ones arrive more than 15 "
        "minutes late. It registers a simple and a better model.",
        "models",
        "Run your own script with mlops_desktop.client, or drop a model file on Models.",
        steps.train,
        "Each becomes a numbered version that nobody can change: files, figures, data and code that made it.",
        ("workspace",),
    ),
    Step(
        "check",
        "Check version 1",
        "Automated checks look at the files of version 1, its figures and its answers. They run in the background, "
        "with their progress in sight.",
        "version",
        "Version 1, tab Checks: Run checks.",
        steps.check,
        "What a machine can find, no reviewer should have to look for.",
        ("train",),
    ),
    Step(
        "promote",
        "One asks, another approves",
        "Dan asks for version 1 to serve in production; his own approval is refused. Rosa reads what changed, which "
        "checks passed and why he asks, and approves with her password.",
        "inbox",
        "Version 1: Request promotion. Sign in as Rosa, Inbox: Approve.",
        steps.promote_first,
        "Two pairs of eyes before anything reaches users, signed and kept.",
        ("train",),
    ),
    Step(
        "deploy",
        "Build, start, serve",
        "Mila deploys it: the version is put into an image, started without network or rights, and asked once. Then "
        "it gets the traffic of one stable address.",
        "deployments",
        "Sign in as Mila, version 1: Deploy.",
        steps.deploy_first,
        "Programs that use the model never learn which version answers, so it can change any time.",
        ("promote",),
    ),
    Step(
        "traffic",
        "Send flights",
        "Every flight that left New York from March 2013 on is sent to that address in order of time. Hours later "
        "in flight time its true outcome arrives.",
        "monitoring",
        "This step is the tour's; your own programs send requests to the address on the screen Deployments.",
        steps.send_flights,
        "These are real flights and real answers, faster than real time; set the speed below.",
        ("deploy",),
    ),
    Step(
        "release",
        "Version 2, while flights go on",
        "The better model is requested, approved and deployed while flights go on. Traffic moves once it answers; "
        "version 1 stays warm.",
        "deployments",
        "As before with version 2.",
        steps.release_second,
        "An update that loses no request, and a way back that takes no time.",
        ("deploy", "traffic"),
    ),
    Step(
        "watch",
        "The seasons drift",
        "The models know winter only. As it gets warmer the inputs leave what was learnt, the realised performance "
        "falls below the reference, and alerts open.",
        "monitoring",
        "Monitoring: the heat map and the performance chart. Alerts: the bell.",
        steps.watch,
        "A model fails silently: without this nobody would notice for weeks.",
        ("release", "traffic"),
    ),
    Step(
        "roll-back",
        "One click back",
        "Version 2 does worse than it promised, so Mila goes back. Version 1 still runs, so this is a matter of "
        "moving the traffic.",
        "deployments",
        "Deployments: Roll back.",
        steps.roll_back,
        "Seconds from the alarm to a safe state, and no request lost.",
        ("release", "traffic"),
    ),
    Step(
        "audit",
        "Who did what",
        "Everything that happened so far is a link of a chain of hashes. Verifying recomputes it from the first to "
        "the last.",
        "audit",
        "Audit: Verify.",
        steps.audit,
        "Whoever alters or removes an entry breaks the chain.",
        ("workspace",),
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


def catch_up(
    tour: Tour,
    step: Step,
    context: JobContext,
    *,
    on_start: Callable[[Step], None] = lambda _: None,
) -> list[Outcome]:
    """Take what `step` needs and nobody has done yet, each once, and then the step itself."""
    by_id = {one.id: one for one in STEPS}
    outcomes: list[Outcome] = []
    taken: set[str] = set()

    def take(one: Step) -> None:
        if one.id in taken:
            return
        taken.add(one.id)
        for need in one.needs:
            if not is_done(tour, need):
                take(by_id[need])
        outcomes.extend(run(tour, on_start=on_start, context=context, chosen=(one,)))

    take(step)
    return outcomes
