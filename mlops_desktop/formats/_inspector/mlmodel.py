"""Read an MLmodel directory: flavours, signature, requirements and example, and the model file inside."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_desktop.formats._inspector.report import REVIEW, Malformed, NotAModel, Report, shown

MAX_FILES = 10_000
MAX_DEPTH = 16
MAX_TOTAL = 8 << 30
_MAX_TEXT = 1 << 20
_MAX_EXAMPLE = 1 << 20
_EXAMPLE_ROWS = 100
# Python modules that load a flavour: its key in `flavors`, and the keys that may name the model's file.
_LOADERS = {
    "mlflow.sklearn": ("sklearn", ("pickled_model", "model_path", "data")),
    "mlflow.onnx": ("onnx", ("data", "model_path")),
    "mlflow.pyfunc.model": ("python_function", ("python_model",)),
}
_TENSOR_TYPES = {
    "float16": "float", "float32": "float", "float64": "double", "bool": "boolean", "int8": "integer",
    "int16": "integer", "int32": "integer", "int64": "long", "uint8": "integer", "uint16": "integer",
    "uint32": "long", "uint64": "long", "str": "string", "object": "string",
}  # fmt: skip
_COLUMN_TYPES = frozenset({"boolean", "integer", "long", "float", "double", "string", "binary", "datetime"})


def list_files(root: Path) -> list[str]:
    """Relative POSIX paths of all files; NotAModel when anything but plain files of its own is inside."""
    found: list[str] = []
    total = 0
    waiting = [("", 0)]
    while waiting:
        prefix, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise NotAModel("The folder is nested too deeply.", "Give the folder that MLflow saved.")
        with os.scandir(root / prefix) as entries:
            for entry in entries:
                path = f"{prefix}{entry.name}"
                if entry.name in ("__pycache__", ".git", ".DS_Store"):
                    continue
                _check_name(path)
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    waiting.append((path + "/", depth + 1))
                    continue
                if stat.S_ISLNK(info.st_mode):
                    raise NotAModel(
                        f"The folder holds the symbolic link {shown(path)}.", "Replace it with the file itself."
                    )
                if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
                    raise NotAModel(
                        f"The folder holds {shown(path)}, which is no plain file of its own.", "Copy the folder first."
                    )
                found.append(path)
                total += info.st_size
                if len(found) > MAX_FILES or total > MAX_TOTAL:
                    raise NotAModel("The folder holds too much for a model.", "Give the folder that MLflow saved.")
    return sorted(found)


def _check_name(path: str) -> None:
    name = path.rsplit("/", 1)[-1]
    if "\\" in name or not name.isprintable() or len(path) > 1000 or any("\ud800" <= c <= "\udfff" for c in name):
        raise NotAModel(f"The folder holds a file with an unusual name: {shown(path)}.", "Rename it.")


def read_mlmodel(root: Path, files: list[str]) -> dict[str, Any]:
    """The MLmodel file's content."""
    if "MLmodel" not in files:
        inner = [f for f in files if f.endswith("/MLmodel")]
        hint = (
            f"Give its folder “{shown(inner[0][: -len('/MLmodel')])}”."
            if inner
            else "Give the folder that MLflow saved, or a model file."
        )
        raise NotAModel("This folder has no MLmodel file, so it is no model.", hint)
    import yaml

    try:
        data = yaml.safe_load(_text(root / "MLmodel"))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotAModel(
            f"The MLmodel file can't be read: {shown(str(error).splitlines()[0])}.", "Save the model with MLflow again."
        ) from None
    if not isinstance(data, dict) or not isinstance(data.get("flavors"), dict):
        raise NotAModel("The MLmodel file names no flavors.", "Save the model with MLflow again.")
    return data


