"""Everything that the page of a version shows, and what may be done with it in each environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.domain.checks import CheckRun
from mlops_desktop.domain.deployments import Deployment, DeploymentState
from mlops_desktop.domain.metrics import better
from mlops_desktop.domain.policy import Policy
from mlops_desktop.domain.promotions import Decision, Promotion, PromotionState
from mlops_desktop.domain.registry import Difference, Model, ModelVersion
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge, badge_of
from mlops_desktop.ui.widgets.buttons import forbidden
from mlops_desktop.ui.words import ago, count, lasting

PRODUCTION = "production"
NOT_THERE = Badge("Not there", "circle-dashed", Tone.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the version is in one environment."""

    environment: str
    badge: Badge
    text: str


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """One reading of the workspace. `current` maps an environment to the version that answers there."""

    version: ModelVersion
    model: Model
    key_metric: str
    versions: int
    policies: Sequence[Policy]
    current: Mapping[str, ModelVersion]
    promotions: Sequence[Promotion]  # of this version, newest first
    closed: Mapping[int, str]  # request -> why it was closed
    runs: Sequence[CheckRun]  # newest first
    deployments: Sequence[Deployment]  # newest first
    account: Account
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def environments(self) -> list[str]:
        """Production first: it is what most people come for."""
        return sorted((policy.environment for policy in self.policies), key=lambda name: name != PRODUCTION)

    @property
    def home(self) -> str:
        """The environment that figures are compared in."""
        return self.environments[0] if self.policies else PRODUCTION

    def policy(self, environment: str) -> Policy | None:
        return next((p for p in self.policies if p.environment == environment), None)

    def serves(self, environment: str) -> bool:
        answering = self.current.get(environment)
        return answering is not None and answering.number == self.version.number

    def against(self, environment: str) -> ModelVersion | None:
        """What answers there, unless it is this version."""
        return None if self.serves(environment) else self.current.get(environment)

    def open_request(self, environment: str) -> Promotion | None:
        return next((p for p in self.promotions if p.environment == environment and p.state.open), None)

    def latest_run(self, environment: str) -> CheckRun | None:
        return next((run for run in self.runs if run.environment == environment), None)

    # Stages

    def stages(self) -> list[Stage]:
        return [self.stage(environment) for environment in self.environments]

    def stage(self, environment: str) -> Stage:
        """What is most worth knowing: that it answers, is on its way, waits, or what became of it."""
        here = [d for d in self.deployments if d.environment == environment]
        live = next((d for d in here if d.state.live), None)
        if live is not None and live.state is not DeploymentState.RUNNING:
            return Stage(environment, badge_of(live.state), f"begun {ago(live.created_at, self.read_at)}")
        if self.serves(environment):
            weight = next((d.weight for d in here if d.current), 100)
            return Stage(environment, Badge("Answers", "rocket", Tone.OK), f"{weight} % of the traffic")
        request = self.open_request(environment)
        if request is not None:
            return Stage(environment, badge_of(request.state), self._waits(request))
        if live is not None:
            return Stage(environment, Badge("Warm", "pause", Tone.UNKNOWN), self._instead(environment))
        last = next((p for p in self.promotions if p.environment == environment), None)
        if last is not None and last.state is PromotionState.DEPLOYED:
            return Stage(environment, Badge("Served", "history", Tone.UNKNOWN), self._instead(environment))
        if last is not None:
            return Stage(environment, badge_of(last.state), self._instead(environment))
        return Stage(environment, NOT_THERE, self._instead(environment))

    def _waits(self, request: Promotion) -> str:
        policy = self.policy(request.environment)
        approvals = [r for r in request.reviews if r.decision is Decision.APPROVE]
        if request.state is PromotionState.PENDING:
            needed = policy.reviewers if policy is not None else 1
            return f"{len(approvals)} of {count(needed, 'approval')}, asked by {request.requested_by}"
        since = max((r.signed_at for r in approvals), default=request.created_at)
        left = timedelta(hours=policy.approval_hours if policy is not None else 0) - (self.read_at - since)
        who = ", ".join(r.reviewer for r in approvals)
        by = f"by {who}, " if who else ""
        return f"{by}deploy within {lasting(left)}" if left > timedelta() else f"{by}about to expire"

    def _instead(self, environment: str) -> str:
        other = self.against(environment)
        return "nothing answers there" if other is None else f"version {other.number} answers there"

    # Figures

    def comparable(self, other: ModelVersion) -> bool:
        """Figures that were measured on other data say nothing about which version is better."""
        mine, theirs = self.version.lineage.data.get("test"), other.lineage.data.get("test")
        return not mine or not theirs or mine == theirs

    def metric_rows(self, environment: str) -> list[Difference]:
        """This version's metrics beside those of the version that answers there, the key metric first."""
        other = self.against(environment)
        theirs = other.metrics if other is not None else {}
        judge = other is None or self.comparable(other)
        rows = []
        for name in sorted(self.version.metrics, key=lambda n: (n != self.key_metric, n)):
            mine, old = self.version.metrics[name], theirs.get(name)
            delta = mine - old if old is not None and judge else None
            rows.append(Difference("metrics", name, None if old is None else f"{old:.6g}", f"{mine:.6g}", delta))
        return rows

    def key_figure(self) -> tuple[str, str, str]:
        """A caption, the key metric's value, and how it stands against the version that answers in `home`."""
        name = self.key_metric or next(iter(sorted(self.version.metrics)), "")
        if not name:
            return "Key metric", "–", "none were registered"
        if name not in self.version.metrics:
            return name, "–", "not known of this version"
        value = f"{self.version.metrics[name]:.4g}"
        other = self.against(self.home)
        if other is None:
            return name, value, f"{'answers' if self.serves(self.home) else 'nothing answers'} in {self.home}"
        caption, old = f"{name} against version {other.number}", other.metrics.get(name)
        if not self.comparable(other):
            return caption, value, "other test data"
        if old is None:
            return caption, value, "not known of that one"
        delta = self.version.metrics[name] - old
        word = {None: "", True: ", better", False: ", worse"}[better(name, delta)]
        return caption, value, f"{delta:+.3g}{word}" if delta else "the same"


