"""What is looked at: whose figures, and over which time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops_desktop.domain.deployments import Deployment

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
# Seconds and the words for them, as the person chooses among them.
WINDOWS = (
    (5 * MINUTE, "Last 5 minutes"),
    (15 * MINUTE, "Last 15 minutes"),
    (HOUR, "Last hour"),
    (6 * HOUR, "Last 6 hours"),
    (DAY, "Last 24 hours"),
    (7 * DAY, "Last 7 days"),
    (30 * DAY, "Last 30 days"),
    (90 * DAY, "Last 90 days"),
)
USUAL_WINDOW = 5 * MINUTE
STEPS = (1, 2, 5, 6, 10, 12, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Pair:
    """A model in an environment, with everything of it that ever ran there, newest first."""

    model: str
    environment: str
    deployments: tuple[Deployment, ...]

    @property
    def title(self) -> str:
        return f"{self.model} in {self.environment}"

    @property
    def current(self) -> Deployment | None:
        """The one that carries traffic."""
        return next((d for d in self.deployments if d.current), None)

    @property
    def serves(self) -> bool:
        return any(d.state.live for d in self.deployments)

    def alive_since(self, moment: float) -> tuple[Deployment, ...]:
        """Those that may have something to tell of the time after `moment`."""
        return tuple(d for d in self.deployments if d.stopped_at is None or d.stopped_at.timestamp() >= moment)


@dataclass(frozen=True, slots=True)
class Target:
    """One deployment, or all of a pair together."""

    pair: Pair
    deployment: str = ""

    @property
    def key(self) -> str | tuple[str, str]:
        """What the monitoring service takes."""
        return self.deployment or (self.pair.model, self.pair.environment)

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        if not self.deployment:
            return self.pair.deployments
        return tuple(d for d in self.pair.deployments if d.id == self.deployment)

    @property
    def serves(self) -> bool:
        return any(d.state.live for d in self.deployments)


def pairs_of(deployments: Sequence[Deployment]) -> list[Pair]:
    """What carries traffic comes first, then by name."""
    found: dict[tuple[str, str], list[Deployment]] = {}
    for deployment in deployments:
        found.setdefault((deployment.model, deployment.environment), []).append(deployment)
    pairs = [
        Pair(model, environment, tuple(sorted(ones, key=lambda d: d.created_at, reverse=True)))
        for (model, environment), ones in found.items()
    ]
    return sorted(pairs, key=lambda p: (p.current is None, not p.serves, p.model, p.environment))


def choose(
    pairs: Sequence[Pair], wanted: Mapping[str, Any], shown: Target | None, remembered: tuple[str, str]
) -> tuple[Target | None, str]:
    """What to look at, and a sentence when that is not what was wanted.

    What the navigator asked for, else what is shown, else what was chosen last, else what carries traffic.
    """
    problem = ""
    identifier, model, environment = (str(wanted.get(name) or "") for name in ("deployment", "model", "environment"))
    if identifier:
        for pair in pairs:
            found = next((d for d in pair.deployments if d.id.startswith(identifier)), None)
            if found is not None:
                # The one that carries traffic is seen together with what came before it.
                return Target(pair, "" if found.current else found.id), ""
        problem = f"There is no deployment “{identifier[:40]}”."
    if model:
        named = [p for p in pairs if p.model == model and environment in ("", p.environment)]
        if named:
            return Target(named[0]), problem
        problem = problem or f"“{model[:80]}” was never deployed{f' in {environment[:80]}' if environment else ''}."
    if not pairs:
        return None, problem
    last = (shown.pair.model, shown.pair.environment) if shown is not None else remembered
    pair = next((p for p in pairs if (p.model, p.environment) == last), pairs[0])
    kept = shown.deployment if shown is not None else ""
    return Target(pair, kept if any(d.id == kept for d in pair.deployments) else ""), problem


def step_of(span: float, finest: float, most: int) -> float:
    """A round number of seconds, no finer than `finest`, of which at most `most` make up `span`."""
    wanted = max(finest, span / most)
    if wanted <= finest:
        return finest
    return float(next((s for s in STEPS if s >= wanted), math.ceil(wanted / DAY) * DAY))


def clock(moment: float, now: float) -> str:
    """“10:42” of today, with the day when it was another one."""
    then, today = datetime.fromtimestamp(moment).astimezone(), datetime.fromtimestamp(now).astimezone()
    return f"{then:%H:%M:%S}" if then.date() == today.date() else f"{then:%d %b, %H:%M}"


def span_words(start: float, end: float) -> str:
    """“23 Nov, 12:41:05 to 12:46:05”."""
    first, last = datetime.fromtimestamp(start).astimezone(), datetime.fromtimestamp(end).astimezone()
    if first.date() == last.date():
        return f"{first:%d %b, %H:%M:%S} to {last:%H:%M:%S}"
    return f"{first:%d %b, %H:%M} to {last:%d %b, %H:%M}"