def model_file(data: dict[str, Any], files: list[str], report: Report) -> str | None:
    """The path of the file with the model's weights, or None when the flavour loads something else."""
    flavors = data["flavors"]
    function = flavors.get("python_function")
    if not isinstance(function, dict):
        raise NotAModel(
            "The MLmodel file has no python_function flavor, so it can't be served.", "Save it as a pyfunc model."
        )
    module = str(function.get("loader_module", ""))
    report.facts["flavor"] = shown(module)
    if data.get("mlflow_version"):
        report.facts["mlflow"] = shown(str(data["mlflow_version"]))
    if function.get("code") or function.get("model_code_path"):
        report.note(REVIEW, "It brings Python code of its own, which runs when it is loaded.")
    if module not in _LOADERS:
        report.note(REVIEW, f"It is loaded by {shown(module) or 'an unnamed module'}, which is not inspected.")
        return None
    flavor, keys = _LOADERS[module]
    settings = flavors.get(flavor)
    for holder in (settings, function):
        for key in keys:
            value = holder.get(key) if isinstance(holder, dict) else None
            if value is not None:
                return _inside(str(value), files)
    raise NotAModel(f"The MLmodel file's {flavor} flavor names no model file.", "Save the model with MLflow again.")


def _inside(value: str, files: list[str]) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
        raise NotAModel(
            f"The MLmodel file points outside its folder: {shown(value)}.", "Save the model with MLflow again."
        )
    if str(path) not in files:
        raise NotAModel(f"The MLmodel file names {shown(value)}, which is missing.", "Copy the whole folder.")
    return str(path)


def signature(data: dict[str, Any], report: Report) -> dict[str, Any] | None:
    """The signature as `Signature.to_dict` writes it; None when there is none that can be used."""
    raw = data.get("signature")
    if not isinstance(raw, dict) or not raw.get("inputs"):
        report.note(REVIEW, "It has no signature, so requests can't be checked.")
        return None
    try:
        inputs = [_column(c, n, "input") for n, c in enumerate(_columns(raw["inputs"]))]
        outputs = [_column(c, n, "output") for n, c in enumerate(_columns(raw.get("outputs")))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        report.note(REVIEW, f"Its signature can't be used: {shown(str(error))}.")
        return None
    return {"inputs": inputs, "outputs": outputs}


def _columns(value: Any) -> list[Any]:
    columns = json.loads(value) if isinstance(value, str) else value
    return list(columns) if columns else []


def _column(data: dict[str, Any], index: int, what: str) -> dict[str, Any]:
    name = str(data.get("name", f"{what}-{index}" if index else what))
    if data["type"] == "tensor":
        spec = data["tensor-spec"]
        dtype = str(spec["dtype"])
        kind = _TENSOR_TYPES.get("str" if dtype.startswith(("<U", "str", "string")) else dtype)
        if kind is None:
            raise ValueError(f"the type {spec['dtype']} of {name} is not supported")
        return {"name": name, "type": kind, "required": True, "shape": [int(n) for n in spec["shape"]]}
    if data["type"] not in _COLUMN_TYPES:
        raise ValueError(f"the type {data['type']} of {name} is not supported")
    required = data.get("required", not data.get("optional", False))
    return {"name": name, "type": data["type"], "required": bool(required)}


def requirements(root: Path, files: list[str]) -> str | None:
    """The text of requirements.txt."""
    return _text(root / "requirements.txt") if "requirements.txt" in files else None


def example(data: dict[str, Any], root: Path, files: list[str]) -> dict[str, Any] | None:
    """The saved input example as {"columns", "rows"}; None when there is none of a known form."""
    info = data.get("saved_input_example_info")
    path = str(info.get("artifact_path", "")) if isinstance(info, dict) else ""
    if path not in files or (root / path).stat().st_size > _MAX_EXAMPLE:
        return None
    try:
        content = json.loads((root / path).read_bytes())
        content = content.get("dataframe_split", content)
        columns, rows = [str(c) for c in content["columns"]], content["data"][:_EXAMPLE_ROWS]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (
        {"columns": columns, "rows": rows}
        if all(isinstance(r, list) and len(r) == len(columns) for r in rows)
        else None
    )


def _text(path: Path) -> str:
    if path.stat().st_size > _MAX_TEXT:
        raise NotAModel(f"{path.name} is too large.", "Save the model with MLflow again.")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"{path.name} is no text in UTF-8.") from None
