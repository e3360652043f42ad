"""What is no model is named, with the sentence that refuses it; odd names and file kinds."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.formats.inspect import inspect


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], ["a", "b", "b"])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.pkl", b"", "is empty"),
        ("notes.txt", "Grüße, dies ist Text.\n".encode(), "CSV"),
        ("notes.txt", b"Just some words\n", "a text file"),
        ("rows.csv", b"a,b\n1,2\n", r"a table of text \(CSV\)"),
        ("model.pkl", b"a,b\n1,2\n", r"a table of text \(CSV\)"),
        ("train.py", b"import os\nprint(1)\n", "a program text"),
        ("train.pkl", b"import os\nprint(1)\n", "a program text"),
        ("m.json", b'{"learner": 1}', "a JSON document"),
        ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "Keras"),
        ("m.gguf", b"GGUF" + bytes(100), "GGUF"),
        ("m.safetensors", (40).to_bytes(8, "little") + b'{"a":1}' + bytes(60), "safetensors"),
        ("m.tflite", b"\x1c\0\0\0TFL3" + bytes(50), "TensorFlow Lite"),
        ("m.parquet", b"PAR1" + bytes(50), "Parquet"),
        ("m.png", b"\x89PNG\r\n" + bytes(50), "a picture"),
        ("m.onnx", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ("m.onnx", b"not a model at all", "damaged or no ONNX"),
        ("m.bin", os.urandom(4) and b"\x01\x02\x03\xfe" * 50, "an unknown kind"),
        ("m.html", b"<!doctype html>", "HTML"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArtifact, match=words) as raised:
        inspect(tmp_path / name)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("member", "words"),
    [("archive/data.pkl", "PyTorch"), ("config.json", "Keras"), ("x/MLmodel", "unpack it"), ("a", "ZIP")],
)
def test_other_archives_are_named(tmp_path: Path, member: str, words: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(member, b"x")
    with pytest.raises(InvalidArtifact, match=words):
        inspect(tmp_path / "m.zip")


def test_links_pipes_and_absent_files(tmp_path: Path, model: LogisticRegression) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(model))
    (tmp_path / "link.pkl").symlink_to(tmp_path / "m.pkl")
    (tmp_path / "broken").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("link.pkl", "symbolic link"),
        ("broken", "symbolic link"),
        ("pipe", "no regular"),
        ("absent", "not exist"),
    ):
        with pytest.raises(InvalidArtifact, match=words):
            inspect(tmp_path / name)


def test_a_huge_file_is_refused_at_once(tmp_path: Path) -> None:
    with (tmp_path / "m.pkl").open("wb") as out:
        out.truncate(9 << 30)  # sparse
    with pytest.raises(InvalidArtifact, match="larger than 8 GiB"):
        inspect(tmp_path / "m.pkl")


@pytest.mark.parametrize("name", ["-rf.pkl", "ä b.pkl", "a\nb.pkl", "..pkl", "$(touch x).pkl", "%s%n.pkl"])
def test_e09_odd_file_names(tmp_path: Path, model: LogisticRegression, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(model))
    found = inspect(tmp_path / name)
    assert found.entry.isascii()
    assert not set(found.entry) & set("/\\\n $%")
    assert not found.entry.startswith((".", "-"))
