"""Models, their versions, and what is known of where a version came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mlops_desktop.domain.errors import InvalidInput


class Task(StrEnum):
    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class Format(StrEnum):
    """What a model file is; `code_free` ones can't run code of their own when loaded."""

    ONNX = "onnx"
    SKOPS = "skops"
    SKLEARN_PICKLE = "sklearn-pickle"
    MLFLOW = "mlflow"

    @property
    def code_free(self) -> bool:
        return self is Format.ONNX


class FileRole(StrEnum):
    """Why a file belongs to a version."""

    MODEL = "model"  # what is served
    ORIGINAL = "original"  # what the served file was converted from
    PROFILE = "profile"  # the reference profile, JSON
    EXAMPLES = "examples"  # rows with the answers expected for them, JSON
    REQUIREMENTS = "requirements"  # the environment lock, requirements.txt


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of a version: its relative POSIX path, its SHA-256 digest (hex) and its size in bytes."""

    path: str
    digest: str
    size: int
    role: FileRole


@dataclass(frozen=True, slots=True)
class Column:
    """One input or output in MLflow's vocabulary: `type` is one of COLUMN_TYPES; a shape makes it a tensor."""

    name: str
    type: str
    required: bool = True
    shape: tuple[int, ...] | None = None


COLUMN_TYPES = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")


@dataclass(frozen=True, slots=True)
class Signature:
    """Names and types of what a model takes and gives."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"inputs": [_column_dict(c) for c in self.inputs], "outputs": [_column_dict(c) for c in self.outputs]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Signature:
        """Read what `to_dict` wrote; InvalidInput if it is something else."""
        if not isinstance(data, Mapping) or not isinstance(data.get("inputs"), (list, tuple)):
            raise _unreadable("it has no list of inputs")
        outputs = data.get("outputs") or ()
        if not isinstance(outputs, (list, tuple)):
            raise _unreadable("its outputs are no list")
        return cls(tuple(map(_column, data["inputs"])), tuple(map(_column, outputs)))


def _column_dict(column: Column) -> dict[str, Any]:
    data: dict[str, Any] = {"name": column.name, "type": column.type, "required": column.required}
    if column.shape is not None:
        data["shape"] = list(column.shape)
    return data


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput(f"The signature can't be read: {why}.", "Give inputs with a name and a type.")


def _column(data: Any) -> Column:
    if not isinstance(data, Mapping) or "name" not in data or "type" not in data:
        raise _unreadable("a column has no name or no type")
    if str(data["type"]) not in COLUMN_TYPES:
        raise _unreadable(f"column {str(data['name'])[:80]} has the unknown type {str(data['type'])[:80]}")
    shape = data.get("shape") or None
    if shape is not None and not isinstance(shape, (list, tuple)):
        raise _unreadable(f"the shape of column {str(data['name'])[:80]} is no list")
    return Column(
        str(data["name"]), str(data["type"]), bool(data.get("required", True)), tuple(shape) if shape else None
    )


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version came from; every field may be empty when it was registered from a bare file."""

    data: Mapping[str, str] = field(default_factory=dict)  # name of a data set -> SHA-256 of its content
    code_commit: str = ""
    code_dirty: bool = False
    source: str = ""  # the training script, or where the file was dropped from (name only)
    source_digest: str = ""
    seed: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # package -> version
    python: str = ""
    machine: str = ""
    parent: int | None = None  # number of the version that this one continues
    trained_by: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: (dict(v) if isinstance(v := getattr(self, name), Mapping) else v) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Lineage:
        return cls(**{name: data[name] for name in cls.__slots__ if name in data})


class InspectionVerdict(StrEnum):
    ALLOW = "allow"
    REVIEW = "review"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What static inspection found in the model's files, without running anything."""

    verdict: InspectionVerdict
    findings: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)  # producer, opset, estimator class ...


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the ONNX file of a version came to be, or why there is none."""

    converted: bool
    reason: str  # why not, or how agreement was proved
    rows: int = 0
    max_difference: float = 0.0
    labels_changed: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    task: Task
    owner: str
    description: str
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """An immutable numbered artifact set of a model. `digest` covers format, files and signature."""

    model: str
    number: int
    task: Task
    format: Format
    digest: str
    files: tuple[ArtifactFile, ...]
    signature: Signature
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    description: str
    lineage: Lineage
    inspection: Inspection
    conversion: Conversion | None
    registered_by: str
    created_at: datetime
    damaged: bool = False

    @property
    def label(self) -> str:
        return f"{self.model}@{self.number}"

    @property
    def size(self) -> int:
        return sum(f.size for f in self.files)

    def file(self, role: FileRole) -> ArtifactFile | None:
        """The first file of that role, or None."""
        return next((f for f in self.files if f.role is role), None)


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A row of a list of versions; small enough for lists of 100,000."""

    model: str
    number: int
    format: Format
    digest: str
    registered_by: str
    created_at: datetime
    metrics: Mapping[str, float]
    description: str
    environments: tuple[str, ...] = ()  # where it is current
    damaged: bool = False
    verdict: InspectionVerdict | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    test_data: str = ""  # digest of the data set that the metrics were measured on, where it is known

    @property
    def label(self) -> str:
        return f"{self.model}@{self.number}"


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A row of the list of models."""

    name: str
    task: Task
    owner: str
    description: str
    latest: int | None
    versions: int
    current: Mapping[str, int]  # environment -> version number
    key_metric: str
    key_metric_history: tuple[float, ...]  # oldest first, at most 20
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of a comparison of two versions; `delta` is right minus left where both are numbers."""

    section: str  # metrics, params, tags, schema, dependencies, lineage, files
    name: str
    left: str | None
    right: str | None
    delta: float | None = None

    @property
    def changed(self) -> bool:
        return self.left != self.right


