"""A road to the real Docker engine that a test can cut, hold up, or let lie about a full disk."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from pathlib import Path
from typing import Any

NO_SPACE = "write /var/lib/docker/tmp/layer: no space left on device"
HEAD = "HTTP/1.1 {}\r\nContent-Type: application/json\r\n{}\r\n"
CHUNKED, CLOSED = "Transfer-Encoding: chunked\r\n", "Connection: close\r\n"


def _streamed(message: dict[str, Any]) -> str:
    """The beginning of a build's answer: one message, and more to come."""
    line = json.dumps(message) + "\r\n"
    return f"{HEAD.format('200 OK', CHUNKED)}{len(line):x}\r\n{line}\r\n"


BEGUN = _streamed({"stream": "Step 1/9 : FROM base\n"})
# How the engine says it: in the stream of a build, and as the answer to anything else.
FULL = {
    b"/build?": _streamed({"errorDetail": {"message": NO_SPACE}, "error": NO_SPACE}) + "0\r\n\r\n",
    b"/commit?": HEAD.format("500 Internal Server Error", CLOSED) + json.dumps({"message": NO_SPACE}),
}


class Wire:
    """A socket that passes everything on to the real engine, and can be cut.

    `builds` is what becomes of a step that makes a layer: passed on (""), begun and never ended ("held"; `held` is set
    once it began), or refused as the disk is full ("full").
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.builds = ""
        self.held = threading.Event()
        host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        self._real = host.removeprefix("unix://")
        self._cut = threading.Event()
        self._threads: list[threading.Thread] = []
        self.join()

    def join(self) -> None:
        self._cut.clear()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()
        self._start(self._accept, listener)

    def cut(self) -> None:
        self._cut.set()
        for thread in list(self._threads):
            thread.join()
        self._threads.clear()

    def _start(self, function: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=function, args=arguments, name="wire")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self._cut.is_set():
                if select.select([listener], [], [], 0.05)[0]:
                    self._start(self._pass_on, listener.accept()[0])
        self.path.unlink()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self._real)
            other = {client: engine, engine: client}
            while other and not self._cut.is_set():
                for ready in select.select(list(other), [], [], 0.05)[0]:
                    try:
                        data = ready.recv(1 << 16)
                        line = data.partition(b"\r\n")[0] if ready is client and self.builds else b""
                        if step := next((step for step in FULL if step in line), b""):
                            self._tamper(client, step)
                            return
                        if data:
                            other[ready].sendall(data)
                        else:
                            other[ready].shutdown(socket.SHUT_WR)
                            del other[ready]
                            if not other:
                                return
                            if ready is engine:
                                return
                    except OSError:
                        return

    def _tamper(self, client: socket.socket, step: bytes) -> None:
        """Read the request and answer it as `builds` says; the engine never hears of it."""
        while not self._cut.is_set():
            if select.select([client], [], [], 0.1)[0]:
                if not client.recv(1 << 16):
                    return
            elif self.builds == "full":
                client.sendall(FULL[step].encode())
                return
            elif not self.held.is_set():
                client.sendall(BEGUN.encode())
                self.held.set()
