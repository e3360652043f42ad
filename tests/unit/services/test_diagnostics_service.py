"""A report says what helps to find a fault, and neither secrets nor data."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import NotAllowed, StorageError
from mlops_desktop.services.diagnostics import sqlite_words, without_secrets
from mlops_desktop.workspace import Workspace, create_workspace

PASSWORD = "quiet apron beacon"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("diagnostics") / "workspace"
    made = create_workspace(folder, name="W", admin="mila", full_name="Mila", password=PASSWORD)
    yield made
    made.close()


def test_facts_name_versions_and_no_person(workspace: Workspace) -> None:
    facts = workspace.diagnostics.facts()
    assert facts["SQLite"].startswith("3.")
    assert facts["Workspace id"] == workspace.id
    assert int(facts["Schema"]) >= 1
    assert "mila" not in " ".join(facts.values()).lower()


def test_sizes_by_kind(workspace: Workspace) -> None:
    (workspace.path / "logs" / "build-1.log").write_bytes(b"x" * 1000)
    sizes = {size.kind: size for size in workspace.diagnostics.sizes()}
    assert sizes["logs"].size_bytes >= 1000
    assert sizes["database"].files >= 1
    assert list(sizes) == ["database", "artifacts", "backups", "logs", "other"]


def test_the_zip_has_logs_but_neither_secrets_nor_data(workspace: Workspace, tmp_path: Path) -> None:
    session = workspace.accounts.sign_in("mila", PASSWORD)
    logs = workspace.path / "logs"
    (logs / "build-1.log").write_text("Looking in https://ada:hunter2secret@index.example/simple\n", "utf-8")
    (logs / "serving-1.log").write_text("row: 17, Jane Doe\n", "utf-8")
    window = tmp_path / "window.log"
    window.write_text("x-mlops-token: abcdef0123\n", "utf-8")
    target = tmp_path / "report.zip"
    names = workspace.diagnostics.save(session, target, more={"Qt": "6.11"}, logs=[window, tmp_path / "gone.log"])
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == names
        text = "\n".join(archive.read(name).decode() for name in names)
    assert "logs/build-1.log" in names
    assert "logs/window.log" in names
    assert "Qt: 6.11" in text
    for secret in ("hunter2secret", "abcdef0123", "Jane Doe", "registry.db-", PASSWORD):
        assert secret not in text
    assert [p for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_a_place_that_cannot_be_written_is_said(workspace: Workspace, tmp_path: Path) -> None:
    session = workspace.accounts.sign_in("mila", PASSWORD)
    with pytest.raises(StorageError, match="could not be written"):
        workspace.diagnostics.save(session, tmp_path / "missing" / "report.zip")
    workspace.accounts.sign_out(session)
    with pytest.raises(NotAllowed):
        workspace.diagnostics.save(session, tmp_path / "report.zip")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://user:word@host/x", "https://…@host/x"),
        ('{"password": "abc", "rows": 3}', '{"password": "…", "rows": 3}'),
        ("MLOPS_DESKTOP_PASSWORD=abc next", "MLOPS_DESKTOP_PASSWORD=… next"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_what_is_taken_out(text: str, left: str) -> None:
    assert without_secrets(text) == left


def test_an_old_sqlite_is_named() -> None:
    assert "lock file" in sqlite_words("3.46.1")
    assert "may write at the same moment" in sqlite_words("3.51.3")
    assert "may write at the same moment" in sqlite_words("3.52.0")
