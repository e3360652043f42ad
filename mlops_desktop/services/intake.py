"""Take a version's files in: check them, store them by digest, and say what was stored.

Nothing is in the database yet. Files that end up unused are removed by garbage collection after its grace period.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.errors import InvalidArtifact, InvalidInput
from mlops_desktop.domain.registry import ArtifactFile, FileRole, InspectionVerdict, Signature, Task, canonical_json

if TYPE_CHECKING:
    from mlops_desktop.artifacts.store import ArtifactStore, StoredArtifact
    from mlops_desktop.formats.inspect import ModelFile
    from mlops_desktop.runtime.jobs import JobContext

MAX_JSON = 64 * 2**20
MAX_EXAMPLES = 1_000
MAX_REQUIREMENTS = 1 * 2**20
Json = bytes | Path | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attachments:
    """What comes beside the model file, read and checked; None where there is none."""

    profile: bytes | None
    examples: bytes | None
    requirements: bytes | None
    originals: tuple[Path, ...]

    @property
    def profile_fields(self) -> Mapping[str, Any]:
        return {} if self.profile is None else json.loads(self.profile)


def read_attachments(
    found: ModelFile,
    profile: Json | None,
    examples: Json | None,
    requirements: str | None,
    originals: Sequence[Path],
) -> Attachments:
    """Check the attachments; what is not given is taken from the model's own files. InvalidInput says what is wrong."""
    chosen = examples if examples is not None else found.examples
    lock = requirements if requirements is not None else found.requirements
    return Attachments(
        None if profile is None else _profile(profile),
        None if chosen is None else _examples(chosen),
        None if lock is None else _requirements(lock),
        tuple(originals),
    )


def require_acceptable(found: ModelFile, name: str) -> None:
    """Refuse what static inspection rejects; what needs a review may be registered, and runs in a container only."""
    if found.inspection.verdict is InspectionVerdict.REJECT:
        findings = " ".join(found.inspection.findings[:3]) or "It names unknown code."
        raise InvalidArtifact(
            f"{name} was refused by inspection: {findings}",
            "Save the model as ONNX or skops, or without objects of your own.",
        )


def store_files(
    artifacts: ArtifactStore, found: ModelFile, attachments: Attachments, context: JobContext
) -> tuple[ArtifactFile, ...]:
    """Store everything, the file that is loaded first. InvalidArtifact if a file changed since its inspection."""
    files: list[ArtifactFile] = []
    taken: set[str] = set()
    model_files = sorted(found.files, key=lambda f: (f[0] != found.entry, f[0]))
    for done, (path, source) in enumerate(model_files):
        context.progress(0.3 + 0.5 * done / len(model_files), f"Storing {path}")
        stored = artifacts.add(source)
        if found.digests.get(path, stored.digest) != stored.digest:
            raise InvalidArtifact(
                f"{path} changed while it was inspected.", "Wait until it is written, then try again."
            )
        files.append(ArtifactFile(path, stored.digest, stored.size, FileRole.MODEL))
        taken.add(path)
    for original in attachments.originals:
        for name, source in _originals(original):
            context.progress(0.8, f"Storing {name}")
            files.append(_file(f"original/{name}", artifacts.add(source), FileRole.ORIGINAL, taken))
    for content, path, role in (
        (attachments.profile, "reference/profile.json", FileRole.PROFILE),
        (attachments.examples, "reference/examples.json", FileRole.EXAMPLES),
        (attachments.requirements, "reference/requirements.txt", FileRole.REQUIREMENTS),
    ):
        if content is not None:
            files.append(_file(path, artifacts.add_bytes(content), role, taken))
    return tuple(files)


def task_told_by(profile: Mapping[str, Any], signature: Signature, facts: Mapping[str, str]) -> Task | None:
    """What the profile, the file's facts or its outputs tell of the task; None when they don't."""
    predictions = profile.get("predictions")
    if isinstance(predictions, Mapping) and predictions:
        return Task.CLASSIFICATION if "outcome" in predictions else Task.REGRESSION
    words = " ".join(facts.values())
    if any(word in words for word in ("Classifier", "LogisticRegression", "SVC", "NB")):
        return Task.CLASSIFICATION
    if any(word in words for word in ("Regressor", "Regression", "Ridge", "Lasso", "SVR")):
        return Task.REGRESSION
    outputs = [column.name.lower() for column in signature.outputs]
    return Task.CLASSIFICATION if any("prob" in name or "label" in name for name in outputs) else None


def _file(path: str, stored: StoredArtifact, role: FileRole, taken: set[str]) -> ArtifactFile:
    while path in taken:
        path = f"_{path}"
    taken.add(path)
    return ArtifactFile(path, stored.digest, stored.size, role)


def _originals(path: Path) -> list[tuple[str, Path]]:
    if not path.is_dir() or path.is_symlink():
        return [(path.name, path)]
    inside = sorted(p for p in path.rglob("*") if p.is_symlink() or not p.is_dir())
    return [(f"{path.name}/{p.relative_to(path).as_posix()}", p) for p in inside]


def _profile(given: Json) -> bytes:
    from mlops_desktop.serving.bins import Profile, ProfileError

    content = _json_bytes(given, "reference profile")
    try:
        Profile.from_json(content)
    except ProfileError as error:
        raise InvalidInput(
            f"The reference profile can't be used: {error}.", "Make it with the Python client."
        ) from None
    return content


def _examples(given: Json) -> bytes:
    """`{"columns", "rows", "predictions"?, "scores"?}`: as many answers as rows, as many values as columns."""
    content = _json_bytes(given, "examples")
    data = json.loads(content)
    hint = "Give columns, rows and the predictions that were expected for them."
    columns, rows = data.get("columns"), data.get("rows")
    if not (isinstance(columns, list) and all(isinstance(c, str) for c in columns)):
        raise InvalidInput("The examples have no list of columns.", hint)
    if not (isinstance(rows, list) and 0 < len(rows) <= MAX_EXAMPLES):
        raise InvalidInput(f"The examples need 1 to {MAX_EXAMPLES:,} rows.", hint)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InvalidInput(f"Row {number} of the examples does not have {len(columns)} values.", hint)
    for name in ("predictions", "scores"):
        answers = data.get(name)
        if answers is not None and (not isinstance(answers, list) or len(answers) != len(rows)):
            raise InvalidInput(f"The examples have {len(rows)} rows, but not as many {name}.", hint)
    return content


def _requirements(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    if len(content) > MAX_REQUIREMENTS or "\0" in text:
        raise InvalidInput("The requirements are no text file of a reasonable length.", "Give a requirements.txt.")
    return content


def _json_bytes(given: Json, what: str) -> bytes:
    hint = "Give a JSON object with finite numbers."
    if isinstance(given, Mapping):
        try:
            return canonical_json(given)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"The {what} can't be written as JSON: {error}.", hint) from None
    try:
        content = given.read_bytes() if isinstance(given, Path) else given
    except OSError as error:
        raise InvalidInput(f"The {what} can't be read: {(error.strerror or str(error)).lower()}.", hint) from None
    if len(content) > MAX_JSON:
        raise InvalidInput(f"The {what} is larger than {MAX_JSON // 2**20} MiB.", hint)
    try:
        data = json.loads(content, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The {what} is no JSON that can be used: {error}.", hint) from None
    if not isinstance(data, dict):
        raise InvalidInput(f"The {what} is no JSON object.", hint)
    return content


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a name is given twice")
    return data
