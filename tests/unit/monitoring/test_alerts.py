"""Rules, the alerts they open, and who looks after them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.alerts import AlertRule, AlertState, Comparator, Reading, RuleState, Severity, would_fire
from mlops_desktop.domain.deployments import DeploymentState
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from mlops_desktop.domain.events import (
    AlertAcknowledged,
    AlertOpened,
    AlertResolved,
    AlertWoken,
    ConditionsChanged,
    RuleChanged,
)
from mlops_desktop.store.deployments import update_deployment

SESSION = Session("grace", "token")


def rule(world, figure):
    return next(r for r in world.alerts.rules("delay") if r.figure == figure)


def only(world, **values):
    """Leave only one rule switched on, changed as said."""
    figure = values.pop("figure")
    for one in world.alerts.rules("delay"):
        world.alerts.set_rule(SESSION, replace(one, enabled=one.figure == figure))
    return world.alerts.set_rule(SESSION, replace(rule(world, figure), enabled=True, **values))


def known(value):
    return {"d1": {"error_rate": Reading(value)}}


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
        "no_data",
        "no_requests",
    }
    assert len(rules) == 8
    assert [e.change for e in world.told(RuleChanged)] == ["made 8 default rules"]
    assert world.alerts.suggested("delay", "production") == []
    assert len(world.alerts.suggested("delay", "staging")) == 8


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
    for _ in range(30):
        program.serve(1)
        world.second()
    assert world.alerts.open_count() == 1  # it takes three times as long to clear as to fire
    for _ in range(20):
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
    # Nobody knows that it got better; that nothing is known is an alert of its own.
    assert figures(world.alerts.alerts()) == ["no_data", "error_rate"]
    assert all(a.state is AlertState.FIRING for a in world.alerts.alerts())


def test_a_break_in_the_data_starts_the_clock_again(world):
    world.deploy()
    world.second()
    only(world, figure="error_rate", for_seconds=10.0)
    deployment = world.delivery.deployment("d1")
    for second, value in enumerate([50.0] * 8 + [None] + [50.0] * 8):
        world.alerts.evaluate([deployment], known(value), world.now + second)
    assert world.alerts.alerts() == []
    world.alerts.evaluate([deployment], known(50.0), world.now + 19)
    assert len(world.alerts.alerts()) == 1
    world.alerts.evaluate([deployment], known(50.0), world.now - 5000)  # the clock was set back
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
        alerts.evaluate([deployment], known(50.0), world.now)
    assert len(world.alerts.alerts()) == 1


def test_drift_of_features_names_them(world):
    program = world.deploy()
    for _ in range(45):
        program.serve(40, shift=5.0)
        world.second()
    alerts = {a.figure: a for a in world.alerts.alerts()}
    assert set(alerts) == {"drifted_features"}
    assert alerts["drifted_features"].sentence == "1 feature of delay@1 in production drifted: temperature."


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
    for _ in range(60):
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


def test_a_snooze_silences_its_alert_and_the_next_of_its_rule(world):
    world.deploy()
    world.second()
    only(world, figure="error_rate", for_seconds=0.0)
    deployment = world.delivery.deployment("d1")
    world.alerts.evaluate([deployment], known(50.0), world.now)
    (alert,) = world.alerts.alerts()
    until = world.clock() + timedelta(minutes=30)
    with pytest.raises(NotAllowed):
        world.alerts.snooze(Session("vera", "t"), alert.id, until)
    for wrong in (world.clock(), world.clock() + timedelta(days=8), until.replace(tzinfo=None)):
        with pytest.raises(InvalidInput):
            world.alerts.snooze(SESSION, alert.id, wrong)
    put_off = world.alerts.snooze(SESSION, alert.id, until, "known, being mended")
    assert (put_off.state, put_off.snoozed_by, put_off.snoozed_until) == (AlertState.FIRING, "grace", until)
    assert world.alerts.open_count() == 0
    # It ends and comes back within the half hour: still nobody is called.
    world.now += 60
    world.alerts.evaluate([deployment], known(0.0), world.now)
    world.alerts.evaluate([deployment], known(50.0), world.now)
    again = world.alerts.alerts()[0]
    assert again.id != alert.id
    assert (again.snoozed_until, again.snoozed_by) == (until, "grace")
    assert world.alerts.open_count() == 0
    world.now += 1800
    assert world.alerts.open_count() == 1
    world.alerts.evaluate([deployment], known(50.0), world.now)
    assert [e.alert for e in world.told(AlertWoken)] == [again.id]
    kinds = [event.event for event in world.alerts.timeline(again.id)]
    assert kinds == ["AlertOpened", "AlertWoken"]
    kinds = [event.event for event in world.alerts.timeline(alert.id)]
    assert kinds == ["AlertOpened", "AlertSnoozed", "AlertResolved"]


def test_waking_before_its_time(world):
    world.deploy()
    world.second()
    only(world, figure="error_rate", for_seconds=0.0)
    world.alerts.evaluate([world.delivery.deployment("d1")], known(50.0), world.now)
    (alert,) = world.alerts.alerts()
    with pytest.raises(Conflict, match="not put off"):
        world.alerts.wake(SESSION, alert.id)
    world.alerts.snooze(SESSION, alert.id, world.clock() + timedelta(hours=4))
    assert not world.alerts.wake(SESSION, alert.id).snoozed(world.clock())
    assert world.alerts.open_count() == 1
    with pytest.raises(NotFound):
        world.alerts.wake(SESSION, 99)
    with pytest.raises(NotFound):
        world.alerts.snooze(SESSION, 99, world.clock() + timedelta(hours=1))


def test_conditions_say_what_each_rule_says(world):
    program = world.deploy()
    world.second()
    assert {c.state for c in world.alerts.conditions()} == {RuleState.OK, RuleState.UNKNOWN}
    states = {rule(world, f).id: f for f in ("error_rate", "drifted_features", "no_data", "no_requests")}
    said = {states[c.rule]: c for c in world.alerts.conditions() if c.rule in states}
    assert {figure: c.state for figure, c in said.items()} == {
        "error_rate": RuleState.UNKNOWN,  # nobody asked anything yet: not known is not fine
        "drifted_features": RuleState.UNKNOWN,
        "no_data": RuleState.OK,
        "no_requests": RuleState.UNKNOWN,
    }
    assert said["no_requests"].note == "no request has come yet"
    for _ in range(6):
        program.serve(1, errors=1)
        world.second()
    condition = next(c for c in world.alerts.conditions() if states.get(c.rule) == "error_rate")
    assert (condition.state, condition.value) == (RuleState.PENDING, 50.0)
    assert any(isinstance(p.event, ConditionsChanged) for p in world.heard)
    world.set_weight("d1", 0)
    world.second()
    assert world.alerts.conditions() == []


def test_f06_a_deployment_that_does_not_answer_has_an_alert_of_its_own(world, caplog):
    program = world.deploy()
    for _ in range(20):
        program.serve(3)
        world.second()
    program.answers = False
    for _ in range(39):
        world.second()
    assert world.alerts.alerts() == []
    for _ in range(10):
        world.second()
    (alert,) = world.alerts.alerts()
    assert (alert.figure, alert.severity) == ("no_data", Severity.CRITICAL)
    assert alert.sentence.startswith("No data from delay@1 in production for 4")
    assert alert.sentence.endswith("the deployment does not answer the collector.")
    states = {c.state for c in world.alerts.conditions() if c.rule != rule(world, "no_data").id}
    assert RuleState.OK not in states - {_memory(world)}  # never fine
    program.answers = True
    for _ in range(60):
        program.serve(3)
        world.second()
    assert [a.state for a in world.alerts.alerts()] == [AlertState.RESOLVED]


def _memory(world):
    """The engine still tells of the memory of a program that doesn't answer."""
    memory = rule(world, "memory_percent").id
    return next(c.state for c in world.alerts.conditions() if c.rule == memory)


