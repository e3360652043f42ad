"""A workspace with an account for every role, copied for each test, and small real model files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from mlops_desktop.domain.accounts import Role, Session
from mlops_desktop.domain.promotions import Promotion
from mlops_desktop.domain.registry import Column, Lineage, ModelVersion, Signature, Task
from mlops_desktop.settings import Settings
from mlops_desktop.workspace import Workspace, create_workspace, open_workspace

PASSWORD = "four words make sense"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEOPLE = {
    "vic": {Role.VIEWER},
    "ada": {Role.DATA_SCIENTIST},
    "eng": {Role.ML_ENGINEER},
    "rev": {Role.REVIEWER},
    "rob": {Role.REVIEWER, Role.DATA_SCIENTIST},
    "off": {Role.DATA_SCIENTIST, Role.ML_ENGINEER, Role.REVIEWER},
}
QUICK_CHECKS = ("artifact-digest", "metric-thresholds", "not-worse-than-current")
SIGNATURE = Signature((Column("a", "double"), Column("b", "double", required=False)), (Column("y", "double"),))


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: float) -> None:
        self.now += timedelta(**units)


def make_template(folder: Path) -> Path:
    """Accounts cost an argon2 run each, so they are made once."""
    with create_workspace(
        folder, name="Team", admin="root", full_name="Root", password=PASSWORD, settings=Settings(), clock=Clock()
    ) as workspace:
        admin = workspace.accounts.sign_in("root", PASSWORD)
        for name, roles in PEOPLE.items():
            workspace.accounts.create_account(admin, name, name.title(), PASSWORD, roles)
        for environment in ("staging", "production"):
            policy = workspace.policies.policy(environment)
            workspace.policies.set_policy(admin, replace(policy, required_checks=QUICK_CHECKS))
        workspace.accounts.disable(admin, "off")
    return folder


class Kit:
    """One copy of the template, opened."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.folder = folder
        self.files = folder.parent
        self.clock = Clock()
        self.clock.forward(minutes=5)
        shutil.copytree(template, folder)
        self._sessions: dict[str, Session] = {}
        self.workspace = self.open()

    def open(self, settings: Settings | None = None) -> Workspace:
        return open_workspace(self.folder, settings=settings or Settings(), clock=self.clock)

    def reopen(self, settings: Settings | None = None) -> Workspace:
        self.workspace.close()
        self._sessions.clear()
        self.workspace = self.open(settings)
        return self.workspace

    def session(self, name: str) -> Session:
        if name not in self._sessions:
            self._sessions[name] = self.workspace.accounts.sign_in(name, PASSWORD)
        return self._sessions[name]

    def register(self, who: str = "ada", model: str = "delay", auc: float = 0.7, **facts: object) -> ModelVersion:
        path = model_file(self.files / "model.onnx", auc)
        options = {"task": Task.CLASSIFICATION, "signature": SIGNATURE, "metrics": {"roc_auc": auc}} | facts
        return self.workspace.registry.register_version(self.session(who), model, path, **options)

    def request(self, version: ModelVersion, environment: str = "production", who: str = "ada") -> Promotion:
        return self.workspace.promotions.request(
            self.session(who), version.model, version.number, environment, "it is better"
        )

    def sql(self, statement: str, *values: object) -> None:
        """What somebody does who can write the file, past the application."""
        import sqlite3

        connection = sqlite3.connect(self.folder / "registry.db")
        try:
            for trigger in ("audit_keeps_its_rows", "audit_keeps_its_content"):
                connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            assert connection.execute(statement, values).rowcount != 0
            connection.commit()
        finally:
            connection.close()


def model_file(path: Path, weight: float = 1.0) -> Path:
    """An ONNX file that adds a number to its input; other weights make other digests."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [1], [weight])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="kit")
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def lineage(**facts: object) -> Lineage:
    return replace(Lineage(), **facts)  # type: ignore[arg-type]
