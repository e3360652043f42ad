"""Everything that the page of a model shows, and a row of its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.metrics import better
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.domain.promotions import Promotion, PromotionState
from mlops_desktop.domain.registry import Model, VersionSummary
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge, badge_of
from mlops_desktop.ui.words import ago, count

PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Standing:
    """An environment as this model stands in it."""

    environment: str
    deployment: Deployment | None = None  # the one that answers, else the newest live one
    alerts: int = 0  # that fire
    drift: DriftState = DriftState.UNKNOWN

    @property
    def figure(self) -> str:
        return "–" if self.deployment is None else f"Version {self.deployment.version}"

    def told(self, now: datetime) -> str:
        """State and health in words, and since when."""
        deployment = self.deployment
        if deployment is None:
            return "Nothing answers here."
        state = badge_of(deployment.state).word
        if deployment.weight == 0:
            state += ", without traffic"
        elif deployment.weight < 100:
            state += f", {deployment.weight} % of the traffic"
        words = [state, count(self.alerts, "alert") if self.alerts else "no alerts"]
        if self.drift is not DriftState.UNKNOWN:
            words.append(badge_of(self.drift).word.lower())
        return f"{', '.join(words)}. Deployed by {deployment.created_by} {ago(deployment.created_at, now)}."

    @property
    def colour(self) -> str:
        if self.deployment is None:
            return "muted"
        if self.alerts or self.drift is DriftState.DRIFT:
            return Tone.CRITICAL.value
        return badge_of(self.deployment.state).tone.value


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One reading of the workspace; `history` are the newest versions that have the key metric, oldest first."""

    model: Model
    key_metric: str
    metric_names: Sequence[str]
    versions: int
    standings: Sequence[Standing]
    history: Sequence[VersionSummary]
    serving: VersionSummary | None  # what answers in production
    requests: Mapping[int, Sequence[Promotion]] = field(default_factory=dict)  # open ones by version


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version, judged by its model's key metric against what answers in production."""

    summary: VersionSummary
    key_metric: str = ""
    serving: VersionSummary | None = None
    requests: Sequence[Promotion] = ()

    @property
    def label(self) -> str:
        return self.summary.label

    @property
    def number(self) -> int:
        return self.summary.number

    @property
    def metric(self) -> float | None:
        return self.summary.metrics.get(self.key_metric)

    @property
    def stage(self) -> Badge:
        """Where it answers; else what is asked for it."""
        if self.summary.damaged:
            return Badge("Damaged", "file-warning", Tone.CRITICAL)
        if self.summary.environments:
            return Badge(f"In {', '.join(self.summary.environments)}", "rocket", Tone.OK)
        for request in self.requests:
            if request.state is PromotionState.APPROVED:
                return Badge(f"Approved for {request.environment}", "circle-check", Tone.OK)
            return Badge(f"Waits for {request.environment}", "clock", Tone.ACCENT)
        return Badge("Registered", "circle-dot", Tone.UNKNOWN)

    @property
    def delta(self) -> float | None:
        """To production; None where there is nothing to hold it against, or other data were measured."""
        theirs = self.serving.metrics.get(self.key_metric) if self.serving is not None else None
        if self.metric is None or theirs is None or self.other_data:
            return None
        return self.metric - theirs

    @property
    def other_data(self) -> bool:
        """Whether it was measured on other test data than what answers in production."""
        theirs = self.serving.test_data if self.serving is not None else ""
        return bool(theirs and self.summary.test_data and theirs != self.summary.test_data)

    @property
    def change(self) -> Badge | None:
        if self.serving is None or self.metric is None:
            return None
        if self.serving.number == self.number:
            return Badge("Production", "rocket", Tone.UNKNOWN)
        if self.other_data:
            return Badge("Other data", "triangle-alert", Tone.WARNING)
        if self.delta is None:
            return None
        if abs(self.delta) < 5e-7:
            return Badge("Same", "check", Tone.UNKNOWN)
        judged = better(self.key_metric, self.delta)
        word = {True: " better", False: " worse", None: ""}[judged]
        tone = {True: Tone.OK, False: Tone.WARNING, None: Tone.UNKNOWN}[judged]
        return Badge(f"{self.delta:+.4g}{word}", "arrow-up" if self.delta > 0 else "arrow-down", tone)
