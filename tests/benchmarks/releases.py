"""Switches and roll-backs under load: how long each takes, and that no request is lost. Failures are counted."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integration.engine_kit import House, make_bundle, make_house

SWITCHES = 50  # and as many roll-backs
CONNECTIONS = 4
PAUSE = 0.02  # seconds of each client between two requests: about 200 requests/s together
ROLL_BACK_LIMIT = 0.3  # seconds while the previous deployment is warm


def run() -> Iterator[dict[str, Any]]:
    """Both engines, at about 200 requests/s; then Docker with clients that do not pause."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bundles = {number: make_bundle(root / f"bundle-{number}", number) for number in (1, 2)}
        for kind in ("docker", "process"):
            house = make_house(kind, root / kind, bundles)
            try:
                house.gateway.ensure()
                for version in (1, 2):
                    house.start(f"bench{version}", version)
                house.route(bench1=100, bench2=0)
                for version in (1, 2):
                    house.wait_ready(f"bench{version}")
                yield from _switches(house, PAUSE)
                yield from _switches(house, 0.0)
            finally:
                house.destroy()


def _switches(house: House, pause: float) -> Iterator[dict[str, Any]]:
    forward, back = [], []
    with house.load(CONNECTIONS, pause) as seen:
        for _ in range(SWITCHES):
            for weights, times in (({"bench1": 0, "bench2": 100}, forward), ({"bench1": 100, "bench2": 0}, back)):
                began = time.monotonic()
                house.route(**weights)
                times.append(time.monotonic() - began)
                time.sleep(0.02)
    rate = seen.sent / seen.seconds
    name = f"{house.kind}, {rate:.0f} requests/s"
    switch, roll_back = statistics.median(forward), statistics.median(back)
    yield _record(f"{name}: switch", switch, "s", f"limit {ROLL_BACK_LIMIT} s", switch / ROLL_BACK_LIMIT)
    yield _record(f"{name}: roll-back", roll_back, "s", f"limit {ROLL_BACK_LIMIT} s", roll_back / ROLL_BACK_LIMIT)
    yield _record(f"{name}: slowest of {2 * SWITCHES}", max(forward + back), "s")
    yield _record(f"{name}: requests sent", seen.sent, "requests")
    yield _record(
        f"{name}: answered", sum(seen.by_version.values()), "requests", "sent", 1 - len(seen.failures) / seen.sent
    )
    yield _record(f"{name}: failed", len(seen.failures), "requests", "limit 0")


def _record(
    figure: str, value: float, unit: str, against: str | None = None, ratio: float | None = None
) -> dict[str, Any]:
    return {"figure": figure, "value": value, "unit": unit, "against": against, "ratio": ratio}
