"""The gateway program of the process engine: a small proxy from two ports of this computer to Unix sockets.

`python -m mlops_desktop.engines.proxy --folder RUN --sockets FOLDER` reads its addresses from gateway.json and its
routes from routes.json, which it looks at again with each request: a new file counts from the next request on. uvicorn
parses what comes in, httptools what comes back; between them requests and answers are handed on whole, as both are
small. It keeps no state, so that it may be ended and started at any time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import socket
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from secrets import compare_digest
from typing import Any
from urllib.parse import unquote

from mlops_desktop.engines import addresses
from mlops_desktop.engines.gateway import (
    CLOSED,
    MONITOR_PATH,
    NO_VERSION,
    NOT_ANSWERING,
    STATE_PATH,
    TOKEN_HEADER,
    slots,
)
from mlops_desktop.engines.routes_file import read_routes

BODY_BYTES = 64 << 20
CONNECT_SECONDS = 1.0  # bridges the moment in which a crashed deployment is started again
ANSWER_SECONDS = 120.0
IDLE_SECONDS = 5.0  # far below what the serving program waits before it closes
IDLE_CONNECTIONS = 64
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)
_TOKEN = TOKEN_HEADER.encode()
_ID = re.compile(r"[a-z0-9]{4,32}")

Headers = list[tuple[bytes, bytes]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Refusal(Exception):
    """An answer of the proxy itself."""

    def __init__(self, status: int, sentence: str, retry_after: int = 0) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers: Headers = [(b"content-type", b"application/json")]
        if retry_after:
            self.headers.append((b"retry-after", str(retry_after).encode()))
        self.body = json.dumps({"error": sentence}).encode()


class Routes:
    """The slots of every route, read again when the file was replaced."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._slots: dict[str, tuple[str, ...]] = {}

    def choose(self, key: str) -> str:
        """A deployment of the route, by weight; Refusal when none serves."""
        self._look()
        if not (found := self._slots.get(key)):
            raise Refusal(503, NO_VERSION, retry_after=5)
        return random.choice(found)  # noqa: S311 - a share of traffic, no secret

    def _look(self) -> None:
        try:
            found = self._file.stat()
        except OSError:
            return
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            self._slots = {r.key: slots(r.targets) for r in read_routes(self._file)}
            self._stamp = stamp


class Answer:
    """Collects what httptools finds in a deployment's answer."""

    def __init__(self) -> None:
        self.headers: Headers = []
        self.body = bytearray()
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


