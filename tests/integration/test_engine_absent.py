"""A Docker engine that is missing, dead, slow or broken: one clear sentence, in time (A20)."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import EngineUnavailable
from mlops_desktop.engines import docker as connection
from mlops_desktop.engines.choose import open_engine
from mlops_desktop.engines.engine import Engine, StartSpec
from mlops_desktop.engines.gateway import Gateway
from mlops_desktop.settings import Settings, WorkspacePaths


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self.answer = answer
        self.hold = threading.Event()
        super().__init__(str(path), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.rfile.readline()
        if self.server.answer is None:
            self.server.hold.wait(30)
        else:
            self.wfile.write(self.server.answer)


@pytest.fixture
def false_engine(tmp_path: Path) -> Iterator[Callable[[bytes | None], str]]:
    servers: list[_Server] = []

    def make(answer: bytes | None) -> str:
        path = tmp_path / "engine.sock"
        server = _Server(path, answer)
        threading.Thread(target=server.serve_forever, args=(0.05,), name="false engine").start()
        servers.append(server)
        return f"unix://{path}"

    yield make
    for server in servers:
        server.hold.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def open_at(tmp_path: Path, false_engine: object) -> Iterator[Callable[..., tuple[Engine, Gateway]]]:
    """Opens an engine; it is closed before the false engine is, which its readers may be asking."""
    opened: list[tuple[Engine, Gateway]] = []

    def make(address: str, engine: str = "docker") -> tuple[Engine, Gateway]:
        settings = replace(Settings(), engine=engine, docker_host=address, gateway_port=0)
        opened.append(open_engine(settings, WorkspacePaths(tmp_path / "w"), "absent1"))
        return opened[-1]

    yield make
    for engine, gateway in opened:
        gateway.close()
        engine.close()


def check_unavailable(engine: Engine, gateway: Gateway, word: str) -> None:
    status = engine.status()
    assert not status.available
    assert word in status.message
    assert status.hint
    for action in (
        engine.list,
        lambda: engine.start(StartSpec("dep1", "x")),
        lambda: engine.stop("dep1", 1.0),
        gateway.ensure,
        lambda: gateway.apply([]),
    ):
        with pytest.raises(EngineUnavailable) as caught:
            action()
        assert caught.value.hint
    assert engine.usage("dep1") is None


def test_a20_no_socket(open_at: Callable[..., tuple[Engine, Gateway]], tmp_path: Path) -> None:
    check_unavailable(*open_at(f"unix://{tmp_path}/nothing.sock"), "not installed or not started")


def test_a20_a_socket_that_nobody_listens_on(open_at: Callable[..., tuple[Engine, Gateway]], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    check_unavailable(*open_at(f"unix://{tmp_path}/dead.sock"), "not answering")


def test_a20_nothing_at_the_port(open_at: Callable[..., tuple[Engine, Gateway]]) -> None:
    check_unavailable(*open_at("tcp://127.0.0.1:9"), "not answering")


def test_a20_an_engine_that_answers_500(
    open_at: Callable[..., tuple[Engine, Gateway]], false_engine: Callable[[bytes | None], str]
) -> None:
    answer = b'HTTP/1.1 500 Oh\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n{"message":"oops"}'
    check_unavailable(*open_at(false_engine(answer)), "Docker")


def test_a20_an_engine_that_hangs_up(
    open_at: Callable[..., tuple[Engine, Gateway]], false_engine: Callable[[bytes | None], str]
) -> None:
    check_unavailable(*open_at(false_engine(b"")), "not answering")


def test_a20_an_engine_that_never_answers(
    open_at: Callable[..., tuple[Engine, Gateway]],
    false_engine: Callable[[bytes | None], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "STATUS_SECONDS", 0.5)
    engine, _ = open_at(false_engine(None))
    began = time.monotonic()
    status = engine.status()
    assert time.monotonic() - began < 5
    assert not status.available
    assert "in time" in status.message


def test_auto_takes_processes_when_docker_is_absent(
    open_at: Callable[..., tuple[Engine, Gateway]], tmp_path: Path
) -> None:
    engine, _ = open_at(f"unix://{tmp_path}/nothing.sock", "auto")
    assert engine.kind.value == "process"
    assert "no isolation" in engine.status().message


def test_processes_refuse_what_can_run_code(open_at: Callable[..., tuple[Engine, Gateway]], tmp_path: Path) -> None:
    from mlops_desktop.domain.errors import NotAllowed
    from mlops_desktop.engines.engine import ImageSpec
    from mlops_desktop.runtime.jobs import JobContext

    engine, _ = open_at("", "process")
    for form in ("sklearn-pickle", "skops", "mlflow"):
        bundle = tmp_path / form
        bundle.mkdir()
        (bundle / "serving.json").write_text(f'{{"format": "{form}"}}')
        with pytest.raises(NotAllowed, match=form):
            engine.build(ImageSpec("m@1", "m", bundle), JobContext.silent())
