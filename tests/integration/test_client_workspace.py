"""A training script against a real workspace: connect, log versions, read them back."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_desktop import client
from mlops_desktop.domain.accounts import Role
from mlops_desktop.domain.errors import InvalidInput, NotAllowed
from mlops_desktop.domain.registry import FileRole, Format, InspectionVerdict
from mlops_desktop.workspace import create_workspace, open_workspace

PASSWORD = "four words make sense"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    workspace = create_workspace(path, name="Team", admin="root", full_name="Root", password=PASSWORD)
    try:
        admin = workspace.accounts.sign_in("root", PASSWORD)
        workspace.accounts.create_account(admin, "ada", "Ada", PASSWORD, [Role.DATA_SCIENTIST])
        workspace.accounts.create_account(admin, "vic", "Vic", PASSWORD, [Role.VIEWER])
    finally:
        workspace.close()
    return path


def breast_cancer():
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return (x[:400], y[:400]), (x[400:], y[400:])


def test_versions_are_logged_with_everything(folder: Path) -> None:
    train, test = breast_cancer()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(*train)
    with client.connect(folder, user="ada", password=PASSWORD) as ws:
        first = ws.log_version("tumour", pipeline, train=train, test=test, seed=3, tags={"team": "blue"})
        second = ws.log_version("tumour", pipeline, train=train, test=test, onnx=False, description="as it is")
    assert (first.label, second.label) == ("tumour@1", "tumour@2")
    assert first.format is Format.ONNX
    assert second.format is Format.SKOPS
    assert first.conversion is not None
    assert first.conversion.converted
    assert first.inspection.verdict is InspectionVerdict.ALLOW
    assert {f.role for f in first.files} == set(FileRole)
    assert first.params["logisticregression__C"] == "0.5"
    assert first.metrics["roc_auc"] > 0.9
    assert first.lineage.trained_by == first.registered_by == "ada"
    assert first.lineage.data == second.lineage.data
    workspace = open_workspace(folder)
    try:
        again = workspace.registry.version("tumour@1")
        assert again == first
        examples = json.loads(workspace.registry.read_file(again, FileRole.EXAMPLES))
        assert len(examples["rows"]) == 100
        assert workspace.registry.compare("tumour@1", "tumour@2").same_test_data
    finally:
        workspace.close()


def test_who_may_not_register_is_told(folder: Path) -> None:
    train, test = breast_cancer()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(*train)
    with client.connect(folder, user="vic", password=PASSWORD) as ws, pytest.raises(NotAllowed, match="vic may not"):
        ws.log_version("tumour", pipeline, train=train, test=test)


def test_connect_needs_all_three(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKSPACE", "USER", "PASSWORD"):
        monkeypatch.delenv(f"MLOPS_DESKTOP_{name}", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(InvalidInput, match="No workspace"):
        client.connect()
    with pytest.raises(InvalidInput, match="No user"):
        client.connect(folder)
    with pytest.raises(InvalidInput, match="No password"):
        client.connect(folder, user="ada")
    with pytest.raises(NotAllowed):
        client.connect(folder, user="ada", password="wrong password")


def test_a_script_finds_the_workspace_in_its_environment(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(
            """
            from sklearn.datasets import load_iris
            from sklearn.linear_model import LogisticRegression

            from mlops_desktop import client

            x, y = load_iris(return_X_y=True, as_frame=True)
            model = LogisticRegression(max_iter=500).fit(x[::2], y[::2])
            with client.connect() as ws:
                print(ws.log_version("iris", model, train=(x[::2], y[::2]), test=(x[1::2], y[1::2])).label)
            """
        )
    )
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "train.py"], check=True)
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(tmp_path), *identity, "commit", "-qm", "Train"], check=True)
    import os

    environment = {
        **os.environ,
        "MLOPS_DESKTOP_WORKSPACE": str(folder),
        "MLOPS_DESKTOP_USER": "ada",
        "MLOPS_DESKTOP_PASSWORD": PASSWORD,
    }
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "iris@1"
    workspace = open_workspace(folder)
    try:
        lineage = workspace.registry.version("iris@1").lineage
    finally:
        workspace.close()
    assert lineage.source == "train.py"
    assert len(lineage.code_commit) == 40
    assert not lineage.code_dirty
