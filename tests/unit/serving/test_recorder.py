"""Chunks and answered rows: what is counted, what an acknowledgement drops, and what happens when nobody collects."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_desktop.serving.bins import Profile, category_bins, number_bins
from mlops_desktop.serving.chunks import merge
from mlops_desktop.serving.frames import Frame, exact_frame
from mlops_desktop.serving.predictor import Answer
from mlops_desktop.serving.recorder import Recorder
from mlops_desktop.serving.schema import Schema

SCHEMA = Schema.from_signature(
    {"inputs": [{"name": "x", "type": "double", "required": False}, {"name": "c", "type": "string"}]}
)
PROFILE = Profile(
    100,
    {"x": number_bins(np.arange(100.0)), "c": category_bins(["a"] * 60 + ["b"] * 40), "gone": category_bins(["z"])},
    {"score": number_bins(np.linspace(0, 1, 100)), "outcome": category_bins(["0", "1"])},
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(clock: Clock) -> Recorder:
    return Recorder(SCHEMA, PROFILE, classifies=True, clock=clock, most_chunks=8, most_predictions=3000)


def rows(*values: tuple[float | None, str]) -> Frame:
    return exact_frame(SCHEMA, [list(v) for v in values], None)


def answer(scores: list[float]) -> Answer:
    return Answer([int(s > 0.5) for s in scores], np.array(scores))


def one_second(recorder: Recorder, clock: Clock, id_: str = "r") -> None:
    recorder.add_rows(rows((1.0, "a")), answer([0.9]), [(id_, 1)])
    recorder.add_request(0.001, 200)
    clock.now += 1
    recorder.close_chunk()


def test_a_chunk_counts_features_and_predictions(recorder: Recorder, clock: Clock) -> None:
    recorder.add_rows(rows((1.0, "a"), (None, "zz")), answer([0.9, 0.1]), [("r1", 2)])
    recorder.add_rows(rows((500.0, "b")), answer([0.2]), [("r2", 1)])
    for status in (200, 200, 400):
        recorder.add_request(0.002, status)
    clock.now += 1
    recorder.close_chunk()
    (chunk,) = recorder.chunks(0, "")["chunks"]
    assert (chunk["sequence"], chunk["requests"], chunk["rows"], chunk["errors"]) == (1, 3, 3, {"400": 1})
    assert (chunk["start"], chunk["end"]) == (1000.0, 1001.0)
    x = chunk["features"]["x"]
    assert (sum(x["counts"]), x["nulls"], x["min"], x["max"], x["sum"]) == (2, 1, 1.0, 500.0, 501.0)
    assert x["counts"][-1] == 1  # above the training maximum
    assert chunk["features"]["c"] == {"counts": [1, 1, 1], "nulls": 0}
    assert set(chunk["features"]) == {"x", "c"}  # the model has no column "gone"
    assert chunk["predictions"]["outcome"] == {"counts": [2, 1, 0], "nulls": 0}
    assert sum(chunk["predictions"]["score"]["counts"]) == 3
    assert recorder.totals.succeeded == 2 and recorder.totals.failed == 1


def test_empty_seconds_make_no_chunk(recorder: Recorder, clock: Clock) -> None:
    for _ in range(3):
        clock.now += 1
        recorder.close_chunk()
    one_second(recorder, clock)
    (chunk,) = recorder.chunks(0, "")["chunks"]
    assert chunk["sequence"] == 1 and chunk["start"] == 1003.0


def test_acknowledged_chunks_are_dropped_only_for_this_boot(recorder: Recorder, clock: Clock) -> None:
    for _ in range(4):
        one_second(recorder, clock)
    got = recorder.chunks(0, "")
    assert [c["sequence"] for c in got["chunks"]] == [1, 2, 3, 4]
    assert len(recorder.chunks(4, "of another start")["chunks"]) == 4
    assert [c["sequence"] for c in recorder.chunks(2, got["boot"])["chunks"]] == [3, 4]
    assert [c["sequence"] for c in recorder.chunks(0, got["boot"])["chunks"]] == [3, 4]
    assert recorder.chunks(4, got["boot"])["chunks"] == []


def test_seconds_that_nobody_takes_are_merged_and_nothing_is_lost(recorder: Recorder, clock: Clock) -> None:
    for _ in range(200):
        one_second(recorder, clock)
    chunks = recorder.chunks(0, "")["chunks"]
    assert len(chunks) <= 8
    whole = merge(chunks)
    assert (whole["requests"], whole["sequence"], whole["start"], whole["end"]) == (200, 200, 1000.0, 1200.0)
    assert sum(whole["features"]["x"]["counts"]) == 200
    assert [c["sequence"] for c in chunks] == sorted({c["sequence"] for c in chunks})


def test_a_delivered_chunk_is_never_merged_with_a_new_one(recorder: Recorder, clock: Clock) -> None:
    """The collector took 1..3 but its acknowledgement is late; whatever is merged then, it counts nothing twice."""
    for _ in range(3):
        one_second(recorder, clock)
    taken = recorder.chunks(0, "")["chunks"]
    for _ in range(60):
        one_second(recorder, clock)
    new = recorder.chunks(3, recorder.boot)["chunks"]
    assert sum(c["requests"] for c in taken) + sum(c["requests"] for c in new) == 63


def test_predictions_carry_their_ids_and_are_acknowledged(recorder: Recorder) -> None:
    recorder.add_rows(rows((1.0, "a"), (2.0, "a")), answer([0.9, 0.1]), [("mine", 2)])
    recorder.add_rows(rows((1.0, "a"), (2.0, "a")), answer([0.3, 0.7]), [("p", 1), ("q", 1)])
    got = recorder.predictions(0, "")
    assert got["predictions"] == [
        [1, "mine", 0, 1000.0, 0.9, "1"],
        [2, "mine", 1, 1000.0, 0.1, "0"],
        [3, "p", 0, 1000.0, 0.3, "0"],
        [4, "q", 0, 1000.0, 0.7, "1"],
    ]
    assert [p[0] for p in recorder.predictions(3, got["boot"])["predictions"]] == [4]
    assert len(recorder.predictions(4, "other")["predictions"]) >= 1  # not an acknowledgement of this start
    assert recorder.predictions(4, got["boot"])["predictions"] == []


def test_predictions_that_nobody_takes_are_dropped_and_counted(recorder: Recorder) -> None:
    for _ in range(100):
        recorder.add_rows(rows(*[(1.0, "a")] * 100), answer([0.5] * 100), [("r", 100)])
    got = recorder.predictions(0, "")
    assert got["dropped"] + len(got["predictions"]) == 10_000
    assert 1000 <= len(got["predictions"]) <= 3000
    assert got["predictions"][-1][0] == 10_000


def test_an_answer_of_predictions_is_bounded() -> None:
    recorder = Recorder(SCHEMA, None, classifies=False, most_predictions=50_000)
    for _ in range(25):
        recorder.add_rows(rows(*[(1.0, "a")] * 1000), Answer([2.5] * 1000, np.full(1000, 2.5)), [("r", 1000)])
    first = recorder.predictions(0, "")["predictions"]
    assert len(first) == 20_000 and first[0][5] == ""
    rest = recorder.predictions(first[-1][0], recorder.boot)["predictions"]
    assert len(rest) == 5000 and rest[0][0] == 20_001


def test_without_a_profile_requests_and_latency_are_still_counted(clock: Clock) -> None:
    recorder = Recorder(SCHEMA, None, classifies=True, clock=clock)
    one_second(recorder, clock)
    (chunk,) = recorder.chunks(0, "")["chunks"]
    assert (chunk["features"], chunk["predictions"], chunk["rows"]) == ({}, {}, 1)


def test_a_clock_that_is_set_back_gives_no_negative_stretch(recorder: Recorder, clock: Clock) -> None:
    clock.now -= 3600
    one_second(recorder, clock)
    (chunk,) = recorder.chunks(0, "")["chunks"]
    assert chunk["start"] <= chunk["end"]
