"""Rules on figures, what is known of the figures, and the alerts that rules open.

An alert needs a breach that lasts and ends only well inside the limit: a figure that wavers around its limit must
neither wake nor calm anybody again and again. What is not known is "unknown", never "ok".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

CLEAR_SHARE = 0.8  # an alert ends when the figure is below this share of the limit ...
CLEAR_TIMES = 3  # ... for so many times as long as it took to open, or for so many periods
PERIODS, BREACHES = 3, 2  # figures that come by periods: so many of the last periods must breach


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class RuleState(StrEnum):
    """What a rule says of one deployment at present."""

    OK = "ok"
    PENDING = "pending"  # breached, but not yet for long enough
    FIRING = "firing"
    UNKNOWN = "unknown"  # it can't be evaluated


class Comparator(StrEnum):
    ABOVE = "above"
    BELOW = "below"


# name -> (what it is, unit)
FIGURES = {
    "error_rate": ("share of requests answered with an error", "%"),
    "p95_ms": ("95 % of answers are faster than", "ms"),
    "request_rate": ("requests a second", "1/s"),
    "cpu_percent": ("processor use of one core", "%"),
    "memory_percent": ("share of the memory limit in use", "%"),
    "drifted_features": ("features that drifted", ""),
    "prediction_drift": ("predictions drifted (1) or not (0)", ""),
    "performance_loss": ("realised performance below the reference", ""),
    "no_data": ("time without any figures", "s"),
    "no_requests": ("time without a request", "s"),
}
TITLES = {
    "error_rate": "Error rate",
    "p95_ms": "95 % latency",
    "request_rate": "Request rate",
    "cpu_percent": "CPU",
    "memory_percent": "Memory",
    "drifted_features": "Drifted features",
    "prediction_drift": "Prediction drift",
    "performance_loss": "Performance loss",
    "no_data": "No data",
    "no_requests": "No requests",
}
BY_PERIODS = frozenset({"performance_loss"})  # judged by whole periods, whatever `for_seconds` says


def number_of(value: float, figure: str) -> str:
    """A figure's value with its unit, as people read it."""
    unit = FIGURES[figure][1]
    if unit == "s" and value >= 120:
        return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"
    number = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{number} {unit}" if unit else number


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Fires when `figure` stayed beyond `threshold` for `for_seconds`.

    It clears when the figure was inside of `clear_limit` for `clear_seconds`. Figures of BY_PERIODS fire when BREACHES
    of the last PERIODS periods breach and clear when PERIODS are inside.
    """

    id: int
    model: str
    environment: str
    figure: str
    comparator: Comparator
    threshold: float
    for_seconds: float
    severity: Severity
    enabled: bool = True

    def breached(self, value: float) -> bool:
        return value > self.threshold if self.comparator is Comparator.ABOVE else value < self.threshold

    @property
    def clear_limit(self) -> float:
        margin = (1 - CLEAR_SHARE) * abs(self.threshold)
        return self.threshold - margin if self.comparator is Comparator.ABOVE else self.threshold + margin

    @property
    def clear_seconds(self) -> float:
        return CLEAR_TIMES * self.for_seconds

    def cleared(self, value: float) -> bool:
        return value <= self.clear_limit if self.comparator is Comparator.ABOVE else value >= self.clear_limit


@dataclass(frozen=True, slots=True)
class Period:
    """A figure over one closed period; `allowance` is what chance alone makes of so few rows."""

    start: float
    end: float
    value: float
    allowance: float = 0.0

    def strength(self, threshold: float) -> float:
        """The value as a share of its limit, which is the threshold or what chance makes, whichever is larger."""
        return self.value / max(threshold, self.allowance, 1e-12)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a figure now. `words` go into an alert's sentence, or say why `value` is not known."""

    value: float | None
    words: str = ""
    periods: tuple[Period, ...] = ()  # of BY_PERIODS: the newest that are known, oldest first

    @property
    def known(self) -> bool:
        return self.value is not None and not math.isnan(self.value)


@dataclass(frozen=True, slots=True)
class Held:
    """What a rule remembers of one deployment: its state, since when, and when the value crossed the limits."""

    state: RuleState
    since: float
    breached_at: float | None = None
    inside_at: float | None = None


