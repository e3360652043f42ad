"""Creating, opening and closing workspaces; several processes on one; what is refused."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import InvalidInput, NotAllowed, StorageError
from mlops_desktop.domain.events import OtherProcessChanged, VersionRegistered
from mlops_desktop.settings import Settings
from mlops_desktop.store.locks import HeldLock
from mlops_desktop.workspace import create_workspace, forget, open_workspace, recent_workspaces
from tests.unit.services.registry_kit import PASSWORD, SIGNATURE, model_file

HEAVY = ("numpy", "docker", "cryptography", "argon2", "httpx", "onnx", "onnxruntime", "pandas", "sklearn", "scipy")


def create(path: Path, **changes: str):
    facts = {"name": "Team", "admin": "ada", "full_name": "Ada", "password": PASSWORD} | changes
    return create_workspace(path, **facts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create(tmp_path / "workspace").close()
    return tmp_path / "workspace"


def test_a_new_workspace_is_complete(tmp_path: Path) -> None:
    with create(tmp_path / "deep" / "down") as workspace:
        session = workspace.accounts.sign_in("ada", PASSWORD)
        assert workspace.accounts.account(session).roles == {"admin", "data-scientist", "ml-engineer", "reviewer"}
        assert workspace.promotions.environments() == ["staging", "production"]
        assert [workspace.policies.policy(e).reviewers for e in ("staging", "production")] == [0, 1]
        assert workspace.audit.verify().intact
        assert [w.path for w in recent_workspaces()] == [workspace.path]
        assert stat.S_IMODE(workspace.path.stat().st_mode) == 0o700
        assert stat.S_IMODE((workspace.path / "registry.db").stat().st_mode) == 0o600
        identity = workspace.id
    with open_workspace(tmp_path / "deep" / "down") as again:
        assert (again.id, again.name) == (identity, "Team")
    again.close()


def test_what_failed_leaves_nothing(tmp_path: Path) -> None:
    for changes in ({"password": "short"}, {"admin": "../ada"}, {"name": "a\u202eb"}, {"full_name": ""}):
        with pytest.raises(InvalidInput):
            create(tmp_path / "workspace", **changes)
        assert not (tmp_path / "workspace").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput):
        create(tmp_path / "empty", password="short")
    assert list((tmp_path / "empty").iterdir()) == []
    create(tmp_path / "empty").close()


def test_folders_that_are_taken(tmp_path: Path, folder: Path) -> None:
    before = (folder / "registry.db").read_bytes()
    with pytest.raises(StorageError, match=r"a workspace in .* already"):
        create(folder)
    assert (folder / "registry.db").read_bytes() == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):
        create(tmp_path / "full")
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"
    with pytest.raises(StorageError, match="is a file"):
        create(tmp_path / "full" / "thesis.txt")


def test_what_is_no_workspace_is_refused_unchanged(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(StorageError, match="no folder"):
        open_workspace(tmp_path / "nowhere")
    (tmp_path / "plain").mkdir()
    with pytest.raises(StorageError, match="not a workspace"):
        open_workspace(tmp_path / "plain")
    for content in (b"", b"hello" * 100, (folder / "registry.db").read_bytes()[:50]):
        (tmp_path / "plain" / "registry.db").write_bytes(content)
        with pytest.raises(StorageError):
            open_workspace(tmp_path / "plain")
        assert (tmp_path / "plain" / "registry.db").read_bytes() == content
    assert sorted(p.name for p in (tmp_path / "plain").iterdir()) == ["registry.db"]


def test_h02_a_newer_workspace_is_refused_unchanged(folder: Path) -> None:
    connection = sqlite3.connect(folder / "registry.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (folder / "registry.db").read_bytes()
    with pytest.raises(StorageError, match="newer MLOps Desktop"):
        open_workspace(folder)
    assert (folder / "registry.db").read_bytes() == before


def test_a12_a_lost_or_foreign_wal_is_no_crash(tmp_path: Path, folder: Path) -> None:
    with open_workspace(folder) as workspace:
        session = workspace.accounts.sign_in("ada", PASSWORD)
        workspace.accounts.create_account(session, "eve", "Eve", PASSWORD, [])
        shutil.copytree(folder, tmp_path / "copy")  # as after a crash: the log is still there
    copy = tmp_path / "copy"
    (copy / "registry.db-wal").write_bytes(os.urandom(40_000))
    with open_workspace(copy) as workspace:
        state = workspace.audit.verify()
        assert state.intact
        assert workspace.audit.problems() == []


def test_broken_settings_are_named(folder: Path) -> None:
    (folder / "settings.json").write_text("{")
    with pytest.raises(StorageError, match="settings of the workspace"):
        open_workspace(folder)
    (folder / "settings.json").write_text('{"gateway_port": 9000}')
    with open_workspace(folder) as workspace:
        assert workspace.settings.gateway_port == 9000


def test_the_recent_list_survives_damage_and_loss(tmp_path: Path, own_folders: Path) -> None:
    for name in ("one", "two"):
        create(tmp_path / name, name=name).close()
    assert [w.name for w in recent_workspaces()] == ["two", "one"]
    open_workspace(tmp_path / "one").close()
    assert [w.name for w in recent_workspaces()] == ["one", "two"]
    shutil.rmtree(tmp_path / "two")
    assert [w.name for w in recent_workspaces()] == ["one"]
    forget(tmp_path / "one")
    assert recent_workspaces() == []
    [file] = own_folders.rglob("recent.json")
    file.write_text("{nonsense")
    assert recent_workspaces() == []
    open_workspace(tmp_path / "one").close()
    assert [w.name for w in recent_workspaces()] == ["one"]


def test_opening_is_cheap(folder: Path) -> None:
    program = (
        "import sys, time\n"
        "from mlops_desktop.workspace import open_workspace\n"
        "began = time.process_time()\n"
        f"workspace = open_workspace({str(folder)!r})\n"
        "print(time.process_time() - began)\n"
        "workspace.registry.models(); workspace.promotions.promotions(); workspace.audit.events()\n"
        f"found = set({HEAVY!r}) & set(sys.modules)\n"
        "assert not found, found\n"
        "workspace.close()\n"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        seconds.append(float(done.stdout))
    assert min(seconds) < 0.08


WRITER = """
import sys, time
from pathlib import Path
from mlops_desktop.domain.registry import Task
from mlops_desktop.workspace import open_workspace
from tests.unit.services.registry_kit import PASSWORD, SIGNATURE
folder, path, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with open_workspace(folder) as workspace:
    session = workspace.accounts.sign_in("ada", PASSWORD)
    # What is tested is the store; the inspection in a child process would take most of the time.
    from mlops_desktop.formats import inspect as formats
    found = formats.inspect(path)
    formats.inspect = lambda _: found
    print("ready", flush=True)
    for number in range(times):
        version = workspace.registry.register_version(
            session, "abc"[number % 3], path, task=Task.CLASSIFICATION, signature=SIGNATURE, metrics={"n": number}
        )
        print(version.label, flush=True)
