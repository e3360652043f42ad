"""The last applied routes on disk, from which a gateway comes back as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from mlops_desktop.engines.gateway import Route, Target


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step, readable for this user only."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    part.replace(file)


def write_routes(file: Path, routes: Sequence[Route]) -> None:
    write_private(
        file,
        json.dumps(
            [
                {
                    "model": r.model,
                    "environment": r.environment,
                    "targets": [[t.deployment, t.weight] for t in r.targets],
                }
                for r in routes
            ]
        ),
    )


def read_routes(file: Path) -> list[Route]:
    """What was written last; nothing when there is none or it is damaged."""
    try:
        return [
            Route(r["model"], r["environment"], tuple(Target(str(d), int(w)) for d, w in r["targets"]))
            for r in json.loads(file.read_text())
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []
