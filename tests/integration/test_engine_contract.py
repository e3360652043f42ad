"""One contract for every engine and its gateway, with the real serving program and real requests."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import DeploymentFailed, InvalidInput, JobCancelled
from mlops_desktop.engines.engine import StartSpec
from mlops_desktop.engines.gateway import Route, Target
from tests.integration.engine_kit import ENVIRONMENT, MODEL, House, Lines, make_bundle, make_house, request


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {version: make_bundle(folder / str(version), version) for version in (1, 2)}


@pytest.fixture(scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), "process"])
def shared_house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, bundles: dict[int, Path]
) -> Iterator[House]:
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    house = make_house(request.param, tmp_path_factory.mktemp(request.param), bundles)
    yield house
    house.destroy()


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """The module's house without deployments; connections and readers are closed after each test."""
    shared_house.gateway.ensure()
    yield shared_house
    shared_house.clean()
    shared_house.reopen()


def test_status_says_that_the_engine_can_be_used(house: House) -> None:
    status = house.engine.status()
    assert status.available
    assert status.kind.value == house.kind
    assert status.version
    assert status.disk_free_bytes is None or status.disk_free_bytes > 0
    assert bool(status.message) == (house.kind == "process")  # it says that there is no isolation


def test_a_started_version_answers_at_its_address(house: House) -> None:
    handle = house.start("dep1")
    house.route(dep1=0)
    house.wait_ready("dep1")
    status, body = house.predict()
    assert status == 503
    assert "No version" in json.loads(body)["error"]
    house.route(dep1=100)
    assert house.version_that_answers() == 1
    [found] = house.engine.list()
    assert (found.deployment, found.handle, found.running, found.exit_code) == ("dep1", handle, True, None)
    assert found.labels["version"] == "1"
    assert found.started_at == pytest.approx(time.time(), abs=120)


def test_building_again_builds_nothing(house: House) -> None:
    first = house.engine.build(house.spec(1), Lines())
    log = Lines()
    again = house.engine.build(house.spec(1), log)
    assert again.cached
    assert (again.name, again.digest) == (first.name, first.digest)
    assert again.seconds < 1.0
    assert log.lines


