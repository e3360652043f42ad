"""Realised performance: only complete periods count, and its alert neither jumps at chance nor flaps."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.alerts import AlertState, RuleState, Severity
from mlops_desktop.domain.events import AlertOpened
from mlops_desktop.domain.registry import Format
from mlops_desktop.services.bundles import write_bundle

SESSION = Session("grace", "token")


def losses(world, state=None):
    return [a for a in world.alerts.alerts(state) if a.figure == "performance_loss"]


def reading(world):
    return world.monitoring.readings(world.delivery.deployment("d1"))["performance_loss"]


def condition(world):
    rule = next(r for r in world.alerts.rules("delay") if r.figure == "performance_loss")
    return next(c for c in world.alerts.conditions() if c.rule == rule.id)


def run(world, program, seconds, *, right, rows=60, delay=5, waiting=None):
    """Serve for some seconds; each second's outcomes arrive `delay` seconds later."""
    waiting = waiting if waiting is not None else []
    for _ in range(seconds):
        waiting.append(program.serve(rows, right=right))
        world.second()
        if len(waiting) > delay:
            world.monitoring.send_labels(SESSION, "delay", waiting.pop(0).items())
    return waiting


def test_a_realised_loss_is_critical_after_two_periods(world):
    program = world.deploy()
    waiting = run(world, program, 16, right=0.6)
    assert losses(world) == []
    assert condition(world).state is RuleState.PENDING  # one period of ten seconds is complete
    run(world, program, 14, right=0.6, waiting=waiting)
    (alert,) = losses(world)
    assert alert.severity is Severity.CRITICAL
    assert alert.sentence.startswith("delay@1 in production performs 0.")
    assert "worse than its reference, limit 0.03: ROC AUC is 0.6" in alert.sentence
    assert "0.8 on held-out data (9" in alert.sentence or "0.8 on held-out data (100%" in alert.sentence


def test_a_loss_that_wavers_opens_one_alert_and_clears_once(world):
    program = world.deploy()
    waiting = run(world, program, 60, right=0.6)
    for number in range(12):  # a minute of ups and downs: one good period between bad ones
        waiting = run(world, program, 10, right=0.95 if number % 2 else 0.6, waiting=waiting)
    assert [a.state for a in losses(world)] == [AlertState.FIRING]
    run(world, program, 60, right=0.98, waiting=waiting)
    assert [a.state for a in losses(world)] == [AlertState.RESOLVED]
    assert sum("performs" in e.text for e in world.told(AlertOpened)) == 1


def test_as_good_as_the_reference_is_no_loss(world):
    program = world.deploy()
    run(world, program, 60, right=0.95)
    assert reading(world).value < 0.03
    assert condition(world).state is RuleState.OK
    assert world.alerts.alerts() == []


def test_outcomes_that_come_first_do_not_count_alone(world):
    """The wrong ones come first, as cancellations do: after a third of the labels the figure would be terrible."""
    program = world.deploy()
    truth = {}
    for _ in range(40):
        truth |= program.serve(60, right=0.95)
        world.second()
    outcomes = dict(world.database.read().execute("SELECT id, outcome FROM predictions").fetchall())
    first = {i: t for i, t in truth.items() if outcomes[i] != t or int(i.split(":")[1]) % 3 == 0}
    world.monitoring.send_labels(SESSION, "delay", first.items())
    world.second()
    assert reading(world).value is None
    assert "90% of them" in reading(world).words
    assert condition(world).state is RuleState.UNKNOWN
    points = world.monitoring.performance("delay", "production", world.now - 40, world.now + 1, 10.0)
    assert all(math.isnan(p.value) and not p.complete and 0 < p.coverage < 0.6 for p in points)
    world.monitoring.send_labels(SESSION, "delay", truth.items())
    world.second()
    assert condition(world).state is RuleState.OK
    points = world.monitoring.performance("delay", "production", world.now - 40, world.now, 10.0)
    assert any(p.complete and p.value > 0.78 for p in points)
    assert losses(world) == []


def test_a_sample_of_outcomes_counts_when_no_more_are_coming(world):
    program = world.deploy()
    truth = {}
    for _ in range(40):
        truth |= program.serve(150, right=0.6)
        world.second()
    sample = {i: t for i, t in truth.items() if int(i.split(":")[1]) % 5 == 0}
    world.monitoring.send_labels(SESSION, "delay", sample.items())
    world.second()
    assert condition(world).state is RuleState.UNKNOWN
    world.second(130.0)  # twelve times the ten seconds of a period
    (alert,) = losses(world)
    assert "20% of 1,500 outcomes known" in alert.sentence


def test_too_few_outcomes_are_unknown(world):
    program = world.deploy()
    run(world, program, 40, right=0.3, rows=3)
    assert condition(world).state is RuleState.UNKNOWN
    assert losses(world) == []


def test_little_traffic_is_judged_over_longer_periods(world):
    program = world.deploy()
    run(world, program, 200, right=0.55, rows=8)  # 80 a period, 320 in four
    periods = reading(world).periods
    assert {p.end - p.start for p in periods} == {40.0}
    assert [a.state for a in losses(world)] == [AlertState.FIRING]


def test_what_was_known_long_ago_is_unknown(world):
    program = world.deploy()
    run(world, program, 40, right=0.6)
    assert len(losses(world, AlertState.FIRING)) == 1
    for _ in range(20):
        program.serve(60)
        world.second(20.0)
    assert condition(world).state is RuleState.UNKNOWN
    assert "lately" in condition(world).note
    assert len(losses(world, AlertState.FIRING)) == 1  # nobody knows that it got better


def test_late_labels_revise_a_period(world):
    program = world.deploy()
    truth = {}
    for _ in range(20):
        truth |= program.serve(60, right=0.95)
        world.second()
    early = dict(list(truth.items())[: int(len(truth) * 0.95)])
    world.monitoring.send_labels(SESSION, "delay", early.items())
    world.second()
    before = reading(world).value
    flipped = {i: ("0" if t == "1" else "1") for i, t in list(truth.items())[int(len(truth) * 0.6) :]}
    world.monitoring.send_labels(SESSION, "delay", flipped.items())
    world.second()
    assert reading(world).value > before + 0.1


def test_a_label_of_another_process_is_seen_within_ten_seconds(world):
    from mlops_desktop.services.labels import apply_labels

    program = world.deploy()
    truth = {}
    for _ in range(21):
        truth |= program.serve(60, right=0.95)
        world.second()
    assert reading(world).value is None
    apply_labels(world.parts, "grace", "delay", truth.items())
    for _ in range(10):
        world.second()
    assert reading(world).value is not None


@pytest.mark.parametrize("classes", [["no", "yes"], ["yes", "no"]])
def test_the_positive_class_is_the_one_that_serving_is_told(world, tmp_path, classes):
    """The order of the model's classes, not the alphabet, says whose probability the score is."""
    from mlops_desktop.services.profiles import Profiles
    from mlops_desktop.store.versions import version_of
    from tests.unit.monitoring.world import reference_profile

    text = json.dumps(reference_profile().to_dict() | {"classes": classes})
    world.add_deployment("d1", "delay", 1, text.encode())
    deployment = world.delivery.deployment("d1")
    version = version_of(world.database.read(), "delay", 1)
    write_bundle(replace(version, format=Format.MLFLOW), world.artifacts, tmp_path / "bundle")
    served = json.loads((tmp_path / "bundle" / "serving.json").read_text())
    assert Profiles(world.parts).positive(deployment) == served["positive"] == classes[1]
