"""The whole job through the command line: real processes, a real gateway, a real container."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PASSWORDS = {"ada": "seven-lamps-of-tin", "dan": "nine-ships-at-sea", "rosa": "four-winds-of-iron"}
COLUMNS = ("radius", "texture", "smoothness")
ENVIRONMENTS = ("production",)


@dataclass
class Cli:
    """Runs `mlops-desktop` as its users do; `code` is the exit code that is expected."""

    workspace: Path
    settings: dict[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str, user: str = "ada", code: int = 0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.settings | {"MLOPS_DESKTOP_PASSWORD": PASSWORDS[user]}
        done = subprocess.run(
            [sys.executable, "-m", "mlops_desktop", "--workspace", str(self.workspace), "--user", user, *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=240,
            check=False,
        )
        text = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert done.returncode == code, f"{arguments}: {text.stdout}\n{text.stderr}"
        assert "Traceback" not in text.stderr
        return text

    def json(self, *arguments: str, user: str = "ada", stdin: bytes = b"") -> Any:
        return json.loads(self.run("--json", *arguments, user=user, stdin=stdin).stdout)

    def refused(self, *arguments: str, user: str = "ada", stdin: bytes = b"") -> str:
        """The one line that says why."""
        done = self.run(*arguments, user=user, code=1, stdin=stdin)
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("Error: ")
        return lines[0]


@dataclass(frozen=True)
class Trained:
    """Files of a model as a training script leaves them."""

    onnx: Path
    pickle: Path
    profile: Path
    examples: Path
    signature: Path
    rows: list[list[float]]  # held out
    truth: list[int]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    import joblib
    import pandas as pd
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from mlops_desktop.client.preparation import prepare

    folder = tmp_path_factory.mktemp("trained")
    data = load_breast_cancer()
    frame = pd.DataFrame(data.data[:, [0, 1, 4]].astype("float32"), columns=list(COLUMNS))
    half = len(frame) // 2
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[:half], data.target[:half])
    held_out, truth = frame[half:], data.target[half:]
    prepared = prepare(
        pipeline, (frame[:half], data.target[:half]), (held_out, truth), {}, 7, "dan", folder, metrics=None, onnx=True
    )
    assert prepared.package.path.suffix == ".onnx", prepared.package.conversion
    joblib.dump(pipeline, folder / "model.joblib")
    (folder / "profile.json").write_bytes(prepared.profile)
    (folder / "examples.json").write_text(json.dumps(prepared.examples))
    (folder / "signature.json").write_text(json.dumps(prepared.signature.to_dict()))
    return Trained(
        prepared.package.path,
        folder / "model.joblib",
        folder / "profile.json",
        folder / "examples.json",
        folder / "signature.json",
        held_out.to_numpy().round(4).tolist(),
        truth.tolist(),
    )


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def cli(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    folder = tmp_path / "work"
    folder.mkdir()
    quick = {"gateway_port": 0, "drift_chunk_seconds": 1.0, "performance_chunk_seconds": 1.0, "engine": request.param}
    (folder / "settings.json").write_text(json.dumps(quick))
    made = Cli(folder)
    made.run("init", "--name", "Clinic")
    monkeypatch.setenv("MLOPS_DESKTOP_NEW_PASSWORD", PASSWORDS["dan"])
    made.run("accounts", "add", "dan", "--role", "data-scientist")
    monkeypatch.setenv("MLOPS_DESKTOP_NEW_PASSWORD", PASSWORDS["rosa"])
    made.run("accounts", "add", "rosa", "--role", "reviewer")
    made.run("accounts", "roles", "ada", "admin", "ml-engineer")
    yield made
    _clear(folder)


def _clear(folder: Path) -> None:
    """Stop what a failed test may have left running."""
    from mlops_desktop.engines.choose import open_engine
    from mlops_desktop.settings import WorkspacePaths
    from mlops_desktop.workspace import open_workspace

    with open_workspace(folder) as workspace:
        engine, gateway = open_engine(workspace.settings, WorkspacePaths(folder), workspace.id)
    for found in engine.list():
        engine.stop(found.deployment, 1.0)
    gateway.close(stop=True)
    engine.close()


def release(cli: Cli, version: str) -> int:
    asked = cli.json("request", version, "--to", "production", "--reason", "Better than a guess.", user="dan")
    assert asked["state"] == "pending"
    approved = cli.json("approve", str(asked["id"]), "--comment", "Looked at the checks.", user="rosa")
    assert approved["state"] == "approved"
    return int(asked["id"])


def test_from_a_file_to_production_and_back(cli: Cli, trained: Trained, tmp_path: Path) -> None:
    described = ["--profile", str(trained.profile), "--examples", str(trained.examples)]
    described += ["--signature", str(trained.signature), "--metric", "roc_auc=0.93", "--task", "classification"]
    first = cli.json(
        "register", str(trained.onnx), "--model", "tumour", "--param", "c=1", "--tag", "team=oncology",
        "--description", "three measures", "--key-metric", "roc_auc", *described, user="dan",
    )  # fmt: skip
    assert (first["label"], first["format"]) == ("tumour@1", "onnx")
    second = cli.json("register", str(trained.onnx), "--model", "tumour", "--param", "c=2", *described, user="dan")
    assert second["label"] == "tumour@2"
    assert "three measures" in cli.run("versions", "tumour").stdout
    assert "sha-256" in cli.run("show", "tumour@1").stdout.lower()
    assert ["params", "c", "1", "2"] in [
        [d["section"], d["name"], d["left"], d["right"]]
        for d in cli.json("compare", "tumour@1", "tumour@2")["differences"]
    ]

    # Nobody deploys what nobody approved, and nobody approves their own.
    assert "not approved" in cli.refused("deploy", "tumour@1", "--to", "production")
    assert cli.json("check", "tumour@1", user="dan")["passed"] is True
    assert release(cli, "tumour@1") == 1
    assert "may not" in cli.refused("approve", "1", user="dan")
    assert "may not" in cli.refused("deploy", "tumour@1", "--to", "production", user="rosa")
    deployed = cli.json("deploy", "tumour@1", "--to", "production")
    assert deployed["deployment"]["state"] == "running"
    assert deployed["endpoint"]["current"] == 1

    # Answers, live figures, outcomes, drift.
    batch = tmp_path / "rows.csv"
    with batch.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *trained.rows])
    answer = cli.json("predict", "tumour", "--in", "production", "--input", str(batch), user="dan")
    assert len(answer["predictions"]) == len(trained.rows)
    right = sum(int(p) == t for p, t in zip(answer["predictions"], trained.truth, strict=True))
    assert right / len(trained.truth) > 0.8
    stdin = json.dumps({"dataframe_split": {"columns": COLUMNS, "data": [[30.0, 30.0, 0.2]] * 300}}).encode()
    far = cli.json("predict", "tumour", "--in", "production", "--input", "-", stdin=stdin)
    assert set(far["predictions"]) == {0}

    outcomes = tmp_path / "outcomes.csv"
    with outcomes.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prediction_id", "label"])
        writer.writerows([f"{answer['prediction_id']}:{i}", t] for i, t in enumerate(trained.truth))
        writer.writerows([f"{far['prediction_id']}:{i}", 0] for i in range(300))
    time.sleep(1.1)  # the second in which they were answered has to be over
    assert cli.json("labels", str(outcomes), user="dan")["matched"] == len(trained.truth) + 300
    time.sleep(1.1)
    drift = cli.json("drift", "tumour", "--since", "1h")
    assert drift["rows"] == len(trained.rows) + 300
    assert {f["feature"] for f in drift["features"]} >= set(COLUMNS)
    assert max(f["psi"] for f in drift["features"]) > 0.2
    figures = cli.json("metrics", "tumour", "--since", "10m")
    served = next(s for s in figures["series"] if s["name"] == "request_rate")
    assert any(v for v in served["values"] if v)
    # A stretch of time is judged once it is over and its outcomes are known.
    end = time.monotonic() + 30
    while not (measured := [p for p in figures["performance"] if p["value"] is not None]):
        assert time.monotonic() < end, figures["performance"]
        time.sleep(1)
        figures = cli.json("metrics", "tumour", "--since", "10m")
    assert sum(p["labels"] for p in figures["performance"]) == len(trained.truth) + 300
    assert all(p["value"] > 0.8 for p in measured)
    for command in (
        ["drift", "tumour"],
        ["metrics", "tumour"],
        ["alerts"],
        ["alerts", "rules"],
        ["status"],
        ["models"],
    ):
        assert cli.run(*command).stdout.strip()

    # A second version and back again.
    release(cli, "tumour@2")
    assert cli.json("deploy", "tumour@2", "--to", "production")["endpoint"]["current"] == 2
    back = cli.json("rollback", "tumour", "--in", "production", "--reason", "too few rows")
    assert (back["version"], back["previous_version"]) == (1, 2)
    status = cli.json("status")
    assert {(d["version"], d["weight"]) for d in status["deployments"]} == {(1, 100), (2, 0)}
    assert cli.run("logs", "tumour", "--in", "production").stdout.strip()
    requests = cli.json("requests", "--model", "tumour")
    assert {r["state"] for r in requests} == {"deployed"}

    # The end: stopped, and told.
    assert len(cli.json("stop", "tumour", "--in", "production")) == 2
    assert "503" in cli.refused("predict", "tumour", "--in", "production", "--input", str(batch))
    trail = [e["event"] for e in cli.json("audit", "list", "--limit", "500")]
    assert {"VersionRegistered", "PromotionReviewed", "TrafficSwitched", "LabelsReceived"} <= set(trail)
    assert cli.json("audit", "verify")["intact"] is True


def test_bad_input_is_one_sentence_and_loses_nothing(cli: Cli, trained: Trained, tmp_path: Path) -> None:
    notes = tmp_path / "notes.onnx"
    notes.write_text("no model at all")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "weights.bin").write_bytes(b"1")
    assert "no ONNX file" in cli.refused("register", str(notes), "--model", "tumour", user="dan")
    assert "MLmodel" in cli.refused("register", str(tmp_path / "bare"), "--model", "tumour", user="dan")
    for name in ("../up", "a/b", "Tumour", "tumour ", "türkis", "con"):
        assert "can't be a model name" in cli.refused("register", str(trained.onnx), "--model", name, user="dan")
    assert "may not" in cli.refused("register", str(trained.onnx), "--model", "tumour", user="rosa")
    assert cli.json("models") == []

    described = ["--profile", str(trained.profile), "--examples", str(trained.examples)]
    described += ["--signature", str(trained.signature), "--task", "classification"]
    cli.run("register", str(trained.onnx), "--model", "tumour", *described, user="dan")
    release(cli, "tumour@1")
    cli.run("deploy", "tumour@1", "--to", "production")

    def asked(text: str, suffix: str = ".csv") -> str:
        file = tmp_path / f"rows{suffix}"
        file.write_text(text)
        return cli.refused("predict", "tumour", "--in", "production", "--input", str(file))

    assert "texture" in asked("radius,smoothness\n1,2\n")
    assert "colour" in asked("radius,texture,smoothness,colour\n1,2,3,red\n")
    assert "radius" in asked("radius,texture,smoothness\nwide,2,3\n")
    assert "400" in asked("{", ".json")
    assert "neither" in asked("radius", ".txt")
    assert "was never" in cli.refused("logs", "tumour", "--in", "staging")

    labels = tmp_path / "labels.csv"
    labels.write_text("prediction_id,label\nnobody:0,1\n")
    assert "nobody:0" in cli.refused("labels", str(labels), user="dan")
    labels.write_text("prediction_id,outcome\na:0,1\n")
    assert "no column label" in cli.refused("labels", str(labels), user="dan")
    labels.write_text("prediction_id,label,who\na:0,1,me\n")
    assert "unexpected columns: who" in cli.refused("labels", str(labels), user="dan")
    # What was approved is spent by its deployment.
    assert "not approved" in cli.refused("deploy", "tumour@1", "--to", "production")
    assert "no earlier version" in cli.refused("rollback", "tumour", "--in", "production")
    cli.run("stop", "tumour", "--in", "production")
    assert cli.json("audit", "verify")["intact"] is True


def test_a_pickle_is_registered_without_being_loaded(cli: Cli, trained: Trained) -> None:
    version = cli.json(
        "register", str(trained.pickle), "--model", "tumour", "--signature", str(trained.signature),
        "--task", "classification", user="dan",
    )  # fmt: skip
    assert version["format"] == "sklearn-pickle"
    assert version["inspection"]["verdict"] in {"allow", "review"}
