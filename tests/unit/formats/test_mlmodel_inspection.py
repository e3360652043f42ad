"""MLmodel directories: what is read, and that nothing outside of them is."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.domain.registry import Column, Format, InspectionVerdict
from mlops_desktop.formats.inspect import inspect


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], ["a", "b", "b"])


def mlmodel_folder(root: Path, model: object, **changes: object) -> Path:
    folder = root / "mlflow"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "requirements.txt").write_text("scikit-learn==1.6.0\nmlflow==2.20.0\n")
    (folder / "input_example.json").write_text(json.dumps({"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}))
    columns = [{"type": "double", "name": "a", "required": True}, {"type": "double", "name": "b", "required": False}]
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]
    import yaml

    content = {
        "artifact_path": "model",
        "flavors": {
            "python_function": {
                "loader_module": "mlflow.sklearn",
                "model_path": "model.pkl",
                "env": {"conda": "conda.yaml"},
            },
            "sklearn": {
                "pickled_model": "model.pkl",
                "serialization_format": "cloudpickle",
                "sklearn_version": "1.6.0",
            },
        },
        "mlflow_version": "2.20.0",
        "saved_input_example_info": {"artifact_path": "input_example.json", "type": "dataframe"},
        "signature": {"inputs": json.dumps(columns), "outputs": json.dumps(outputs), "params": None},
        **changes,
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    return folder


def test_mlmodel_directory(model: LogisticRegression, tmp_path: Path) -> None:
    found = inspect(mlmodel_folder(tmp_path, model))
    assert found.format is Format.MLFLOW
    assert found.entry == "."
    assert [name for name, _ in found.files] == ["MLmodel", "input_example.json", "model.pkl", "requirements.txt"]
    assert found.signature is not None
    assert found.signature.inputs == (Column("a", "double"), Column("b", "double", required=False))
    assert found.requirements == "scikit-learn==1.6.0\nmlflow==2.20.0\n"
    assert found.examples == {"columns": ["a", "b"], "rows": [[1.0, 2.0], [3.0, 4.0]]}
    assert found.inspection.verdict is InspectionVerdict.ALLOW
    assert found.inspection.facts["model format"] == "sklearn-pickle"


def test_mlmodel_folder_without_mlmodel(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(InvalidArtifact, match="empty"):
        inspect(tmp_path / "folder")
    (tmp_path / "folder" / "model.pkl").write_bytes(b"x")
    with pytest.raises(InvalidArtifact, match="no MLmodel file"):
        inspect(tmp_path / "folder")
    (tmp_path / "folder" / "inner" / "MLmodel").write_text("flavors: {}")
    with pytest.raises(InvalidArtifact) as raised:
        inspect(tmp_path / "folder")
    assert "inner" in raised.value.hint


@pytest.mark.parametrize("path", ["../../model.pkl", "/etc/passwd", "C:\\model.pkl", "absent.pkl"])
def test_mlmodel_paths_stay_inside(model: LogisticRegression, tmp_path: Path, path: str) -> None:
    flavors = {"python_function": {"loader_module": "mlflow.sklearn"}, "sklearn": {"pickled_model": path}}
    with pytest.raises(InvalidArtifact, match=r"outside its folder|missing"):
        inspect(mlmodel_folder(tmp_path, model, flavors=flavors))


def test_mlmodel_with_links_devices_and_hard_links(model: LogisticRegression, tmp_path: Path) -> None:
    folder = mlmodel_folder(tmp_path, model)
    secret = tmp_path / "secret"
    secret.write_text("x")
    odd = folder / "odd"
    odd.symlink_to(secret)
    with pytest.raises(InvalidArtifact, match="symbolic link"):
        inspect(folder)
    odd.unlink()
    odd.hardlink_to(secret)
    with pytest.raises(InvalidArtifact, match="no plain file"):
        inspect(folder)
    odd.unlink()
    os.mkfifo(odd)
    with pytest.raises(InvalidArtifact, match="no plain file"):
        inspect(folder)
    odd.unlink()
    (folder / "a\\b").write_text("x")
    with pytest.raises(InvalidArtifact, match="unusual name"):
        inspect(folder)


def test_mlmodel_with_a_malicious_model(tmp_path: Path, model: LogisticRegression) -> None:
    folder = mlmodel_folder(tmp_path, model)
    (folder / "model.pkl").write_bytes(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.")
    assert inspect(folder).inspection.verdict is InspectionVerdict.REJECT


def test_mlmodel_with_code_or_an_unknown_loader_needs_a_look(tmp_path: Path, model: LogisticRegression) -> None:
    function = {"loader_module": "mlflow.sklearn", "code": "code"}
    found = inspect(
        mlmodel_folder(
            tmp_path, model, flavors={"python_function": function, "sklearn": {"pickled_model": "model.pkl"}}
        )
    )
    assert found.inspection.verdict is InspectionVerdict.REVIEW
    assert "code of its own" in found.inspection.findings[0]
    (tmp_path / "b").mkdir()
    found = inspect(
        mlmodel_folder(tmp_path / "b", model, flavors={"python_function": {"loader_module": "mlflow.xgboost"}})
    )
    assert found.inspection.verdict is InspectionVerdict.REVIEW


def test_mlmodel_that_is_no_yaml(tmp_path: Path, model: LogisticRegression) -> None:
    folder = mlmodel_folder(tmp_path, model)
    for text in ("{", "a: &a [*a]\nflavors: 3", "!!python/object/apply:os.system ['touch /tmp/never']", "[]", ""):
        (folder / "MLmodel").write_text(text)
        with pytest.raises(InvalidArtifact, match="MLmodel"):
            inspect(folder)