def held_next(rule: AlertRule, before: Held | None, reading: Reading, now: float, *, firing: bool) -> Held:
    """The rule's state after one more look; `firing` says whether its alert is open.

    A look that finds no value starts both clocks again and leaves an open alert open: its state is UNKNOWN.
    """
    if not reading.known or reading.value is None:
        return _held(RuleState.UNKNOWN, before, now)
    if rule.figure in BY_PERIODS:
        return _held(_by_periods(rule, reading, firing), before, now)
    value = reading.value
    breached_at = inside_at = None
    if rule.breached(value):
        breached_at = _earlier(before.breached_at if before else None, now)
    elif rule.cleared(value):
        inside_at = _earlier(before.inside_at if before else None, now)
    if firing:
        cleared = inside_at is not None and now - inside_at >= rule.clear_seconds
        state = RuleState.OK if cleared else RuleState.FIRING
    elif breached_at is None:
        state = RuleState.OK
    else:
        state = RuleState.FIRING if now - breached_at >= rule.for_seconds else RuleState.PENDING
    return replace(_held(state, before, now), breached_at=breached_at, inside_at=inside_at)


def _by_periods(rule: AlertRule, reading: Reading, firing: bool) -> RuleState:
    strengths = [period.strength(rule.threshold) for period in reading.periods[-PERIODS:]]
    if firing:
        cleared = len(strengths) == PERIODS and all(s < CLEAR_SHARE for s in strengths)
        return RuleState.OK if cleared else RuleState.FIRING
    if sum(s > 1 for s in strengths) >= BREACHES:
        return RuleState.FIRING
    return RuleState.PENDING if strengths and strengths[-1] > 1 else RuleState.OK


def _earlier(known: float | None, now: float) -> float:
    return now if known is None or known > now else known  # later than now: the computer's clock was set back


def _held(state: RuleState, before: Held | None, now: float) -> Held:
    same = before is not None and before.state is state and before.since <= now
    return Held(state, before.since if same and before else now)


def would_fire(
    rule: AlertRule, times: Sequence[float], values: Sequence[float], allowances: Sequence[float] = ()
) -> list[tuple[float, float | None]]:
    """When the rule would have opened and resolved an alert on past values (NaN: not known); None is still open.

    `allowances` belong to figures of BY_PERIODS: what chance alone makes of each value.
    """
    found: list[tuple[float, float | None]] = []
    held: Held | None = None
    past: list[Period] = []
    for number, (at, value) in enumerate(zip(times, values, strict=True)):
        if not math.isnan(value):
            past = [*past, Period(at, at, value, allowances[number] if allowances else 0.0)][-PERIODS:]
        firing = bool(found) and found[-1][1] is None
        held = held_next(rule, held, Reading(value, "", tuple(past)), at, firing=firing)
        if held.state is RuleState.FIRING and not firing:
            found.append((at, None))
        elif held.state is RuleState.OK and firing:
            found[-1] = (found[-1][0], at)
    return found


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have done in the past of one deployment: how the figure went, and when it would have fired."""

    deployment: str
    version: int
    start: float
    end: float
    times: tuple[float, ...]
    values: tuple[float, ...]
    firings: tuple[tuple[float, float | None], ...]  # opened, resolved


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule last said of one deployment that carries traffic; `note` says why it is unknown, or adds words."""

    rule: int
    deployment: str
    version: int
    state: RuleState
    value: float | None
    since: float  # epoch seconds
    at: float  # when it was last evaluated
    note: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Snoozed until a moment it is open, but nobody is reminded of it."""

    id: int
    rule: int
    model: str
    environment: str
    version: int | None
    deployment: str | None
    figure: str
    severity: Severity
    state: AlertState
    sentence: str
    value: float
    opened_at: datetime
    acknowledged_by: str = ""
    comment: str = ""
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str = ""

    @property
    def open(self) -> bool:
        return self.state is not AlertState.RESOLVED

    def snoozed(self, now: datetime) -> bool:
        return self.open and self.snoozed_until is not None and self.snoozed_until > now

    def calls(self, now: datetime) -> bool:
        """Whether somebody is wanted: it fires, nobody looks after it, and nobody put it off."""
        return self.state is AlertState.FIRING and not self.snoozed(now)
