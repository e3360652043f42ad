"""Say what a model file is, without running it: a child process with limits reads it and answers in JSON.

The parent never parses the file itself. A crash, an endless loop or a bomb ends with the child and becomes a sentence.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlops_desktop
from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.domain.registry import Format, Inspection, InspectionVerdict, Signature

TIMEOUT_SECONDS = 10
_MAX_ANSWER = 16 << 20
# Isolated from the environment and the current folder; the package may lie outside site-packages.
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.dont_write_bytecode = True; "
    "from mlops_desktop.formats._inspector.__main__ import main; main()"
)
_ROOT = str(Path(mlops_desktop.__file__).resolve().parents[1])


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What `inspect` found. `digests` are those of the bytes that were judged: compare them with what was stored."""

    format: Format
    entry: str  # the path that is loaded, relative; "." for an MLmodel directory
    files: tuple[tuple[str, Path], ...]  # path inside the version, where the file lies now
    signature: Signature | None
    inspection: Inspection
    requirements: str | None = None
    examples: dict[str, Any] | None = None  # {"columns", "rows"} of an MLmodel directory's input example
    digests: Mapping[str, str] = field(default_factory=dict)  # path inside the version -> SHA-256


def inspect(path: Path) -> ModelFile:
    """Judge a file or an MLmodel directory; InvalidArtifact when it is no model or can't be inspected."""
    if not path.exists() and not path.is_symlink():
        raise InvalidArtifact(f"{path.name} does not exist.", "Check the path.")
    answer = _ask(path.absolute())
    if "error" in answer:
        raise InvalidArtifact(str(answer["error"]), str(answer["hint"]))
    signature = answer.get("signature")
    return ModelFile(
        format=Format(answer["format"]),
        entry=answer["entry"],
        files=tuple((name, Path(place)) for name, place, _, _ in answer["files"]),
        signature=Signature.from_dict(signature) if signature else None,
        inspection=Inspection(InspectionVerdict(answer["verdict"]), tuple(answer["findings"]), dict(answer["facts"])),
        requirements=answer.get("requirements"),
        examples=answer.get("examples"),
        digests={name: digest for name, _, digest, _ in answer["files"]},
    )


def _ask(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-I", "-c", _START, _ROOT, str(path), str(TIMEOUT_SECONDS)]
    hint = "Save the model again with fewer or smaller parts."
    try:
        child = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InvalidArtifact(f"{path.name} could not be inspected within {TIMEOUT_SECONDS} seconds.", hint) from None
    except (OSError, ValueError) as error:
        raise InvalidArtifact(f"{path.name} could not be inspected: {error}.") from None
    if child.returncode != 0 or len(child.stdout) > _MAX_ANSWER:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"code {child.returncode}"
        raise InvalidArtifact(f"{path.name} could not be inspected: the inspection ended with {how}.", hint)
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer
