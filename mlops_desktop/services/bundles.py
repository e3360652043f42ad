"""The folder that a version is served from: its files, copied while their digests are checked, and serving.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mlops_desktop.artifacts.store import ArtifactStore
from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.domain.registry import FileRole, Format, ModelVersion

# The server's own needs come from its requirement lists; these are what a Python model brings along.
MODEL_PACKAGES = ("scikit-learn", "scipy", "pandas", "joblib", "skops")


def write_bundle(version: ModelVersion, artifacts: ArtifactStore, target: Path) -> Path:
    """Fill the new folder `target`; InvalidArtifact if a file is missing or was changed since it was registered."""
    model_folder = target / "model"
    model_folder.mkdir(parents=True)
    files: dict[str, str] = {}
    for file in version.files:
        if file.role is FileRole.MODEL:
            path = model_folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            artifacts.copy_to(file.digest, path)
            files[file.path] = file.digest
    profile: dict[str, object] = {}
    for role, name in ((FileRole.PROFILE, "profile.json"), (FileRole.EXAMPLES, "examples.json")):
        if (file_of_role := version.file(role)) is not None:
            artifacts.copy_to(file_of_role.digest, target / name)
            if role is FileRole.PROFILE:
                profile = json.loads((target / name).read_bytes())
    classes = classes_of(profile)
    description = {
        "schema": 1,
        "model": version.model,
        "version": version.number,
        "task": version.task.value,
        "format": version.format.value,
        "files": files,
        "entry": entry_of(version),
        "signature": version.signature.to_dict(),
        "classes": classes,
        "positive": positive_of(classes),
    }
    (target / "serving.json").write_text(json.dumps(description, sort_keys=True, indent=1))
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # the container's user is nobody
    return target


def entry_of(version: ModelVersion) -> str:
    """The path of the file that is loaded; for an MLmodel directory the directory itself."""
    if version.format is Format.MLFLOW:
        return "."
    file = version.file(FileRole.MODEL)
    if file is None:
        raise InvalidArtifact(f"{version.label} has no model file.", "Register it again.")
    return file.path


def requirements_of(version: ModelVersion, artifacts: ArtifactStore) -> tuple[str, ...]:
    """Pinned lines that the image needs besides the server: none for ONNX, the environment lock's for Python models."""
    if version.format is Format.ONNX:
        return ()
    file = version.file(FileRole.REQUIREMENTS)
    if file is None:
        return ("scikit-learn", "pandas")
    with artifacts.open(file.digest) as stream:
        lines = [line.strip() for line in stream.read().decode("utf-8", "replace").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    if version.format is Format.MLFLOW:
        return tuple(line for line in wanted if line.split("==")[0].lower() not in {"mlflow", "mlflow-skinny"})
    return tuple(line for line in wanted if line.split("==")[0].lower() in MODEL_PACKAGES)


def classes_of(profile: Mapping[str, object]) -> list[str] | None:
    """The classes that a reference profile knows, in the model's own order; None of a regression."""
    if isinstance(known := profile.get("classes"), list):
        return [str(name) for name in known]
    predictions = profile.get("predictions")
    outcome = predictions.get("outcome") if isinstance(predictions, dict) else None
    if not isinstance(outcome, dict):
        return None
    # The profile lists categories by frequency; the model's own order is the sorted one.
    return sorted(str(name) for name in outcome["categories"])


def positive_of(classes: list[str] | None) -> str | None:
    """The class whose probability the score is: of two the second, else there is none."""
    return classes[-1] if classes is not None and len(classes) == 2 else None
