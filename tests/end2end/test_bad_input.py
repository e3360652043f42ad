"""Bad input and bad luck at the command line and in scripts: one sentence with a next step, nothing lost."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from mlops_desktop import client
from mlops_desktop.cli.main import main
from mlops_desktop.domain.accounts import Role
from mlops_desktop.domain.errors import DeploymentFailed, InvalidInput, NotAllowed, StorageError
from mlops_desktop.domain.registry import Column, Signature, Task
from mlops_desktop.runtime.log_file import LogFile
from mlops_desktop.settings import Settings
from mlops_desktop.workspace import Workspace, create_workspace, open_workspace
from tests.unit.services.registry_kit import model_file

PASSWORD = "quiet apron beacon"
PROCESS = {"engine": "process", "gateway_port": 0}
SIGNATURE = Signature((Column("a", "double"), Column("b", "double")), (Column("y", "double"),))
UNKNOWN_CODE = b"\x80\x04\x8c\x0bacme_secret\x8c\x05Model\x93)\x81."


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada may do everything; sum@1 may go to staging without an approval after its files were checked."""
    folder = tmp_path_factory.mktemp("bad-input") / "workspace"
    made = create_workspace(
        folder, name="Bad luck", admin="ada", full_name="Ada", password=PASSWORD, settings=Settings(**PROCESS)
    )
    with made as workspace:
        ada = workspace.accounts.sign_in("ada", PASSWORD)
        workspace.accounts.set_roles(ada, "ada", {Role.ADMIN, Role.ML_ENGINEER, Role.DATA_SCIENTIST})
        policy = workspace.policies.policy("staging")
        workspace.policies.set_policy(ada, replace(policy, required_checks=("artifact-digest", "answers-examples")))
        workspace.registry.register_version(
            ada,
            "sum",
            model_file(folder.parent / "model.onnx"),
            task=Task.REGRESSION,
            signature=SIGNATURE,
            examples={"columns": ["a", "b"], "rows": [[1.0, 2.0]]},
        )
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main() sets it
    monkeypatch.setenv("MLOPS_DESKTOP_USER", "ada")
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", PASSWORD)
    place = tmp_path / "workspace"
    shutil.copytree(template, place)
    configure(place)
    yield place


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that has to be refused; returns the one line that says why."""

    def run(*arguments: str, workspace: Path = folder) -> str:
        assert main(["--workspace", str(workspace), *arguments]) == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("Error: ")
        assert "bug in MLOps Desktop" not in lines[0]
        return lines[0]

    return run


@pytest.fixture
def full_disk(template: Path, tmp_path: Path) -> Iterator[Path]:
    """A workspace on a file system that has no byte left."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting needs the rights of the administrator")
    shutil.copytree(template, place / "workspace")
    configure(place / "workspace")
    with pytest.raises(OSError, match="No space"), (place / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    yield place / "workspace"
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def served(folder: Path) -> Iterator[Workspace]:
    """sum@1 answers in staging."""
    with open_workspace(folder) as workspace:
        ada = workspace.accounts.sign_in("ada", PASSWORD)
        workspace.delivery.deploy(ada, "sum", 1, "staging")
        yield workspace
        workspace.delivery.shut_down(ada)


def configure(folder: Path, **settings: object) -> None:
    (folder / "settings.json").write_text(json.dumps(PROCESS | settings))


def test_a_pickle_that_names_unknown_code_is_pointed_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.pkl").write_bytes(UNKNOWN_CODE)
    signature = tmp_path / "signature.json"
    signature.write_text(json.dumps(SIGNATURE.to_dict()))
    arguments = ["register", str(tmp_path / "own.pkl"), "--model", "own", "--task", "regression"]
    assert main(["--workspace", str(folder), *arguments, "--signature", str(signature)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Registered own@1")
    assert "runs in a container only" in told.err
    assert "acme_secret.Model" in told.err


def test_what_describes_a_model_is_refused_in_words(refused: Callable[..., str], tmp_path: Path) -> None:
    model, signature = str(model_file(tmp_path / "model.onnx")), tmp_path / "signature.json"
    for text, said in (
        ("[]", "no list of inputs"),
        ('{"inputs": 5}', "no list of inputs"),
        ('{"inputs": ["a"]}', "a column has no name or no type"),
        ('{"inputs": [{"name": "a", "type": ["double"]}]}', "unknown type"),
        ('{"inputs": [{"name": "a", "type": "double", "shape": 3}]}', "is no list"),
    ):
        signature.write_text(text)
        assert said in refused("register", model, "--model", "sum", "--signature", str(signature))
    (tmp_path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    line = refused("register", str(tmp_path / "evil.pkl"), "--model", "sum")
    assert "posix.system" in line or "os.system" in line
    assert ".." not in line


@pytest.mark.parametrize(
    ("name", "shown", "instead"),
    [
        ("a/b", "“a/b”", "a-b"),
        ("türkis", "“türkis”", "turkis"),
        ("a\u202eb", "“a\\u202eb”", "ab"),
        ("🙂", "“🙂”", "my-"),
    ],
)
def test_a_name_is_shown_as_it_was_typed(
    refused: Callable[..., str], tmp_path: Path, name: str, shown: str, instead: str
) -> None:
    line = refused("register", str(model_file(tmp_path / "model.onnx")), "--model", name)
    assert f"{shown} can't be a model name" in line
    assert f"for example “{instead}" in line


def test_a_damaged_artifact_is_not_served(folder: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    with open_workspace(folder) as workspace:
        digest = workspace.registry.version("sum@1").files[0].digest
    blob = folder / "artifacts" / digest[:2] / digest
    content = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(content[:50] + b"X" + content[51:])
    line = refused("check", "sum@1", "--env", "staging")
    assert "artifact-digest" in line
    assert "register a new version" in line
    assert "Register it again from its source." in refused("deploy", "sum@1", "--to", "staging")
    with open_workspace(folder) as workspace:
        assert workspace.registry.version("sum@1").damaged
        assert workspace.delivery.deployments() == []
        assert workspace.audit.verify().intact
        workspace.delivery.shut_down(workspace.accounts.sign_in("ada", PASSWORD))


def test_rows_and_labels_that_do_not_fit(
    folder: Path, served: Workspace, refused: Callable[..., str], tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"

    def asked(content: bytes, where: str = "staging") -> str:
        rows.write_bytes(content)
        return refused("predict", "sum", "--in", where, "--input", str(rows))

    assert asked(b"b\n2\n").endswith("field 'a' is missing. Check the input against the signature.")
    assert "unexpected columns: c. The inputs are a, b." in asked(b"a,b,c\n1,2,3\n")
    assert "rows.csv is not UTF-8 text. Save it as CSV in UTF-8." in asked(b"\xff\xfe\n")
    assert asked(b"a,b\n1,2\n", "production").endswith("Deploy a version there, then try again.")
    labels = tmp_path / "labels.csv"
    labels.write_text("prediction_id,label\nnobody:0,1\n")
    assert "1 label names a prediction that nobody knows here: nobody:0. Send the ids" in refused("labels", str(labels))
    with client.connect(folder, user="ada", password=PASSWORD) as script:
        assert script.label("sum", {"nobody:0": 1}).unknown == 1
        with pytest.raises(DeploymentFailed, match="is missing") as caught:
            script.predict("sum", "staging", np.array([[1.0]]))
        assert "{" not in str(caught.value)
        with pytest.raises(DeploymentFailed, match="503") as caught:
            script.predict("sum", "production", np.array([[1.0, 2.0]]))
        assert "Deploy a version there" in caught.value.hint


@pytest.mark.parametrize("kind", ["newer", "damaged", "none"])
def test_a_workspace_that_can_not_be_opened(folder: Path, refused: Callable[..., str], kind: str) -> None:
    file = folder / "registry.db"
    if kind == "newer":
        with sqlite3.connect(file) as db:
            db.execute("PRAGMA user_version=999")
        db.close()
    elif kind == "damaged":
        content = bytearray(file.read_bytes())
        content[4096:] = bytes(255 for _ in content[4096:])
        file.write_bytes(content)
    else:
        file.write_bytes(b"")
    before = file.read_bytes()
    said = {"newer": "made by a newer", "damaged": "is damaged. Restore it", "none": "Choose the folder of a workspace"}
    assert said[kind] in refused("models")
    with pytest.raises(StorageError) as caught:
        client.connect(folder, user="ada", password=PASSWORD)
    assert caught.value.hint
    assert file.read_bytes() == before


def test_a_wrong_password_is_said_the_same_everywhere(
    folder: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", "not the password")
    line = refused("alerts", "ack", "1")
    assert "Name or password is wrong. Try again" in line
    with pytest.raises(NotAllowed) as caught:
        client.connect(folder, user="ada", password="not the password")
    assert str(caught.value) in line


def test_docker_that_is_absent_says_how_to_go_on(folder: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    configure(folder, engine="docker", docker_host=f"unix://{tmp_path}/nothing.sock")
    for arguments in (["deploy", "sum@1", "--to", "staging"], ["check", "sum@1", "--env", "staging"]):
        line = refused(*arguments)
        assert "Start Docker, or set engine to process" in line
        assert "register a new version" not in line, "the version is not to blame"
    with open_workspace(folder) as workspace:
        assert workspace.delivery.deployments() == []
        assert workspace.promotions.promotions() == []


def test_a_port_that_others_know_and_somebody_took(folder: Path, refused: Callable[..., str]) -> None:
    with open_workspace(folder) as workspace:
        ada = workspace.accounts.sign_in("ada", PASSWORD)
        workspace.delivery.deploy(ada, "sum", 1, "staging")
        port = int(workspace.delivery.endpoint("sum", "staging").url.split(":")[2].split("/")[0])
        workspace.delivery.shut_down(ada)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        line = refused("deploy", "sum@1", "--to", "staging")
    assert f"Port {port} is in use by another program." in line
    assert "gateway_port" in line, "what can be changed is named"


def test_a_full_disk_is_said_by_every_command(full_disk: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    model = str(model_file(tmp_path / "new.onnx", 2.0))
    for arguments in (
        ["models"],
        ["register", model, "--model", "sum"],
        ["audit", "verify"],
        ["init", str(full_disk.parent / "another")],
    ):
        assert "The disk is full" in refused(*arguments, workspace=full_disk), arguments
    assert not (full_disk.parent / "another").exists()
    with pytest.raises(StorageError, match="The disk is full"):
        client.connect(full_disk, user="ada", password=PASSWORD)
    (full_disk.parent / "ballast").unlink()
    with client.connect(full_disk, user="ada", password=PASSWORD) as script:
        x = np.arange(20.0).reshape(10, 2)
        (full_disk.parent / "ballast").write_bytes(bytes(shutil.disk_usage(full_disk).free - 40_000))
        estimator = LinearRegression().fit(x, x.sum(axis=1))
        with pytest.raises(StorageError, match="The disk is full"):
            script.log_version("sum", estimator, train=(x, x.sum(axis=1)), data={"x": x}, description="y" * 9_000)
        (full_disk.parent / "ballast").unlink()
        assert script.log_version("sum", estimator, train=(x, x.sum(axis=1))).number == 2
    with open_workspace(full_disk) as workspace:
        assert workspace.audit.problems() == []


def test_a_log_on_a_full_disk_keeps_quiet(full_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = LogFile(full_disk / "program.log", 1_000, 1)
    for _ in range(3):
        log.handle(logging.makeLogRecord({"msg": "x" * 10_000, "levelno": logging.WARNING}))
    log.close()
    assert capsys.readouterr().err == ""


def test_names_in_scripts_follow_the_same_rule(folder: Path) -> None:
    x = np.arange(20.0).reshape(10, 2)
    estimator = LinearRegression().fit(x, x.sum(axis=1))
    wrong = pytest.raises(InvalidInput, match="“a/b” can't be a model name")
    with client.connect(folder, user="ada", password=PASSWORD) as script, wrong:
        script.log_version("a/b", estimator, train=(x, x.sum(axis=1)), onnx=False)
