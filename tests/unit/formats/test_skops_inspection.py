"""E05 and E07: types of a skops file are judged; archives that reach out or blow up are rejected."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from mlops_desktop.domain.registry import Format, InspectionVerdict
from mlops_desktop.formats.inspect import inspect


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], ["a", "b", "b"])


def test_skops_types_are_judged(model: LogisticRegression, tmp_path: Path) -> None:
    skops.io.dump(model, tmp_path / "m.skops")
    found = inspect(tmp_path / "m.skops")
    assert found.format is Format.SKOPS
    assert found.inspection.verdict is InspectionVerdict.ALLOW
    assert found.inspection.facts["estimator"] == "sklearn.linear_model._logistic.LogisticRegression"


def test_e07_untrusted_types_are_shown(tmp_path: Path) -> None:
    skops.io.dump(FunctionTransformer(os.system), tmp_path / "m.skops")
    found = inspect(tmp_path / "m.skops").inspection
    assert found.verdict is InspectionVerdict.REJECT
    assert any("posix.system" in f for f in found.findings)


def test_e07_own_class_needs_a_look(model: LogisticRegression, tmp_path: Path) -> None:
    _schema(model, tmp_path, lambda s: s.update(__module__="mycode", __class__="Net"))
    found = inspect(tmp_path / "m.skops").inspection
    assert found.verdict is InspectionVerdict.REVIEW
    assert found.findings == ("It names mycode.Net, which is not on the list of known model parts.",)


def _schema(model: object, folder: Path, change: object) -> None:
    """A skops file with a changed schema.json."""
    skops.io.dump(model, folder / "o.skops")
    with zipfile.ZipFile(folder / "o.skops") as old, zipfile.ZipFile(folder / "m.skops", "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "schema.json":
                schema = json.loads(data)
                change(schema)  # type: ignore[operator]
                data = json.dumps(schema).encode()
            new.writestr(info, data)


def test_e07_a_pickle_named_skops_is_seen(model: LogisticRegression, tmp_path: Path) -> None:
    (tmp_path / "m.skops").write_bytes(pickle.dumps(model))
    found = inspect(tmp_path / "m.skops")
    assert found.format is Format.SKLEARN_PICKLE
    assert found.inspection.verdict is InspectionVerdict.REVIEW
    assert "its content is sklearn-pickle" in found.inspection.findings[0]


def test_e07_bomb(model: LogisticRegression, tmp_path: Path) -> None:
    skops.io.dump(model, tmp_path / "m.skops")
    with zipfile.ZipFile(tmp_path / "m.skops", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("9.npy", bytes(300 << 20))
    assert (tmp_path / "m.skops").stat().st_size < 1 << 20
    found = inspect(tmp_path / "m.skops").inspection
    assert found.verdict is InspectionVerdict.REJECT
    assert "unpacks to" in found.findings[0]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\b", "C:x"])
def test_e05_zip_slip(model: LogisticRegression, tmp_path: Path, name: str) -> None:
    skops.io.dump(model, tmp_path / "m.skops")
    with zipfile.ZipFile(tmp_path / "m.skops", "a") as archive:
        archive.writestr(name, b"x")
    found = inspect(tmp_path / "m.skops").inspection
    assert found.verdict is InspectionVerdict.REJECT
    assert "outside its folder" in found.findings[0]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_e05_zip_oddities(model: LogisticRegression, tmp_path: Path) -> None:
    skops.io.dump(model, tmp_path / "m.skops")
    with zipfile.ZipFile(tmp_path / "m.skops", "a") as archive:
        archive.writestr("schema.json", b"{}")
    assert inspect(tmp_path / "m.skops").inspection.verdict is InspectionVerdict.REJECT
    skops.io.dump(model, tmp_path / "l.skops")
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "l.skops", "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert inspect(tmp_path / "l.skops").inspection.verdict is InspectionVerdict.REJECT


def test_deep_json_in_a_skops_file(model: LogisticRegression, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.skops", "w") as archive:
        archive.writestr("schema.json", '{"__loader__": ' * 200_000 + "1" + "}" * 200_000)
    assert inspect(tmp_path / "m.skops").inspection.verdict is InspectionVerdict.REJECT
