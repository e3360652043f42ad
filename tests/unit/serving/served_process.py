"""The real serving program as a child process, on a port or a Unix socket."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 60.0


class Served:
    """A running serving program; `log` holds its lines."""

    def __init__(self, bundle: Path, folder: Path, *options: str, uds: bool = False, pin: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "model.sock" if uds else None
        self._output = folder / "serving.log"
        place = ["--uds", str(self.socket)] if uds else ["--port", "0"]
        pinned = ["taskset", "-c", str(pin)] if pin is not None else []
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *pinned,
                    sys.executable,
                    "-m",
                    "mlops_desktop.serving",
                    "--bundle",
                    str(bundle),
                    *(options if "--uds" in options or "--port" in options else (*place, *options)),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[3],
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            )

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._output.read_text().splitlines()]

    @property
    def address(self) -> str:
        return str(next(line["address"] for line in self.log if line["message"] == "Serving."))

    def wait_until_serving(self) -> Served:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if any(line["message"] == "Serving." for line in self.log):
                return self
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self._output.read_text()}")
            time.sleep(0.02)
        raise AssertionError(f"it did not start: {self._output.read_text()}")

    def client(self) -> httpx.Client:
        if self.socket is not None:
            return httpx.Client(
                transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://model", timeout=60
            )
        return httpx.Client(base_url=f"http://{self.address}", timeout=60)

    def async_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.address}", timeout=60)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)


@contextlib.contextmanager
def serving(bundle: Path, folder: Path, *options: str, uds: bool = False, pin: int | None = None) -> Iterator[Served]:
    served = Served(bundle, folder, *options, uds=uds, pin=pin)
    try:
        yield served.wait_until_serving()
    finally:
        try:
            served.stop()
        except subprocess.TimeoutExpired:
            served.process.kill()
            served.process.wait(10)
            raise
