"""What the lists of alerts and rules show of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_desktop.domain.alerts import (
    BY_PERIODS,
    FIGURES,
    TITLES,
    Alert,
    AlertRule,
    Comparator,
    Condition,
    RuleState,
    Severity,
    number_of,
)
from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.ui.screens.alerts.limit_chart import Past
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge, badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, exactly, lasting

SNOOZED = Badge("Snoozed", "clock", Tone.UNKNOWN)
OFF = Badge("Off", "circle-off", Tone.UNKNOWN)
IDLE = Badge("No traffic", "circle-dashed", Tone.UNKNOWN)
STATES = {
    RuleState.OK: Badge("OK", "circle-check", Tone.OK),
    RuleState.PENDING: Badge("Pending", "hourglass", Tone.WARNING),
    RuleState.FIRING: Badge("Firing", "bell-ring", Tone.CRITICAL),
    RuleState.UNKNOWN: Badge("Unknown", "circle-question-mark", Tone.UNKNOWN),
}
RANK = {RuleState.FIRING: 0, RuleState.PENDING: 1, RuleState.UNKNOWN: 2, RuleState.OK: 3}
SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A rule that is breached, but not yet for long enough."""

    rule: AlertRule
    condition: Condition

    @property
    def key(self) -> str:
        return f"{self.rule.id} {self.condition.deployment}"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with what it says at present; `condition` is the worst of its deployments'."""

    rule: AlertRule
    condition: Condition | None

    @property
    def badge(self) -> Badge:
        if not self.rule.enabled:
            return OFF
        return IDLE if self.condition is None else STATES[self.condition.state]

    @property
    def note(self) -> str:
        """Why it is unknown, or since when it says what it says."""
        if not self.rule.enabled:
            return "Switched off: nobody is told."
        if self.condition is None:
            return f"Nothing carries traffic of {self.rule.model} in {self.rule.environment}."
        since = exactly(datetime.fromtimestamp(self.condition.since, UTC))
        unknown = self.condition.state is RuleState.UNKNOWN and self.condition.note
        because = f": {self.condition.note}" if unknown else ""
        return f"{STATES[self.condition.state].word} since {since}{because}"


@dataclass(frozen=True, slots=True)
class Lists:
    """Everything that the lists show, read at one moment."""

    open: Sequence[Alert]
    resolved: Sequence[Alert]
    pending: Sequence[PendingRow]
    rules: Sequence[RuleRow]
    suggested: Sequence[AlertRule]
    silent_since: datetime | None  # nobody has evaluated anything since


@dataclass(frozen=True, slots=True)
class Detail:
    """One alert, or one pending rule, with its past."""

    rule: AlertRule | None
    alert: Alert | None
    condition: Condition | None
    events: Sequence[AuditEvent]
    past: Past | None
    current: bool  # whether the deployment still carries traffic
    deployment: str
    model: str
    version: int
    environment: str

    @property
    def label(self) -> str:
        return f"{self.model}@{self.version}"


def state_badge(alert: Alert) -> Badge:
    return SNOOZED if alert.snoozed(datetime.now(UTC)) else badge_of(alert.state)


def call_badge(alert: Alert) -> Badge:
    """How bad it is while somebody is wanted; else who keeps it from calling: a person, or a snooze."""
    return badge_of(alert.severity) if alert.calls(datetime.now(UTC)) else state_badge(alert)


def where_of(alert: Alert) -> str:
    return f"{alert.model}@{alert.version}" if alert.version is not None else alert.model


def limit_words(rule: AlertRule) -> str:
    """“above 5 % for 10 s”."""
    if rule.figure in {"drifted_features", "prediction_drift"} and rule.threshold == 0:
        return "any drift"
    if rule.figure in {"no_data", "no_requests"}:
        return f"after {lasting(rule.threshold + rule.for_seconds)}"
    words = f"{rule.comparator.value} {number_of(rule.threshold, rule.figure)}"
    if rule.figure in BY_PERIODS:
        return f"{words} in 2 of 3 periods"
    return f"{words} for {lasting(rule.for_seconds)}" if rule.for_seconds else words


def value_words(row: RuleRow) -> str:
    condition = row.condition
    return "–" if condition is None or condition.value is None else number_of(condition.value, row.rule.figure)


def sort_open(alerts: Sequence[Alert], now: datetime) -> list[Alert]:
    """Those that want somebody first, then by severity, newest first."""
    return sorted(alerts, key=lambda a: (not a.calls(now), SEVERITIES.index(a.severity), -a.opened_at.timestamp()))


def worst(conditions: Sequence[Condition]) -> Mapping[int, Condition]:
    """The worst condition of each rule."""
    found: dict[int, Condition] = {}
    for condition in conditions:
        known = found.get(condition.rule)
        if known is None or RANK[condition.state] < RANK[known.state]:
            found[condition.rule] = condition
    return found