class Upstream:
    """Connections to deployments, used again while they are fresh."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle: dict[str, list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]]] = defaultdict(list)

    async def exchange(self, deployment: str, request: bytes, body: bytes) -> tuple[int, Headers, bytes]:
        """Hand a request on and return the answer; Refusal when there is none.

        Only connecting is tried again: a request that kills the serving program must not be sent to it twice.
        """
        from httptools import HttpParserError, HttpResponseParser

        reader, writer = await self._connect(deployment)
        answer = Answer()
        parser = HttpResponseParser(answer)
        try:
            writer.write(request)
            writer.write(body)
            while not answer.complete:
                data = await asyncio.wait_for(reader.read(1 << 16), ANSWER_SECONDS)
                if not data:
                    raise Refusal(502, NOT_ANSWERING)
                parser.feed_data(data)
        except TimeoutError:
            writer.close()
            raise Refusal(504, "The deployment that serves this model took too long to answer.") from None
        except (OSError, HttpParserError):
            writer.close()
            raise Refusal(502, NOT_ANSWERING) from None
        except BaseException:
            writer.close()
            raise
        idle = self._idle[deployment]
        if parser.should_keep_alive() and len(idle) < IDLE_CONNECTIONS:
            idle.append((time.monotonic(), reader, writer))
        else:
            writer.close()
        return parser.get_status_code(), answer.headers, bytes(answer.body)

    async def _connect(self, deployment: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        idle = self._idle[deployment]
        while idle:
            since, reader, writer = idle.pop()
            if time.monotonic() - since < IDLE_SECONDS and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        end = time.monotonic() + CONNECT_SECONDS
        path = str(self._folder / f"{deployment}.sock")
        while True:
            try:
                return await asyncio.open_unix_connection(path)
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise Refusal(503, NOT_ANSWERING, retry_after=1) from None
                await asyncio.sleep(0.05)
            except OSError:
                raise Refusal(503, NOT_ANSWERING, retry_after=1) from None


class Proxy:
    """The ASGI application behind both ports."""

    def __init__(self, listen: addresses.Addresses, routes: Routes, upstream: Upstream) -> None:
        self._admin_port = listen.admin_port
        self._token = listen.token.encode()
        self._routes = routes
        self._upstream = upstream
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            if scope["server"][1] == self._admin_port:
                status, headers, body = await self._admin(scope, receive)
            else:
                status, headers, body = await self._public(scope, receive)
        except Refusal as refusal:
            status, headers, body = refusal.status, refusal.headers, refusal.body
        kept = [(n, v) for n, v in headers if n.lower() not in _HOP_BY_HOP and n.lower() != b"content-length"]
        length = [] if scope["method"] == "HEAD" else [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": kept + length})
        await send({"type": "http.response.body", "body": body})

    async def _public(self, scope: MutableMapping[str, Any], receive: Receive) -> tuple[int, Headers, bytes]:
        path: bytes = scope["raw_path"]
        # Decoded before it is compared, because the serving program decodes too.
        if MONITOR_PATH in unquote(path.decode("latin-1")).lower():
            raise Refusal(403, CLOSED)
        _, environment, model, rest = [*path.decode("latin-1").split("/", 3), "", "", ""][:4]
        body = await _whole(receive)
        return await self._hand_on(self._routes.choose(f"{environment}/{model}"), rest, scope, body)

    async def _admin(self, scope: MutableMapping[str, Any], receive: Receive) -> tuple[int, Headers, bytes]:
        given = next((v for n, v in scope["headers"] if n == _TOKEN), b"")
        if not compare_digest(given, self._token):
            raise Refusal(403, CLOSED)
        path: str = scope["raw_path"].decode("latin-1")
        if path == STATE_PATH:
            state = {"busy": {d: n for d, n in self._busy.items() if n}}
            return 200, [(b"content-type", b"application/json")], json.dumps(state).encode()
        _, deployment, rest = [*path.split("/", 2), ""][:3]
        if not _ID.fullmatch(deployment):
            raise Refusal(404, "There is no such deployment.")
        return await self._hand_on(deployment, rest, scope, await _whole(receive))

    async def _hand_on(
        self, deployment: str, path: str, scope: MutableMapping[str, Any], body: bytes
    ) -> tuple[int, Headers, bytes]:
        query: bytes = scope["query_string"]
        target = f"/{path}".encode("latin-1") + (b"?" + query if query else b"")
        lines = [scope["method"].encode() + b" " + target + b" HTTP/1.1"]
        lines += [
            n + b": " + v
            for n, v in scope["headers"]
            if n not in _HOP_BY_HOP and n != _TOKEN and n != b"content-length"
        ]
        lines.append(b"content-length: " + str(len(body)).encode())
        self._busy[deployment] += 1
        try:
            return await self._upstream.exchange(deployment, b"\r\n".join(lines) + b"\r\n\r\n", body)
        finally:
            self._busy[deployment] -= 1


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The request was not finished.")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            raise Refusal(413, f"The request is longer than {BODY_BYTES >> 20} MiB.")
        if not message.get("more_body"):
            return bytes(body)


def listen_on(bind: str, ports: Iterable[int]) -> list[socket.socket]:
    """Listening sockets; OSError when a port is taken."""
    found: list[socket.socket] = []
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((bind, port))
        listener.listen(2048)
        found.append(listener)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 3 when a port is taken."""
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m mlops_desktop.engines.proxy")
    parser.add_argument("--folder", type=Path, required=True, help="the workspace's run/ folder")
    parser.add_argument("--sockets", type=Path, required=True, help="where the deployments' sockets lie")
    options = parser.parse_args(arguments)
    listen = addresses.read(options.folder / addresses.FILE)
    if listen is None:
        sys.stderr.write("gateway.json can't be read\n")
        return 2
    try:
        listeners = listen_on(listen.bind, (listen.port, listen.admin_port))
    except OSError as error:
        sys.stderr.write(f"cannot bind: {error}\n")
        return 3
    proxy = Proxy(listen, Routes(options.folder / "routes.json"), Upstream(options.sockets))
    config = uvicorn.Config(
        proxy,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run(sockets=listeners)
    return 0


if __name__ == "__main__":
    sys.exit(main())
