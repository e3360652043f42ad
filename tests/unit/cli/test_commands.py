"""Commands without an engine: help, usage, where the workspace and the person come from, and errors."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from mlops_desktop.cli import main as command_line
from mlops_desktop.cli.main import COMMANDS, main
from mlops_desktop.cli.models import pairs
from mlops_desktop.cli.monitoring import seconds_of
from mlops_desktop.domain.errors import InvalidInput, StorageError

PASSWORD = "seven-lamps-of-tin"


def run(*arguments: str) -> int:
    return main(list(arguments))


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    return lines[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLOPS_DESKTOP_USER", "ada")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main() sets it
    return tmp_path / "work"


@pytest.fixture
def workspace(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run("init", str(folder)) == 0
    capsys.readouterr()
    return folder


def test_every_command_has_help_and_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    listed = out(capsys)
    for name, (module, short) in COMMANDS.items():
        command = getattr(importlib.import_module(f"mlops_desktop.cli.{module}"), name)
        assert isinstance(command, click.Command)
        assert command.help, name
        assert f"  {name}" in listed
        assert short in listed
        subcommands = command.commands.values() if isinstance(command, click.Group) else ()
        assert all(sub.help for sub in subcommands)
        options = [p for c in (command, *subcommands) for p in c.params if isinstance(p, click.Option)]
        assert all(option.help for option in options), name


def test_help_is_immediate_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from mlops_desktop.cli.main import main; main(['--help']); "
        "print([m for m in ('numpy', 'sqlite3', 'docker', 'PySide6', 'cryptography', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    best = min(_timed_help() for _ in range(3))
    assert best < 0.8, "0.1 s on a quiet machine"


def _timed_help() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "mlops_desktop", "--help"], capture_output=True, check=True)
    return time.perf_counter() - began


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["show"], ["approve", "one"], ["deploy", "a@1"], ["versions", "m", "--limit", "0"], ["--colour"]],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Usage: mlops-desktop" in capsys.readouterr().err


def test_init_makes_a_workspace_that_is_found_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "init", str(folder), "--name", "Flights") == 0
    assert json.loads(out(capsys)) == {"path": str(folder), "name": "Flights", "admin": "ada"}

    assert run("--json", "accounts", "list") == 0  # no --workspace: the one opened last
    assert json.loads(out(capsys))[0]["name"] == "ada"

    assert run("init", str(folder)) == 1
    assert "already" in error(capsys)


def test_without_any_workspace_it_says_how_to_make_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 1
    assert "mlops-desktop --workspace DIR init" in error(capsys)
    assert run("init") == 1
    assert "No folder was named" in error(capsys)


def test_a_folder_that_is_no_workspace(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--workspace", str(tmp_path / "gone"), "models") == 1
    assert "There is no folder" in error(capsys)
    (tmp_path / "empty").mkdir()
    assert run("--workspace", str(tmp_path / "empty"), "models") == 1
    error(capsys)


def test_a_weak_password_makes_no_workspace(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", "password1234")
    assert run("init", str(folder)) == 1
    assert "among the first that anybody would try" in error(capsys)
    assert not folder.exists()


def test_wrong_password_and_unknown_user_read_the_same(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", "not-the-password")
    assert run("accounts", "list") == 1
    wrong = error(capsys)
    assert run("--user", "eve", "accounts", "list") == 1
    assert error(capsys) == wrong


def test_no_password_and_no_terminal_is_said_not_asked(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLOPS_DESKTOP_PASSWORD")
    assert run("accounts", "list") == 1
    assert "Set MLOPS_DESKTOP_PASSWORD" in error(capsys)


def test_accounts_are_made_changed_and_disabled(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_NEW_PASSWORD", "eight-ships-at-sea")
    assert run("accounts", "add", "rosa", "--role", "reviewer") == 0
    assert run("accounts", "add", "rosa", "--role", "reviewer") == 1
    capsys.readouterr()
    assert run("accounts", "add", "eve", "--role", "queen") == 1
    assert "Unknown role" in error(capsys)
    assert run("--json", "accounts", "roles", "rosa", "viewer", "reviewer") == 0
    assert json.loads(out(capsys))["roles"] == ["reviewer", "viewer"]
    assert run("accounts", "disable", "rosa") == 0
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", "eight-ships-at-sea")
    capsys.readouterr()
    assert run("--user", "rosa", "accounts", "list") == 1
    error(capsys)
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", PASSWORD)
    assert run("accounts", "enable", "rosa") == 0
    assert run("accounts", "password") == 0
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", "eight-ships-at-sea")
    capsys.readouterr()
    assert run("accounts", "list") == 0
    assert "rosa" in out(capsys)


def test_an_empty_workspace_says_what_to_do_next(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, hint in (
        (["models"], "mlops-desktop register"),
        (["requests"], "mlops-desktop request"),
        (["alerts", "rules"], "first deployment"),
    ):
        assert main(arguments) == 0
        assert hint in out(capsys)


def test_what_is_not_there_is_one_sentence(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no model")
    (tmp_path / "bare").mkdir()
    for arguments in (
        ["versions", "nobody"],
        ["show", "nobody@1"],
        ["show", "nobody"],
        ["compare", "a@1", "a@2"],
        ["requests", "7"],
        ["approve", "7"],
        ["logs", "abc"],
        ["drift", "nobody"],
        ["metrics", "nobody"],
        ["alerts", "ack", "7"],
        ["alerts", "show", "7"],
        ["alerts", "snooze", "7"],
        ["alerts", "snooze", "7", "--for", "soon"],
        ["alerts", "wake", "7"],
        ["alerts", "set", "7", "--off"],
        ["alerts", "preview", "7"],
        ["alerts", "add", "nobody", "--figure", "p95_ms", "--above", "100"],
        ["alerts", "add", "nobody", "--figure", "p95_ms"],
        ["labels", str(tmp_path / "gone.csv")],
        ["register", str(tmp_path / "gone.onnx"), "--model", "m"],
        ["register", str(text), "--model", "m"],
        ["register", str(tmp_path / "bare"), "--model", "m"],
        ["register", str(text), "--model", "../m"],
        ["register", str(text), "--model", "m", "--metric", "roc_auc"],
        ["register", str(text), "--model", "m", "--metric", "roc_auc=high"],
        ["register", str(text), "--model", "m", "--examples", str(text)],
    ):
        assert main(arguments) == 1, arguments
        error(capsys)
    assert run("models") == 0  # nothing was half registered
    assert "No models yet" in out(capsys)


def test_the_audit_trail_is_listed_verified_and_exported(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("audit", "list", "--event", "WorkspaceCreated") == 0
    assert "created the workspace" in out(capsys)
    assert run("--json", "audit", "verify") == 0
    assert json.loads(out(capsys))["intact"] is True
    assert run("audit", "export", str(tmp_path / "trail.jsonl")) == 0
    assert (tmp_path / "trail.jsonl").stat().st_size > 100


def test_a_broken_chain_is_exit_code_1(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sqlite3

    database = sqlite3.connect(workspace / "registry.db")
    tables = [r[0] for r in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    audit = next(name for name in tables if name.startswith("audit"))
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute(
        f"UPDATE {audit} SET body = CAST(replace(CAST(body AS TEXT), 'ada', 'eve') AS BLOB) WHERE sequence = 1"
    )
    database.commit()
    database.close()

    assert run("audit", "verify") == 1
    assert "The audit trail is broken: entry 1" in error(capsys)


def test_a_bug_says_it_is_one_and_where_its_details_are(workspace: Path) -> None:
    code = (
        "import sys; from mlops_desktop.cli import models; from mlops_desktop.cli.main import main\n"
        "def broken(*_): raise ZeroDivisionError('of all things')\n"
        "models.table = broken\n"
        "sys.exit(main(['models']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert "This is a bug in MLOps Desktop: ZeroDivisionError: of all things." in lines[0]
    log = Path(lines[0].split("The details are in ")[1])
    assert "Traceback" in log.read_text()


def test_ctrl_c_cancels_cleanly_with_130(workspace: Path) -> None:
    code = (
        "import sys, time; from mlops_desktop.cli import context; from mlops_desktop.cli.main import main\n"
        "from mlops_desktop.cli import promotions\n"
        "from mlops_desktop.services.checks import ChecksService\n"
        "def slow(self, session, model, number, environment, context):\n"
        "    print('begun', flush=True)\n"
        "    while True:\n"
        "        context.check_cancelled(); time.sleep(0.02)\n"
        "ChecksService.run_checks = slow\n"
        "sys.exit(main(['check', 'm@1']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)

    assert process.returncode == 130
    assert stderr.strip().splitlines()[-1] == "Cancelled."
    assert "Traceback" not in stderr


def test_a_reader_who_has_seen_enough_is_no_error(workspace: Path) -> None:
    process = subprocess.Popen(
        f"{sys.executable} -m mlops_desktop --json audit list --limit 1000 | head -1", shell=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    stdout, stderr = process.communicate(timeout=20)
    assert stdout.strip() == "["
    assert stderr == ""


def test_errors_of_every_kind_end_as_one_line(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.\nReally.", "Free some space.")

    monkeypatch.setattr(command_line.cli, "invoke", full)
    assert run("models") == 1
    assert error(capsys) == "Error: The disk is full. Really. Free some space."


def test_pairs_and_times_of_options() -> None:
    assert pairs(("a=1", " b = x=y "), "--param") == {"a": "1", "b": "x=y"}
    for wrong in (("a",), ("=1",), ("a=1", "a=2")):
        with pytest.raises(InvalidInput):
            pairs(wrong, "--param")
    assert [seconds_of(t) for t in ("90s", "30m", "2h", "1.5d")] == [90, 1800, 7200, 129600]
    for wrong_time in ("", "5", "-5m", "5 weeks", "1e9d"):
        with pytest.raises(InvalidInput):
            seconds_of(wrong_time)


def test_the_window_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlops_desktop import __main__ as entry

    monkeypatch.setattr(sys, "argv", ["mlops-desktop"])
    monkeypatch.setattr(entry, "_installed", lambda: False)
    with pytest.raises(SystemExit) as exit_:
        entry.main()
    assert exit_.value.code == 1
    assert "pip install 'mlops-desktop[ui]'" in capsys.readouterr().err


def test_without_a_display_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlops_desktop import __main__ as entry

    monkeypatch.setattr(sys, "argv", ["mlops-desktop"])
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(entry, "_installed", lambda: True)
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SystemExit) as exit_:
        entry.main()
    assert exit_.value.code == 1
    assert "no display" in capsys.readouterr().err


def test_a_workspace_without_a_command_opens_its_window(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlops_desktop import __main__ as entry

    opened: list[Path | None] = []

    def open_window(_: object, workspace: Path | None = None) -> int:
        opened.append(workspace)
        return 7

    monkeypatch.setattr(entry.Windows, "open", open_window)
    monkeypatch.setattr(sys, "argv", ["mlops-desktop", "--workspace", str(folder), "--user", "dan"])
    monkeypatch.setenv("MLOPS_DESKTOP_USER", "")
    with pytest.raises(SystemExit) as exit_:
        entry.main()
    assert (opened, exit_.value.code, os.environ["MLOPS_DESKTOP_USER"]) == ([folder], 7, "dan")
    assert run("--workspace", str(folder), "--json") == 2
    assert "Missing command" in capsys.readouterr().err
