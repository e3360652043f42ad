"""What only Docker promises: isolation seen from inside, honest states of containers that fail, clean builds."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_desktop.domain.deployments import Limits
from mlops_desktop.domain.errors import DeploymentFailed, JobCancelled
from mlops_desktop.engines.engine import Found, ImageSpec, StartSpec
from mlops_desktop.runtime.jobs import JobContext
from tests.integration.engine_kit import MODEL, House, Lines, make_bundle, make_house

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.docker

# Runs inside a deployment's container and reports what it could do; every line is one attempt.
PROBE = r"""
import ctypes, json, os, socket, sys
def attempt(name, function):
    try: report[name] = repr(function() or "worked")
    except BaseException as error: report[name] = "refused " + type(error).__name__ + " " + str(error)
def connect(address):
    with socket.create_connection(address, 2): pass
def write(path):
    with open(path, "w") as out: out.write("x")
def fill():
    with open("/tmp/big", "wb") as out:
        for _ in range(200): out.write(bytes(1 << 20))
def run_from_tmp():
    with open("/tmp/p", "w") as out: out.write("#!/bin/sh\n")
    os.chmod("/tmp/p", 0o755)
    os.execv("/tmp/p", ["/tmp/p"])
def forks():
    made = 0
    for _ in range(200):
        pid = os.fork()
        if not pid:
            import time; time.sleep(5); os._exit(0)
        made += 1
def mount():
    if ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0, None): raise OSError(ctypes.get_errno())
