"""Drift chunks: closed by time and rows, judged with memory, shown over any range."""

from __future__ import annotations

import itertools
import math

import pytest

from mlops_desktop.domain.errors import InvalidInput, NotFound
from mlops_desktop.domain.monitoring import DriftState


def traffic(world, program, seconds, **how):
    for _ in range(seconds):
        program.serve(40, **how)
        world.second()


def states(report):
    return {f.feature: f.state for f in report.features}


def test_no_chunk_closed_is_unknown_never_fine(world):
    program = world.deploy()
    report = world.monitoring.drift("delay", "production")
    assert report.state is DriftState.UNKNOWN
    assert all("nothing is known" in f.sentence for f in report.features)
    program.serve(20)
    world.second()
    report = world.monitoring.drift("delay", "production")
    assert report.state is DriftState.UNKNOWN
    assert "only 20 rows, 200 are needed" in report.features[0].sentence
    assert world.monitoring.live()[0].drift is DriftState.UNKNOWN


def test_traffic_like_the_reference_is_ok(world):
    program = world.deploy()
    traffic(world, program, 50)
    history = world.monitoring.drift_history("d1", 0, world.now)
    assert len(history) >= 4
    assert {r.state for r in history} == {DriftState.OK}
    assert {f.feature for f in history[0].features} == {
        "temperature",
        "carrier",
        "prediction score",
        "prediction outcome",
    }


def test_a_shift_is_suspected_after_one_chunk_and_a_drift_after_two(world):
    program = world.deploy()
    traffic(world, program, 12)
    traffic(world, program, 40, shift=5.0)
    seen = [states(r)["temperature"] for r in world.monitoring.drift_history("d1", 0, world.now)]
    assert seen[0] is DriftState.OK
    assert DriftState.SUSPECTED in seen
    assert seen[-1] is DriftState.DRIFT
    report = world.monitoring.drift("delay")
    worst = report.features[0]
    assert (worst.feature, worst.state) == ("temperature", DriftState.DRIFT)
    assert worst.sentence.startswith("temperature moved up: KS 0.")
    assert "over 400 rows, limit 0.1" in worst.sentence
    assert sum(worst.current_shares) == pytest.approx(1)
    assert len(worst.bins) == len(worst.reference_shares) == len(worst.current_shares) == 10
    assert states(report)["carrier"] is DriftState.OK
    assert world.monitoring.live()[0].drift is DriftState.DRIFT


def test_a_drift_clears_only_after_three_quiet_chunks(world):
    program = world.deploy()
    traffic(world, program, 30, shift=5.0)
    begin = world.now
    traffic(world, program, 60)
    after = [states(r)["temperature"] for r in world.monitoring.drift_history("d1", begin + 9, world.now)]
    assert after[:2] == [DriftState.DRIFT, DriftState.DRIFT]
    assert after[-1] is DriftState.OK
    sentences = [
        f.sentence
        for r in world.monitoring.drift_history("d1", begin + 9, world.now)
        for f in r.features
        if f.feature == "temperature"
    ]
    assert "not over yet" in sentences[0]


def test_few_rows_wait_and_then_become_unknown(world):
    program = world.deploy()
    program.serve(50)
    for _ in range(119):
        world.second()
    assert world.monitoring.drift_history("d1", 0, world.now) == []
    for _ in range(5):
        world.second()
    (report,) = world.monitoring.drift_history("d1", 0, world.now)
    assert report.state is DriftState.UNKNOWN
    assert report.rows == 50


def test_an_unknown_chunk_does_not_end_a_drift(world):
    program = world.deploy()
    traffic(world, program, 30, shift=5.0)
    program.serve(50)
    for _ in range(130):
        world.second()
    traffic(world, program, 12)
    seen = [states(r)["temperature"] for r in world.monitoring.drift_history("d1", 0, world.now)]
    assert DriftState.UNKNOWN in seen
    assert seen[-1] is DriftState.DRIFT


