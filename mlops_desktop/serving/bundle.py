"""The serving bundle: a folder with serving.json, the model's files, and what is known of its training data.

Nothing of a model is loaded before every file was found to be what serving.json says, by its SHA-256 digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_desktop.serving.bins import Profile, ProfileError
from mlops_desktop.serving.errors import CannotServe
from mlops_desktop.serving.schema import Schema

FORMATS = ("onnx", "skops", "sklearn-pickle", "mlflow")


@dataclass(frozen=True)
class Bundle:
    """What is served, and what it must look like."""

    root: Path
    model: str
    version: str
    task: str
    format: str
    entry: Path  # the file to load; of an MLmodel directory the directory
    files: Mapping[str, str]  # path inside model/ -> SHA-256, hex
    schema: Schema
    classes: tuple[str, ...]
    positive: str | None
    deployment: str
    profile: Profile | None
    examples: Mapping[str, Any] | None

    @property
    def is_classification(self) -> bool:
        return self.task == "classification"


def read_bundle(root: Path, deployment: str = "") -> Bundle:
    """Read serving.json and its companions and verify every file; CannotServe says what is wrong."""
    data = _json(root / "serving.json")
    try:
        if data["schema"] != 1:
            raise CannotServe(f"serving.json has the schema {data['schema']!r}, this program reads 1.")
        files = {str(path): str(digest) for path, digest in data["files"].items()}
        format_, task = str(data["format"]), str(data["task"])
        if format_ not in FORMATS:
            raise CannotServe(f"The format {format_!r} is not known; it must be one of {', '.join(FORMATS)}.")
        if task not in ("classification", "regression"):
            raise CannotServe(f"The task {task!r} is not known; it must be classification or regression.")
        entry = _inside(root / "model", str(data["entry"]))
        bundle = Bundle(
            root,
            str(data["model"]),
            str(data["version"]),
            task,
            format_,
            entry,
            files,
            Schema.from_signature(data["signature"]),
            tuple(str(c) for c in data.get("classes") or ()),
            None if data.get("positive") is None else str(data["positive"]),
            deployment or str(data.get("deployment") or ""),
            _profile(root / "profile.json"),
            _json(root / "examples.json") if (root / "examples.json").exists() else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotServe(f"serving.json can't be read ({error!r}).") from None
    verify(root / "model", files)
    return bundle


def verify(folder: Path, files: Mapping[str, str]) -> None:
    """CannotServe if a file is missing, was changed, is a link, or is not listed."""
    if not files:
        raise CannotServe("serving.json lists no model file.")
    for name, digest in files.items():
        path = _inside(folder, name)
        if path.is_symlink() or not path.is_file():
            raise CannotServe(f"The model file {name!r} is missing from the bundle.")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != digest.lower():
            raise CannotServe(f"The model file {name!r} is damaged: its SHA-256 is {found[:12]}…, not {digest[:12]}….")
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (not path.is_dir() and name not in files):
            raise CannotServe(f"The bundle holds {name!r}, which serving.json does not list.")


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name or "\0" in name:
        raise CannotServe(f"The path {name!r} in serving.json leaves the bundle.")
    return folder.joinpath(*parts.parts)


def _profile(path: Path) -> Profile | None:
    try:
        return Profile.read(path) if path.exists() else None
    except ProfileError as error:
        raise CannotServe(f"profile.json can't be used: {error}.") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CannotServe(f"There is no {path.name} in the bundle.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CannotServe(f"{path.name} can't be read: {error}.") from None
    if not isinstance(value, dict):
        raise CannotServe(f"{path.name} must hold a JSON object.")
    return value
