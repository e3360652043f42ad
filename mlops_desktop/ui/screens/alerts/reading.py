"""What the screen asks the workspace; all of it runs on a reading thread."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_desktop.domain.alerts import BY_PERIODS, Alert, AlertRule, AlertState, RuleState
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import NotFound
from mlops_desktop.ui.screens.alerts.limit_chart import Past
from mlops_desktop.ui.screens.alerts.rows import Detail, Lists, PendingRow, RuleRow, sort_open, worst

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

SILENT_SECONDS = 30.0
DAY = 86_400.0
BEFORE_SECONDS = 900.0  # of the figure's past that is shown before the alert opened ...
CHUNKS_BEFORE = 12  # ... or so many chunks, for figures that come once a chunk


def lists_of(workspace: Workspace) -> Lists:
    """Everything that the lists show."""
    alerts, now = workspace.alerts, datetime.now(UTC)
    rules, conditions, everything = alerts.rules(), alerts.conditions(), alerts.alerts()
    by_id, said = {rule.id: rule for rule in rules}, worst(conditions)
    pairs = sorted({(rule.model, rule.environment) for rule in rules})
    collected = alerts.collected_at()
    silent = collected is not None and (now - collected).total_seconds() > SILENT_SECONDS
    return Lists(
        open=sort_open([a for a in everything if a.open], now),
        resolved=sorted(
            (a for a in everything if a.state is AlertState.RESOLVED),
            key=lambda a: a.resolved_at or a.opened_at,
            reverse=True,
        ),
        pending=[PendingRow(by_id[c.rule], c) for c in conditions if c.state is RuleState.PENDING and c.rule in by_id],
        rules=[RuleRow(rule, said.get(rule.id)) for rule in rules],
        suggested=next((found for pair in pairs if (found := alerts.suggested(*pair))), []),
        silent_since=collected if silent and conditions else None,
    )


def detail_of(workspace: Workspace, shown: Alert | PendingRow) -> Detail:
    """One alert or pending rule, as it is now."""
    now = time.time()
    rules = {rule.id: rule for rule in workspace.alerts.rules()}
    alert: Alert | None = None
    rule: AlertRule | None
    if isinstance(shown, PendingRow):
        rule, identifier = rules.get(shown.rule.id, shown.rule), shown.condition.deployment
        model, environment, version = shown.rule.model, shown.rule.environment, shown.condition.version
        opened, over = shown.condition.since, None
    else:
        alert = workspace.alerts.alert(shown.id)
        rule, identifier = rules.get(alert.rule), alert.deployment or ""
        model, environment, version = alert.model, alert.environment, alert.version or 0
        opened = alert.opened_at.timestamp()
        over = None if alert.resolved_at is None else alert.resolved_at.timestamp()
    said = workspace.alerts.conditions()
    condition = next((c for c in said if rule and (c.rule, c.deployment) == (rule.id, identifier)), None)
    deployment, past = _past(workspace, rule, identifier, opened, over, now)
    if condition is None and isinstance(shown, PendingRow):
        condition = shown.condition
    return Detail(
        rule=rule,
        alert=alert,
        condition=condition,
        events=() if alert is None else workspace.alerts.timeline(alert.id),
        past=past if past is None or alert is None else replace(past, open=[(opened, over)]),
        current=deployment is not None and deployment.current,
        deployment=identifier,
        model=model,
        version=version,
        environment=environment,
    )


def _past(
    workspace: Workspace, rule: AlertRule | None, identifier: str, opened: float, over: float | None, now: float
) -> tuple[Deployment | None, Past | None]:
    """The deployment and the figure's past around the alert; None where they are gone."""
    try:
        deployment = workspace.delivery.deployment(identifier)
    except NotFound:
        return None, None
    if rule is None:
        return deployment, None
    before, settings = BEFORE_SECONDS, workspace.settings
    if rule.figure in BY_PERIODS:
        before = max(before, CHUNKS_BEFORE * settings.performance_chunk_seconds)
    elif rule.figure in {"drifted_features", "prediction_drift"}:
        before = max(before, CHUNKS_BEFORE * settings.drift_chunk_seconds)
    begun = (deployment.ready_at or deployment.created_at).timestamp()
    end = now if over is None else min(now, over + max(60.0, 0.25 * (over - opened)))
    start = min(max(opened - before, begun, end - DAY), end - 60.0)
    series = workspace.monitoring.figure_history(identifier, rule.figure, start, end)
    return deployment, Past(start, end, series.times, series.values)
