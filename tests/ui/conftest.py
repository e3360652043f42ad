"""A window's surroundings: the theme, a real workspace with four people, and a signed-in context."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.domain.accounts import Role
from mlops_desktop.domain.registry import Task
from mlops_desktop.engines.choose import open_engine
from mlops_desktop.settings import Settings, WorkspacePaths
from mlops_desktop.ui.event_bridge import EventBridge
from mlops_desktop.ui.navigator import Navigator
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.task_runner import TaskRunner
from mlops_desktop.ui.theme import Appearance, choose_appearance, install_theme
from mlops_desktop.workspace import Workspace, create_workspace, open_workspace
from tests.unit.services.registry_kit import SIGNATURE, model_file

PASSWORD = "quiet apron beacon"
# The process engine, as these tests are about what is seen, and no port that somebody else may have.
SETTINGS = Settings(engine="process", gateway_port=0)
PEOPLE = {
    "dan": ("Dan Okafor", {Role.DATA_SCIENTIST}),
    "rosa": ("Rosa Lindqvist", {Role.REVIEWER}),
    "vera": ("Vera Blum", {Role.VIEWER}),
}
QUICK_CHECKS = ("artifact-digest", "metric-thresholds")


@pytest.fixture(scope="session")
def themed(qapp: QApplication) -> QApplication:
    """The application with our style; its fonts are loaded once."""
    install_theme(qapp, Appearance.LIGHT)
    return qapp


@pytest.fixture(autouse=True)
def theme(themed: QApplication) -> Iterator[QApplication]:
    """Light at the beginning of each test; what a test left to be deleted is deleted at its end."""
    choose_appearance(Appearance.LIGHT)
    yield themed
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="session")
def workspace_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people, two versions of a model, and one request that waits. Accounts cost an argon2 run each."""
    folder = tmp_path_factory.mktemp("ui") / "workspace"
    made = create_workspace(
        folder, name="Team", admin="mila", full_name="Mila Novak", password=PASSWORD, settings=SETTINGS
    )
    with made as workspace:
        mila = workspace.accounts.sign_in("mila", PASSWORD)
        workspace.accounts.set_roles(mila, "mila", {Role.ADMIN, Role.ML_ENGINEER})
        for name, (full_name, roles) in PEOPLE.items():
            workspace.accounts.create_account(mila, name, full_name, PASSWORD, roles)
        policy = workspace.policies.policy("production")
        workspace.policies.set_policy(mila, replace(policy, required_checks=QUICK_CHECKS))
        dan = workspace.accounts.sign_in("dan", PASSWORD)
        for number, auc in ((1, 0.70), (2, 0.75)):
            workspace.registry.register_version(
                dan,
                "flight-delay",
                model_file(folder.parent / f"model-{number}.onnx", auc),
                task=Task.CLASSIFICATION,
                signature=SIGNATURE,
                metrics={"roc_auc": auc},
                description=f"version {number}",
            )
        workspace.promotions.request(dan, "flight-delay", 2, "production", "It is better on every month.")
    return folder


@pytest.fixture
def workspace_folder(workspace_template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    shutil.copytree(workspace_template, folder)
    return folder


@pytest.fixture
def workspace(workspace_folder: Path) -> Iterator[Workspace]:
    """A copy of the template, opened; after the test what it deployed is stopped, and it is closed."""
    opened = open_workspace(workspace_folder, settings=SETTINGS)
    yield opened
    opened.close()
    stop_everything(workspace_folder)


def stop_everything(folder: Path) -> None:
    """Serving processes and gateways outlive the application on purpose, and would outlive the test.

    What runs is asked of the engine: a test may have written rows of deployments that never ran.
    """
    if not any((folder / "run").glob("*process*")):
        return
    with open_workspace(folder, settings=SETTINGS) as left:
        engine, gateway = open_engine(SETTINGS, WorkspacePaths(folder), left.id)
    for found in engine.list():
        engine.stop(found.deployment, 1.0)
    gateway.close(stop=True)
    engine.close()


@dataclass
class Toasts:
    """What was said in passing."""

    said: list[str]

    def __call__(self, text: str, *_: object) -> None:
        self.said.append(text)


@pytest.fixture
def context_for(workspace: Workspace, qtbot: QtBot) -> Iterator[Callable[[str], ScreenContext]]:
    """`context_for("dan")` signs somebody in and gives what a screen's factory takes."""
    made: list[ScreenContext] = []

    def context(name: str) -> ScreenContext:
        session = workspace.accounts.sign_in(name, PASSWORD)
        events = EventBridge(workspace.events)
        tasks = TaskRunner(workspace.jobs)
        events.job_changed.connect(tasks.on_job_changed)
        account = workspace.accounts.account(session)
        made.append(ScreenContext(workspace, session, account, tasks, events, Navigator(), Toasts([])))
        return made[-1]

    yield context
    for one in made:
        one.events.close()
        one.tasks.close()
