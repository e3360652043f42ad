"""Settings are changed by an admin, within their ranges, and for good."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import InvalidInput, NotAllowed, StorageError
from mlops_desktop.settings import Settings
from mlops_desktop.workspace import Workspace, create_workspace, open_workspace

PASSWORD = "quiet apron beacon"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("preferences") / "workspace"


@pytest.fixture(scope="module")
def workspace(folder: Path):  # type: ignore[no-untyped-def]
    made = create_workspace(folder, name="W", admin="mila", full_name="Mila", password=PASSWORD)
    session = made.accounts.sign_in("mila", PASSWORD)
    made.accounts.create_account(session, "vera", "Vera", PASSWORD, ["viewer"])
    yield made
    made.close()


def test_a_change_is_written_audited_and_counts_when_opened_again(workspace: Workspace, folder: Path) -> None:
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    changed = workspace.preferences.change(mila, {"lock_minutes": "30", "engine": "process"})
    assert (changed.lock_minutes, changed.engine) == (30.0, "process")
    assert workspace.settings.lock_minutes == Settings().lock_minutes
    (event,) = workspace.audit.events(event="SettingsChanged")
    assert event.sentence == "changed the settings: lock_minutes default → 30.0; engine default → process"
    with open_workspace(folder) as again:
        assert again.settings.lock_minutes == 30.0
    back = workspace.preferences.change(mila, {"lock_minutes": None, "engine": None})
    assert (back.lock_minutes, back.engine) == (Settings().lock_minutes, Settings().engine)
    assert json.loads((folder / "settings.json").read_text("utf-8")) == {}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("lock_minutes", "soon", "is no number"),
        ("lock_minutes", -1, "out of range"),
        ("collect_seconds", float("nan"), "out of range"),
        ("gateway_port", 80, "no port that can be used"),
        ("gateway_port", 70_000, "out of range"),
        ("engine", "podman", "no engine 'podman'"),
        ("docker_host", "tcp://evil", "no setting 'docker_host'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(
    workspace: Workspace, folder: Path, name: str, value: object, says: str
) -> None:
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    before = workspace.preferences.stored()
    with pytest.raises(InvalidInput, match=says):
        workspace.preferences.change(mila, {"drain_seconds": 3, name: value})
    assert workspace.preferences.stored() == before


def test_only_an_admin_changes_settings(workspace: Workspace) -> None:
    vera = workspace.accounts.sign_in("vera", PASSWORD)
    with pytest.raises(NotAllowed, match="vera may not change policies and settings"):
        workspace.preferences.change(vera, {"lock_minutes": 5})


def test_a_file_that_is_no_json_is_named(workspace: Workspace, folder: Path) -> None:
    file = folder / "settings.json"
    kept = file.read_text("utf-8") if file.exists() else "{}"
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    file.write_text("{", "utf-8")
    try:
        with pytest.raises(StorageError, match="can't be read"):
            workspace.preferences.change(mila, {"lock_minutes": 5})
        with pytest.raises(StorageError, match="can't be read"):
            workspace.preferences.stored()
    finally:
        file.write_text(kept, "utf-8")


def test_variables_win_and_are_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_LOCK_MINUTES", "2")
    assert workspace.preferences.overridden() == ["lock_minutes"]
    assert workspace.preferences.stored().lock_minutes == 2.0


def test_a_port_that_another_program_has_is_refused(workspace: Workspace) -> None:
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"{port} is in use by another program"):
            workspace.preferences.change(mila, {"gateway_port": port})
    assert workspace.preferences.change(mila, {"gateway_port": 0}).gateway_port == 0
    workspace.preferences.change(mila, {"gateway_port": None})


def test_base_images_are_names_of_images(workspace: Workspace) -> None:
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    changed = workspace.preferences.change(mila, {"base_images": "team/base:3, python:3.11-slim"})
    assert changed.base_images == ("team/base:3", "python:3.11-slim")
    for wrong in ("", "two words", "-v /:/host", "UPPER"):
        with pytest.raises(InvalidInput, match="is no image"):
            workspace.preferences.change(mila, {"base_images": wrong})
    assert workspace.preferences.change(mila, {"base_images": None}).base_images == Settings().base_images