def rule_name(rule: AlertRule) -> str:
    return f"{TITLES[rule.figure]} of {rule.model} in {rule.environment}"


def explanation_of(figure: str) -> str:
    """What a figure is, in words and with its unit."""
    words, unit = FIGURES[figure]
    text = f"{words[:1].upper()}{words[1:]}{f', in {unit}' if unit else ''}."
    if figure in BY_PERIODS:
        text += (
            " It fires when 2 of the last 3 periods are beyond the limit and beyond what chance makes of their rows."
        )
    return text


def _since(moment: datetime) -> str:
    return ago(moment, datetime.now(UTC))


_SEVERITY = Column(
    "severity",
    "Severity",
    lambda a: badge_of(a.severity).word,
    value=lambda a: SEVERITIES.index(a.severity),
    kind=Kind.BADGE,
    badge=lambda a: badge_of(a.severity),
    width=110,
)
_WHAT = Column(
    "what",
    "What",
    lambda a: f"{TITLES.get(a.figure, a.figure)}, {where_of(a)}",
    width=130,
    stretch=True,
    strong=True,
    tool_tip=lambda a: a.sentence,
)
_ENVIRONMENT = Column("environment", "In", lambda a: a.environment, width=92, hidden=True)
OPEN_COLUMNS = (
    Column(
        "severity",
        "Severity",
        lambda a: call_badge(a).word,
        value=lambda a: SEVERITIES.index(a.severity) + 3 * (not a.calls(datetime.now(UTC))),
        kind=Kind.BADGE,
        badge=call_badge,
        width=146,
        tool_tip=lambda a: f"{badge_of(a.severity).word}, {state_badge(a).word.lower()}",
    ),
    _WHAT,
    Column(
        "open",
        "Open",
        lambda a: lasting(datetime.now(UTC) - a.opened_at),
        value=lambda a: a.opened_at,
        width=68,
        muted=True,
        tool_tip=lambda a: f"Since {exactly(a.opened_at)}",
    ),
    _ENVIRONMENT,
)
RESOLVED_COLUMNS = (
    _SEVERITY,
    _WHAT,
    Column(
        "resolved",
        "Resolved",
        lambda a: _since(a.resolved_at) if a.resolved_at else "",
        value=lambda a: a.resolved_at,
        width=92,
        muted=True,
        tool_tip=lambda a: exactly(a.resolved_at) if a.resolved_at else "",
    ),
    Column(
        "lasted",
        "Lasted",
        lambda a: lasting(a.resolved_at - a.opened_at) if a.resolved_at else "",
        value=lambda a: (a.resolved_at - a.opened_at).total_seconds() if a.resolved_at else None,
        kind=Kind.NUMBER,
        width=72,
        hidden=True,
    ),
    _ENVIRONMENT,
)
PENDING_COLUMNS = (
    Column(
        "severity",
        "Severity",
        lambda r: badge_of(r.rule.severity).word,
        kind=Kind.BADGE,
        badge=lambda r: badge_of(r.rule.severity),
        width=110,
    ),
    Column(
        "what",
        "What",
        lambda r: f"{TITLES[r.rule.figure]}, {r.rule.model}@{r.condition.version}",
        width=130,
        stretch=True,
        strong=True,
    ),
    Column(
        "value",
        "Now",
        lambda r: "" if r.condition.value is None else number_of(r.condition.value, r.rule.figure),
        kind=Kind.NUMBER,
        width=84,
    ),
    Column(
        "since",
        "For",
        lambda r: lasting(datetime.now(UTC).timestamp() - r.condition.since),
        value=lambda r: r.condition.since,
        width=64,
        muted=True,
    ),
)
RULE_COLUMNS = (
    Column(
        "figure",
        "Rule",
        lambda r: TITLES[r.rule.figure],
        width=136,
        strong=True,
        tool_tip=lambda r: explanation_of(r.rule.figure),
    ),
    Column("model", "Model", lambda r: r.rule.model, width=110),
    Column("environment", "In", lambda r: r.rule.environment, width=95),
    Column(
        "state",
        "State",
        lambda r: r.badge.word,
        kind=Kind.BADGE,
        badge=lambda r: r.badge,
        width=114,
        tool_tip=lambda r: r.note,
    ),
    Column("now", "Now", value_words, kind=Kind.NUMBER, width=68, tool_tip=lambda r: r.note),
    Column(
        "limit",
        "Fires when",
        lambda r: limit_words(r.rule),
        width=130,
        stretch=True,
        tool_tip=lambda r: limit_words(r.rule),
    ),
    Column(
        "severity",
        "Severity",
        lambda r: badge_of(r.rule.severity).word,
        value=lambda r: SEVERITIES.index(r.rule.severity),
        kind=Kind.BADGE,
        badge=lambda r: badge_of(r.rule.severity),
        width=110,
    ),
)
COMPARATORS = {"Above": Comparator.ABOVE, "Below": Comparator.BELOW}
