"""Each step as acts of persons: who does what, where in the window, and how one sees in the workspace that it is done.

The guide follows these, whoever acts: the tour itself, a person in the window, or the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_desktop.domain.deployments import ReleaseKind
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.tour.stage import Tour
from mlops_desktop.tour.steps import ENVIRONMENT, MODEL, seasons_were_noticed

ASKED = {PromotionState.PENDING, PromotionState.APPROVED, PromotionState.DEPLOYED}
APPROVED = {PromotionState.APPROVED, PromotionState.DEPLOYED}


@dataclass(frozen=True, slots=True)
class Act:
    """What one person does; `does` completes the name, `hint` says exactly where to press.

    `screen` and `params` are the place in the window. `seen` reads the workspace; None: nothing there would tell.
    """

    part: str
    does: str
    hint: str
    screen: str
    params: Mapping[str, Any] = field(default_factory=dict)
    seen: Callable[[Tour], bool] | None = None
    signs: bool = False  # asks for the person's password


def _registered(tour: Tour) -> bool:
    return tour.workspace.registry.count_versions(MODEL) >= 2


def _checked(tour: Tour) -> bool:
    return tour.workspace.checks.latest(MODEL, 1, ENVIRONMENT) is not None


def _promotion_is(number: int, states: set[PromotionState]) -> Callable[[Tour], bool]:
    def seen(tour: Tour) -> bool:
        found = tour.workspace.promotions.promotions(model=MODEL)
        return any(p.version == number and p.environment == ENVIRONMENT and p.state in states for p in found)

    return seen


def _released(number: int) -> Callable[[Tour], bool]:
    def seen(tour: Tour) -> bool:
        return any(r.version == number for r in tour.workspace.delivery.releases(MODEL, ENVIRONMENT))

    return seen


def _rolled_back(tour: Tour) -> bool:
    found = tour.workspace.delivery.releases(MODEL, ENVIRONMENT)
    return any(r.kind is ReleaseKind.ROLL_BACK for r in found)


def _flights_arrive(tour: Tour) -> bool:
    return tour.replay is not None and tour.replay.progress.labels > 0


def _version(number: int, tab: str) -> dict[str, Any]:
    return {"model": MODEL, "version": number, "tab": tab}


def _release(number: int) -> tuple[Act, Act, Act]:
    """The way of a version into production: three people, three acts."""
    return (
        Act(
            "scientist",
            f"asks for version {number} in production",
            f"On the page of version {number} press “Request promotion”, say why in a few words, and send it.",
            "version",
            _version(number, "overview"),
            _promotion_is(number, ASKED),
        ),
        Act(
            "reviewer",
            "reads the request and approves it",
            "In the Inbox press “Approve” on the right, write what you looked at, and sign with the password below.",
            "inbox",
            {},
            _promotion_is(number, APPROVED),
            signs=True,
        ),
        Act(
            "engineer",
            f"deploys version {number}",
            f"On Deployments press “Deploy” and choose version {number} for production.",
            "deployments",
            {},
            _released(number),
        ),
    )


_FIRST, _SECOND = _release(1), _release(2)
SERVED = {"model": MODEL, "environment": ENVIRONMENT}
LIVE = {**SERVED, "tab": "live"}
ACTS: dict[str, tuple[Act, ...]] = {
    "workspace": (
        Act("engineer", "makes the workspace and invites the others", "", "team", {}, lambda tour: bool(tour.sessions)),
    ),
    "train": (
        Act(
            "scientist",
            "runs the training script",
            "Run this line in a terminal. It asks for the password below, and both versions appear on Models.",
            "models",
            {},
            _registered,
            signs=True,
        ),
    ),
    "check": (
        Act(
            "scientist",
            "runs the checks of version 1",
            "On the page of version 1 open the tab Checks and press “Run checks”.",
            "version",
            _version(1, "checks"),
            _checked,
        ),
    ),
    "promote": _FIRST[:2],
    "deploy": _FIRST[2:],
    "traffic": (Act("engineer", "watches the first flights arrive", "", "monitoring", LIVE, _flights_arrive),),
    "release": _SECOND,
    "watch": (
        Act(
            "engineer",
            "watches the figures",
            "Open Monitoring: the tab Drift shows which inputs moved away, Performance what that costs. "
            "The alerts open by themselves.",
            "monitoring",
            {**SERVED, "tab": "drift"},
            seasons_were_noticed,
        ),
    ),
    "roll-back": (
        Act(
            "engineer",
            "rolls back to version 1",
            "On Deployments press “Roll back”, say why, and confirm.",
            "deployments",
            {},
            _rolled_back,
        ),
    ),
    "audit": (Act("engineer", "verifies the audit trail", "On Audit press “Verify”, then come back here.", "audit"),),
}


def by_hand(step: str) -> bool:
    """Whether a person could take this step in the window or a terminal; two are the tour's own."""
    return bool(ACTS[step][0].hint)


def seen_of(tour: Tour, step: str) -> tuple[bool, ...]:
    """For each act of a step whether it is done; reads the workspace, so not on the GUI thread."""
    if tour.opened is None:
        return tuple(False for _ in ACTS[step])
    return tuple(act.seen is not None and act.seen(tour) for act in ACTS[step])


def is_done(tour: Tour, step: str) -> bool:
    """Whether all that a later step may need of this one is there."""
    return all(seen_of(tour, step))


def place_of(tour: Tour, step: str) -> tuple[str, dict[str, Any]]:
    """The screen and params that show best what came of a step; reads the workspace."""
    act = ACTS[step][-1]
    if act.screen == "inbox":
        found = tour.workspace.promotions.promotions(model=MODEL)
        newest = max((p.id for p in found), default=None)
        return act.screen, {} if newest is None else {"promotion": newest}
    return act.screen, dict(act.params)
