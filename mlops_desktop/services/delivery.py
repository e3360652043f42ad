"""Bring approved versions into an environment, switch its traffic, and take it back."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.deployments import (
    Deployment,
    DeploymentState,
    Endpoint,
    EngineKind,
    EngineStatus,
    Limits,
    Release,
    ReleaseKind,
    Usage,
)
from mlops_desktop.domain.errors import (
    Conflict,
    DeploymentFailed,
    InvalidArtifact,
    JobCancelled,
    NotFound,
    PolicyViolation,
    WorkstationError,
)
from mlops_desktop.domain.events import (
    DeploymentEvent,
    DeploymentFailedEvent,
    DeploymentRunning,
    DeploymentStarted,
    DeploymentStopped,
    PromotionClosed,
    TrafficSwitched,
)
from mlops_desktop.domain.promotions import Promotion, PromotionState
from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.services.launch import Launch
from mlops_desktop.store import deployments as store
from mlops_desktop.store import promotions as promotion_store
from mlops_desktop.store.locks import lock_file

if TYPE_CHECKING:
    from mlops_desktop.engines.engine import LogLine
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.engine_room import EngineRoom
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.promotions import PromotionsService
    from mlops_desktop.services.registry import RegistryService

log = logging.getLogger(__name__)
_E = TypeVar("_E", bound=DeploymentEvent)
RELEASE_SECONDS = 3600.0  # how long one release may hold the next one of the same model and environment up


class DeliveryService:
    """Deploy, roll back, stop and start; one release at a time for a model and environment, over all processes."""

    def __init__(
        self,
        parts: Parts,
        room: EngineRoom,
        accounts: AccountsService,
        registry: RegistryService,
        promotions: PromotionsService,
    ) -> None:
        self._parts = parts
        self._room = room
        self._accounts = accounts
        self._registry = registry
        self._promotions = promotions
        self._launch = Launch(parts, room)

    # What can be asked

    def engine_status(self) -> EngineStatus:
        """Whether the engine answers, in words."""
        return self._room.status()

    def deployments(
        self, *, model: str | None = None, environment: str | None = None, live_only: bool = False
    ) -> list[Deployment]:
        """Newest first."""
        return store.deployments_of(
            self._parts.database.read(), model=model or "", environment=environment or "", live_only=live_only
        )

    def deployment(self, identifier: str) -> Deployment:
        """One deployment by its id, or by a prefix of it that is unique."""
        found = [d for d in store.deployments_of(self._parts.database.read()) if d.id.startswith(identifier)]
        if len(found) != 1 or not identifier:
            raise NotFound(f"There is no deployment “{identifier}”.", "The command `status --all` lists them.")
        return found[0]

    def releases(self, model: str | None = None, environment: str | None = None) -> list[Release]:
        """Newest first."""
        return store.releases_of(self._parts.database.read(), model or "", environment or "")

    def endpoint(self, model: str, environment: str) -> Endpoint:
        """The stable address, whether or not something answers there now."""
        self._registry.model(model)
        current = self._current(model, environment)
        url = self._room.gateway.url(model, environment)
        return Endpoint(model, environment, url, current.version if current else None)

    def endpoints(self) -> list[Endpoint]:
        """One for each model and environment that something was ever released to."""
        pairs = {(d.model, d.environment): None for d in store.deployments_of(self._parts.database.read())}
        return [self.endpoint(model, environment) for model, environment in sorted(pairs)]

    def logs(self, deployment: str, tail: int = 1000) -> list[LogLine]:
        """What the serving program wrote, oldest first."""
        return self._room.engine.logs(self.deployment(deployment).id, tail)

    def build_log(self, deployment: str) -> list[str]:
        """The lines of the build, kept with the deployment."""
        file = self._launch.log_file(self.deployment(deployment).id)
        return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []

    def usage(self) -> Mapping[str, Usage]:
        """Latest CPU and memory of the running deployments that the engine knows of."""
        running = [d for d in self.deployments(live_only=True) if d.state is DeploymentState.RUNNING]
        found = {d.id: self._room.engine.usage(d.id) for d in running}
        return {identifier: usage for identifier, usage in found.items() if usage is not None}

    def fetch(self, deployment: str, path: str) -> bytes:
        """A body from one deployment's own routes, for the collector."""
        return self._room.fetch_body(deployment, path)

    def predict(
        self, session: Session, model: str, environment: str, payload: bytes, content_type: str = "application/json"
    ) -> bytes:
        """Send a scoring request to the stable address; a refusal becomes DeploymentFailed in the model's words."""
        self._accounts.authorise(session, Action.VIEW)
        url = self.endpoint(model, environment).url + "/invocations"
        answer = self._room.http.request(
            "POST", url, body=payload, headers={"content-type": content_type}, timeout=60.0
        )
        if answer.status != 200:
            raise DeploymentFailed(
                f"{model} in {environment} answered {answer.status}: {answer.text[:500]}",
                "Check the input against the signature." if answer.status == 400 else "Look at the deployment's log.",
            )
        return answer.body

    # What can be done

    def deploy(
        self,
        session: Session,
        model: str,
        number: int,
        environment: str,
        *,
        limits: Limits | None = None,
        context: JobContext | None = None,
    ) -> Deployment:
        """Build, start, wait until it is ready, move the traffic; the deployment before stays warm for a roll-back.

        PolicyViolation without a valid approval, InvalidArtifact when a file was changed, DeploymentFailed when the
        container does not start or answer. What was begun is removed again, and the traffic stays where it was.
        """
        context = context or JobContext.silent()
        account = self._accounts.authorise(session, Action.DEPLOY)
        version = self._registry.version(model, number)
        self._promotions.policy(environment)  # NotFound for an environment that does not exist
        if version.damaged:
            raise InvalidArtifact(f"{version.label} has damaged files.", "Register it again from its source.")
        promotion = self._approved(session, version, environment, context)
        with self._release_lock(model, environment):
            before = self._current(model, environment)
            if before is not None and before.version == number and before.promotion == promotion.id:
                raise Conflict(f"{version.label} is already current in {environment}.", "There is nothing to deploy.")
            deployment = self._begin(version, environment, promotion, limits or Limits(), account.name)
            try:
                deployment = self._launch.run(deployment, version, context)
                context.check_cancelled()
                return self._finish(deployment, before, promotion, account.name, context)
            except BaseException as error:
                self._abandon(deployment, account.name, error)
                raise

    def roll_back(
        self, session: Session, model: str, environment: str, *, reason: str = "", context: JobContext | None = None
    ) -> Release:
        """Give the traffic back to the version that had it before; it is started again if it is no longer warm."""
        context = context or JobContext.silent()
        account = self._accounts.authorise(session, Action.ROLL_BACK)
        self._registry.model(model)
        with self._release_lock(model, environment):
            current = self._current(model, environment)
            target = self._previous(model, environment, current)
            began = time.monotonic()
            if target.state is not DeploymentState.RUNNING:
                context.progress(None, f"Starting {target.label} again")
                target = self._launch.start_again(target, self._registry.version(model, target.version), context)
            return self._switch(target, current, account.name, ReleaseKind.ROLL_BACK, reason, began)

    def stop(
        self, session: Session, deployment: str, *, reason: str = "", context: JobContext | None = None
    ) -> Deployment:
        """Stop one deployment and remove its container; if it was current, its environment answers 503 from then on."""
        context = context or JobContext.silent()
        account = self._accounts.authorise(session, Action.DEPLOY)
        found = self.deployment(deployment)
        with self._release_lock(found.model, found.environment):
            found = self.deployment(found.id)
            if not found.state.live:
                return found
            context.progress(None, f"Stopping {found.label}")
            was_current = found.weight > 0
            with self._parts.database.write() as tx:
                store.update_deployment(tx, found.id, state=DeploymentState.STOPPING, weight=0)
            if was_current:
                self._room.apply_routes()
            self._room.engine.stop(found.id, self._parts.settings.drain_seconds)
            with self._parts.database.write() as tx:
                now = self._parts.clock()
                store.update_deployment(
                    tx, found.id, state=DeploymentState.STOPPED, handle="", stopped_at=now, message=reason
                )
                tx.record(self._event(DeploymentStopped, found, reason or "by hand"), account.name)
                if was_current:
                    store.insert_release(tx, self._release(None, found, ReleaseKind.STOP, account.name, reason, 0.0))
            self._room.apply_routes()
        return self.deployment(found.id)

    def stop_environment(self, session: Session, model: str, environment: str, *, reason: str = "") -> list[Deployment]:
        """Stop every live deployment of a model in an environment."""
        self._registry.model(model)
        live = self.deployments(model=model, environment=environment, live_only=True)
        if not live:
            raise Conflict(f"Nothing of {model} runs in {environment}.", "There is nothing to stop.")
        return [self.stop(session, d.id, reason=reason) for d in live]

    def start(self, session: Session, deployment: str, *, context: JobContext | None = None) -> Deployment:
        """Start a stopped deployment again; it takes the traffic if its environment has no current one."""
        context = context or JobContext.silent()
        account = self._accounts.authorise(session, Action.DEPLOY)
        found = self.deployment(deployment)
        with self._release_lock(found.model, found.environment):
            found = self.deployment(found.id)
            if found.state is DeploymentState.RUNNING:
                raise Conflict(f"{found.label} is running already.", "There is nothing to start.")
            began = time.monotonic()
            current = self._current(found.model, found.environment)
            found = self._launch.start_again(found, self._registry.version(found.model, found.version), context)
            if current is None:
                self._switch(found, None, account.name, ReleaseKind.DEPLOY, "started again", began)
        return self.deployment(found.id)

    # Steps

    def _approved(self, session: Session, version: ModelVersion, environment: str, context: JobContext) -> Promotion:
        promotion = self._promotions.approved_for(version.model, version.number, environment)
        if promotion is None and self._promotions.policy(environment).reviewers == 0:
            promotion = self._promotions.request(
                session,
                version.model,
                version.number,
                environment,
                "Deployed directly: nobody has to approve.",
                context,
            )
        if promotion is None or promotion.state is not PromotionState.APPROVED:
            raise PolicyViolation(
                f"{version.label} is not approved for {environment}.",
                "Ask for its promotion; a reviewer who did not train, register or request it has to approve.",
            )
        return promotion

    def _begin(
        self, version: ModelVersion, environment: str, promotion: Promotion, limits: Limits, actor: str
    ) -> Deployment:
        kind: EngineKind = self._room.engine.kind
        deployment = Deployment(
            id=uuid.uuid4().hex[:12],
            model=version.model,
            version=version.number,
            environment=environment,
            engine=kind,
            state=DeploymentState.STARTING,
            weight=0,
            limits=limits,
            image="",
            image_digest="",
            handle="",
            promotion=promotion.id,
            created_by=actor,
            created_at=self._parts.clock(),
        )
        self._launch.claim(deployment.id)
        with self._parts.database.write() as tx:
            store.insert_deployment(tx, deployment)
            tx.record(self._event(DeploymentStarted, deployment, kind.value), actor)
        return deployment

    def _finish(
        self, deployment: Deployment, before: Deployment | None, promotion: Promotion, actor: str, context: JobContext
    ) -> Deployment:
        context.progress(0.95, "Moving the traffic")
        began = time.monotonic()
        with self._parts.database.write() as tx:
            now = self._parts.clock()
            store.update_deployment(
                tx, deployment.id, state=DeploymentState.RUNNING, ready_at=now, seconds=deployment.seconds
            )
            tx.record(self._event(DeploymentRunning, deployment, deployment.image_digest), actor)
            if promotion.state.open:
                promotion_store.set_state(tx, promotion.id, PromotionState.DEPLOYED)
                tx.record(
                    PromotionClosed(
                        deployment.model,
                        deployment.version,
                        deployment.environment,
                        promotion.id,
                        "deployed",
                        "it runs",
                    ),
                    actor,
                )
        release = self._switch(deployment, before, actor, ReleaseKind.DEPLOY, promotion.reason, began)
        with self._parts.database.write() as tx:
            store.update_deployment(tx, deployment.id, seconds={"switch": release.seconds})
        self._launch.release(deployment.id)
        self._retire(deployment, before, actor)
        context.progress(1.0, f"{deployment.label} is current in {deployment.environment}")
        return self.deployment(deployment.id)

    def _switch(
        self,
        target: Deployment,
        before: Deployment | None,
        actor: str,
        kind: ReleaseKind,
        reason: str,
        began: float,
    ) -> Release:
        """Raise the new, lower the old, then write it down; a crash between is mended by the next reconcile."""
        weights = {target.id: 100} | ({before.id: 0} if before else {})
        self._room.apply_routes(weights=weights)
        release = self._release(target, before, kind, actor, reason, time.monotonic() - began)
        with self._parts.database.write() as tx:
            for identifier, weight in weights.items():
                store.update_deployment(tx, identifier, weight=weight)
            release = store.insert_release(tx, release)
            tx.record(
                TrafficSwitched(
                    target.model,
                    target.version,
                    target.environment,
                    target.id,
                    before.version if before else None,
                    kind.value,
                    reason,
                ),
                actor,
            )
        return release

    def _retire(self, deployment: Deployment, before: Deployment | None, actor: str) -> None:
        """Stop what is neither current nor the roll-back target; it can be started again."""
        keep = {deployment.id, before.id if before else ""}
        for other in self.deployments(model=deployment.model, environment=deployment.environment, live_only=True):
            if other.id not in keep and other.state is not DeploymentState.STARTING:
                try:
                    self._room.engine.stop(other.id, self._parts.settings.drain_seconds)
                except WorkstationError as error:
                    log.warning("could not retire deployment %s: %s", other.id, error)
                    continue
                with self._parts.database.write() as tx:
                    now = self._parts.clock()
                    store.update_deployment(
                        tx, other.id, state=DeploymentState.STOPPED, weight=0, handle="", stopped_at=now
                    )
                    tx.record(self._event(DeploymentStopped, other, "two newer ones took its place"), actor)
        self._room.apply_routes()

    def _abandon(self, deployment: Deployment, actor: str, error: BaseException) -> None:
        """Remove what a failed or cancelled deployment left, and say why it failed."""
        reason = error.message if isinstance(error, WorkstationError) else f"internal error: {type(error).__name__}"
        try:
            self._room.engine.stop(deployment.id, 1.0)
        except WorkstationError as also:
            log.warning("could not remove deployment %s: %s", deployment.id, also)
        shutil.rmtree(self._launch.folder(deployment.id), ignore_errors=True)
        state = DeploymentState.STOPPED if isinstance(error, JobCancelled) else DeploymentState.FAILED
        now = self._parts.clock()
        with self._parts.database.write() as tx:
            store.update_deployment(tx, deployment.id, state=state, weight=0, handle="", stopped_at=now, message=reason)
            tx.record(self._event(DeploymentFailedEvent, deployment, reason), actor)
        self._launch.release(deployment.id)

    def _current(self, model: str, environment: str) -> Deployment | None:
        live = self.deployments(model=model, environment=environment, live_only=True)
        return next((d for d in live if d.weight > 0), None)

    def _previous(self, model: str, environment: str, current: Deployment | None) -> Deployment:
        """What had the traffic before the present one took it."""
        for release in self.releases(model, environment):
            candidate = release.previous if current is None or release.deployment == current.id else None
            if release.kind is ReleaseKind.STOP and current is None:
                candidate = release.previous
            if candidate is not None and (current is None or candidate != current.id):
                return self.deployment(candidate)
        raise Conflict(
            f"There is no earlier version of {model} in {environment} to roll back to.",
            "A roll-back needs two deployments; you may stop the present one instead.",
        )

    def _release(
        self,
        target: Deployment | None,
        before: Deployment | None,
        kind: ReleaseKind,
        actor: str,
        reason: str,
        seconds: float,
    ) -> Release:
        one = target or before
        if one is None:
            raise ValueError("a release is about at least one deployment")
        return Release(
            id=0,
            model=one.model,
            environment=one.environment,
            kind=kind,
            deployment=target.id if target else None,
            version=target.version if target else None,
            previous=before.id if before else None,
            previous_version=before.version if before else None,
            by=actor,
            reason=reason,
            at=self._parts.clock(),
            seconds=seconds,
        )

    def _release_lock(self, model: str, environment: str) -> AbstractContextManager[None]:
        self._parts.paths.runtime.mkdir(mode=0o700, exist_ok=True)
        return lock_file(self._parts.paths.runtime / f"release-{environment}-{model}.lock", RELEASE_SECONDS)

    @staticmethod
    def _event(kind: Callable[[str, int, str, str, str], _E], deployment: Deployment, detail: str) -> _E:
        """The event classes about one deployment all take the same fields and one detail."""
        return kind(deployment.model, deployment.version, deployment.environment, deployment.id, detail)
