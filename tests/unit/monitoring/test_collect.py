"""The collector's round against the serving program's own recorder."""

from __future__ import annotations

import json
import math

import pytest

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.events import ChunksRecorded
from mlops_desktop.services.answers import read_chunks, read_predictions
from mlops_desktop.store import monitoring as store

ALL = ("request_rate", "row_rate", "error_rate", "p50_ms", "p95_ms", "p99_ms", "cpu_percent", "memory_bytes")


def values(world, name, seconds=60, step=1.0, target="d1"):
    (series,) = world.monitoring.series(target, [name], world.now - seconds, world.now, step)
    return dict(zip(series.times, series.values, strict=True))


def test_a_request_is_recorded_within_the_next_round(world):
    program = world.deploy()
    world.second()
    program.serve(4, errors=1)
    world.second()
    world.second()
    (live,) = world.monitoring.live()
    assert live.requests_per_second == pytest.approx(0.2)
    assert live.errors_per_second == pytest.approx(0.1)
    assert 3 < live.p50_ms < 5.1
    assert live.cpu_percent == 12.5
    assert live.memory_bytes == 64 * 2**20
    assert world.told(ChunksRecorded) == [ChunksRecorded(("d1",))]
    rate = values(world, "request_rate", 3)
    assert [v for v in rate.values() if v > 0] == [2.0]


def test_nothing_is_collected_twice_and_nothing_is_lost_over_a_restart_of_the_app(world):
    program = world.deploy()
    for _ in range(5):
        program.serve(3)
        world.second()
    world.open()  # a new process: it must go on where the database stands
    for _ in range(5):
        program.serve(3)
        world.second()
    chunks = store.chunks_between(world.database.read(), ["d1"], 0, world.now + 1)
    assert [c.sequence for c in chunks] == list(range(1, 11))
    assert sum(c.rows for c in chunks) == 30
    assert world.database.read().execute("SELECT COUNT(*) FROM predictions").fetchone()[0] == 30


