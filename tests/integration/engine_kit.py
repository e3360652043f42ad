"""What the tests of the engines share: tiny bundles that answer with their version, and a house around them."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlops_desktop.domain.deployments import Limits
from mlops_desktop.engines.choose import open_engine
from mlops_desktop.engines.engine import BuiltImage, Engine, ImageSpec, StartSpec
from mlops_desktop.engines.gateway import Gateway, Route, Target
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.settings import Settings, WorkspacePaths

MODEL, ENVIRONMENT = "house-price", "staging"
BODY = json.dumps({"inputs": [[1.0, 2.0]]}).encode()
READY_SECONDS = 60.0


def make_bundle(folder: Path, version: int) -> Path:
    """A regression whose answer is always its version's number."""
    import numpy as np
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression

    rows = np.zeros((4, 2), dtype=np.float32)
    content = to_onnx(LinearRegression().fit(rows, [float(version)] * 4), rows[:1]).SerializeToString()
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.onnx").write_bytes(content)
    column = {"name": "X", "type": "float", "required": True, "shape": [-1, 2]}
    serving = {
        "schema": 1,
        "model": MODEL,
        "version": version,
        "task": "regression",
        "format": "onnx",
        "files": {"model.onnx": hashlib.sha256(content).hexdigest()},
        "entry": "model.onnx",
        "signature": {"inputs": [column], "outputs": []},
        "classes": None,
        "positive": None,
    }
    (folder / "serving.json").write_text(json.dumps(serving))
    return folder


class Lines(JobContext):
    """Keeps the log and, if asked to, cancels when a word appears in it."""

    def __init__(self, cancel_at: str = "") -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []
        self._cancel_at = cancel_at

    def log(self, line: str, step: str = "") -> None:
        self.lines.append((step, line))
        if self._cancel_at and self._cancel_at in line:
            self.cancel()


@dataclass(slots=True)
class Answered:
    """What clients saw while something was going on."""

    sent: int = 0
    by_version: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class House:
    """An engine, its gateway and two built versions in a workspace folder."""

    kind: str
    settings: Settings
    paths: WorkspacePaths
    workspace: str
    bundles: dict[int, Path]
    engine: Engine = field(init=False)
    gateway: Gateway = field(init=False)
    images: dict[int, BuiltImage] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.engine, self.gateway = open_engine(self.settings, self.paths, self.workspace)

    def reopen(self) -> None:
        """As after a restart of the application."""
        self.gateway.close()
        self.engine.close()
        self.open()

    def spec(self, version: int) -> ImageSpec:
        return ImageSpec(f"{MODEL}@{version}", MODEL, self.bundles[version], labels={"version": str(version)})

    def start(self, deployment: str, version: int = 1, limits: Limits | None = None) -> str:
        if version not in self.images:
            self.images[version] = self.engine.build(self.spec(version), JobContext.silent())
        labels = {"model": MODEL, "version": str(version), "environment": ENVIRONMENT}
        return self.engine.start(
            StartSpec(deployment, self.images[version].name, limits or Limits(memory_mb=256, cpus=1.0), labels)
        )

    def route(self, **weights: int) -> None:
        self.routes = [Route(MODEL, ENVIRONMENT, tuple(Target(d, w) for d, w in weights.items()))]
        self.gateway.apply(self.routes)

    def wait_ready(self, deployment: str) -> float:
        """Seconds until it was ready."""
        began = time.monotonic()
        while True:
            try:
                status, body = self.admin(deployment, "/v2/health/ready")
            except OSError as error:  # the gateway itself is being started
                status, body = 0, repr(error).encode()
            if status == 200:
                return time.monotonic() - began
            words = [line.text for line in self.engine.logs(deployment, 5)]
            assert time.monotonic() - began < READY_SECONDS, (status, body, words, self.engine.list())
            time.sleep(0.01)

    def admin(self, deployment: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        url = self.gateway.admin_url(deployment) + path
        return request("GET", url, headers=self.gateway.admin_headers() if headers is None else headers)

    def get(self, path: str) -> tuple[int, bytes]:
        return request("GET", self.gateway.url(MODEL, ENVIRONMENT) + path)

    def predict(self) -> tuple[int, bytes]:
        url = self.gateway.url(MODEL, ENVIRONMENT) + "/invocations"
        return request("POST", url, BODY, {"content-type": "application/json"})

    def version_that_answers(self) -> int:
        status, body = self.predict()
        assert status == 200, body
        return round(json.loads(body)["predictions"][0])

    def clean(self) -> None:
        """Stop every deployment and forget the routes."""
        for found in self.engine.list():
            self.engine.stop(found.deployment, 1.0)
        self.gateway.apply([])

    def destroy(self) -> None:
        for found in self.engine.list():
            self.engine.stop(found.deployment, 1.0)
        self.gateway.close(stop=True)
        self.engine.close()

    @contextmanager
    def load(self, connections: int = 4, pause: float = 0.0) -> Iterator[Answered]:
        """Clients that keep their connections send one request after the other; no failure is tried again."""
        seen = Answered()
        stop = threading.Event()
        lock = threading.Lock()
        url = urlsplit(self.gateway.url(MODEL, ENVIRONMENT))

        def client() -> None:
            connection = http.client.HTTPConnection(url.netloc, timeout=30)
            while not stop.is_set():
                try:
                    connection.request("POST", f"{url.path}/invocations", BODY, {"content-type": "application/json"})
                    response = connection.getresponse()
                    status, body = response.status, response.read()
                except (OSError, http.client.HTTPException) as error:
                    status, body = 0, repr(error).encode()
                    connection.close()
                with lock:
                    seen.sent += 1
                    if status == 200:
                        version = round(json.loads(body)["predictions"][0])
                        seen.by_version[version] = seen.by_version.get(version, 0) + 1
                    else:
                        seen.failures.append(f"{status} {body[:200]!r}")
                if pause:
                    time.sleep(pause)
            connection.close()

        threads = [threading.Thread(target=client, name=f"client {i}") for i in range(connections)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            seen.seconds = time.monotonic() - began


def request(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """One request on a connection of its own; the path goes out exactly as it is given."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, url.removeprefix(f"{parts.scheme}://{parts.netloc}"), body or None, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def make_house(kind: str, folder: Path, bundles: dict[int, Path], workspace: str = "", port: int = 0) -> House:
    paths = WorkspacePaths(folder)
    paths.runtime.mkdir(parents=True, mode=0o700)
    from dataclasses import replace

    settings = replace(Settings.load(folder), engine=kind, gateway_port=port)
    workspace = workspace or "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:10]
    return House(kind, settings, paths, workspace, bundles)