def test_f06_traffic_that_ends_has_an_alert_of_its_own(world):
    program = world.deploy()
    world.second()
    only(world, figure="no_requests", threshold=60.0)
    for _ in range(5):
        program.serve(3)
        world.second()
    for _ in range(59):
        world.second()
    assert world.alerts.alerts() == []
    for _ in range(3):
        world.second()
    (alert,) = world.alerts.alerts()
    assert alert.sentence == "No request has reached delay@1 in production for 61 s; there were some before."
    program.serve(3)
    world.second()
    world.second()
    assert [a.state for a in world.alerts.alerts()] == [AlertState.RESOLVED]


def test_f06_a_dead_collector_is_noticed(world):
    program = world.deploy()
    for _ in range(10):
        program.serve(3)
        world.second()
    for _ in range(20):
        world.now += 5
        world.alerts.watch_collector()
    (alert,) = world.alerts.alerts()
    assert alert.figure == "no_data"
    assert alert.sentence.endswith("the collector has stopped.")
    assert {c.state for c in world.alerts.conditions()} == {RuleState.UNKNOWN}
    assert "nobody collects" in world.alerts.conditions()[0].note
    for _ in range(40):
        program.serve(3)
        world.second()
        world.alerts.watch_collector()
    assert [a.state for a in world.alerts.alerts()] == [AlertState.RESOLVED]
    assert RuleState.OK in {c.state for c in world.alerts.conditions()}