def test_what_was_not_committed_is_collected_again(world, monkeypatch):
    program = world.deploy()
    program.serve(3)
    real = store.insert_usage
    monkeypatch.setattr(store, "insert_usage", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.second()
    monkeypatch.setattr(store, "insert_usage", real)
    assert store.chunks_between(world.database.read(), ["d1"], 0, world.now) == []
    world.second()
    assert [c.rows for c in store.chunks_between(world.database.read(), ["d1"], 0, world.now)] == [3]


def test_f01_a_restarted_program_counts_from_zero_and_no_rate_is_negative(world):
    program = world.deploy()
    for _ in range(3):
        program.serve(2)
        world.second()
    program.restart()
    for _ in range(3):
        program.serve(2)
        world.second()
    chunks = store.chunks_between(world.database.read(), ["d1"], 0, world.now)
    assert len({c.boot for c in chunks}) == 2
    assert [c.sequence for c in chunks] == [1, 2, 3, 1, 2, 3]
    assert all(v >= 0 for v in values(world, "request_rate").values() if not math.isnan(v))
    (live,) = world.monitoring.live()
    assert live.figures["restarts"] == 1


def test_f02_an_outage_is_a_gap_and_quiet_time_is_zero(world, caplog):
    program = world.deploy()
    for _ in range(10):
        world.second()
    begin = world.now
    program.answers = False
    for _ in range(600):
        world.now += 1
        world.monitoring.collect() if world.now % 20 == 0 else None
    program.answers = True
    for _ in range(25):
        world.second()
    program.serve(1)
    for _ in range(3):
        world.second()
    rate = values(world, "request_rate", world.now - begin + 10)
    quiet = [v for t, v in rate.items() if t < begin - 1]
    gap = [v for t, v in rate.items() if begin + 5 < t < begin + 595]
    assert quiet
    assert all(v == 0 for v in quiet[1:])
    assert len(gap) > 500
    assert all(math.isnan(v) for v in gap)
    assert [v for t, v in rate.items() if t > begin + 601 and v > 0] == [1.0]
    assert sum("no numbers from delay@1" in r.message for r in caplog.records) == 1  # said once, not each round


def test_f02_late_seconds_land_where_they_belong(world, caplog):
    program = world.deploy()
    world.second()
    program.answers = False
    program.serve(5)
    world.second()
    sent = world.now
    for _ in range(300):
        world.now += 1
        program.recorder.close_chunk()
    program.answers = True
    world.monitoring.collect()
    rate = values(world, "request_rate", 310)
    assert [t for t, v in rate.items() if v > 0] == [pytest.approx(sent - 0.5, abs=1)]


def test_one_deployment_that_does_not_answer_does_not_stop_the_others(world, caplog):
    world.deploy("d1").answers = False
    other = world.deploy("d2", number=2)
    other.serve(3)
    world.second()
    assert len(store.chunks_between(world.database.read(), ["d2"], 0, world.now)) == 1
    live = {one.deployment: one for one in world.monitoring.live()}
    assert math.isnan(live["d1"].requests_per_second)
    assert live["d1"].memory_bytes == 64 * 2**20  # the engine still knows that
    assert live["d2"].requests_per_second == pytest.approx(0.1)


@pytest.mark.parametrize("skew", [600.0, -600.0])
def test_f05_the_collectors_clock_counts(world, skew):
    program = world.deploy(skew=skew)
    world.second()
    program.serve(2)
    world.second()
    world.second()
    (chunk,) = store.chunks_between(world.database.read(), ["d1"], 0, world.now + 10_000)
    assert abs(chunk.end - world.now) <= 2
    at = world.database.read().execute("SELECT at FROM predictions").fetchone()[0]
    assert abs(at - world.now) <= 3
    (live,) = world.monitoring.live()
    assert live.figures["clock_skew_seconds"] == pytest.approx(skew, abs=0.1)


def test_f05_a_clock_that_is_set_while_it_runs_moves_no_numbers(world):
    program = world.deploy()
    world.second()
    program.serve(2)
    world.now += 0.5
    program.recorder.close_chunk()
    program.skew = -7200.0  # set back after the chunk was closed
    world.second(0.5)
    (chunk,) = store.chunks_between(world.database.read(), ["d1"], 0, world.now + 10_000)
    assert abs(chunk.end - world.now) <= 2
    assert chunk.end - chunk.start < 10


def test_unknown_cpu_and_memory_are_gaps_not_zeros(world):
    program = world.deploy()
    world.delivery.engine_answers = False
    program.serve(1)
    for _ in range(5):
        world.second()
    assert all(math.isnan(v) for v in values(world, "cpu_percent", 5).values())
    assert any(v == 0 for v in values(world, "request_rate", 5).values())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"boot": "a"}',
        b'{"boot":"a","now":1,"chunks":[1]}',
        b'{"boot":"a","now":NaN,"chunks":[]}',
        b'{"boot":"a&after=99","now":1,"chunks":[]}',
        b"[" * 100_000,
        json.dumps({"boot": "a", "now": 1, "chunks": [{"sequence": -1}]}).encode(),
    ],
)
def test_an_answer_that_is_none_is_refused_whole(world, raw, caplog):
    program = world.deploy()
    program.raw = raw
    world.second()
    assert "no numbers from delay@1" in caplog.text
    assert store.chunks_between(world.database.read(), ["d1"], 0, world.now) == []


def one_chunk(**changes):
    chunk = {
        "sequence": 1,
        "start": 10.0,
        "end": 11.0,
        "requests": 2,
        "rows": 2,
        "errors": {},
        "latency": {"counts": [0] * 62, "sum": 0.1},
        "features": {"x": {"counts": [1, 1], "nulls": 0, "invalid": 0, "min": 0, "max": 1, "sum": 1, "sum_squares": 1}},
        "predictions": {},
    }
    return json.dumps({"boot": "b", "now": 11.0, "chunks": [chunk | changes]}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"requests": -1},
        {"rows": 1.5},
        {"rows": True},
        {"sequence": 2**60},
        {"errors": {"400": "many"}},
        {"end": float("inf")},
        {"latency": {"counts": None, "sum": 0}},
    ],
)
def test_f03_wrong_numbers_in_a_chunk_are_refused(changes):
    with pytest.raises(InvalidInput, match="can't read"):
        read_chunks(one_chunk(**changes), "d", 11.0, {"features": {"x": 2}, "predictions": {}})


def test_a_chunk_that_does_not_fit_the_profile_is_counted_not_stored():
    answer = read_chunks(one_chunk(), "d", 11.0, {"features": {"x": 3}, "predictions": {}})
    assert (answer.chunks, answer.rejected) == ((), 1)
    answer = read_chunks(one_chunk(), "d", 11.0, {"features": {}, "predictions": {}})
    assert answer.chunks[0].body["features"] == {}


