"""Where each screen has something to show in the tour's workspace: the params of a sensible picture of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_desktop.tour.steps import ENVIRONMENT, MODEL

CHARTS = 2.0  # seconds in which charts read and draw themselves
SETTLE = 0.3
SERVED: dict[str, Any] = {"model": MODEL, "environment": ENVIRONMENT}
PAIR: dict[str, Any] = {"left": f"{MODEL}@1", "right": f"{MODEL}@2"}

# Of a screen that is not named here nothing is known: it is opened without params.
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "model": {"model": MODEL},
    "version": {"model": MODEL, "version": 1, "tab": "overview"},
    "compare": PAIR,
    "deployments": {},
    "monitoring": {**SERVED, "tab": "live"},
}


def settle_of(key: str) -> float:
    """How long a screen may draw after everything was read."""
    return CHARTS if key in {"monitoring", "compare"} else SETTLE


def version(number: int, tab: str) -> dict[str, Any]:
    return {"model": MODEL, "version": number, "tab": tab}


def watched(tab: str) -> dict[str, Any]:
    return {**SERVED, "tab": tab}
