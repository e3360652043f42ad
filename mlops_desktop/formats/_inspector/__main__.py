"""Set limits, inspect the path in argv[1], print one JSON object."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import mmap
import os
import resource
import stat
import sys
from pathlib import Path
from typing import Any

from mlops_desktop.formats._inspector.detect import looks_like
from mlops_desktop.formats._inspector.report import ACCEPTED, REJECT, REVIEW, Malformed, NotAModel, Report, shown

MEMORY = 2 << 30
MAX_FILE = 8 << 30
_PICKLE_ENDINGS = (".pkl", ".pickle", ".joblib", ".jl", ".sav", ".p", ".pk")
_COMPRESSED = (
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x5d\x00\x00",
    b"\x04\x22\x4d\x18",
)


def limit(seconds: int) -> None:
    """Take away what an inspection never needs, before the file is opened."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def answer(path: Path) -> dict[str, Any]:
    """What `formats.inspect` turns into a ModelFile."""
    try:
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            raise NotAModel(f"{shown(path.name)} is a symbolic link.", "Give the file or folder itself.")
        if stat.S_ISDIR(info.st_mode):
            return _folder(path)
        if not stat.S_ISREG(info.st_mode):
            raise NotAModel(f"{shown(path.name)} is no regular file.")
        report = Report()
        kind, digest, size = _file(path, report)
        name = _entry(path.name, kind)
        return _result(kind, name, [[name, str(path), digest, size]], report)
    except NotAModel as error:
        return {"error": error.message, "hint": error.hint}
    except Malformed as error:
        return {"error": str(error), "hint": "Save the model again."}
    except OSError as error:
        return {
            "error": f"{shown(path.name)} can't be read: {(error.strerror or str(error)).lower()}.",
            "hint": "Check the path.",
        }


def _result(kind: str, entry: str, files: list[list[Any]], report: Report, **more: Any) -> dict[str, Any]:
    return {
        "format": kind,
        "entry": entry,
        "files": files,
        "verdict": report.verdict,
        "findings": report.findings,
        "facts": report.facts,
        "signature": report.signature,
        **more,
    }


def _entry(name: str, kind: str) -> str:
    """A plain name for the file inside a version; what the person called it is kept where it is harmless."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name).lstrip(".-")[-100:]
    return plain or {"onnx": "model.onnx", "skops": "model.skops"}.get(kind, "model.pkl")


def _folder(path: Path) -> dict[str, Any]:
    from mlops_desktop.formats._inspector import mlmodel

    files = mlmodel.list_files(path)
    if not files:
        raise NotAModel("This folder is empty.")
    data = mlmodel.read_mlmodel(path, files)
    report = Report()
    report.signature = mlmodel.signature(data, report)
    inner = mlmodel.model_file(data, files, report)
    rows: list[list[Any]] = []
    for file in files:
        if file == inner:
            inside = Report()
            kind, digest, size = _file(path / file, inside, python_model=inner.endswith("python_model.pkl"))
            report.merge(inside)
            report.facts["model file"] = shown(file)
            report.facts["model format"] = kind
        else:
            with _opened(path / file) as content:
                digest, size = content.digest, content.size
        rows.append([file, str(path / file), digest, size])
    return _result(
        "mlflow",
        ".",
        rows,
        report,
        requirements=mlmodel.requirements(path, files),
        examples=mlmodel.example(data, path, files),
    )


class _Content:
    """A regular file, opened once: digest and inspection see the same bytes."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        info = os.fstat(self._handle)
        if not stat.S_ISREG(info.st_mode):
            raise NotAModel(f"{shown(path.name)} is no regular file.")
        if info.st_size > MAX_FILE:
            raise NotAModel(f"{shown(path.name)} is larger than {MAX_FILE >> 30} GiB.", "Save a smaller model.")
        self.size = info.st_size
        with self.stream() as stream:
            self.digest = hashlib.file_digest(stream, "sha256").hexdigest()

    def stream(self) -> io.BufferedReader:
        os.lseek(self._handle, 0, os.SEEK_SET)
        return io.BufferedReader(io.FileIO(os.dup(self._handle)))

    def map(self) -> mmap.mmap:
        return mmap.mmap(self._handle, self.size, prot=mmap.PROT_READ)

    def __enter__(self) -> _Content:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


_opened = _Content


def _file(path: Path, report: Report, *, python_model: bool = False) -> tuple[str, str, int]:
    """Format, digest and size of one model file, its content judged into `report`."""
    with _opened(path) as content:
        if content.size == 0:
            raise NotAModel(f"{shown(path.name)} is empty.", ACCEPTED)
        # The mapped file counts as address space; what is made from it may not exceed MEMORY.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY + content.size, MEMORY + content.size))
        with content.map() as data:
            kind = _inspect(path.name, content, data, report, python_model=python_model)
    ending = path.suffix.lower()
    if ending in (".skops", ".onnx") and ending != f".{kind}":
        report.note(REVIEW, f"Its name ends in {ending}, but its content is {kind}.")
    return kind, content.digest, content.size


def _inspect(name: str, content: _Content, data: mmap.mmap, report: Report, *, python_model: bool) -> str:
    start = data[:512]
    if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
        from mlops_desktop.formats._inspector.skops import inspect_skops

        with content.stream() as archive:
            inspect_skops(archive, report)
        return "skops"
    ending = Path(name).suffix.lower()
    if start[:1] == b"\x80" or start.startswith(_COMPRESSED) or ending in _PICKLE_ENDINGS:
        if _pickle(start, data, report, python_model=python_model, named=ending in _PICKLE_ENDINGS):
            return "sklearn-pickle"
        raise NotAModel(f"{shown(name)} looks like {looks_like(start, len(data))}, not like a model.")
    from mlops_desktop.formats._inspector import onnx

    if onnx.looks_like_onnx(data):
        onnx.inspect_onnx(data, report)
        return "onnx"
    if ending == ".onnx":
        raise NotAModel(
            f"{shown(name)} is damaged or no ONNX file: it looks like {looks_like(start, len(data))}.",
            "Export the model again.",
        )
    raise NotAModel(f"{shown(name)} looks like {looks_like(start, len(data))}, not like a model.")


def _pickle(start: bytes, data: mmap.mmap, report: Report, *, python_model: bool, named: bool) -> bool:
    """Whether the content was judged as a pickle; False when it is no pickle at all."""
    from mlops_desktop.formats._inspector.pickles import inspect_pickle
    from mlops_desktop.formats._inspector.streams import open_stream

    if (
        named
        and start[:1] != b"\x80"
        and not start.startswith(_COMPRESSED)
        and looks_like(start, len(data)) != "a file of an unknown kind"
    ):
        # Protocol 0 is text; it is a pickle if it can be read to its end, or names something on the way.
        trial = Report()
        with contextlib.suppress(NotAModel):
            inspect_pickle(open_stream(data), trial)
        if not any(f.startswith("It names") for f in trial.findings) and trial.verdict == REJECT:
            return False
        data.seek(0)
    inspect_pickle(open_stream(data), report, python_model=python_model)
    return True


def main() -> None:
    limit(int(sys.argv[2]))
    result = answer(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