report = {"uid": os.getuid(), "gid": os.getgid(), "interfaces": os.listdir("/sys/class/net")}
status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
report["capabilities"] = status["CapEff"].strip() + status["CapBnd"].strip()
report["no_new_privileges"] = status["NoNewPrivs"].strip()
report["environment"] = sorted(os.environ)
report["processes"] = sum(name.isdigit() for name in os.listdir("/proc"))
report["sockets"] = os.listdir("/run/models")
attempt("internet", lambda: connect(("1.1.1.1", 53)))
attempt("host", lambda: connect(("172.17.0.1", 22)))
attempt("name", lambda: socket.gethostbyname("example.org"))
attempt("metadata", lambda: connect(("169.254.169.254", 80)))
attempt("root", lambda: write("/x"))
attempt("app", lambda: write("/opt/app/x"))
attempt("bundle", lambda: write("/opt/bundle/serving.json"))
attempt("docker", lambda: os.stat("/var/run/docker.sock"))
attempt("mount", mount)
attempt("setuid", lambda: os.setuid(0))
attempt("fill", fill)
os.path.exists("/tmp/big") and os.remove("/tmp/big")
attempt("execute", run_from_tmp)
attempt("forks", forks)
print(json.dumps(report), flush=True)
"""


@pytest.fixture(scope="module")
def shared_house(docker_engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("docker")
    house = make_house("docker", folder / "workspace", {1: make_bundle(folder / "bundle", 1)})
    house.images[1] = house.engine.build(house.spec(1), JobContext.silent())
    yield house
    house.destroy()


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    yield shared_house
    shared_house.clean()
    shared_house.reopen()


@pytest.fixture
def stand_in(house: House, docker_engine: docker.DockerClient) -> Iterator[Any]:
    """Makes an image that runs some Python instead of the serving program."""
    made: list[str] = []

    def make(code: str) -> str:
        name = f"mlops-desktop-test/stand-in:{len(made)}-{os.getpid()}"
        container = docker_engine.api.create_container(house.images[1].name)
        entrypoint = json.dumps(["/opt/venv/bin/python", "-c", code])
        docker_engine.api.commit(container["Id"], *name.split(":"), pause=False, changes=[f"ENTRYPOINT {entrypoint}"])
        docker_engine.api.remove_container(container["Id"])
        made.append(name)
        return name

    yield make
    for found in house.engine.list():
        house.engine.stop(found.deployment, 0.0)
    for name in made:
        docker_engine.api.remove_image(name)


def leftovers(docker_engine: docker.DockerClient) -> set[str]:
    """Images and containers that only builds need."""
    label = {"label": "io.mlops-desktop.stage"}
    found = docker_engine.api.images(filters={"dangling": True} | label)
    return {f["Id"] for f in [*found, *docker_engine.api.containers(all=True, filters=label)]}


def wait_for(house: House, deployment: str, wanted: Any, seconds: float = 30.0) -> Found:
    end = time.monotonic() + seconds
    while True:
        found = next(f for f in house.engine.list() if f.deployment == deployment)
        if wanted(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_e16_a_deployment_can_do_nothing_but_answer(house: House, stand_in: Any) -> None:
    limits = Limits(memory_mb=256, cpus=1.0, processes=32, tmp_mb=16)
    house.gateway.ensure()
    house.start("other1")
    house.engine.start(StartSpec("probe1", stand_in(PROBE), limits))
    wait_for(house, "probe1", lambda f: f.exit_code is not None)
    report = next(json.loads(line.text) for line in house.engine.logs("probe1") if line.text.startswith("{"))
    assert (report["uid"], report["gid"]) == (65534, 65534)
    assert report["interfaces"] == ["lo"]
    assert set(report["capabilities"]) == {"0"}
    assert report["no_new_privileges"] == "1"
    assert report["sockets"] == []  # neither the other deployment's socket nor the gateway's
    tried = {k: v for k, v in report.items() if isinstance(v, str) and k not in {"capabilities", "no_new_privileges"}}
    assert len(tried) == 13
    assert report["processes"] <= 3  # its own: there is nobody else to trace
    assert all(v.startswith("refused") for v in tried.values()), tried
    assert "No space left" in tried["fill"]


def test_e17_nothing_secret_is_in_container_or_image(
    house: House, docker_engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_DESKTOP_PASSWORD", "correct-horse-battery")
    house.gateway.ensure()
    handle = house.start("dep1")
    inspected = docker_engine.api.inspect_container(handle)
    names = {line.partition("=")[0] for line in inspected["Config"]["Env"]}
    assert names == {
        "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "HOME", "MLOPS_DEPLOYMENT", "MLOPS_SOCKET",
    }  # fmt: skip
    image = docker_engine.images.get(house.images[1].name)
    seen = json.dumps([inspected, image.attrs, image.history()])
    assert "correct-horse-battery" not in seen
    assert house.gateway.admin_headers()["x-mlops-token"] not in seen
    assert inspected["HostConfig"]["NetworkMode"] == "none"
    assert [m["Destination"] for m in inspected["Mounts"]] == ["/run/models"]
    assert inspected["Config"]["Labels"]["io.mlops-desktop.deployment"] == "dep1"


def test_an_index_with_a_password_leaves_no_trace(docker_engine: docker.DockerClient, tmp_path: Path) -> None:
    before = leftovers(docker_engine)
    house = make_house("docker", tmp_path / "w", {1: make_bundle(tmp_path / "b", 1)})
    house.settings = replace(house.settings, pip_index="http://user:p4ssw0rd@127.0.0.1:9/simple")
    house.reopen()
    log = Lines()
    # A version nobody has: these dependencies have to be built, and the index does not exist.
    spec = ImageSpec("house-price@1", MODEL, house.bundles[1], ("numpy==0.0.1",))
    with pytest.raises(DeploymentFailed) as caught:
        house.engine.build(spec, log)
    house.engine.close()
    history = [docker_engine.api.history(i["Id"]) for i in docker_engine.api.images(all=True)]
    assert "p4ssw0rd" not in json.dumps(history)
    assert "p4ssw0rd" not in str(caught.value)
    assert leftovers(docker_engine) <= before


def test_a22_out_of_memory_is_said(house: House, stand_in: Any) -> None:
    image = stand_in("import time\nx=bytearray(300<<20)\ntime.sleep(60)")
    house.engine.start(StartSpec("hungry1", image, Limits(memory_mb=64)))
    found = wait_for(house, "hungry1", lambda f: f.restarts >= 1)
    assert wait_for(house, "hungry1", lambda f: f.oom_killed).oom_killed
    assert found.restarts <= 3
    ended = wait_for(house, "hungry1", lambda f: f.state == "exited")
    assert ended.oom_killed
    assert ended.exit_code == 137


def test_a22_only_a_child_was_killed(house: House, stand_in: Any) -> None:
    code = "import os,time\nif not os.fork(): x=bytearray(300<<20); os._exit(0)\nos.wait()\ntime.sleep(4)"
    house.engine.start(StartSpec("parent1", stand_in(code), Limits(memory_mb=64)))
    assert wait_for(house, "parent1", lambda f: f.oom_killed).running
    found = wait_for(house, "parent1", lambda f: f.exit_code is not None)
    assert (found.exit_code, found.oom_killed) == (0, True)


def test_a_kill_by_a_person_is_no_lack_of_memory(house: House, docker_engine: docker.DockerClient) -> None:
    handle = house.start("dep1")
    docker_engine.containers.get(handle).kill()
    found = wait_for(house, "dep1", lambda f: f.exit_code is not None)
    assert (found.exit_code, found.oom_killed) == (137, False)


def test_a22_a_crash_loop_ends_and_is_counted(house: House, stand_in: Any) -> None:
    house.engine.start(StartSpec("crash1", stand_in("raise SystemExit('no such model')"), Limits(memory_mb=64)))
    found = wait_for(house, "crash1", lambda f: f.state == "exited" and f.restarts == 3)
    assert (found.running, found.exit_code) == (False, 1)
    assert any("no such model" in line.text for line in house.engine.logs("crash1"))
    assert {line.stream for line in house.engine.logs("crash1")} == {"stderr"}


def test_a_left_over_container_is_replaced(house: House, docker_engine: docker.DockerClient) -> None:
    name = f"mlops-desktop-{house.workspace}-dep1"
    left = docker_engine.api.create_container(house.images[1].name, name=name)["Id"]
    handle = house.start("dep1")
    assert handle != left
    assert [f.handle for f in house.engine.list()] == [handle]


def test_a_stop_is_quick_and_removes_container_and_socket(house: House, docker_engine: docker.DockerClient) -> None:
    house.gateway.ensure()
    house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    began = time.monotonic()
    house.engine.stop("dep1", 10.0)
    assert time.monotonic() - began < 3.0
    gateway = docker_engine.containers.get(f"mlops-desktop-{house.workspace}-gateway")
    assert gateway.exec_run(["ls", "/run/models"]).output.strip() == b""


def test_the_gateway_is_isolated_too(house: House, docker_engine: docker.DockerClient) -> None:
    house.gateway.ensure()
    host = docker_engine.api.inspect_container(f"mlops-desktop-{house.workspace}-gateway")["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"


def test_docker_brings_the_gateway_back_with_its_routes(house: House, docker_engine: docker.DockerClient) -> None:
    """Without the application: as after a restart of the engine."""
    house.start("dep1")
    house.route(dep1=100)
    house.wait_ready("dep1")
    docker_engine.containers.get(f"mlops-desktop-{house.workspace}-gateway").restart(timeout=1)
    house.wait_ready("dep1")
    assert house.version_that_answers() == 1


def test_a_published_gateway_works_as_well(docker_engine: docker.DockerClient, tmp_path: Path) -> None:
    """As on Docker Desktop, where the gateway can't listen on this computer itself."""
    house = make_house("docker", tmp_path / "w", {1: make_bundle(tmp_path / "b", 1)})
    house.gateway._on_host_network = False  # type: ignore[attr-defined]
    try:
        house.start("dep1")
        house.route(dep1=100)
        house.wait_ready("dep1")
        assert house.version_that_answers() == 1
        ports = docker_engine.api.inspect_container(f"mlops-desktop-{house.workspace}-gateway")["NetworkSettings"]
        bound = [b["HostIp"] for found in ports["Ports"].values() for b in found or ()]
        assert bound == ["127.0.0.1", "127.0.0.1"]
    finally:
        house.destroy()


