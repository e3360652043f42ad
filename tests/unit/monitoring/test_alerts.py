"""Rules, the alerts they open, and who looks after them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.alerts import AlertRule, AlertState, Comparator, Severity
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from mlops_desktop.domain.events import AlertAcknowledged, AlertOpened, AlertResolved, RuleChanged

SESSION = Session("grace", "token")


def rule(world, figure):
    return next(r for r in world.alerts.rules("delay") if r.figure == figure)


def only(world, **values):
    """Leave only one rule switched on, changed as said."""
    figure = values.pop("figure")
    for one in world.alerts.rules("delay"):
        world.alerts.set_rule(SESSION, replace(one, enabled=one.figure == figure))
    return world.alerts.set_rule(SESSION, replace(rule(world, figure), enabled=True, **values))


def figures(alerts):
    return [a.figure for a in alerts]


def test_the_first_deployment_gets_default_rules_once(world):
    world.deploy()
    world.second()
    world.second()
    world.open()
    world.second()
    rules = world.alerts.rules("delay")
    assert {r.figure for r in rules} == {
        "error_rate",
        "p95_ms",
        "memory_percent",
        "drifted_features",
        "prediction_drift",
        "performance_loss",
    }
    assert len(rules) == 6
    assert [e.change for e in world.told(RuleChanged)] == ["made 6 default rules"]


def test_errors_open_one_alert_and_their_end_resolves_it(world):
    program = world.deploy()
    for _ in range(8):
        program.serve(1, errors=1)
        world.second()
    assert world.alerts.alerts() == []  # not yet for ten seconds
    for _ in range(20):
        program.serve(1, errors=1)
        world.second()
    (alert,) = world.alerts.alerts()
    assert alert.sentence == "The error rate of delay@1 in production is 50 %, above the limit 5 % for 10 s."
    assert (alert.state, alert.severity) == (AlertState.FIRING, Severity.WARNING)
    assert world.alerts.open_count() == 1
    for _ in range(40):
        program.serve(1)
        world.second()
    (alert,) = world.alerts.alerts()
    assert alert.state is AlertState.RESOLVED
    assert alert.resolved_at is not None
    assert world.alerts.open_count() == 0
    assert len(world.told(AlertOpened)) == len(world.told(AlertResolved)) == 1


def test_no_data_neither_opens_nor_resolves(world, caplog):
    program = world.deploy()
    for _ in range(25):
        program.serve(1, errors=1)
        world.second()
    assert world.alerts.open_count() == 1
    program.answers = False
    for _ in range(200):
        world.second()
    assert world.alerts.open_count() == 1  # nobody knows that it got better
    assert figures(world.alerts.alerts()) == ["error_rate"]


def test_a_break_in_the_data_starts_the_clock_again(world):
    world.deploy()
    world.second()
    only(world, figure="error_rate", for_seconds=10.0)
    deployment = world.delivery.deployment("d1")
    for second, value in enumerate([50.0] * 8 + [None] + [50.0] * 8):
        world.alerts.evaluate([deployment], {"d1": {"error_rate": value}}, world.now + second)
    assert world.alerts.alerts() == []
    world.alerts.evaluate([deployment], {"d1": {"error_rate": 50.0}}, world.now + 19)
    assert len(world.alerts.alerts()) == 1
    world.alerts.evaluate([deployment], {"d1": {"error_rate": 50.0}}, world.now - 5000)  # the clock was set back
    assert len(world.alerts.alerts()) == 1


def test_an_alert_survives_a_restart_without_a_second_one(world):
    program = world.deploy()
    for _ in range(25):
        program.serve(1, errors=1)
        world.second()
    world.open()
    for _ in range(25):
        program.serve(1, errors=1)
        world.second()
    assert len(world.alerts.alerts()) == 1


def test_two_processes_open_one_alert(world):
    from mlops_desktop.services.alerts import AlertsService

    world.deploy()
    world.second()
    only(world, figure="error_rate", for_seconds=0.0)
    other = AlertsService(world.parts, world.alerts._accounts)
    deployment = world.delivery.deployment("d1")
    for alerts in (world.alerts, other, world.alerts):
        alerts.evaluate([deployment], {"d1": {"error_rate": 50.0}}, world.now)
    assert len(world.alerts.alerts()) == 1


def test_drift_of_features_names_them(world):
    program = world.deploy()
    for _ in range(45):
        program.serve(40, shift=5.0)
        world.second()
    alerts = {a.figure: a for a in world.alerts.alerts()}
    assert set(alerts) == {"drifted_features"}
    assert alerts["drifted_features"].sentence == "1 feature of delay@1 in production drifted: temperature."


def test_a_realised_loss_is_critical(world):
    program = world.deploy()
    truth = {}
    for _ in range(12):
        truth |= program.serve(100, right=0.6)
        world.second()
    assert "performance_loss" not in figures(world.alerts.alerts())  # no labels yet: unknown
    world.monitoring.send_labels(SESSION, "delay", truth.items())
    world.second()
    alert = next(a for a in world.alerts.alerts() if a.figure == "performance_loss")
    assert alert.severity is Severity.CRITICAL
    assert "delay@1 in production performs 0." in alert.sentence
    assert "worse than its reference (limit 0.03)" in alert.sentence


def test_performance_as_good_as_the_reference_is_no_loss(world):
    program = world.deploy()
    truth = {}
    for _ in range(12):
        truth |= program.serve(100, right=0.95)
        world.second()
    world.monitoring.send_labels(SESSION, "delay", truth.items())
    world.second()
    assert world.monitoring.figures(world.delivery.deployment("d1"))["performance_loss"] == 0.0
    assert world.alerts.alerts() == []


def test_what_carries_no_traffic_any_more_is_resolved(world):
    program = world.deploy()
    for _ in range(25):
        program.serve(1, errors=1)
        world.second()
    assert world.alerts.open_count() == 1
    world.set_weight("d1", 0)  # rolled back
    world.second()
    assert [a.state for a in world.alerts.alerts()] == [AlertState.RESOLVED]


def test_acknowledging(world):
    program = world.deploy()
    for _ in range(25):
        program.serve(1, errors=1)
        world.second()
    (alert,) = world.alerts.alerts()
    with pytest.raises(NotAllowed):
        world.alerts.acknowledge(Session("vera", "t"), alert.id)
    done = world.alerts.acknowledge(SESSION, alert.id, " looking into it ")
    assert (done.state, done.acknowledged_by, done.comment) == (AlertState.ACKNOWLEDGED, "grace", "looking into it")
    assert world.told(AlertAcknowledged)[0].comment == "looking into it"
    assert world.alerts.open_count() == 0
    with pytest.raises(Conflict, match="acknowledged by grace"):
        world.alerts.acknowledge(SESSION, alert.id)
    with pytest.raises(NotFound):
        world.alerts.acknowledge(SESSION, 999)
    with pytest.raises(InvalidInput):
        world.alerts.acknowledge(SESSION, alert.id, "a\u202eb")
    for _ in range(40):
        program.serve(1)
        world.second()
    (alert,) = world.alerts.alerts()
    assert (alert.state, alert.comment) == (AlertState.RESOLVED, "looking into it")
    with pytest.raises(Conflict, match="resolved already"):
        world.alerts.acknowledge(SESSION, alert.id)
    assert world.alerts.alerts(AlertState.FIRING) == []


def test_rules_are_checked_and_switching_one_off_resolves(world):
    program = world.deploy()
    for _ in range(25):
        program.serve(1, errors=1)
        world.second()
    errors = rule(world, "error_rate")
    new = AlertRule(0, "delay", "production", "request_rate", Comparator.BELOW, 0.5, 5.0, Severity.INFO)
    saved = world.alerts.set_rule(SESSION, new)
    assert saved.id > 0
    for wrong in (
        replace(new, figure="beauty"),
        replace(new, threshold=float("nan")),
        replace(new, for_seconds=-1.0),
        replace(new, for_seconds=float("nan")),
        replace(new, model="../x"),
    ):
        with pytest.raises(InvalidInput):
            world.alerts.set_rule(SESSION, wrong)
    with pytest.raises(NotFound):
        world.alerts.set_rule(SESSION, replace(new, id=999))
    with pytest.raises(Conflict):
        world.alerts.set_rule(SESSION, replace(saved, model="other"))
    with pytest.raises(NotAllowed):
        world.alerts.set_rule(Session("vera", "t"), new)
    world.alerts.set_rule(SESSION, replace(errors, enabled=False))
    for _ in range(20):
        world.second()
    states = {a.figure: a.state for a in world.alerts.alerts()}
    assert states == {"error_rate": AlertState.RESOLVED, "request_rate": AlertState.FIRING}
