"""Which engine a workspace opens, and what becomes of deployments that run on the other one."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from mlops_desktop.domain.accounts import Session
from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind
from mlops_desktop.domain.errors import Conflict, DeploymentFailed, EngineUnavailable
from mlops_desktop.domain.registry import Task
from mlops_desktop.settings import Settings
from mlops_desktop.workspace import Workspace, create_workspace, open_workspace
from tests.integration.engine_kit import BODY, MODEL, make_bundle

PASSWORD = "four words make sense"
PLACE = (MODEL, "staging")
PROCESS = Settings(engine="process", gateway_port=0)
AUTO = Settings(engine="auto", gateway_port=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("choice") / "bundle", 1) / "model" / "model.onnx"


@pytest.fixture
def folder(tmp_path: Path, model: Path) -> Path:
    """A workspace with one version that serves as a process."""
    with create_workspace(
        tmp_path / "work", name="Team", admin="ada", full_name="Ada", password=PASSWORD, settings=PROCESS
    ) as workspace:
        session = workspace.accounts.sign_in("ada", PASSWORD)
        workspace.registry.register_version(session, MODEL, model, task=Task.REGRESSION)
        workspace.delivery.deploy(session, MODEL, 1, "staging")
    return tmp_path / "work"


def signed_in(workspace: Workspace) -> Session:
    return workspace.accounts.sign_in("ada", PASSWORD)


def only(workspace: Workspace) -> Deployment:
    (found,) = workspace.delivery.deployments()
    return found


def answer(workspace: Workspace) -> float:
    return float(json.loads(workspace.delivery.predict(signed_in(workspace), *PLACE, BODY))["predictions"][0])


@pytest.mark.docker
def test_auto_stays_with_processes_while_they_serve_and_takes_docker_after(folder: Path) -> None:
    with open_workspace(folder, settings=AUTO) as workspace:
        assert workspace.delivery.engine_status().kind is EngineKind.PROCESS
        assert answer(workspace) == 1.0
        address = workspace.delivery.endpoint(*PLACE).url
        workspace.delivery.stop(signed_in(workspace), only(workspace).id)
        with pytest.raises(DeploymentFailed, match="503"):
            answer(workspace)
    with open_workspace(folder, settings=AUTO) as workspace:  # the gateway program of before holds the port
        assert workspace.delivery.engine_status().kind is EngineKind.DOCKER
        workspace.delivery.deploy(signed_in(workspace), MODEL, 1, "staging")
        assert answer(workspace) == 1.0
        assert workspace.delivery.endpoint(*PLACE).url == address
        workspace.delivery.shut_down(signed_in(workspace), reason="done")
        assert workspace.delivery.deployments(live_only=True) == []
        with pytest.raises(EngineUnavailable, match="gateway does not answer"):
            answer(workspace)


def test_shutting_down_stops_the_deployments_and_the_gateway(folder: Path) -> None:
    with open_workspace(folder, settings=PROCESS) as workspace:
        assert answer(workspace) == 1.0
        workspace.delivery.shut_down(signed_in(workspace), reason="done")
        stopped = only(workspace)
        assert (stopped.state, stopped.weight, stopped.message) == (DeploymentState.STOPPED, 0, "done")
        assert not (folder / "run" / "gateway-process.json").exists()


@pytest.mark.docker
def test_what_runs_on_the_other_engine_is_unknown_and_left_alone(folder: Path) -> None:
    with open_workspace(folder, settings=Settings(engine="docker", gateway_port=0)) as workspace:
        workspace.refresh()
        seen = only(workspace)
        assert (seen.state, seen.weight) == (DeploymentState.UNKNOWN, 100)
        assert seen.message == "it runs on the process engine, and this workspace is set to docker"
        changes = len(workspace.audit.events())
        workspace.refresh()
        assert len(workspace.audit.events()) == changes  # said once
    with open_workspace(folder, settings=PROCESS) as workspace:
        workspace.refresh()
        assert only(workspace).state is DeploymentState.RUNNING
        assert answer(workspace) == 1.0
        workspace.delivery.shut_down(signed_in(workspace))


def test_the_setting_does_not_change_under_a_running_deployment(folder: Path) -> None:
    with open_workspace(folder) as workspace:
        session = signed_in(workspace)
        with pytest.raises(Conflict, match="house-price@1 in staging still runs on the process engine"):
            workspace.preferences.change(session, {"engine": "docker"})
        assert not (folder / "settings.json").exists()
        assert workspace.preferences.change(session, {"engine": "process"}).engine == "process"
        workspace.delivery.shut_down(session)
        assert workspace.preferences.change(session, {"engine": "docker"}).engine == "docker"


def test_background_work_brings_back_nothing_that_is_being_stopped(folder: Path) -> None:
    with open_workspace(folder, settings=PROCESS) as workspace:
        assert answer(workspace) == 1.0
        done = threading.Event()

        def reconcile() -> None:
            while not done.is_set():
                workspace._reconcile()

        rounds = [threading.Thread(target=reconcile) for _ in range(2)]
        for thread in rounds:
            thread.start()
        try:
            for _ in range(3):
                workspace.delivery.stop(signed_in(workspace), only(workspace).id, reason="again")
                assert only(workspace).state is DeploymentState.STOPPED
                workspace.delivery.start(signed_in(workspace), only(workspace).id)
                assert answer(workspace) == 1.0
            workspace.delivery.shut_down(signed_in(workspace), reason="done")
        finally:
            done.set()
            for thread in rounds:
                thread.join()
        stopped = only(workspace)
        assert (stopped.state, stopped.message) == (DeploymentState.STOPPED, "done")
        assert not (folder / "run" / "gateway-process.json").exists()
        events = {e.event for e in workspace.audit.events(limit=500)}
        assert not events & {"DeploymentStateNoticed", "DeploymentFailedEvent"}
