"""The engine goes away in the middle and comes back: typed errors meanwhile, the truth afterwards (A20, A24)."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import DeploymentFailed, EngineUnavailable
from mlops_desktop.engines.engine import ImageSpec
from tests.integration.engine_kit import MODEL, House, Lines, make_bundle, make_house
from tests.integration.wire import Wire

pytestmark = [
    pytest.mark.docker,
    # docker-py leaves its own socket open when the engine goes away just between our look and its connect().
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    found = Wire(tmp_path_factory.mktemp("wire") / "d.sock")
    yield found
    found.cut()


@pytest.fixture
def house(wire: Wire, tmp_path: Path) -> Iterator[House]:
    found = make_house("docker", tmp_path / "workspace", {1: make_bundle(tmp_path / "bundle", 1)})
    found.settings = replace(found.settings, docker_host=f"unix://{wire.path}")
    found.reopen()
    yield found
    found.destroy()
    gc.collect()  # such a socket is to be noticed here and not in another module's test


def test_a20_what_serves_goes_on_while_the_engine_is_away(house: House, wire: Wire) -> None:
    handle = house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    house.engine.usage("dep1")
    wire.cut()
    status = house.engine.status()
    assert not status.available
    assert status.hint
    for action in (
        house.engine.list,
        house.gateway.ensure,
        lambda: house.start("dep2"),
        lambda: house.engine.logs("dep1"),
    ):
        with pytest.raises(EngineUnavailable):
            action()
    assert house.version_that_answers() == 1
    wire.join()
    assert house.engine.status().available
    [found] = house.engine.list()
    assert (found.handle, found.running) == (handle, True)
    end = time.monotonic() + 15
    while house.engine.usage("dep1") is None:  # a new reader is started by itself
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a24_a_death_that_nobody_watched_is_seen_afterwards(house: House, wire: Wire) -> None:
    import docker

    handle = house.start("dep1")
    wire.cut()
    client = docker.from_env()
    client.containers.get(handle).kill()
    client.close()
    wire.join()
    [found] = house.engine.list()
    assert (found.running, found.exit_code, found.oom_killed) == (False, 137, False)


def test_a20_an_engine_that_goes_away_during_a_build(house: House, wire: Wire) -> None:
    class Cutting(Lines):
        def log(self, line: str, step: str = "") -> None:
            super().log(line, step)
            if "pip" in line:
                threading.Thread(target=wire.cut, name="cut").start()

    spec = ImageSpec(f"{MODEL}@1", MODEL, house.bundles[1], ("numpy==0.0.3",))
    with pytest.raises((EngineUnavailable, DeploymentFailed)) as caught:
        house.engine.build(spec, Cutting())
    assert caught.value.hint
    time.sleep(0.2)
    wire.join()
    assert house.engine.status().available