def test_a21_a_failed_build_tells_why_and_leaves_nothing(house: House, docker_engine: docker.DockerClient) -> None:
    before = leftovers(docker_engine)
    log = Lines()
    spec = ImageSpec("house-price@1", MODEL, house.bundles[1], ("numpy==0.0.1",))
    with pytest.raises(DeploymentFailed, match="could not be built"):
        house.engine.build(spec, log)
    assert any("numpy==0.0.1" in line and "Dependencies: step" in step for step, line in log.lines)
    assert leftovers(docker_engine) <= before


def test_a21_a_build_can_be_cancelled_in_the_middle(house: House, docker_engine: docker.DockerClient) -> None:
    spec = ImageSpec("house-price@1", MODEL, house.bundles[1], ("numpy==0.0.2",))
    context = Lines(cancel_at="install")
    left = leftovers(docker_engine)
    before = {t for i in docker_engine.api.images("mlops-desktop/deps") for t in i["RepoTags"]}
    began = time.monotonic()
    with pytest.raises(JobCancelled):
        house.engine.build(spec, context)
    assert time.monotonic() - began < 20
    assert {t for i in docker_engine.api.images("mlops-desktop/deps") for t in i["RepoTags"]} == before
    assert leftovers(docker_engine) <= left


def test_two_builds_at_once_share_their_layers(house: House, tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def build(number: int) -> None:
        try:
            spec = house.spec(1)
            bundle = make_bundle(tmp_path / str(number), number)
            house.engine.build(ImageSpec(f"{spec.model}@{number}", spec.model, bundle), JobContext.silent())
        except BaseException as error:  # noqa: BLE001 - reported below
            errors.append(error)

    threads = [threading.Thread(target=build, args=(number,)) for number in (11, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_second_version_adds_only_its_files(house: House, docker_engine: docker.DockerClient, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", int(time.time()))
    built = house.engine.build(ImageSpec("house-price@3", MODEL, bundle), JobContext.silent())
    assert not built.cached
    assert built.seconds < 1.0
    first = docker_engine.images.get(house.images[1].name).attrs
    second = docker_engine.images.get(built.name).attrs
    assert first["RootFS"]["Layers"][:-1] == second["RootFS"]["Layers"][:-1]
    assert second["Config"]["User"] == "65534:65534"
    assert second["Config"]["Labels"]["org.opencontainers.image.version"] == "3"
    assert second["Config"]["Healthcheck"]["Test"][0] == "CMD"


def test_the_health_check_succeeds(house: House, docker_engine: docker.DockerClient) -> None:
    handle = house.start("dep1")
    house.route(dep1=0)
    house.wait_ready("dep1")
    test = docker_engine.images.get(house.images[1].name).attrs["Config"]["Healthcheck"]["Test"]
    code, output = docker_engine.containers.get(handle).exec_run(test[1:])
    assert code == 0, output
