"""The ASGI application: routes, and the way of one request from its bytes to its answer."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import orjson

from mlops_desktop import __version__
from mlops_desktop.serving import metrics
from mlops_desktop.serving.batching import InferenceThread, Request
from mlops_desktop.serving.errors import InvalidRequest, Overloaded, RequestError, TookTooLong, TooLarge
from mlops_desktop.serving.exchange import PREDICTION_ID, Exchange
from mlops_desktop.serving.openapi import openapi
from mlops_desktop.serving.recorder import Recorder

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
_DISCARD = 2**30  # bytes of a too large body that are read and thrown away, so that the caller reads the answer


class Disconnected(Exception):
    """The caller went away before the request was complete."""


class Application:
    """Serves one model. `start` must be called on the event loop before the first request."""

    def __init__(
        self,
        exchange: Exchange,
        recorder: Recorder,
        *,
        most_body: int = 32 * 2**20,
        time_limit: float = 60.0,
        most_waiting: int = 1024,
    ) -> None:
        bundle = exchange.bundle
        self._exchange, self._recorder = exchange, recorder
        self._most_body, self._time_limit = most_body, time_limit
        self._thread = InferenceThread(
            exchange.predictor,
            exchange.schema,
            read=exchange.read,
            write=exchange.write,
            record=recorder.add_rows,
            most_waiting=most_waiting,
        )
        self.ready = False
        self._numbers = itertools.count(1)
        self._under_way: deque[Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        model = f"/v2/models/{bundle.model}"
        models = (model, f"{model}/versions/{bundle.version}")
        self._infer = frozenset(f"{m}/infer" for m in models)
        ready = {"name": bundle.model, "ready": True}
        self._pages: dict[str, Callable[[], Any]] = {
            "/ping": lambda: None,
            "/health": lambda: None,
            "/version": lambda: __version__,
            "/v2": lambda: exchange.server_metadata(__version__),
            "/v2/health/live": lambda: {"live": True},
            "/v2/health/ready": lambda: {"ready": self.ready},
            **dict.fromkeys(models, exchange.model_metadata),
            **{f"{m}/ready": lambda: ready | {"ready": self.ready} for m in models},
            "/openapi.json": lambda: openapi(exchange, __version__),
            "/metrics": self._metrics,
        }
        # Readiness is the only thing that turns into 503 while the program drains.
        self._readiness = frozenset(("/ping", "/health", "/v2/health/ready", *(f"{m}/ready" for m in models)))

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._thread.start(loop)
        self._timer = loop.call_later(1.0, self._each_second)
        self.ready = True

    def stop(self, timeout: float) -> None:
        """Answer what is waiting, then end the inference thread."""
        self.ready = False
        if self._timer is not None:
            self._timer.cancel()
        self._thread.stop(timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path == "/invocations":
            await self._predict(scope, receive, send, infer=False)
        elif path in self._infer:
            await self._predict(scope, receive, send, infer=True)
        elif scope["method"] not in ("GET", "HEAD"):
            known = path in self._pages or path.startswith("/_monitor/")
            text = f"{path} is read with GET." if known else f"There is nothing at {path}."
            await _send(send, 405 if known else 404, _error(text), [(b"allow", b"GET, HEAD")] if known else [])
        elif (page := self._pages.get(path)) is not None:
            content = page()
            status = 503 if path in self._readiness and not self.ready else 200
            if isinstance(content, str):
                kind = metrics.CONTENT_TYPE if path == "/metrics" else "text/plain; charset=utf-8"
                await _send(send, status, content.encode(), [], kind.encode())
            else:
                await _send(send, status, b"\n" if content is None else orjson.dumps(content), [])
        elif path in ("/_monitor/chunks", "/_monitor/predictions"):
            await self._monitor(scope, send)
        else:
            await _send(send, 404, _error(f"There is nothing at {path}."), [])

    async def _predict(self, scope: Scope, receive: Receive, send: Send, *, infer: bool) -> None:
        started = time.perf_counter()
        headers: list[tuple[bytes, bytes]] = [(b"x-prediction-id", b"")]
        id_ = ""
        try:
            kind, id_ = self._head(scope, infer)
            message = await receive()
            body: bytes = message.get("body", b"")
            if message.get("more_body", False) or message["type"] != "http.request":
                body = await self._rest(body, message, receive)
            if len(body) > self._most_body:
                raise self._too_large()
            request = Request(kind, body, id_, started, asyncio.get_running_loop().create_future())
            self._thread.submit(request)
            under_way = self._under_way
            under_way.append(request)
            await request.future
            while under_way and under_way[0].future.done():
                under_way.popleft()
            id_ = request.id
            if request.error is not None:
                raise request.error
            status, answer = 200, request.answer
        except RequestError as error:
            status = error.status
            if isinstance(error, TooLarge):
                await self._discard(receive)
            elif isinstance(error, Overloaded):
                headers.append((b"retry-after", b"1"))
            elif status == 405:
                headers.append((b"allow", b"POST"))
            answer = _error(error.message, None if infer else error.code)
        except Disconnected:
            return
        headers[0] = (b"x-prediction-id", (id_ or self._new_id()).encode())
        await _send(send, status, answer, headers)
        self._recorder.add_request(time.perf_counter() - started, status)

    def _head(self, scope: Scope, infer: bool) -> tuple[str, str]:
        """The kind of body and the prediction's id, from method and headers."""
        if scope["method"] != "POST":
            raise InvalidRequest("Predictions are asked for with POST.", 405)
        kind, id_ = "infer" if infer else "scoring", ""
        for name, value in scope["headers"]:
            if name == b"content-type":
                if value != JSON:
                    kind = _kind(value, infer)
            elif name == b"content-length":
                if int(value) > self._most_body:
                    raise self._too_large()
            elif name == b"x-prediction-id":
                id_ = value.decode("latin-1")
                if not PREDICTION_ID.fullmatch(id_):
                    raise InvalidRequest("Header 'x-prediction-id' must be 1 to 64 letters, digits, dots or dashes.")
            elif name == b"content-encoding" and value.lower() != b"identity":
                raise InvalidRequest("Compressed bodies are not read.", 415)
        return kind, id_ or self._new_id()

    def _new_id(self) -> str:
        return f"{self._recorder.boot}-{next(self._numbers):x}"

    async def _rest(self, first: bytes, message: Message, receive: Receive) -> bytes:
        parts, size = [first], len(first)
        while True:
            if message["type"] != "http.request":
                raise Disconnected
            if size > self._most_body:
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(parts)
            message = await receive()
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._most_body:,} bytes; send fewer rows at once.")

    async def _discard(self, receive: Receive) -> None:
        size = 0
        while size < _DISCARD:
            message = await receive()
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                return

    async def _monitor(self, scope: Scope, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        after, boot = query.get("after", ["0"])[0], query.get("boot", [""])[0]
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            await _send(send, 400, _error("'after' must be a whole number."), [])
            return
        take = self._recorder.chunks if scope["path"].endswith("/chunks") else self._recorder.predictions
        await _send(send, 200, orjson.dumps(take(int(after), boot)), [])

    def _metrics(self) -> str:
        bundle = self._exchange.bundle
        return metrics.prometheus(self._recorder.totals, self._thread.waiting, bundle.model, bundle.version)

    def _each_second(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(1.0, self._each_second)
        self._recorder.close_chunk()
        latest = time.perf_counter() - self._time_limit
        waiting = self._under_way
        while waiting and (waiting[0].future.done() or waiting[0].received < latest):
            request = waiting.popleft()
            if not request.future.done():
                request.error = TookTooLong(f"The model did not answer within {self._time_limit:g} seconds.")
                request.future.set_result(None)


def _kind(value: bytes, infer: bool) -> str:
    media, _, options = value.decode("latin-1").partition(";")
    media, charset = media.strip().lower(), options.replace(" ", "").lower()
    if charset not in ("", "charset=utf-8", 'charset="utf-8"'):
        raise InvalidRequest(f"The body must be UTF-8, not {options.strip()[:40]!r}.", 415)
    if media == "application/json" or (infer and media in ("", "application/octet-stream")):
        return "infer" if infer else "scoring"
    if media == "text/csv" and not infer:
        return "csv"
    raise InvalidRequest(f"The content type {media[:60]!r} is not read; send application/json or text/csv.", 415)


def _error(message: str, code: str | None = None) -> bytes:
    """`error` for the Open Inference Protocol and ours, `error_code` and `message` for MLflow's."""
    body = {"error": message}
    if code is not None:
        body |= {"error_code": code, "message": message}
    return orjson.dumps(body)


async def _send(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], content_type: bytes = JSON
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})
