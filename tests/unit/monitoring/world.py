"""A workspace with a real database, real artifacts and the serving program's real recorder, without network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from mlops_desktop.artifacts.store import ArtifactStore
from mlops_desktop.domain.accounts import Account, Action, Role, Session, require
from mlops_desktop.domain.deployments import Deployment, DeploymentState, EngineKind, Limits, Usage
from mlops_desktop.domain.errors import EngineUnavailable, NotFound
from mlops_desktop.domain.registry import (
    ArtifactFile,
    Column,
    FileRole,
    Format,
    Inspection,
    InspectionVerdict,
    Lineage,
    ModelVersion,
    Signature,
    Task,
)
from mlops_desktop.runtime.event_bus import EventBus, Published
from mlops_desktop.runtime.jobs import JobPool
from mlops_desktop.services.alerts import AlertsService
from mlops_desktop.services.monitoring import MonitoringService
from mlops_desktop.services.parts import Parts
from mlops_desktop.serving.bins import Profile, category_bins, number_bins
from mlops_desktop.serving.frames import Frame
from mlops_desktop.serving.predictor import Answer
from mlops_desktop.serving.recorder import Recorder
from mlops_desktop.serving.schema import Schema
from mlops_desktop.settings import Settings, WorkspacePaths
from mlops_desktop.store import deployments as deployment_store
from mlops_desktop.store.database import Database
from mlops_desktop.store.models import insert_model
from mlops_desktop.store.versions import insert_version

START = 1_700_000_000.0
SIGNATURE = Signature((Column("temperature", "double", required=False), Column("carrier", "string")))
SESSION = Session("grace", "token")


@dataclass
class Program:
    """The serving program of one deployment: its recorder, its clock, and whether it answers."""

    world: World
    id: str
    profile: Profile | None
    skew: float = 0.0
    answers: bool = True
    raw: bytes | None = None  # answered instead, whatever is asked
    recorder: Recorder = field(init=False)
    requests: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.recorder = Recorder(
            Schema.from_signature(SIGNATURE.to_dict()), self.profile, classifies=True, clock=self.clock
        )

    def clock(self) -> float:
        return self.world.now + self.skew

    def serve(
        self,
        rows: int,
        *,
        shift: float = 0.0,
        missing: float = 0.0,
        errors: int = 0,
        seconds: float = 0.004,
        right: float = 0.8,
        prefix: str = "r",
    ) -> dict[str, str]:
        """Answer one request with so many rows and `errors` wrong ones; returns prediction id -> true outcome."""
        rng = self.world.rng
        temperature = rng.normal(10 + shift, 5, rows)
        temperature[rng.random(rows) < missing] = np.nan
        carrier = rng.choice(["UA", "AA", "DL"], rows).tolist()
        scores = rng.random(rows)
        outcomes = ["1" if s > 0.5 else "0" for s in scores]
        name = f"{prefix}{self.requests}"
        self.requests += 1
        self.recorder.add_rows(
            Frame(rows, None, (temperature, carrier)), Answer(list(outcomes), scores), [(name, rows)]
        )
        self.recorder.add_request(seconds, 200)
        for _ in range(errors):
            self.recorder.add_request(seconds, 400)
        truth = [o if rng.random() < right else ("0" if o == "1" else "1") for o in outcomes]
        return {f"{name}:{i}": t for i, t in enumerate(truth)}

    def fetch(self, path: str) -> bytes:
        if not self.answers:
            raise EngineUnavailable("No answer within 2 s.")
        if self.raw is not None:
            return self.raw
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        assert query["after"][0].isdigit()  # the real program refuses anything else
        after, boot = int(query["after"][0]), query.get("boot", [""])[0]
        if parts.path == "/_monitor/chunks":
            return json.dumps(self.recorder.chunks(after, boot)).encode()
        assert parts.path == "/_monitor/predictions"
        return json.dumps(self.recorder.predictions(after, boot)).encode()


@dataclass
class Delivery:
    """What monitoring needs of the delivery service."""

    world: World
    usages: dict[str, Usage] = field(default_factory=dict)
    engine_answers: bool = True

    def deployments(
        self, *, model: str | None = None, environment: str | None = None, live_only: bool = False
    ) -> list[Deployment]:
        return deployment_store.deployments_of(
            self.world.database.read(), model=model or "", environment=environment or "", live_only=live_only
        )

    def deployment(self, identifier: str) -> Deployment:
        found = deployment_store.deployment_of(self.world.database.read(), identifier)
        if found is None:
            raise NotFound(f"There is no deployment “{identifier}”.")
        return found

    def fetch(self, deployment: str, path: str) -> bytes:
        return self.world.programs[deployment].fetch(path)

    def usage(self) -> Mapping[str, Usage]:
        if not self.engine_answers:
            raise EngineUnavailable("Docker is not answering.")
        return self.usages


class Accounts:
    """Grace may do all that monitoring asks for, Vera only looks."""

    def authorise(self, session: Session, action: Action) -> Account:
        roles = frozenset({Role.ML_ENGINEER} if session.account == "grace" else {Role.VIEWER})
        account = Account(session.account, "", roles, datetime.now(UTC))
        require(account, action)
        return account


class World:
    def __init__(self, folder: Path, settings: Settings) -> None:
        self.now = START
        self.rng = np.random.default_rng(4)
        self.bus = EventBus()
        self.heard: list[Published] = []
        self.bus.subscribe(self.heard.append)
        self.database = Database.create(folder / "registry.db", self.bus, self.clock)
        self.artifacts = ArtifactStore(folder / "artifacts")
        self.jobs = JobPool(1)
        self.parts = Parts(
            self.database,
            self.artifacts,
            self.bus,
            self.jobs,
            settings,
            WorkspacePaths(folder),
            self.clock,
            "w",
            "test",
        )
        self.programs: dict[str, Program] = {}
        self.delivery = Delivery(self)
        self.open()

    def open(self) -> None:
        """The services, new as after a start of the app."""
        self.alerts = AlertsService(self.parts, Accounts())  # type: ignore[arg-type]
        self.monitoring = MonitoringService(self.parts, Accounts(), self.delivery, self.alerts)  # type: ignore[arg-type]

    def close(self) -> None:
        self.jobs.close()
        self.database.close()

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def deploy(self, identifier: str = "d1", *, model: str = "delay", number: int = 1, skew: float = 0.0) -> Program:
        """A running deployment that has all traffic, and its program."""
        profile = reference_profile()
        self.add_deployment(identifier, model, number, profile)
        self.programs[identifier] = Program(self, identifier, profile, skew)
        return self.programs[identifier]

    def add_deployment(self, identifier: str, model: str, number: int, profile: Profile | bytes) -> None:
        stored = self.artifacts.add_bytes(profile if isinstance(profile, bytes) else profile.to_json())
        file = ArtifactFile("profile.json", stored.digest, stored.size, FileRole.PROFILE)
        version = ModelVersion(
            model,
            number,
            Task.CLASSIFICATION,
            Format.ONNX,
            "0" * 64,
            (file,),
            SIGNATURE,
            {},
            {},
            {},
            "",
            Lineage(),
            Inspection(InspectionVerdict.ALLOW),
            None,
            "grace",
            self.clock(),
        )
        deployment = Deployment(
            identifier,
            model,
            number,
            "production",
            EngineKind.PROCESS,
            DeploymentState.RUNNING,
            100,
            Limits(),
            "",
            "",
            "1:1",
            None,
            "grace",
            self.clock(),
        )
        with self.database.write() as tx:
            if number == 1:
                insert_model(tx, model, Task.CLASSIFICATION, "grace")
            insert_version(tx, version, None)
            deployment_store.insert_deployment(tx, deployment)
        self.delivery.usages[identifier] = Usage(self.now, 12.5, 64 * 2**20)

    def set_weight(self, identifier: str, weight: int) -> None:
        with self.database.write() as tx:
            deployment_store.update_deployment(tx, identifier, weight=weight)

    def second(self, seconds: float = 1.0) -> None:
        """Let time pass, close the programs' chunks and collect."""
        self.now += seconds
        for program in self.programs.values():
            program.recorder.close_chunk()
        self.monitoring.collect()

    def told(self, kind: type) -> list[Any]:
        return [p.event for p in self.heard if isinstance(p.event, kind)]


def reference_profile() -> Profile:
    """Temperatures around 10, three carriers, scores from 0 to 1; held-out performance 0.8."""
    rng = np.random.default_rng(7)
    scores = rng.random(5000)
    return Profile(
        5000,
        {
            "temperature": number_bins(rng.normal(10, 5, 5000)),
            "carrier": category_bins(rng.choice(["UA", "AA", "DL"], 5000).tolist()),
        },
        {
            "score": number_bins(scores),
            "outcome": category_bins(["1" if s > 0.5 else "0" for s in scores]),
        },
        {"temperature": 0.7, "carrier": 0.3},
        {"roc_auc": 0.8, "accuracy": 0.8},
    )
