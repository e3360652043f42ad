"""What an ONNX file says of itself, and E06: no tensor outside the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression

from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.domain.registry import Column, Format, InspectionVerdict
from mlops_desktop.formats.inspect import inspect


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], ["a", "b", "b"])


@pytest.fixture
def onnx_model(model: LogisticRegression) -> onnx.ModelProto:
    from skl2onnx import to_onnx

    return to_onnx(model, np.zeros((1, 2), dtype=np.float32), options={"zipmap": False})


def test_onnx_signature_and_facts(onnx_model: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_model.SerializeToString())
    found = inspect(path)
    assert found.format is Format.ONNX
    assert found.entry == "m.onnx"
    assert found.inspection.verdict is InspectionVerdict.ALLOW
    assert found.signature is not None
    assert found.signature.inputs == (Column("X", "float", True, (-1, 2)),)
    assert [(c.name, c.type) for c in found.signature.outputs] == [("label", "string"), ("probabilities", "float")]
    assert found.inspection.facts["producer"].startswith("skl2onnx")
    assert json.loads(found.inspection.facts["classes"]) == ["a", "b"]
    assert found.digests.keys() == {"m.onnx"}


def graph(**more: object) -> onnx.ModelProto:
    columns = [
        helper.make_tensor_value_info("age", TensorProto.FLOAT, [None, 1]),
        helper.make_tensor_value_info("city", TensorProto.STRING, ["n", 1]),
        helper.make_tensor_value_info("image", TensorProto.INT64, [None, 28, 28]),
        helper.make_tensor_value_info("ready", TensorProto.BOOL, [3]),
    ]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    nodes = [helper.make_node("Identity", ["age"], ["y"])]
    built = helper.make_graph(nodes, "g", columns, [out], [weight])
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 17)], **more)


def test_onnx_columns_and_tensors(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(graph(producer_name="test").SerializeToString())
    found = inspect(path)
    assert found.signature is not None
    assert found.signature.inputs == (
        Column("age", "float"),
        Column("city", "string"),
        Column("image", "long", True, (-1, 28, 28)),
        Column("ready", "boolean"),
    )
    assert found.inspection.facts["opsets"] == "ai.onnx 17"


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "data.bin", "/proc/self/environ", "a/../../b", "\0"])
@pytest.mark.parametrize("place", ["initializer", "attribute", "sparse", "subgraph", "function"])
def test_e06_external_data_is_refused_wherever_it_hides(tmp_path: Path, location: str, place: str) -> None:
    proto = graph()
    tensor = helper.make_tensor("w2", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    for key, value in (("location", location), ("length", str(1 << 60)), ("unknown", "x")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    node = helper.make_node("Constant", [], ["c"])
    attribute = node.attribute.add()
    attribute.name, attribute.type = "value", onnx.AttributeProto.TENSOR
    attribute.t.CopyFrom(tensor)
    if place == "initializer":
        proto.graph.initializer.append(tensor)
    elif place == "attribute":
        proto.graph.node.append(node)
    elif place == "sparse":
        sparse = proto.graph.sparse_initializer.add()
        sparse.values.CopyFrom(tensor)
    elif place == "subgraph":
        branch = helper.make_graph([node], "b", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])])
        proto.graph.node.append(helper.make_node("If", ["ready"], ["z"], then_branch=branch, else_branch=branch))
    else:
        function = proto.functions.add()
        function.name, function.domain = "f", "mine"
        function.node.append(node)
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InvalidArtifact, match="external data"):
        inspect(path)


def test_e06_external_location_alone_is_refused(tmp_path: Path) -> None:
    proto = graph()
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(InvalidArtifact, match="external data"):
        inspect(tmp_path / "m.onnx")


def test_onnx_with_unknown_operators_needs_a_look(tmp_path: Path) -> None:
    proto = graph()
    proto.graph.node.append(helper.make_node("Shell", ["age"], ["z"], domain="evil.ops"))
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    found = inspect(tmp_path / "m.onnx").inspection
    assert found.verdict is InspectionVerdict.REVIEW
    assert "evil.ops" in found.findings[0]


def test_damaged_onnx_is_refused(onnx_model: onnx.ModelProto, tmp_path: Path) -> None:
    data = onnx_model.SerializeToString()
    path = tmp_path / "m.onnx"
    for damaged in (data[: len(data) // 2], data[10:], b"\x3a\xff\xff\xff\xff\x0f" + data, data + b"\x0b"):
        path.write_bytes(damaged)
        with pytest.raises(InvalidArtifact):
            inspect(path)


def test_random_damage_never_escapes_the_child(onnx_model: onnx.ModelProto, tmp_path: Path) -> None:
    data, random = onnx_model.SerializeToString(), np.random.default_rng(0)
    path = tmp_path / "m.onnx"
    for _ in range(25):
        changed = bytearray(data)
        for position in random.integers(0, len(data), 5):
            changed[position] = random.integers(0, 256)
        path.write_bytes(changed)
        try:
            inspect(path)
        except InvalidArtifact as error:
            assert "ended with" not in error.message  # a typed answer, no crash


def test_a_forest_is_read_quickly(tmp_path: Path) -> None:
    import time

    count = 2_000_000
    node = helper.make_node("TreeEnsembleClassifier", ["age"], ["y"], domain="ai.onnx.ml")
    for name, field, values in (("nodes_values", "floats", [0.5] * count), ("nodes_nodeids", "ints", range(count))):
        attribute = node.attribute.add()
        attribute.name = name
        getattr(attribute, field).extend(values)
    proto = graph()
    proto.graph.node.append(node)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    start = time.monotonic()
    assert inspect(tmp_path / "m.onnx").format is Format.ONNX
    assert time.monotonic() - start < 5