def test_missing_values_are_a_drift_in_words(world):
    program = world.deploy()
    traffic(world, program, 30, missing=0.4)
    drift = world.monitoring.drift("delay").features[0]
    assert drift.feature == "temperature"
    assert "is missing in 4" in drift.sentence or "is missing in 3" in drift.sentence
    assert drift.bins[-1] == "missing"
    assert 0.3 < drift.null_share < 0.5


def test_verdicts_survive_a_restart_of_the_app(world):
    program = world.deploy()
    traffic(world, program, 30, shift=5.0)
    before = world.monitoring.drift_history("d1", 0, world.now)
    world.open()
    assert world.monitoring.drift_history("d1", 0, world.now) == before
    traffic(world, program, 12, shift=5.0)
    history = world.monitoring.drift_history("d1", 0, world.now)
    assert history[: len(before)] == before
    assert states(history[-1])["temperature"] is DriftState.DRIFT


def test_a_range_shows_its_worst_state(world):
    program = world.deploy()
    traffic(world, program, 40, shift=5.0)
    end_of_drift = world.now
    traffic(world, program, 60)
    assert world.monitoring.drift("delay").state is DriftState.OK
    report = world.monitoring.drift("delay", start=0.0, end=end_of_drift)
    assert report.state is DriftState.DRIFT
    assert report.rows == 1600
    assert world.monitoring.drift("delay", deployment="d1", start=end_of_drift + 35).state is DriftState.OK


def test_two_processes_close_a_chunk_once(world):
    program = world.deploy()
    other = type(world.monitoring)(
        world.parts, world.monitoring._accounts, world.delivery, world.alerts
    )  # as the command line does while the window is open
    for _ in range(35):
        program.serve(40, shift=5.0)
        world.second()
        other.collect()
    history = world.monitoring.drift_history("d1", 0, world.now)
    assert [r.start for r in history] == sorted({r.start for r in history})
    assert all(a.end <= b.start for a, b in itertools.pairwise(history))
    assert sum(r.rows for r in history) <= 35 * 40


def test_a_version_without_profile_has_no_drift_but_rates(world, caplog):
    program = world.deploy()
    digest = program.world.database.read().execute("SELECT digest FROM version_files").fetchone()[0]
    world.artifacts.path(digest).chmod(0o600)
    world.artifacts.path(digest).write_bytes(b"{}")
    traffic(world, program, 12)
    assert "no drift for delay@1" in caplog.text
    assert world.monitoring.drift("delay").features == ()
    assert world.monitoring.live()[0].requests_per_second > 0


def test_f03_infinite_values_are_invalid_and_in_no_mean(world):
    import numpy as np

    from mlops_desktop.serving.frames import Frame
    from mlops_desktop.serving.predictor import Answer

    program = world.deploy()
    for _ in range(25):
        column = np.concatenate([world.rng.normal(10, 5, 36), [np.inf, -np.inf, 1e300, np.nan]])
        answer = Answer(["1"] * 40, np.full(40, 0.7))
        program.recorder.add_rows(Frame(40, None, (column, ["UA"] * 40)), answer, [("x", 40)])
        program.recorder.add_request(0.001, 200)
        world.second()
    drift = {f.feature: f for f in world.monitoring.drift("delay").features}["temperature"]
    assert drift.null_share == pytest.approx(3 / 40)
    assert math.isfinite(drift.psi)
    assert math.isfinite(drift.distance)


def test_what_does_not_exist_gets_a_sentence(world):
    world.deploy()
    with pytest.raises(NotFound, match="never deployed"):
        world.monitoring.drift("nothing")
    with pytest.raises(NotFound):
        world.monitoring.drift_history("nothing", 0, 1)
    with pytest.raises(InvalidInput):
        world.monitoring.drift_history("d1", 1, 0)


def test_a_verdict_of_long_ago_says_nothing_of_the_present(world):
    program = world.deploy()
    traffic(world, program, 30)
    assert world.monitoring.live()[0].drift is DriftState.OK
    for _ in range(130):
        world.second()
    assert world.monitoring.live()[0].drift is DriftState.UNKNOWN
    assert world.monitoring.figures(world.delivery.deployment("d1"))["drifted_features"] is None
    assert world.monitoring.drift("delay").state is DriftState.OK  # of the time that it names
