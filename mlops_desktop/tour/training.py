"""Run the training script in a process of its own, as its user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from pathlib import Path

from mlops_desktop.domain.errors import DeploymentFailed, JobCancelled
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour.party import Person


def command_of(workspace: Path, person: Person) -> list[str]:
    """What its user would type; the password is asked for, or comes from MLOPS_DESKTOP_PASSWORD."""
    return [sys.executable, "-m", "mlops_desktop.tour.train", "--workspace", str(workspace), "--user", person.name]


def train_and_register(workspace: Path, person: Person, context: JobContext, *, already: int = 0) -> None:
    """Run the script; its lines go to the job's log. Cancelling ends the process.

    `already` is how many of its models an earlier run, which was cancelled, has registered.
    """
    command = [*command_of(workspace, person), "--already", str(already)]
    environment = os.environ | {"MLOPS_DESKTOP_PASSWORD": person.password, "PYTHONUNBUFFERED": "1"}
    context.progress(None, "Training in a process of its own")
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        context.on_cancel(process.terminate)
        last: deque[str] = deque(maxlen=3)
        assert process.stdout is not None  # noqa: S101  it is a pipe
        for line in process.stdout:
            last.append(line.strip())
            context.log(line.rstrip(), "Training")
    if process.returncode < 0:
        raise JobCancelled
    if process.returncode:
        raise DeploymentFailed(f"The training script failed: {' '.join(last)[-300:]}", "Run it by hand to see all.")
