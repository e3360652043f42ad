"""Which screens show best what a step of the tour did, in the eyes of the person who did it.

The last step also gets every screen of the catalogue that no other step shows, so a new screen comes in by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops_desktop.ui.screens.catalogue import SCREENS
from mlops_desktop.ui.tour.places import PAIR, PARAMS, settle_of, version, watched
from mlops_desktop.ui.tour.studio import Shot

if TYPE_CHECKING:
    from mlops_desktop.tour.scenario import Outcome

LAST = "audit"


def _shot(file: str, title: str, key: str, person: str = "", params: dict[str, Any] | None = None) -> Shot:
    return Shot(file, title, key, person, dict(PARAMS.get(key, {})) if params is None else params, settle_of(key))


_SHOTS: dict[str, tuple[Shot, ...]] = {
    "workspace": (
        _shot("01-first-run", "The first start", "first-run"),
        _shot("01-sign-in", "Signing in", "sign-in"),
        _shot("01-team", "Team: three people and what each may do", "team", "engineer"),
        _shot("01-overview", "Overview of a workspace without models", "overview", "engineer"),
    ),
    "train": (
        _shot("02-models", "Models: one model, two versions", "models", "scientist"),
        _shot("02-model", "The model and its versions", "model", "scientist"),
        _shot("02-version", "Version 1", "version", "scientist"),
        _shot("02-schema", "Version 1: what it takes and gives", "version", "scientist", version(1, "schema")),
        _shot("02-lineage", "Version 1: where it comes from", "version", "scientist", version(1, "lineage")),
        _shot("02-files", "Version 1: its files", "version", "scientist", version(1, "files")),
        _shot("02-compare", "Both versions side by side", "compare", "scientist", PAIR),
    ),
    "check": (_shot("03-checks", "Checks of version 1", "version", "scientist", version(1, "checks")),),
    "promote": (
        _shot("04-inbox", "The reviewer's inbox", "inbox", "reviewer", {"promotion": 1}),
        _shot("04-reviews", "Reviews of version 1", "version", "reviewer", version(1, "reviews")),
    ),
    "deploy": (
        _shot("05-deployments", "Deployments: version 1 serves", "deployments", "engineer"),
        _shot("05-overview", "Overview: what serves", "overview", "engineer"),
    ),
    "traffic": (_shot("06-monitoring", "Monitoring: flights arrive", "monitoring", "engineer"),),
    "release": (
        _shot("07-deployments", "Deployments: version 2 has the traffic", "deployments", "engineer"),
        _shot("07-inbox", "Both requests", "inbox", "reviewer", {"promotion": 2}),
    ),
    "watch": (
        _shot("08-monitoring", "Monitoring: requests and latency", "monitoring", "engineer"),
        _shot("08-drift", "Monitoring: the seasons drift", "monitoring", "engineer", watched("drift")),
        _shot("08-performance", "Monitoring: what that costs", "monitoring", "engineer", watched("performance")),
        _shot("08-alerts", "Alerts", "alerts", "engineer"),
        _shot("08-overview", "Overview: what needs a look", "overview", "engineer"),
    ),
    "roll-back": (
        _shot("09-deployments", "Deployments: version 1 again", "deployments", "engineer"),
        _shot("09-monitoring", "Monitoring: after the roll-back", "monitoring", "engineer"),
    ),
    LAST: (_shot("10-audit", "Audit: who did what", "audit", "engineer"),),
}


def _others() -> tuple[Shot, ...]:
    """Screens of the catalogue that no step names."""
    named = {shot.key for shots in _SHOTS.values() for shot in shots}
    return tuple(_shot(f"10-{s.key}", s.title, s.key, "engineer") for s in SCREENS if s.key not in named)


SHOTS: dict[str, tuple[Shot, ...]] = {**_SHOTS, LAST: (*_SHOTS[LAST], *_others())}


def shots_of(outcome: Outcome) -> Sequence[Shot]:
    """The pictures that belong to a step."""
    return SHOTS.get(outcome.step.id, ())