@dataclass(frozen=True, slots=True)
class Comparison:
    left: ModelVersion
    right: ModelVersion
    differences: tuple[Difference, ...]
    same_test_data: bool | None  # None: not known


def version_digest(format: Format, files: Sequence[ArtifactFile], signature: Signature) -> str:
    """SHA-256 (hex) over what a version serves: the canonical JSON of format, files and signature."""
    content = {
        "format": format.value,
        "files": sorted((f.path, f.digest, f.role.value) for f in files),
        "signature": signature.to_dict(),
    }
    return hashlib.sha256(canonical_json(content)).hexdigest()


def fact_texts(version: ModelVersion) -> dict[str, str | None]:
    """What is known of a version besides what it serves, as canonical JSON texts: how it is stored and hashed."""
    inspection, conversion = version.inspection, version.conversion
    looked_at = {
        "verdict": inspection.verdict.value,
        "findings": list(inspection.findings),
        "facts": dict(inspection.facts),
    }
    converted = None if conversion is None else {name: getattr(conversion, name) for name in conversion.__slots__}
    return {
        "metrics": canonical_json(dict(version.metrics)).decode(),
        "params": canonical_json(dict(version.params)).decode(),
        "tags": canonical_json(dict(version.tags)).decode(),
        "description": version.description,
        "lineage": canonical_json(version.lineage.to_dict()).decode(),
        "inspection": canonical_json(looked_at).decode(),
        "conversion": None if converted is None else canonical_json(converted).decode(),
    }


def record_digest(version: ModelVersion) -> str:
    """SHA-256 (hex) over what was written down of a version besides what it serves."""
    return texts_digest(version.label, version.task.value, version.registered_by, fact_texts(version))


def texts_digest(label: str, task: str, registered_by: str, texts: Mapping[str, str | None]) -> str:
    """`record_digest` from the stored texts, so that a flipped bit in any of them shows."""
    content = {"label": label, "task": task, "registered_by": registered_by, **texts}
    return hashlib.sha256(canonical_json(content)).hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse_label(label: str) -> tuple[str, int]:
    """Split `flight-delay@2` into its name and number; InvalidInput if it is not of that form."""
    name, separator, number = label.rpartition("@")
    if not separator or not name or not number.isascii() or not number.isdigit() or len(number) > 9 or int(number) < 1:
        raise InvalidInput(f"“{label}” names no version.", "Write MODEL@NUMBER, for example flight-delay@2.")
    return name, int(number)


def compare(left: ModelVersion, right: ModelVersion) -> Comparison:
    """Every fact of two versions side by side."""
    differences: list[Difference] = []
    for name in sorted(left.metrics.keys() | right.metrics.keys()):
        a, b = left.metrics.get(name), right.metrics.get(name)
        delta = b - a if a is not None and b is not None else None
        differences.append(Difference("metrics", name, _number(a), _number(b), delta))
    differences += _rows("params", left.params, right.params)
    differences += _rows("tags", left.tags, right.tags)
    differences += _rows("schema", _schema(left.signature), _schema(right.signature))
    differences += _rows("dependencies", left.lineage.environment, right.lineage.environment)
    differences += _rows("lineage", _lineage_rows(left.lineage), _lineage_rows(right.lineage))
    differences += _rows("files", _file_rows(left), _file_rows(right))
    a_test, b_test = left.lineage.data.get("test"), right.lineage.data.get("test")
    return Comparison(left, right, tuple(differences), a_test == b_test if a_test and b_test else None)


def _rows(section: str, left: Mapping[str, str], right: Mapping[str, str]) -> list[Difference]:
    return [Difference(section, name, left.get(name), right.get(name)) for name in sorted(left.keys() | right.keys())]


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def _schema(signature: Signature) -> dict[str, str]:
    columns = [("input", c) for c in signature.inputs] + [("output", c) for c in signature.outputs]
    return {f"{kind} {c.name}": _column_text(c) for kind, c in columns}


def _column_text(column: Column) -> str:
    shape = "" if column.shape is None else f" {list(column.shape)}"
    return column.type + shape + ("" if column.required else ", may be missing")


def _lineage_rows(lineage: Lineage) -> dict[str, str]:
    rows = {f"data {name}": digest[:12] for name, digest in lineage.data.items()}
    # The same commit with changes on top of it is other code.
    dirty = ", uncommitted changes" if lineage.code_dirty else ""
    rows |= {"code commit": f"{lineage.code_commit[:12]}{dirty}" if lineage.code_commit else ""}
    rows |= {"source": lineage.source, "source digest": lineage.source_digest[:12], "python": lineage.python}
    rows |= {"seed": "" if lineage.seed is None else str(lineage.seed), "machine": lineage.machine}
    rows |= {"continues": "" if lineage.parent is None else f"version {lineage.parent}"}
    rows |= {"trained by": lineage.trained_by}
    return {name: value for name, value in rows.items() if value}


def _file_rows(version: ModelVersion) -> dict[str, str]:
    return {f.path: f"{f.digest[:12]} ({f.size:,} bytes)" for f in version.files}
