"""The serving program under load: requests/s and latency at 1, 8 and 64 connections, with monitoring switched on.

Each figure stands against an empty handler of the same HTTP server, or against the model called in process, measured
in the same run. Server on one core and load on another where there are two. The load comes from wrk where it is
installed, else from a client of our own, which is slower itself; the figures say which.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from tests.unit.serving import served_models as models
from tests.unit.serving.served_process import serving

SECONDS, ROUNDS = 2, 3
TWO_CORES = (os.cpu_count() or 1) > 1 and shutil.which("taskset") is not None
SERVER_CORE, LOAD_CORE = (0, 1) if TWO_CORES else (None, None)
WRK = shutil.which("wrk")
TOOL = "wrk" if WRK else "own client"

EMPTY = """
import sys, uvicorn
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]
async def app(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False,
            server_header=False, date_header=False, log_level="error")
"""


@dataclass(frozen=True)
class Load:
    """What one round of load measured."""

    rate: float  # requests/s
    median: float  # seconds
    p99: float


def record(figure: str, value: float, unit: str, against: str = "", ratio: float | None = None) -> dict[str, Any]:
    return {"figure": figure, "value": value, "unit": unit, "against": against or None, "ratio": ratio}


def body_of(frame: pd.DataFrame, rows: int = 1) -> bytes:
    examples = models.examples_of(frame, rows)
    split = {"columns": examples["columns"], "data": examples["rows"]}
    return json.dumps({"dataframe_split": split}, separators=(",", ":")).encode()


def load(url: str, body: bytes | None, connections: int, folder: Path, seconds: int = SECONDS) -> Load:
    """One round; AssertionError if an answer was not 200. `body` None asks with GET."""
    if WRK is None:
        return asyncio.run(_own_load(url, body, connections, seconds))
    script = folder / "post.lua"
    (folder / "body").write_bytes(body or b"")
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
        f'local file = io.open("{folder}/body", "rb")\nwrk.body = file:read("*a")\nfile:close()\n'
    )
    pinned = ["taskset", "-c", str(LOAD_CORE)] if LOAD_CORE is not None else []
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *(["-s", str(script)] if body else [])]
    done = subprocess.run([*pinned, WRK, *options, url], capture_output=True, text=True, check=True, timeout=60)
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert rate is not None, done.stdout
    return Load(float(rate[1]), _quantile(done.stdout, 50), _quantile(done.stdout, 99))


def _quantile(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]]


async def _own_load(url: str, body: bytes | None, connections: int, seconds: float) -> Load:
    host, _, rest = url.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")
    head = f"{'POST' if body else 'GET'} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body or b'')}\r\n\r\n".encode() + (body or b"")
    end = time.perf_counter() + seconds
    took: list[float] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (start := time.perf_counter()) < end:
            writer.write(request)
            header = await reader.readuntil(b"\r\n\r\n")
            assert header.startswith(b"HTTP/1.1 200"), header
            length = re.search(rb"content-length: (\d+)", header)
            assert length is not None
            await reader.readexactly(int(length[1]))
            took.append(time.perf_counter() - start)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(caller() for _ in range(connections)))
    took.sort()
    return Load(len(took) / seconds, took[len(took) // 2], took[int(len(took) * 0.99)])


@contextlib.contextmanager
def empty_handler() -> Iterator[str]:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pinned = ["taskset", "-c", str(SERVER_CORE)] if SERVER_CORE is not None else []
    process = subprocess.Popen([*pinned, sys.executable, "-c", EMPTY, str(port)])
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(url)
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def seconds_of(function: Callable[[], Any], calls: int) -> float:
    """The median of the time of one call."""
    took = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def median_of(rounds: Iterable[Load]) -> Load:
    listed = list(rounds)
    return Load(*(statistics.median(getattr(r, name) for r in listed) for name in ("rate", "median", "p99")))


def run() -> Iterable[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        tumours, _ = models.breast_cancer()
        logistic, forest, pipeline = models.logistic(), models.forest(200), models.flight_pipeline()
        boosting, wide = models.boosting()
        flights, _ = models.flights()
        ours = {
            "logistic regression, ONNX": models.onnx_bundle(folder / "a", logistic, tumours, matrix=True),
            "forest of 200, ONNX": models.onnx_bundle(folder / "b", forest, tumours, matrix=True),
            "boosting, 50 features, ONNX": models.onnx_bundle(folder / "c", boosting, wide, matrix=True),
            "frame pipeline, ONNX": models.onnx_bundle(
                folder / "d", pipeline, flights, matrix=False, optional=["wind"], name="flight-delay"
            ),
            "logistic regression, scikit-learn": models.sklearn_bundle(folder / "s", logistic, tumours),
        }
        frames = dict(zip(ours, (tumours, tumours, wide, flights, tumours), strict=True))
        fitted = dict(zip(ours, (logistic, forest, boosting, pipeline, logistic), strict=True))
        with empty_handler() as empty:
            for name, bundle in ours.items():
                # The first is measured thoroughly, the others at both ends.
                plan = ((1, 8, 64), SECONDS) if bundle.name == "a" else ((1, 64), 1)
                yield from _one_model(name, bundle, frames[name], fitted[name], empty, folder, *plan)
        yield from _busy_forest(ours["forest of 200, ONNX"], tumours, folder)
        yield from _monitoring(ours["logistic regression, ONNX"], tumours, folder)


def _one_model(
    name: str,
    bundle: Path,
    frame: pd.DataFrame,
    model: Any,
    empty: str,
    folder: Path,
    numbers: Sequence[int],
    seconds: int,
) -> Iterator[dict[str, Any]]:
    body, row = body_of(frame), frame.head(1)
    in_process = seconds_of(lambda: model.predict_proba(row), 50)
    started = time.perf_counter()
    with serving(bundle, folder / "run", pin=SERVER_CORE) as program:
        yield record(f"{name}: time to ready", time.perf_counter() - started, "s")
        url = f"http://{program.address}/invocations"
        load(url, body, 8, folder, 1)
        for connections in numbers:
            rounds = [
                (load(url, body, connections, folder, seconds), load(empty, body, connections, folder, seconds))
                for _ in range(ROUNDS)
            ]
            own, other = median_of(r for r, _ in rounds), median_of(r for _, r in rounds)
            at = f"{name}, {connections} connection{'s' * (connections > 1)}"
            yield record(f"{at}, {TOOL}", own.rate, "requests/s", "empty handler", own.rate / other.rate)
            if connections == 64:
                yield record(at, own.rate, "requests/s", "scikit-learn in process, row by row", own.rate * in_process)
            if connections == 1:
                yield record(f"{at}, median", own.median * 1e3, "ms", "empty handler", own.median / other.median)


def _busy_forest(bundle: Path, frame: pd.DataFrame, folder: Path) -> Iterator[dict[str, Any]]:
    """Health while 16 connections send 100 rows each, without a pause."""
    (folder / "busy").mkdir()
    with serving(bundle, folder / "run", pin=SERVER_CORE) as program:
        url = f"http://{program.address}"
        if WRK is None:
            return
        busy = subprocess.Popen(
            [sys.executable, "-c", _BUSY, f"{url}/invocations", str(SECONDS * ROUNDS)], stdin=subprocess.PIPE
        )
        busy.stdin.write(body_of(frame, 100))  # type: ignore[union-attr]
        busy.stdin.close()  # type: ignore[union-attr]
        time.sleep(1.0)
        health = load(f"{url}/v2/health/ready", None, 1, folder, SECONDS * ROUNDS - 2)
        assert busy.wait(60) == 0
        yield record(
            "health while the forest is saturated, p99", health.p99 * 1e3, "ms", "limit 20 ms", health.p99 / 0.02
        )


_BUSY = """
import asyncio, sys
from tests.benchmarks.serving import _own_load
body = sys.stdin.buffer.read()
asyncio.run(_own_load(sys.argv[1], body, 16, float(sys.argv[2])))
"""


def _monitoring(bundle: Path, frame: pd.DataFrame, folder: Path) -> Iterator[dict[str, Any]]:
    """The same model with and without a reference profile: what counting costs."""
    without = folder / "unwatched"
    shutil.copytree(bundle, without)
    (without / "profile.json").unlink()
    body = body_of(frame)
    with (
        serving(bundle, folder / "run", pin=SERVER_CORE) as watched,
        serving(without, folder / "run2", pin=SERVER_CORE) as unwatched,
    ):
        rates: list[tuple[float, float]] = []
        for _ in range(ROUNDS + 2):
            first = load(f"http://{watched.address}/invocations", body, 64, folder)
            second = load(f"http://{unwatched.address}/invocations", body, 64, folder)
            rates.append((first.rate, second.rate))
        own, other = (statistics.median(column) for column in zip(*rates, strict=True))
        yield record("64 connections with counting of 30 features", own, "requests/s", "without counting", own / other)