"""


def start_writer(folder: Path, path: Path, times: int) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), str(path), str(times)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )


def test_a14_many_processes_register_at_once(tmp_path: Path, folder: Path) -> None:
    path = model_file(tmp_path / "model.onnx")
    writers = [start_writer(folder, path, 20) for _ in range(4)]
    acknowledged = [line for w in writers for line in w.communicate(timeout=240)[0].split() if line != "ready"]
    assert [w.returncode for w in writers] == [0] * 4
    assert len(set(acknowledged)) == 80
    with open_workspace(folder) as workspace:
        for model in "abc":
            numbers = sorted(int(label.split("@")[1]) for label in acknowledged if label.startswith(f"{model}@"))
            assert numbers == list(range(1, len(numbers) + 1))
            assert workspace.registry.count_versions(model) == len(numbers)
        assert workspace.audit.problems() == []


def test_a01_killed_while_registering(tmp_path: Path, folder: Path) -> None:
    """Nothing acknowledged is lost, no half version stays, and the next one goes on without a gap."""
    path = model_file(tmp_path / "model.onnx")
    acknowledged: set[str] = set()
    for pause in (0.08, 0.15, 0.22, 0.3):
        writers = [start_writer(folder, path, 1000) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        time.sleep(pause)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            out, _ = writer.communicate(timeout=60)
            acknowledged |= {line for line in out.split("\n")[:-1] if line}
    assert acknowledged
    with open_workspace(folder) as workspace:
        kept = {v.label for v in workspace.registry.versions(limit=100_000)}
        assert acknowledged <= kept
        for model in "abc":
            numbers = sorted(int(label.split("@")[1]) for label in kept if label.startswith(f"{model}@"))
            assert numbers == list(range(1, len(numbers) + 1))
        assert workspace.integrity_problems() == []
        assert workspace.audit.verify().intact
        for version in workspace.registry.versions(limit=20):
            found = workspace.registry.version(version.label)
            assert workspace._parts.artifacts.verify(found.files[0].digest)


def quiet(folder: Path):
    """A workspace whose background has nothing to collect."""
    return open_workspace(folder, settings=Settings(engine="process", collect_seconds=0.2, reconcile_seconds=0.2))


def test_a17_a_second_process_is_followed(tmp_path: Path, folder: Path) -> None:
    path = model_file(tmp_path / "model.onnx")
    with quiet(folder) as workspace:
        heard: list[object] = []
        workspace.events.subscribe(lambda published: heard.append(published.event))
        workspace.start_background()
        workspace.start_background()
        session = workspace.accounts.sign_in("ada", PASSWORD)
        workspace.registry.register_version(session, "own", path, task="regression", signature=SIGNATURE)
        writer = start_writer(folder, path, 1)
        assert writer.communicate(timeout=60)[0] == "ready\na@1\n"
        end = time.monotonic() + 10
        while not any(isinstance(e, OtherProcessChanged) and "VersionRegistered" in e.events for e in heard):
            assert time.monotonic() < end
            time.sleep(0.02)
        others = [name for e in heard if isinstance(e, OtherProcessChanged) for name in e.events]
        assert others.count("VersionRegistered") == 1, "one's own events are not told twice"
        assert [e.model for e in heard if isinstance(e, VersionRegistered)] == ["own"]


def test_one_process_collects(folder: Path) -> None:
    from mlops_desktop.services.background import Background

    with quiet(folder) as first, quiet(folder) as second:
        rounds = {1: 0, 2: 0}

        def count(who: int):
            def round_() -> None:
                rounds[who] += 1

            return round_

        one = Background(first._parts, collect=count(1), reconcile=count(1))
        two = Background(second._parts, collect=count(2), reconcile=count(2))
        one.start()
        while rounds[1] < 2:
            time.sleep(0.02)
        two.start()
        time.sleep(0.5)
        assert rounds[2] == 0
        one.stop()
        end = time.monotonic() + 10
        while rounds[2] < 2:
            assert time.monotonic() < end
            time.sleep(0.02)
        two.stop()
        lock = HeldLock(folder / "run" / "collector.lock")
        assert lock.acquire()
        lock.release()


def test_closing_cancels_what_runs(folder: Path) -> None:
    from mlops_desktop.domain.errors import JobCancelled

    workspace = open_workspace(folder)

    def endless(context) -> None:
        while True:
            context.check_cancelled()
            time.sleep(0.01)

    job = workspace.jobs.start("endless", endless)
    workspace.close()
    with pytest.raises(JobCancelled):
        job.result(1)
    with pytest.raises(RuntimeError):
        workspace.start_background()


def test_a_session_belongs_to_one_opening(folder: Path) -> None:
    with open_workspace(folder) as workspace:
        session = workspace.accounts.sign_in("ada", PASSWORD)
    with open_workspace(folder) as workspace, pytest.raises(NotAllowed, match="not signed in"):
        workspace.accounts.accounts(session)


def test_a07_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    """A file system of 3 MiB, filled by registering."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting needs the rights of the administrator")
    try:
        with create(small / "w") as workspace:
            session = workspace.accounts.sign_in("ada", PASSWORD)
            path = model_file(tmp_path / "model.onnx")
            ballast = b"# " + b"x" * 300_000
            done = 0
            with pytest.raises(StorageError, match="disk is full"):
                for number in range(100):
                    requirements = ballast.decode() + str(number)
                    workspace.registry.register_version(
                        session, "m", path, task="regression", signature=SIGNATURE, requirements=requirements
                    )
                    done += 1
            assert workspace.registry.count_versions() == done
            assert list((small / "w" / "artifacts" / "tmp").iterdir()) == []
            for blob in (small / "w" / "artifacts").rglob("*"):
                if blob.is_file() and blob.stat().st_size > 300_000:
                    blob.unlink()
            workspace.registry.register_version(session, "m", path, task="regression", signature=SIGNATURE)
            assert workspace.registry.count_versions() == done + 1
            assert workspace.audit.problems() == []
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_parts_are_made_once_whoever_asks_first(folder: Path) -> None:
    """Tickers, jobs and the window ask for monitoring, delivery and alerts at the same moment."""
    for _ in range(20):
        with quiet(folder) as workspace:
            found: list[tuple[str, int]] = []
            start = threading.Barrier(6)

            def ask(name: str, workspace=workspace, found=found, start=start) -> None:
                start.wait()
                found.append((name, id(getattr(workspace, name))))

            names = ("monitoring", "delivery", "alerts") * 2
            threads = [threading.Thread(target=ask, args=(name,)) for name in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert len(found) == 6, "somebody waits for ever"
            assert len(set(found)) == 3
