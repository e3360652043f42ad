"""The guided tour as one command on real flights, with real containers and without Docker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("engine", ["process", pytest.param("docker", marks=pytest.mark.docker)])
def test_the_tour_tells_its_whole_story(engine: str, tmp_path: Path) -> None:
    workspace, folder = tmp_path / "work", tmp_path / "report"
    began = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mlops_desktop",
            "--workspace",
            str(workspace),
            "tour",
            "--offscreen",
            "--report",
            folder,
        ],
        env=os.environ | {"MLOPS_DESKTOP_ENGINE": engine},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    took = time.monotonic() - began

    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == f"The report of the tour is {folder / 'index.html'}"
    assert took < 240
    steps = {step["step"]: step for step in json.loads((folder / "figures.json").read_text())}
    assert not any(step["error"] for step in steps.values())

    def figure(step: str, name: str) -> Any:
        return next(f["value"] for f in steps[step]["figures"] if f["name"] == name)

    # Both models convert; the better one is better on held-out flights.
    assert figure("train", "served as") == "onnx, onnx"
    assert figure("train", "ROC AUC of version 2") > figure("train", "ROC AUC of version 1") + 0.03
    assert figure("promote", "approval by the requester") == "refused"
    assert figure("workspace", "engine").startswith(engine)
    # Nothing is lost while versions change, and none of the year's flights before that.
    assert figure("release", "requests during the change") >= 20
    assert (figure("release", "of them lost"), figure("roll-back", "of them lost")) == (0, 0)
    assert figure("audit", "requests lost in all") == 0
    assert figure("audit", "flights answered in all") > 20_000
    # The seasons: warmer, worse, and noticed.
    assert figure("watch", "drift") == "drift"
    assert figure("watch", "KS distance of temperature") > 0.25
    assert figure("watch", "ROC AUC realised") < figure("watch", "ROC AUC on held-out flights") - 0.03
    assert figure("watch", "alerts") >= 2
    assert figure("roll-back", "serves again") == "version 1"
    assert figure("roll-back", "took") < 5
    assert figure("audit", "chain") == "intact"

    page = (folder / "index.html").read_text()
    assert page.count("<section") == len(steps) == 10
    assert page.count("<svg") == 2
    assert not workspace.exists(), "the tour was to be discarded"
