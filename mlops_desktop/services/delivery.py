"""Bring approved versions into an environment, switch its traffic, and take it back."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
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
)
from mlops_desktop.domain.promotions import Promotion, PromotionState
from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.services.launch import Launch
from mlops_desktop.services.traffic import Traffic
from mlops_desktop.store import deployments as store

if TYPE_CHECKING:
    from mlops_desktop.engines.engine import LogLine
    from mlops_desktop.engines.http import Answer
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
        self._traffic = Traffic(parts, room)

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
        current = self._traffic.current(model, environment)
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
            hints = {400: "Check the input against the signature.", 503: "Deploy a version there, then try again."}
            raise DeploymentFailed(
                f"{model} in {environment} answered {answer.status}: {_told(answer)}",
                hints.get(answer.status, "Look at the deployment's log."),
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
        with self._traffic.lock(model, environment):
            before = self._traffic.current(model, environment)
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
        with self._traffic.lock(model, environment):
            current = self._traffic.current(model, environment)
            target = self._traffic.previous(model, environment, current)
            began = time.monotonic()
            if target.state is not DeploymentState.RUNNING:
                context.progress(None, f"Starting {target.label} again")
                target = self._launch.start_again(target, self._registry.version(model, target.version), context)
            return self._traffic.switch(target, current, account.name, ReleaseKind.ROLL_BACK, reason, began)

    def stop(
        self, session: Session, deployment: str, *, reason: str = "", context: JobContext | None = None
    ) -> Deployment:
        """Stop one deployment and remove its container; if it was current, its environment answers 503 from then on."""
        context = context or JobContext.silent()
        account = self._accounts.authorise(session, Action.DEPLOY)
        found = self.deployment(deployment)
        with self._traffic.lock(found.model, found.environment), self._launch.claimed(found.id):
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
                tx.record(_event(DeploymentStopped, found, reason or "by hand"), account.name)
                if was_current:
                    store.insert_release(
                        tx, self._traffic.release(None, found, ReleaseKind.STOP, account.name, reason, 0.0)
                    )
            self._room.apply_routes()
        return self.deployment(found.id)

    def stop_environment(self, session: Session, model: str, environment: str, *, reason: str = "") -> list[Deployment]:
        """Stop every live deployment of a model in an environment."""
        self._accounts.authorise(session, Action.DEPLOY)
        self._registry.model(model)
        live = self.deployments(model=model, environment=environment, live_only=True)
        if not live:
            raise Conflict(f"Nothing of {model} runs in {environment}.", "There is nothing to stop.")
        return [self.stop(session, d.id, reason=reason) for d in live]

    def shut_down(self, session: Session, *, reason: str = "") -> None:
        """Stop every live deployment and then the gateway; the addresses answer again after the next release."""
        self._accounts.authorise(session, Action.DEPLOY)
        for deployment in self.deployments(live_only=True):
            self.stop(session, deployment.id, reason=reason)
        self._room.stop_gateway()

    def start(self, session: Session, deployment: str, *, context: JobContext | None = None) -> Deployment:
        """Start a stopped deployment again; it takes the traffic if its environment has no current one."""
        context = context or JobContext.silent()
        account = self._accounts.authorise(session, Action.DEPLOY)
        found = self.deployment(deployment)
        with self._traffic.lock(found.model, found.environment):
            found = self.deployment(found.id)
            if found.state is DeploymentState.RUNNING:
                raise Conflict(f"{found.label} is running already.", "There is nothing to start.")
            began = time.monotonic()
            current = self._traffic.current(found.model, found.environment)
            found = self._launch.start_again(found, self._registry.version(found.model, found.version), context)
            if current is None:
                self._traffic.switch(found, None, account.name, ReleaseKind.DEPLOY, "started again", began)
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
            tx.record(_event(DeploymentStarted, deployment, kind.value), actor)
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
            tx.record(_event(DeploymentRunning, deployment, deployment.image_digest), actor)
            self._promotions.mark_deployed(tx, promotion.id, actor)
        release = self._traffic.switch(deployment, before, actor, ReleaseKind.DEPLOY, promotion.reason, began)
        with self._parts.database.write() as tx:
            store.update_deployment(tx, deployment.id, seconds={"switch": release.seconds})
        self._launch.release(deployment.id)
        self._traffic.retire(deployment, before, actor)
        context.progress(1.0, f"{deployment.label} is current in {deployment.environment}")
        return self.deployment(deployment.id)

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
            tx.record(_event(DeploymentFailedEvent, deployment, reason), actor)
        self._launch.release(deployment.id)


def _told(answer: Answer) -> str:
    """The sentence in a refusal, which programs get as JSON."""
    with contextlib.suppress(ValueError, TypeError, LookupError):
        if isinstance(sentence := json.loads(answer.body)["error"], str) and sentence:
            return sentence[:500]
    return answer.text[:500] or "nothing"


def _event(kind: Callable[[str, int, str, str, str], _E], deployment: Deployment, detail: str) -> _E:
    """The event classes about one deployment all take the same fields and one detail."""
    return kind(deployment.model, deployment.version, deployment.environment, deployment.id, detail)
