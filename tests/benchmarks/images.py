"""Images and containers: the first build of dependencies apart, what a new version costs, and when it is ready."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_desktop.domain.deployments import Limits
from mlops_desktop.engines.engine import ImageSpec, StartSpec
from mlops_desktop.runtime.jobs import JobContext
from tests.integration.engine_kit import MODEL, House, make_bundle, make_house

ROUNDS = 5
SECOND_VERSION_LIMIT = 1.0  # seconds, for the build, and again until it is ready


def run() -> Iterator[dict[str, Any]]:
    """Figures of Docker, and until it is ready those of the process engine."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bundles = {number: make_bundle(root / f"bundle-{number}", number) for number in range(1, ROUNDS + 2)}
        for kind in ("docker", "process"):
            house = make_house(kind, root / kind, bundles)
            try:
                yield from _figures(house)
            finally:
                house.destroy()


def _figures(house: House) -> Iterator[dict[str, Any]]:
    def spec(number: int) -> ImageSpec:
        # Another label each time: an image of an earlier run must not count as built.
        label = {"run": str(time.time_ns())}
        return ImageSpec(f"{MODEL}@{number}", MODEL, house.bundles[number], labels=label)

    first = house.engine.build(spec(1), JobContext.silent())
    builds, starts, readies, names = [], [], [], [first.name]
    house.gateway.ensure()
    for number in range(2, ROUNDS + 2):
        built = house.engine.build(spec(number), JobContext.silent())
        builds.append(built.seconds)
        names.append(built.name)
        deployment = f"bench{number}"
        began = time.monotonic()
        house.engine.start(StartSpec(deployment, built.name, Limits(memory_mb=256)))
        starts.append(time.monotonic() - began)
        house.route(**{deployment: 0})
        house.wait_ready(deployment)
        readies.append(time.monotonic() - began)
        house.engine.stop(deployment, 5.0)
    again = house.engine.build(spec(1), JobContext.silent()) if house.kind == "process" else None
    limit = f"limit {SECOND_VERSION_LIMIT:g} s"
    build, ready = statistics.median(builds), statistics.median(readies)
    name = house.kind
    yield _record(f"{name}: build of a second version", build, limit, build / SECOND_VERSION_LIMIT)
    yield _record(f"{name}: start", statistics.median(starts))
    yield _record(f"{name}: start to ready", ready, limit, ready / SECOND_VERSION_LIMIT)
    if again is not None:
        yield _record(f"{name}: build of the same version", again.seconds)
        return
    yield from _sizes(names)


def _sizes(names: list[str]) -> Iterator[dict[str, Any]]:
    import docker

    from mlops_desktop.settings import Settings

    client = docker.from_env()
    try:
        base = next(n for n in Settings().base_images if client.api.images(n))
        grown = (client.images.get(names[0]).attrs["Size"] - client.images.get(base).attrs["Size"]) / 1e6
        yield {
            "figure": "docker: ONNX image above its base",
            "value": grown,
            "unit": "MB",
            "against": "limit 150 MB",
            "ratio": grown / 150,
        }
        for name in names:
            client.images.remove(name)
    finally:
        client.close()


def _record(figure: str, seconds: float, against: str | None = None, ratio: float | None = None) -> dict[str, Any]:
    return {"figure": figure, "value": seconds, "unit": "s", "against": against, "ratio": ratio}
