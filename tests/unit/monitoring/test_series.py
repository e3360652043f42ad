"""The right end of a series: a step that is not over yet must not look like a fall of the traffic."""

from __future__ import annotations

import json
import math
import zlib

import pytest

from mlops_desktop.store import monitoring as store


def test_the_step_that_is_not_over_tells_the_rate_so_far(world):
    program = world.deploy()
    world.second()
    for _ in range(13):
        for _ in range(4):
            program.serve(1)
        world.second()
    (series,) = world.monitoring.series("d1", ["request_rate"], world.now - 60, world.now, 10.0)
    known = [v for v in series.values if math.isfinite(v) and v > 0]
    assert known[-1] == pytest.approx(4.0, rel=0.15), "three of ten seconds are over, and four requests came in each"


def test_a_step_of_the_past_is_divided_by_all_of_it(world):
    program = world.deploy()
    for _ in range(3):
        program.serve(1)
        world.second()
    for _ in range(30):
        world.second()
    start = math.floor((world.now - 40) / 10) * 10
    (series,) = world.monitoring.series("d1", ["request_rate"], start, world.now, 10.0)
    assert sum(v * 10 for v in series.values[:-1] if math.isfinite(v)) == pytest.approx(3.0)


def test_a_request_after_silence_is_seen_at_once(world):
    program = world.deploy()
    for _ in range(20):
        world.second()
    program.serve(1)
    world.second()
    (series,) = world.monitoring.series("d1", ["request_rate"], world.now - 60, world.now, 2.0)
    assert [v for v in series.values if v > 0][-1] == pytest.approx(0.5, rel=1.0)


def test_latencies_are_read_without_the_rest_of_a_chunk(world):
    program = world.deploy()
    for _ in range(3):
        program.serve(2, errors=1)
        world.second()
    whole = store.chunks_between(world.database.read(), ["d1"], 0, world.now)
    part = store.latencies_between(world.database.read(), ["d1"], 0, world.now)
    assert len(part) == 3
    assert [t.latency for t in part] == [tuple(c.body["latency"]["counts"]) for c in whole]
    assert [(t.end, t.requests, t.errors) for t in part] == [(c.end, c.requests, c.errors) for c in whole]


@pytest.mark.parametrize(
    "body",
    [
        {"errors": {}, "latency": {"counts": [1, 2]}, "features": {"latency": {"counts": [9]}}},
        {"features": {"latency": {"counts": [9]}}, "latency": {"counts": [1, 2]}},
        {"latency": {"counts": [1, 2]}},
    ],
)
def test_a_feature_called_latency_is_none(body):
    assert store._latency(zlib.compress(json.dumps(body, separators=(",", ":")).encode())) == (1, 2)


@pytest.mark.parametrize("late", [0.0, 0.25, 0.5, 0.999])
def test_a_steady_traffic_is_a_level_line(world, late):
    """Chunks begin whenever the program began, and last a little more or less than a second."""
    program = world.deploy()
    world.second(1 + late)
    for number in range(20):
        for _ in range(10):
            program.serve(1)
        world.second(1.002 if number % 2 else 0.998)
    (series,) = world.monitoring.series("d1", ["request_rate"], world.now - 15, world.now - 3, 1.0)
    assert [v for v in series.values if math.isfinite(v)] == pytest.approx([10.0] * len(series.values), rel=0.05)
