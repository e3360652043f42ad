"""Which screens show best what a step of the tour did, in the eyes of the person who did it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_desktop.ui.tour.studio import Shot

if TYPE_CHECKING:
    from mlops_desktop.tour.scenario import Outcome

MODEL, ENVIRONMENT = "flight-delay", "production"
CHARTS = 1.2  # seconds in which charts draw themselves


def _version(number: int, tab: str) -> dict[str, Any]:
    return {"model": MODEL, "version": number, "tab": tab}


SERVED = {"model": MODEL, "environment": ENVIRONMENT}
SHOTS: dict[str, tuple[Shot, ...]] = {
    "workspace": (
        Shot("01-first-run", "The first start", "first-run"),
        Shot("01-sign-in", "Signing in", "sign-in"),
        Shot("01-team", "Team: three people and what each may do", "team", "engineer"),
        Shot("01-overview", "Overview of a workspace without models", "overview", "engineer"),
    ),
    "train": (
        Shot("02-models", "Models: one model, two versions", "models", "scientist"),
        Shot("02-model", "The model and its versions", "model", "scientist", {"model": MODEL}),
        Shot("02-version", "Version 1", "version", "scientist", _version(1, "overview")),
        Shot(
            "02-compare",
            "Both versions side by side",
            "compare",
            "scientist",
            {"left": f"{MODEL}@1", "right": f"{MODEL}@2"},
            CHARTS,
        ),
    ),
    "check": (Shot("03-checks", "Checks of version 1", "version", "scientist", _version(1, "checks")),),
    "promote": (
        Shot("04-inbox", "The reviewer's inbox", "inbox", "reviewer", {"promotion": 1}),
        Shot("04-reviews", "Reviews of version 1", "version", "reviewer", _version(1, "reviews")),
    ),
    "deploy": (
        Shot("05-deployments", "Deployments: version 1 serves", "deployments", "engineer", SERVED),
        Shot("05-overview", "Overview: what serves", "overview", "engineer"),
    ),
    "traffic": (Shot("06-monitoring", "Monitoring: flights arrive", "monitoring", "engineer", SERVED, CHARTS),),
    "release": (
        Shot("07-deployments", "Deployments: version 2 has the traffic", "deployments", "engineer", SERVED),
        Shot("07-inbox", "Both requests", "inbox", "reviewer", {"promotion": 2}),
    ),
    "watch": (
        Shot("08-monitoring", "Monitoring: the seasons drift", "monitoring", "engineer", SERVED, CHARTS),
        Shot("08-alerts", "Alerts", "alerts", "engineer"),
        Shot("08-overview", "Overview: what needs a look", "overview", "engineer"),
    ),
    "roll-back": (
        Shot("09-deployments", "Deployments: version 1 again", "deployments", "engineer", SERVED),
        Shot("09-monitoring", "Monitoring: after the roll-back", "monitoring", "engineer", SERVED, CHARTS),
    ),
    "audit": (
        Shot("10-audit", "Audit: who did what", "audit", "engineer"),
        Shot("10-settings", "Settings", "settings", "engineer"),
        Shot("10-team", "Team", "team", "engineer"),
    ),
}


def shots_of(outcome: Outcome) -> Sequence[Shot]:
    """The pictures that belong to a step."""
    return SHOTS.get(outcome.step.id, ())
