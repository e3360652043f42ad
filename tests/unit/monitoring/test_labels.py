"""True outcomes: joined by id, all or nothing, and what they say of the performance."""

from __future__ import annotations

import math

import pytest

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.errors import InvalidInput, NotAllowed, NotFound
from mlops_desktop.domain.events import LabelsReceived
from mlops_desktop.domain.monitoring import LabelReport

SESSION = Session("grace", "token")


def labels_of(world):
    return dict(world.database.read().execute("SELECT id, label FROM predictions ORDER BY id").fetchall())


def write(folder, text, encoding="utf-8"):
    file = folder / "labels.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return file


def test_labels_are_joined_and_reported(world):
    truth = world.deploy().serve(3)
    world.second()
    rows = [*truth.items(), ("nobody:0", "1")]
    assert world.monitoring.send_labels(SESSION, "delay", rows) == LabelReport(3, 0, 1, ("nobody:0",))
    assert {k: v for k, v in labels_of(world).items() if k in truth} == truth
    assert world.told(LabelsReceived) == [LabelsReceived("delay", 3, 0, 1)]


def test_f04_the_last_label_wins(world):
    world.deploy().serve(1)
    world.second()
    assert world.monitoring.send_labels(SESSION, "delay", [("r0:0", "0")]) == LabelReport(1, 0, 0)
    assert world.monitoring.send_labels(SESSION, "delay", [("r0:0", "1")]) == LabelReport(0, 1, 0)
    assert world.monitoring.send_labels(SESSION, "delay", [("r0:0", "1")]) == LabelReport(1, 0, 0)  # sent again
    assert world.monitoring.send_labels(SESSION, "delay", [("r0:0", "0"), ("r0:0", "1")]) == LabelReport(0, 2, 0)
    assert labels_of(world) == {"r0:0": "1"}


def test_f04_a_label_that_comes_before_its_prediction_is_kept(world):
    program = world.deploy()
    truth = program.serve(2)
    report = world.monitoring.send_labels(SESSION, "delay", truth.items())
    assert report == LabelReport(0, 0, 2, ("r0:0", "r0:1"))
    world.second()
    assert labels_of(world) == truth
    assert world.monitoring.performance_of("d1")[0].labels == 2


def test_a_label_that_waited_in_vain_is_forgotten(world):
    world.deploy()
    world.monitoring.send_labels(SESSION, "delay", [("never:0", "1")])
    world.now += 2 * 86_400
    world.second()
    assert labels_of(world) == {}


def test_predictions_of_another_model_are_unknown_and_stay_as_they_are(world):
    world.deploy().serve(1, prefix="a")
    world.deploy("d2", model="other").serve(1, prefix="b")
    world.second()
    report = world.monitoring.send_labels(SESSION, "delay", [("a0:0", "1"), ("b0:0", "1")])
    assert report == LabelReport(1, 0, 1, ("b0:0",))
    assert labels_of(world)["b0:0"] is None