def test_f03_scores_that_are_no_numbers_become_unknown():
    rows = [[1, "a", 0, 5.0, None, "1"], [2, "a", 1, 5.0, "x", "1"], [3, "b" * 200, 0, 5.0, 0.5, "1"]]
    body = json.dumps({"boot": "b", "predictions": rows, "dropped": 4}).encode()
    answer = read_predictions(body, "d", 6.0, 0.0)
    assert [p.id for p in answer.predictions] == ["a:0", "a:1"]
    assert all(math.isnan(p.score) for p in answer.predictions)
    assert (answer.last_sequence, answer.dropped) == (3, 4)


def test_dropped_predictions_are_told(world, caplog):
    program = world.deploy()
    program.recorder._most_predictions = 1000
    for _ in range(5):
        program.serve(1000)
    world.second()
    assert "predictions were dropped" in caplog.text
    assert world.monitoring.live()[0].figures["dropped_predictions"] > 0


def test_roll_up_keeps_every_sum_and_takes_no_second_twice(world):
    program = world.deploy()
    for _ in range(180):
        program.serve(2)
        world.second()
    before = store.chunks_between(world.database.read(), ["d1"], 0, world.now)
    world.now += 3700
    world.second()
    after = store.chunks_between(world.database.read(), ["d1"], 0, world.now)
    assert len(before) == 180
    assert len(after) <= 4
    for name in ("requests", "rows", "errors"):
        assert sum(getattr(c, name) for c in before) == sum(getattr(c, name) for c in after)
    counts = [sum(sum(c.body["features"]["temperature"]["counts"]) for c in cs) for cs in (before, after)]
    assert counts == [360, 360]
    with world.database.write() as tx:
        assert store.insert_chunks(tx, before) == 0
    usage = store.usage_between(world.database.read(), ["d1"], 0, world.now)
    assert len(usage) <= 6
    start = before[0].start
    (series,) = world.monitoring.series("d1", ["request_rate"], start, start + 180, 60.0)
    inside = [v for v in series.values if not math.isnan(v)]
    assert sum(inside) * 60 == pytest.approx(180, rel=0.02)


def test_old_numbers_are_forgotten(world):
    program = world.deploy()
    program.serve(2)
    world.second()
    world.now += 91 * 86_400
    world.second()
    read = world.database.read()
    assert store.chunks_between(read, ["d1"], 0, world.now) == []
    assert read.execute("SELECT COUNT(*) FROM predictions").fetchone()[0] == 0


def test_series_of_all_figures_at_once_for_a_model(world):
    program = world.deploy()
    for _ in range(3):
        program.serve(2)
        world.second()
    found = world.monitoring.series(("delay", "production"), ALL, world.now - 600, world.now)
    assert [s.name for s in found] == list(ALL)
    assert all(len(s.times) == len(s.values) <= 601 for s in found)
    assert world.monitoring.series(("nothing", "production"), ["cpu_percent"], 0, 600)[0].values


@pytest.mark.parametrize(
    ("names", "start", "end", "step"),
    [
        (["nonsense"], 0, 10, 1.0),
        (["p50_ms"], 10, 10, 1.0),
        (["p50_ms"], 0, math.nan, 1.0),
        (["p50_ms"], 0, 10, -1.0),
        (["p50_ms"], 0, 10, 1e-9),
        (["p50_ms"], 0, 10, math.inf),
    ],
)
def test_wrong_questions_get_a_sentence(world, names, start, end, step):
    world.deploy()
    with pytest.raises(InvalidInput):
        world.monitoring.series("d1", names, start, end, step)


@pytest.mark.parametrize("days", [0.003, 0.1, 1, 7, 30, 90])
def test_a_chart_never_has_more_than_600_points(world, days):
    from mlops_desktop.services.figures import choose_step

    seconds = days * 86_400
    step = choose_step(world.now - seconds, world.now, world.now, 1.0)
    assert seconds / step <= 600


def test_rolling_up_again_and_again_changes_no_sum(world):
    """Each housekeeping goes on where the last one ended, over the borders of minutes and of five minutes."""
    program = world.deploy()
    for second in range(300):
        program.serve(1)
        world.second()
        if second % 50 == 0:
            world.now += 17
    for pause in (3500, 60, 60, 60, 60, 60, 60, 3600, 86_400, 86_400, 3600):
        world.now += pause
        world.monitoring.collect()
    chunks = store.chunks_between(world.database.read(), ["d1"], 0, world.now)
    assert sum(c.rows for c in chunks) == 300
    assert len(chunks) <= 3
    assert sum(sum(c.body["latency"]["counts"]) for c in chunks) == 300
    assert [c.end for c in chunks] == sorted(c.end for c in chunks)
