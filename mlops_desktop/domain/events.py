"""What can happen to a workspace: each event has a subject and a sentence for the audit trail.

An event is recorded in the transaction of the change that it tells of. `TRANSIENT` ones are published on the bus
only: they say that there is something new to read, and no person did them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Base; `subject` is what it is about, `sentence` completes “NAME …”."""

    audited: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        raise NotImplementedError

    def details(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WorkspaceCreated(Event):
    workspace: str

    @property
    def subject(self) -> str:
        return f"workspace {self.workspace}"

    @property
    def sentence(self) -> str:
        return "created the workspace"


@dataclass(frozen=True, slots=True)
class AccountEvent(Event):
    account: str

    @property
    def subject(self) -> str:
        return f"account {self.account}"


@dataclass(frozen=True, slots=True)
class AccountCreated(AccountEvent):
    roles: tuple[str, ...]
    public_key: str = ""  # hex; what signatures are held against

    @property
    def sentence(self) -> str:
        return f"created the account {self.account} with the roles {', '.join(self.roles) or 'none'}"


@dataclass(frozen=True, slots=True)
class AccountChanged(AccountEvent):
    change: str

    @property
    def sentence(self) -> str:
        return f"changed the account {self.account}: {self.change}"


@dataclass(frozen=True, slots=True)
class AccountRolesChanged(AccountEvent):
    roles: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"gave the account {self.account} the roles {', '.join(self.roles) or 'none'}"


@dataclass(frozen=True, slots=True)
class AccountKeyReplaced(AccountEvent):
    public_key: str  # hex

    @property
    def sentence(self) -> str:
        return f"reset the password of {self.account}, which has a new signing key now"


@dataclass(frozen=True, slots=True)
class SignedIn(AccountEvent):
    @property
    def sentence(self) -> str:
        return "signed in"


@dataclass(frozen=True, slots=True)
class SignedOut(AccountEvent):
    @property
    def sentence(self) -> str:
        return "signed out"


@dataclass(frozen=True, slots=True)
class SignInFailed(AccountEvent):
    @property
    def sentence(self) -> str:
        return f"failed to sign in as {self.account}"


@dataclass(frozen=True, slots=True)
class ActionDenied(AccountEvent):
    action: str

    @property
    def sentence(self) -> str:
        return f"was refused: may not {self.action}"


@dataclass(frozen=True, slots=True)
class ModelEvent(Event):
    model: str

    @property
    def subject(self) -> str:
        return self.model


@dataclass(frozen=True, slots=True)
class ModelCreated(ModelEvent):
    task: str

    @property
    def sentence(self) -> str:
        return f"created the model {self.model} for {self.task}"


@dataclass(frozen=True, slots=True)
class ModelChanged(ModelEvent):
    change: str

    @property
    def sentence(self) -> str:
        return f"changed the model {self.model}: {self.change}"


@dataclass(frozen=True, slots=True)
class VersionEvent(Event):
    model: str
    version: int

    @property
    def subject(self) -> str:
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class VersionRegistered(VersionEvent):
    format: str
    digest: str
    record: str = ""  # digest of everything else that was written down, see registry.record_digest

    @property
    def sentence(self) -> str:
        return f"registered {self.subject} ({self.format}, digest {self.digest[:12]})"


@dataclass(frozen=True, slots=True)
class VersionFoundDamaged(VersionEvent):
    file: str

    @property
    def sentence(self) -> str:
        return f"found {self.subject} damaged: {self.file}"


@dataclass(frozen=True, slots=True)
class VersionFoundIntact(VersionEvent):
    @property
    def sentence(self) -> str:
        return f"found the files of {self.subject} intact again"


@dataclass(frozen=True, slots=True)
class ChecksFinished(VersionEvent):
    environment: str
    passed: bool
    verdicts: Mapping[str, str]

    @property
    def sentence(self) -> str:
        return f"ran the checks of {self.subject} for {self.environment}: {'passed' if self.passed else 'failed'}"


@dataclass(frozen=True, slots=True)
class PromotionEvent(VersionEvent):
    environment: str
    promotion: int


@dataclass(frozen=True, slots=True)
class PromotionRequested(PromotionEvent):
    reason: str
    pinned: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        return f"asked to promote {self.subject} to {self.environment} (request {self.promotion})"


@dataclass(frozen=True, slots=True)
class PromotionReviewed(PromotionEvent):
    decision: str
    comment: str
    signature: str

    @property
    def sentence(self) -> str:
        verb = "approved" if self.decision == "approve" else "rejected"
        return f"{verb} request {self.promotion}: {self.subject} to {self.environment}"


@dataclass(frozen=True, slots=True)
class PromotionClosed(PromotionEvent):
    state: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"request {self.promotion} for {self.subject} in {self.environment} is {self.state}: {self.reason}"


@dataclass(frozen=True, slots=True)
class DeploymentEvent(VersionEvent):
    environment: str
    deployment: str


@dataclass(frozen=True, slots=True)
class DeploymentStarted(DeploymentEvent):
    engine: str

    @property
    def sentence(self) -> str:
        return f"started to deploy {self.subject} to {self.environment} on {self.engine}"


@dataclass(frozen=True, slots=True)
class DeploymentRunning(DeploymentEvent):
    image_digest: str

    @property
    def sentence(self) -> str:
        return f"{self.subject} runs in {self.environment} (deployment {self.deployment})"


@dataclass(frozen=True, slots=True)
class DeploymentFailedEvent(DeploymentEvent):
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.subject} failed in {self.environment}: {self.reason}"