def why_no_request(facts: VersionFacts, environment: str) -> str:
    """The reason why its promotion can't be asked for, or nothing."""
    if not facts.account.may(Action.REQUEST_PROMOTION):
        return forbidden(Action.REQUEST_PROMOTION)
    if facts.version.damaged:
        return "Its files are damaged: register it again from its source."
    request = facts.open_request(environment)
    if request is not None:
        return f"Request {request.id} for {environment} is {badge_of(request.state).word.lower()} already."
    return f"It answers in {environment} already." if facts.serves(environment) else ""


def why_no_deployment(facts: VersionFacts, environment: str) -> str:
    """The reason why it can't be deployed, or nothing."""
    if not facts.account.may(Action.DEPLOY):
        return forbidden(Action.DEPLOY)
    if facts.version.damaged:
        return "Its files are damaged: register it again from its source."
    starting = DeploymentState.STARTING
    if any(d.environment == environment and d.state is starting for d in facts.deployments):
        return f"It is being deployed to {environment}."
    request, policy = facts.open_request(environment), facts.policy(environment)
    if request is not None and request.state is PromotionState.APPROVED:
        return ""
    if facts.serves(environment):
        return f"It answers in {environment} already."
    if policy is not None and policy.reviewers == 0:
        return ""
    if request is not None:
        return f"Not approved for {environment}: request {request.id} waits for a reviewer."
    return f"Not approved for {environment}: request its promotion first."


def open_ways(facts: VersionFacts, reasons: Mapping[str, str]) -> tuple[str, str]:
    """The environment to begin with, and, where none is left, why: each reason said once."""
    free = [environment for environment, reason in reasons.items() if not reason]
    approved = [e for e in free if (r := facts.open_request(e)) is not None and r.state is PromotionState.APPROVED]
    first = next(iter([*approved, *free, *reasons]), facts.home)
    return first, "" if free else " ".join(dict.fromkeys(reasons.values())) or "There is no environment."
