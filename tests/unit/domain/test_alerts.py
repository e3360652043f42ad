"""A rule's memory: what fires lasts, what clears is well inside, and what is not known is unknown."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mlops_desktop.domain.alerts import (
    Alert,
    AlertRule,
    AlertState,
    Comparator,
    Period,
    Reading,
    RuleState,
    Severity,
    held_next,
    would_fire,
)

RULE = AlertRule(1, "delay", "production", "error_rate", Comparator.ABOVE, 5.0, 10.0, Severity.WARNING)
LOSS = replace(RULE, figure="performance_loss", threshold=0.03, for_seconds=0.0)


def walk(rule, values, step=1.0):
    """The state after each value; the alert is opened and resolved as the service does."""
    held, firing, states = None, False, []
    for number, value in enumerate(values):
        held = held_next(rule, held, Reading(value), number * step, firing=firing)
        firing = held.state is RuleState.FIRING or (firing and held.state is not RuleState.OK)
        states.append(held.state)
    return states


def test_a_breach_is_pending_until_it_lasted():
    states = walk(RULE, [1.0] + [9.0] * 11)
    assert states == [RuleState.OK] + [RuleState.PENDING] * 10 + [RuleState.FIRING]


def test_a_breach_that_ends_in_time_was_nothing():
    assert RuleState.FIRING not in walk(RULE, ([9.0] * 9 + [1.0]) * 5)


def test_an_alert_ends_after_three_times_as_long_well_inside():
    firing = [9.0] * 11
    assert walk(RULE, firing + [1.0] * 30)[-1] is RuleState.FIRING
    assert walk(RULE, firing + [1.0] * 31)[-1] is RuleState.OK
    assert walk(RULE, firing + [4.5] * 100)[-1] is RuleState.FIRING  # below the limit, but not by the margin
    assert walk(RULE, firing + ([1.0] * 20 + [4.5]) * 10)[-1] is RuleState.FIRING


def test_a_value_that_wavers_around_the_limit_opens_one_alert():
    values = [5.0 + 0.9 * math.sin(i / 7) for i in range(2000)]
    states = walk(RULE, values)
    opened = sum(b is RuleState.FIRING and a is RuleState.PENDING for a, b in pairwise(states))
    assert opened == 1
    assert RuleState.OK not in states[states.index(RuleState.FIRING) :]


def test_what_is_not_known_starts_both_clocks_again():
    assert walk(RULE, [9.0] * 8 + [None] + [9.0] * 8)[-1] is RuleState.PENDING
    states = walk(RULE, [9.0] * 11 + [1.0] * 20 + [None] + [1.0] * 20)
    assert states[-21] is RuleState.UNKNOWN
    assert states[-1] is RuleState.FIRING
    assert walk(RULE, [math.nan]) == [RuleState.UNKNOWN]


def test_limits_below_and_limits_of_nothing():
    below = replace(RULE, figure="request_rate", comparator=Comparator.BELOW, threshold=1.0, for_seconds=0.0)
    assert walk(below, [0.5, 1.1, 1.3]) == [RuleState.FIRING, RuleState.FIRING, RuleState.OK]
    drift = replace(RULE, figure="drifted_features", threshold=0.0, for_seconds=0.0)
    assert walk(drift, [0.0, 2.0, 1.0, 0.0]) == [RuleState.OK, RuleState.FIRING, RuleState.FIRING, RuleState.OK]
    negative = replace(drift, figure="cpu_percent", threshold=-10.0)
    assert negative.clear_limit == -12.0


def test_a_clock_that_was_set_back_begins_anew():
    held = held_next(RULE, None, Reading(9.0), 1000.0, firing=False)
    held = held_next(RULE, held, Reading(9.0), 5.0, firing=False)
    assert (held.state, held.since, held.breached_at) == (RuleState.PENDING, 5.0, 5.0)


def periods(*values, allowance=0.01):
    return tuple(Period(i * 6.0, i * 6.0 + 6, v, allowance) for i, v in enumerate(values))


@pytest.mark.parametrize(
    ("losses", "firing", "state"),
    [
        ((0.05,), False, RuleState.PENDING),  # one period may be chance
        ((0.05, 0.01, 0.01), False, RuleState.OK),
        ((0.05, 0.01, 0.05), False, RuleState.FIRING),
        ((0.01, 0.05, 0.05), False, RuleState.FIRING),
        ((0.05, 0.05, 0.01), False, RuleState.FIRING),
        ((0.05, 0.01, 0.01), True, RuleState.FIRING),  # clears after three only
        ((0.01, 0.01, 0.026), True, RuleState.FIRING),  # 0.026 is above 0.8 of the limit
        ((0.01, 0.01), True, RuleState.FIRING),
        ((0.01, 0.02, -0.1), True, RuleState.OK),
    ],
)
def test_figures_by_periods_need_two_of_three_and_clear_after_three(losses, firing, state):
    reading = Reading(losses[-1], "", periods(*losses))
    assert held_next(LOSS, None, reading, 100.0, firing=firing).state is state


def test_few_rows_allow_more():
    loud = periods(0.08, 0.08, 0.08, allowance=0.09)
    assert held_next(LOSS, None, Reading(0.08, "", loud), 0.0, firing=False).state is RuleState.OK
    sure = periods(0.08, 0.08, 0.08, allowance=0.02)
    assert held_next(LOSS, None, Reading(0.08, "", sure), 0.0, firing=False).state is RuleState.FIRING


def test_a_rule_is_tried_on_the_past():
    values = [1.0] * 20 + [9.0] * 30 + [1.0] * 60 + [math.nan] * 5 + [9.0] * 15
    times = [100.0 + i for i in range(len(values))]
    assert would_fire(RULE, times, values) == [(130.0, 180.0), (225.0, None)]
    assert would_fire(replace(RULE, threshold=20.0), times, values) == []
    losses = [0.01, 0.05, 0.05, 0.01, 0.01, 0.01, 0.05]
    assert would_fire(LOSS, [6.0 * i for i in range(7)], losses) == [(12.0, 30.0)]
    assert would_fire(RULE, [], []) == []


def test_who_is_called():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    alert = Alert(1, 1, "delay", "production", 1, "d1", "error_rate", Severity.WARNING, AlertState.FIRING, "", 9.0, now)
    assert alert.open
    assert alert.calls(now)
    assert not replace(alert, snoozed_until=now + timedelta(minutes=1)).calls(now)
    assert replace(alert, snoozed_until=now - timedelta(minutes=1)).calls(now)
    assert not replace(alert, state=AlertState.ACKNOWLEDGED).calls(now)
    assert not replace(alert, state=AlertState.RESOLVED, snoozed_until=now + timedelta(days=1)).snoozed(now)
