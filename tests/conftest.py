"""What every test stands on: folders of its own, a Docker engine that is real, a display, and quiet.

A test fails when it leaves a thread behind or when our code logs a warning that the test did not announce with
`@pytest.mark.expect_log("pattern")` (a test that takes `caplog` reads the log itself).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import docker

# Settings of the machine, not of a person: without them pip inside a build can't get out of some networks.
KEPT_SETTINGS = {
    "MLOPS_DESKTOP_CA_BUNDLE",
    "MLOPS_DESKTOP_PIP_INDEX",
    "MLOPS_DESKTOP_BASE_IMAGES",
    "MLOPS_DESKTOP_GATEWAY_IMAGES",
}
THREAD_SECONDS = 5.0
_PERSON = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Settled before anything is imported that reads the environment."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # For fixtures that live longer than a test; each test has folders of its own besides.
    config.stash[_PERSON] = person = tempfile.mkdtemp(prefix="mlops-desktop-tests-")
    for kind in ("CONFIG", "DATA", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = f"{person}/{kind.lower()}"
    for certificates in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if os.environ.get(certificates):
            os.environ.setdefault("MLOPS_DESKTOP_CA_BUNDLE", os.environ[certificates])
    for name in [n for n in os.environ if n.startswith("MLOPS_DESKTOP_") and n not in KEPT_SETTINGS]:
        del os.environ[name]


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_PERSON], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is marked `docker` gets the fixture, and with it the skip or the failure."""
    for item in items:
        marked = item.get_closest_marker("docker") is not None and isinstance(item, pytest.Function)
        if marked and "docker_engine" not in item.fixturenames:
            item.fixturenames.insert(0, "docker_engine")


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerClient]:
    """A client of the real engine. Without one the test is skipped, with CI=true it fails."""
    import docker
    import docker.errors

    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except docker.errors.DockerException as error:
        message = f"no Docker engine answers ({error}); start one with packaging/engine"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    yield client
    client.close()


@pytest.fixture(scope="session")
def _session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_folders(_session_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees or touches the configuration of the person who runs it; returns the folder of this test's."""
    folder = tmp_path_factory.mktemp("person")
    # Docker's own configuration holds the address of the engine, and credentials for the images' registry.
    monkeypatch.setenv("DOCKER_CONFIG", os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker"))
    monkeypatch.setenv("HOME", str(_session_home))
    monkeypatch.setenv("USERPROFILE", str(_session_home))
    # Shared by all tests: a new cache of fonts for each of them takes seconds.
    monkeypatch.setenv("XDG_CACHE_HOME", str(_session_home / "cache"))
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
    return folder


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in {"mlops_desktop", "asyncio", "uvicorn"}:
            self.records.append(record)


@pytest.fixture(autouse=True)
def no_unexpected_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail when something was logged as a warning or worse that nobody announced."""
    root = logging.getLogger()
    before = list(root.handlers)
    heard = _Heard()
    root.addHandler(heard)
    yield
    root.removeHandler(heard)
    for handler in [h for h in root.handlers if h not in before]:
        if type(handler).__module__.startswith("logging"):  # what the program set up, not what pytest did
            root.removeHandler(handler)
            handler.close()
    if "caplog" in request.fixturenames:
        return
    patterns = [re.compile(mark.args[0]) for mark in request.node.iter_markers("expect_log")]
    unexpected = [
        f"{record.levelname} {record.name}: {record.getMessage()}"
        for record in heard.records
        if not any(pattern.search(record.getMessage()) for pattern in patterns)
    ]
    if unexpected:
        pytest.fail("unexpected log lines:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture(autouse=True)
def no_dangling_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail when a thread that the test started still runs a few seconds after it."""
    before = set(threading.enumerate())
    yield
    if request.node.get_closest_marker("leaves_threads"):
        return
    end = time.monotonic() + THREAD_SECONDS
    while left := [t for t in threading.enumerate() if t not in before and not isinstance(t, threading._DummyThread)]:
        if time.monotonic() > end:
            pytest.fail("threads still run: " + ", ".join(sorted(t.name for t in left)), pytrace=False)
        time.sleep(0.02)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The name of an X display for programs that are started with a real window (`DISPLAY`)."""
    if shutil.which("Xvfb") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Xvfb is missing; packaging/test installs it")
        pytest.skip("Xvfb is missing")
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writer,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as told:
        number = told.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(scope="session", autouse=True)
def no_dangling_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail when a process that works in the folders of these tests outlives them all; the folder names the test."""
    yield
    folder = str(tmp_path_factory.getbasetemp())
    end = time.monotonic() + THREAD_SECONDS
    while left := _processes_in(folder):
        if time.monotonic() > end:
            for process in left:
                os.kill(process, signal.SIGKILL)
            told = "\n".join(sorted(command[:200] for command in left.values()))
            pytest.fail(f"{len(left)} processes still ran:\n{told}", pytrace=False)
        time.sleep(0.1)


def _processes_in(folder: str) -> dict[int, str]:
    """Command lines that name the folder, by process; empty where the system does not tell."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if folder in command:
            found[int(entry.parent.name)] = command.partition(folder)[2]
    return found