@dataclass(frozen=True, slots=True)
class DeploymentStopped(DeploymentEvent):
    reason: str

    @property
    def sentence(self) -> str:
        return f"stopped {self.subject} in {self.environment}: {self.reason}"


@dataclass(frozen=True, slots=True)
class DeploymentStateNoticed(DeploymentEvent):
    state: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"noticed that {self.subject} in {self.environment} is {self.state}: {self.reason}"


@dataclass(frozen=True, slots=True)
class TrafficSwitched(VersionEvent):
    environment: str
    deployment: str
    previous_version: int | None
    kind: str  # deploy or roll-back
    reason: str

    @property
    def sentence(self) -> str:
        verb = "rolled back" if self.kind == "roll-back" else "switched"
        before = f" from version {self.previous_version}" if self.previous_version else ""
        return f"{verb} {self.model} in {self.environment}{before} to version {self.version}"


@dataclass(frozen=True, slots=True)
class LabelsReceived(ModelEvent):
    matched: int
    replaced: int
    unknown: int

    @property
    def sentence(self) -> str:
        lost = f"; {self.unknown:,} more name no known prediction" if self.unknown else ""
        return f"sent {self.matched + self.replaced:,} labels for {self.model}{lost}"


@dataclass(frozen=True, slots=True)
class AlertEvent(ModelEvent):
    environment: str
    alert: int


@dataclass(frozen=True, slots=True)
class AlertOpened(AlertEvent):
    severity: str
    text: str

    @property
    def sentence(self) -> str:
        return f"alert {self.alert} ({self.severity}) opened: {self.text}"


@dataclass(frozen=True, slots=True)
class AlertAcknowledged(AlertEvent):
    comment: str

    @property
    def sentence(self) -> str:
        return f"acknowledged alert {self.alert}: {self.comment or 'no comment'}"


@dataclass(frozen=True, slots=True)
class AlertResolved(AlertEvent):
    @property
    def sentence(self) -> str:
        return f"alert {self.alert} is resolved"


@dataclass(frozen=True, slots=True)
class AlertSnoozed(AlertEvent):
    until: str  # ISO moment
    comment: str = ""

    @property
    def sentence(self) -> str:
        return f"put off alert {self.alert} until {self.until}{': ' + self.comment if self.comment else ''}"


@dataclass(frozen=True, slots=True)
class AlertWoken(AlertEvent):
    """The snooze of an alert that is still open is over."""

    @property
    def sentence(self) -> str:
        return f"alert {self.alert} is no longer put off"


@dataclass(frozen=True, slots=True)
class RuleChanged(ModelEvent):
    environment: str
    change: str

    @property
    def sentence(self) -> str:
        return f"changed the alert rules of {self.model} in {self.environment}: {self.change}"


@dataclass(frozen=True, slots=True)
class PolicyChanged(Event):
    environment: str
    version: int
    change: str

    @property
    def subject(self) -> str:
        return f"policy {self.environment}"

    @property
    def sentence(self) -> str:
        return f"changed the policy of {self.environment} to version {self.version}: {self.change}"


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    change: str

    @property
    def subject(self) -> str:
        return "settings"

    @property
    def sentence(self) -> str:
        return f"changed the settings: {self.change}"


# Published on the bus, never audited.


@dataclass(frozen=True, slots=True)
class ChunksRecorded(Event):
    """New monitoring numbers of these deployments can be read."""

    audited: ClassVar[bool] = False
    deployments: tuple[str, ...]

    @property
    def subject(self) -> str:
        return "monitoring"

    @property
    def sentence(self) -> str:
        return f"recorded numbers of {len(self.deployments)} deployments"


@dataclass(frozen=True, slots=True)
class ConditionsChanged(Event):
    """Rules are pending, unknown or fine again; what fires has an alert of its own."""

    audited: ClassVar[bool] = False
    number: int

    @property
    def subject(self) -> str:
        return "alerts"

    @property
    def sentence(self) -> str:
        return f"evaluated {self.number} rules differently"


@dataclass(frozen=True, slots=True)
class EngineStateChanged(Event):
    audited: ClassVar[bool] = False
    engine: str
    available: bool
    message: str

    @property
    def subject(self) -> str:
        return f"engine {self.engine}"

    @property
    def sentence(self) -> str:
        return self.message or f"the engine {self.engine} answers"


@dataclass(frozen=True, slots=True)
class JobChanged(Event):
    audited: ClassVar[bool] = False
    job: str

    @property
    def subject(self) -> str:
        return f"job {self.job}"

    @property
    def sentence(self) -> str:
        return "made progress"


@dataclass(frozen=True, slots=True)
class OtherProcessChanged(Event):
    """Another process committed; `events` are the class names of what it recorded."""

    audited: ClassVar[bool] = False
    events: tuple[str, ...]

    @property
    def subject(self) -> str:
        return "workspace"

    @property
    def sentence(self) -> str:
        return "was changed by another process"