def test_f06_time_in_which_nobody_watched_is_no_alert(world):
    program = world.deploy()
    for _ in range(10):
        program.serve(3)
        world.second()
    world.alerts.watch_collector()
    world.now += 14 * 3600  # the computer slept, or the app was closed
    world.alerts.watch_collector()
    world.now += 5
    world.alerts.watch_collector()
    assert world.alerts.alerts() == []
    program.serve(3)
    world.second()
    assert world.alerts.alerts() == []


def test_a22_a_deployment_that_failed_is_told_once_until_another_takes_over(world):
    program = world.deploy()
    for _ in range(5):
        program.serve(3)
        world.second()
    with world.database.write() as tx:
        update_deployment(
            tx,
            "d1",
            state=DeploymentState.FAILED,
            weight=0,
            message="killed: out of memory",
            stopped_at=world.clock(),
            ready_at=world.clock(),
        )
    for _ in range(60):
        world.second()
    (alert,) = world.alerts.alerts()
    assert alert.sentence.endswith("it failed: killed: out of memory.")
    assert {c.state for c in world.alerts.conditions()} == {RuleState.FIRING, RuleState.UNKNOWN}
    world.deploy("d2", number=2)
    world.second()
    assert [a.state for a in world.alerts.alerts()] == [AlertState.RESOLVED]


def test_the_past_of_a_figure(world):
    program = world.deploy()
    start = world.now
    for second in range(60):
        program.serve(40, errors=40 if 20 <= second < 40 else 0, shift=5.0)
        world.second()
    errors = world.monitoring.figure_history("d1", "error_rate", start, world.now)
    fired = would_fire(replace(rule(world, "error_rate"), for_seconds=5.0), errors.times, errors.values)
    assert len(fired) == 1
    assert 20 <= fired[0][0] - start <= 32
    drift = world.monitoring.figure_history("d1", "drifted_features", start, world.now + 1)
    assert max(drift.values) == 1.0
    waits = world.monitoring.figure_history("d1", "no_requests", start, world.now)
    assert max(v for v in waits.values if v == v) <= 1.5
    for _ in range(30):
        world.second()
    later = world.monitoring.figure_history("d1", "no_requests", world.now - 10, world.now)
    assert 18 < later.values[0] < later.values[-1] < 32  # the last request came before the range
    assert world.monitoring.figure_history("d1", "performance_loss", start, world.now).values == ()
    for name in ("cpu_percent", "memory_percent", "request_rate", "p95_ms", "no_data", "prediction_drift"):
        assert len(world.monitoring.figure_history("d1", name, start, world.now).times) > 0, name
    with pytest.raises(InvalidInput):
        world.monitoring.figure_history("d1", "beauty", start, world.now)


def test_a_workspace_of_the_first_schema_learns_to_snooze(tmp_path):
    from mlops_desktop.runtime.event_bus import EventBus
    from mlops_desktop.store import alerts as store
    from mlops_desktop.store import migrations
    from mlops_desktop.store.database import Database

    database = Database.create(tmp_path / "registry.db", EventBus())
    with database.write() as tx:
        old = AlertRule(0, "delay", "production", "error_rate", Comparator.ABOVE, 5.0, 1.0, Severity.INFO)
        store.save_rule(tx, old)
        for statement in (
            "DROP TABLE conditions",
            "DROP TABLE collector",
            "ALTER TABLE alerts DROP COLUMN snoozed_until",
            "ALTER TABLE alerts DROP COLUMN snoozed_by",
            "INSERT INTO alerts (rule, model, environment, figure, severity, state, sentence, value, opened_at)"
            " VALUES (1, 'delay', 'production', 'error_rate', 'info', 'firing', 'x', 9.0, 1.0)",
        ):
            tx.db.execute(statement)
    database.close()
    with closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    database = Database.open(tmp_path / "registry.db", EventBus())
    (alert,) = store.alerts_of(database.read())
    assert (alert.snoozed_until, alert.snoozed_by) == (None, "")
    assert store.conditions_of(database.read()) == []
    assert migrations.MIGRATIONS[1].name.startswith("m002_")
    database.close()


def test_a_rule_is_tried_on_what_a_deployment_did(world):
    program = world.deploy()
    start = world.now
    for second in range(90):
        program.serve(2, errors=2 if 30 <= second < 60 else 0)
        world.second()
    errors = rule(world, "error_rate")
    trial = world.monitoring.try_rule(errors, start - 3600, world.now)
    assert (trial.deployment, trial.version, trial.start) == ("d1", 1, start)  # no further back than it ran
    assert len(trial.firings) == 1
    assert len(trial.times) == len(trial.values) > 5
    assert world.monitoring.try_rule(replace(errors, threshold=80.0), start - 3600, world.now).firings == ()
    with pytest.raises(NotFound):
        world.monitoring.try_rule(replace(errors, model="other"), start, world.now)