def test_a_file_may_hold_labels_of_several_models(world, tmp_path):
    world.deploy().serve(1, prefix="a")
    world.deploy("d2", model="other").serve(1, prefix="b")
    world.second()
    file = write(tmp_path, "\ufefflabel,prediction_id\r\n1,a0:0\r\n\r\n0,b0:0\r\n")
    assert world.monitoring.send_labels_file(SESSION, file) == LabelReport(2, 0, 0)
    assert labels_of(world) == {"a0:0": "1", "b0:0": "0"}
    assert [e.model for e in world.told(LabelsReceived)] == ["delay", "other"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("prediction_id,label\n", "holds no labels"),
        ("prediction_id\nr0:0\n", "no column label"),
        ("id,outcome\nr0:0,1\n", "no column prediction_id and no column label"),
        ("prediction_id,label,note\nr0:0,1,x\n", "unexpected columns: note"),
        ("prediction_id,label,label\nr0:0,1,1\n", "a column twice"),
        ("prediction_id,label\nr0:0,1\nr0:1\n", "Line 3 of labels.csv has 1 values"),
        ("prediction_id,label\nr0:0,1\nr0:1,1,1\n", "Line 3 of labels.csv has 3 values"),
        ("prediction_id,label\nr0:0,1\nr0:1,\n", "Row 2 has no label"),
        ("prediction_id,label\n,1\n", "Row 1 has no prediction id"),
        ('prediction_id,label\nr0:0,"1\n', "is no CSV"),
        ("prediction_id,label\nr0:0,1\x00\n", "control characters"),
        ("prediction_id,label\nr0:0," + "9" * 300 + "\n", "longer than 200"),
        (b"prediction_id,label\nr0:0,\xff\xfe\n", "is not UTF-8"),
        ("prediction_id,label\nr0:0,1\n".encode("utf-16"), "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_with_nothing_applied(world, tmp_path, text, said):
    world.deploy().serve(2)
    world.second()
    with pytest.raises(InvalidInput, match=said):
        world.monitoring.send_labels_file(SESSION, write(tmp_path, text))
    assert set(labels_of(world).values()) == {None}
    assert world.told(LabelsReceived) == []


def test_there_must_be_a_file_and_a_model_and_a_right(world, tmp_path):
    world.deploy()
    with pytest.raises(NotFound):
        world.monitoring.send_labels_file(SESSION, tmp_path / "none.csv")
    with pytest.raises(NotFound):
        world.monitoring.send_labels_file(SESSION, tmp_path)
    with pytest.raises(NotFound):
        world.monitoring.send_labels(SESSION, "nothing", [("r0:0", "1")])
    with pytest.raises(NotAllowed):
        world.monitoring.send_labels(Session("vera", "t"), "delay", [("r0:0", "1")])


def test_labels_are_data_whatever_they_say(world):
    world.deploy().serve(2)
    world.second()
    evil = "'); DROP TABLE predictions;--"
    world.monitoring.send_labels(SESSION, "delay", [("r0:0", evil), ("r0:1", "=cmd()")])
    assert labels_of(world) == {"r0:0": evil, "r0:1": "=cmd()"}


def test_a_reused_prediction_id_keeps_its_first_prediction(world):
    program = world.deploy()
    program.serve(1)
    world.second()
    first = world.database.read().execute("SELECT score FROM predictions").fetchone()
    program.requests = 0
    program.serve(1)
    world.second()
    assert world.database.read().execute("SELECT score FROM predictions").fetchall() == [first]


def test_realised_performance_by_time_with_coverage(world):
    program = world.deploy()
    start, truth = world.now, {}
    for second in range(20):
        truth |= program.serve(50, right=0.9 if second < 10 else 0.6)
        world.second()
    points = world.monitoring.performance("delay", "production", start, world.now + 1, 10.0)
    assert [p.coverage for p in points] == [0.0, 0.0, 0.0][: len(points)]
    assert all(math.isnan(p.value) for p in points)
    early = dict(list(truth.items())[:750])
    world.monitoring.send_labels(SESSION, "delay", early.items())
    points = world.monitoring.performance("delay", "production", start, world.now + 1, 10.0)
    assert points[0].complete
    assert not points[1].complete  # half of its outcomes: those that come first are seldom like the others
    assert math.isnan(points[1].value)
    assert points[1].coverage == pytest.approx(0.5, abs=0.06)
    world.monitoring.send_labels(SESSION, "delay", list(truth.items())[750:])
    world.now += 10
    points = world.monitoring.performance("delay", "production", start, world.now + 1, 10.0)
    assert {p.metric for p in points} == {"roc_auc"}
    assert points[0].low < points[0].value < points[0].high
    assert points[0].value > points[1].value + 0.1
    accuracy = world.monitoring.performance("delay", "production", start, world.now + 1, 10.0, "accuracy")
    assert accuracy[0].value == pytest.approx(0.9, abs=0.04)
    assert sum(p.labels for p in points) == sum(p.predictions for p in points) == 1000
    whole = {p.metric: p for p in world.monitoring.performance_of("d1")}
    assert whole["accuracy"].coverage == 1.0
    assert world.monitoring.performance_reference("d1") == {"roc_auc": 0.8, "accuracy": 0.8}
    with pytest.raises(InvalidInput):
        world.monitoring.performance("delay", "production", 0, 10, 1.0, "beauty")