def test_a_cancelled_build_leaves_nothing(house: House, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", 77)
    context = Lines()
    context.cancel()
    spec = house.spec(1)
    with pytest.raises(JobCancelled):
        house.engine.build(type(spec)("house-price@77", MODEL, bundle), context)
    assert not list(house.paths.runtime.rglob("*.part"))


@pytest.mark.parametrize("line", ["numpy\nRUN id", "--index-url=http://x", "-e git+https://x", "`id`", "a==1;id"])
def test_e14_requirements_are_refused_by_grammar(house: House, line: str) -> None:
    spec = house.spec(1)
    if house.kind == "process":
        pytest.skip("installs nothing")
    with pytest.raises(InvalidInput):
        house.engine.build(type(spec)(spec.version, spec.model, spec.bundle, (line,)), Lines())


def test_starting_twice_keeps_the_first(house: House) -> None:
    assert house.start("dep1") == house.start("dep1")
    assert len(house.engine.list()) == 1


def test_starting_what_was_never_built_fails_and_leaves_nothing(house: House) -> None:
    with pytest.raises(DeploymentFailed):
        house.engine.start(StartSpec("dep1", "mlops-desktop/model:never-built"))
    assert house.engine.list() == []


@pytest.mark.parametrize("name", ["", "a/b", "../x", "A1B2", "a b c d", "x" * 40, "dep;id"])
def test_odd_ids_are_refused(house: House, name: str) -> None:
    with pytest.raises(InvalidInput):
        house.engine.start(StartSpec(name, "x"))
    with pytest.raises(InvalidInput):
        house.gateway.admin_url(name)
    with pytest.raises(InvalidInput):
        house.gateway.apply([Route(MODEL, ENVIRONMENT, (Target(name, 100),))])


def test_weights_share_the_requests(house: House) -> None:
    house.start("dep1", 1)
    house.start("dep2", 2)
    house.route(dep1=80, dep2=20)
    house.wait_ready("dep1")
    house.wait_ready("dep2")
    seen = [house.version_that_answers() for _ in range(200)]
    assert 15 <= seen.count(2) <= 75  # 40 expected; outside with a probability below 1e-5
    assert seen.count(1) + seen.count(2) == 200


def test_switch_and_roll_back_under_load_lose_nothing(house: House) -> None:
    house.start("dep1", 1)
    house.start("dep2", 2)
    house.route(dep1=100, dep2=0)
    house.wait_ready("dep1")
    house.wait_ready("dep2")
    with house.load() as seen:
        time.sleep(0.3)
        for _ in range(10):
            house.route(dep1=0, dep2=100)
            time.sleep(0.05)
            house.route(dep1=100, dep2=0)
            time.sleep(0.05)
        house.route(dep1=50, dep2=50)
        time.sleep(0.2)
        house.route(dep2=100)
        house.engine.stop("dep1", 5.0)
        time.sleep(0.3)
    assert seen.failures == []
    assert seen.sent == sum(seen.by_version.values()) > 200
    assert min(seen.by_version[1], seen.by_version[2]) > 20
    assert house.version_that_answers() == 2


def test_a_route_that_appears_does_not_disturb_another(house: House) -> None:
    house.start("dep1", 1)
    house.route(dep1=100)
    house.wait_ready("dep1")
    with house.load() as seen:
        house.start("dep2", 2)
        for number in range(5):
            extra = Route(f"other-{number}", "production", (Target("dep2", 100),))
            house.gateway.apply([*house.routes, extra])
        house.wait_ready("dep2")
        status, _ = request("GET", house.gateway.url("other-4", "production") + "/ping")
    assert status == 200
    assert seen.failures == []
    assert seen.sent > 50


def test_the_collectors_path_is_closed_to_the_public(house: House) -> None:
    house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    for path in (
        "/_monitor/chunks",
        "/%5fmonitor/chunks",
        "/_Monitor/chunks",
        "//_monitor/chunks",
        "/v2/../_monitor/x",
    ):
        status, body = house.get(path)
        assert status == 403, path
        assert "collector" in json.loads(body)["error"]
    status, body = house.admin("dep1", "/_monitor/chunks?after=0&boot=")
    assert status == 200
    assert "boot" in json.loads(body)
    for headers in ({}, {"x-mlops-token": "wrong"}, {"x-mlops-token": ""}):
        assert house.admin("dep1", "/_monitor/chunks", headers)[0] == 403
        assert house.admin("dep1", "/-/runtime", headers)[0] == 403
        assert house.admin("dep1", "/-/state", headers)[0] == 403


def test_the_admin_side_reaches_what_is_in_no_route(house: House) -> None:
    house.start("dep1", 1)
    house.start("dep2", 2)
    house.route(dep1=100)
    house.wait_ready("dep2")
    status, body = house.admin("dep2", "/v2/health/ready")
    assert status == 200, body
    assert house.version_that_answers() == 1


def test_unknown_addresses_get_a_sentence(house: House) -> None:
    for path in ("/", "/nowhere", "/staging/unknown/invocations", "/%00/%0a"):
        status, body = request("GET", house.gateway.url(MODEL, ENVIRONMENT).rsplit("/", 2)[0] + path)
        assert status == 503, path
        assert json.loads(body)["error"]
    status, body = house.admin("none", "/ping")
    assert status == 503
    assert json.loads(body)["error"]


def test_a_stopped_deployment_gets_503_with_a_sentence(house: House) -> None:
    house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    house.engine.stop("dep1", 2.0)
    house.engine.stop("dep1", 2.0)  # twice is fine
    assert house.engine.list() == []
    status, body = house.predict()
    assert status == 503
    assert "not answering" in json.loads(body)["error"]
    assert house.engine.usage("dep1") is None


def test_routes_without_deployments_answer_503_again(house: House) -> None:
    house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    house.gateway.apply([])
    assert house.predict()[0] == 503


def test_logs_have_time_and_text(house: House) -> None:
    began = time.time()
    house.start("logs1")
    house.route(logs1=0)
    house.wait_ready("logs1")
    lines = house.engine.logs("logs1")
    assert any("Serving." in line.text for line in lines)
    assert all(began - 2 < line.at < time.time() + 2 for line in lines if line.text.startswith("{"))
    assert house.engine.logs("logs1", tail=1) == lines[-1:]
    assert house.engine.logs("logs1", since=time.time() + 100) == []
    assert house.engine.logs("none") == []


def test_usage_is_cheap_and_true(house: House) -> None:
    house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    end = time.monotonic() + 15
    while (usage := house.engine.usage("dep1")) is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert 5 << 20 < usage.memory_bytes < 300 << 20
    with house.load():
        time.sleep(2.5)
        began = time.monotonic()
        busy = house.engine.usage("dep1")
        assert time.monotonic() - began < 0.2
    assert busy is not None
    assert 5 < busy.cpu_percent < 200
    assert house.engine.usage("none") is None


def test_after_a_restart_of_the_application_all_goes_on(house: House) -> None:
    handle = house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    address = house.gateway.url(MODEL, ENVIRONMENT)
    with house.load() as seen:
        house.reopen()
        house.gateway.ensure()
        assert house.gateway.url(MODEL, ENVIRONMENT) == address
        [found] = house.engine.list()
        assert (found.deployment, found.handle, found.running) == ("dep1", handle, True)
        house.gateway.apply(house.routes)
    assert seen.failures == []
    assert house.start("dep1") == handle


def test_a_gateway_that_was_killed_comes_back_with_its_routes(house: House) -> None:
    house.start("dep1", 1)
    house.start("dep2", 2)
    house.route(dep1=0, dep2=100)
    house.wait_ready("dep2")
    address = house.gateway.url(MODEL, ENVIRONMENT)
    kill_gateway(house)
    house.reopen()
    house.gateway.ensure()
    assert house.gateway.url(MODEL, ENVIRONMENT) == address
    assert house.version_that_answers() == 2
    assert house.admin("dep1", "/v2/health/ready")[0] == 200


def test_a_deployment_that_dies_is_seen(house: House) -> None:
    handle = house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    if house.kind == "process":
        os.kill(int(handle.partition(":")[0]), signal.SIGKILL)
    else:
        import docker

        client = docker.from_env()
        client.containers.get(handle).kill()
        client.close()
    end = time.monotonic() + 5
    while (found := house.engine.list()[0]).exit_code is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not found.running
    assert found.exit_code in {-9, 137}
    assert house.predict()[0] == 503
    assert house.start("dep1") != handle
    house.wait_ready("dep1")
    assert house.version_that_answers() == 1


def kill_gateway(house: House) -> None:
    if house.kind == "process":
        os.kill(int((house.paths.runtime / "gateway.pid").read_text()), signal.SIGKILL)
        return
    import docker

    client = docker.from_env()
    client.containers.get(f"mlops-desktop-{house.workspace}-gateway").kill()
    client.close()
