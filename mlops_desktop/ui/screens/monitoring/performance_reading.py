"""Reads the realised performance of a stretch of time, what it is held against, and each deployment's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_desktop.domain.alerts import AlertRule, Comparator
from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.metrics import higher_is_better, loss
from mlops_desktop.domain.monitoring import PerformancePoint
from mlops_desktop.ui.screens.monitoring.stretches import Target, step_of

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

POINTS = 120
METRIC_NAMES = {"roc_auc": "ROC AUC", "accuracy": "Accuracy", "rmse": "RMSE", "mae": "MAE"}


@dataclass(frozen=True, slots=True)
class DeploymentScore:
    """What one deployment reached over its whole life."""

    deployment: Deployment
    metric: str
    value: float
    low: float
    high: float
    reference: float
    labels: int
    predictions: int

    @property
    def difference(self) -> float:
        """Positive is better than the reference."""
        return -loss(self.metric, self.reference, self.value)


@dataclass(frozen=True, slots=True)
class PerformancePicture:
    """`reference` and `limit` (where the alert rule fires) are steps of (time, value): each version has its own."""

    start: float
    end: float
    metric: str
    metrics: tuple[str, ...]
    points: tuple[PerformancePoint, ...]
    reference: tuple[tuple[float, float], ...]
    limit: tuple[tuple[float, float], ...]
    scores: tuple[DeploymentScore, ...]

    @property
    def labels(self) -> int:
        return sum(p.labels for p in self.points)

    @property
    def predictions(self) -> int:
        return sum(p.predictions for p in self.points)


def read_performance(
    workspace: Workspace, target: Target, start: float, end: float, metric: str = ""
) -> PerformancePicture:
    """`metric` empty: the one that the service prefers."""
    pair, monitoring = target.pair, workspace.monitoring
    step = step_of(end - start, workspace.settings.performance_chunk_seconds, POINTS)
    first = math.floor(start / step) * step
    chosen = metric or None
    points = monitoring.performance(pair.model, pair.environment, first, end, step, chosen)
    name = points[0].metric if points else metric
    turns = [(r.at.timestamp(), r.deployment) for r in workspace.delivery.releases(pair.model, pair.environment)]
    references = {
        d: monitoring.performance_reference(d).get(name, math.nan) for d in {d for _, d in turns if d is not None}
    }
    reference = steps_of(sorted(turns, key=lambda t: t[0]), references, start, end)
    rules = [r for r in workspace.alerts.rules(pair.model) if r.environment == pair.environment]
    limit = tuple((at, found) for at, value in reference if math.isfinite(found := alert_limit(rules, name, value)))
    task_metrics = tuple(m for m in METRIC_NAMES if higher_is_better(m) is higher_is_better(name))
    scores = _scores(workspace, target, name, start)
    return PerformancePicture(start, end, name, task_metrics if name else (), tuple(points), reference, limit, scores)


def steps_of(
    turns: Sequence[tuple[float, str | None]], values: Mapping[str, float], start: float, end: float
) -> tuple[tuple[float, float], ...]:
    """Corners of a line that has each deployment's value while it carried the traffic; NaN where none is known."""
    corners: list[tuple[float, float]] = []
    for (at, deployment), until in zip(turns, [*(t[0] for t in turns[1:]), end], strict=True):
        low, high = max(at, start), min(until, end)
        if low < high:
            value = math.nan if deployment is None else values.get(deployment, math.nan)
            corners += [(low, value), (high, value)]
    return tuple(corners)


def alert_limit(rules: Sequence[AlertRule], metric: str, reference: float) -> float:
    """A loss is a difference for shares and relative to the reference for errors, as the rule's figure is."""
    found = [
        r.threshold for r in rules if r.figure == "performance_loss" and r.enabled and r.comparator is Comparator.ABOVE
    ]
    if not found:
        return math.nan
    least = min(found)
    return reference - least if higher_is_better(metric) else reference * (1 + least)


def _scores(workspace: Workspace, target: Target, metric: str, start: float) -> tuple[DeploymentScore, ...]:
    alive = {d.id for d in target.pair.alive_since(start)}
    found = []
    for deployment in target.deployments:
        if deployment.id not in alive:
            continue
        by_metric: Mapping[str, PerformancePoint] = {
            p.metric: p for p in workspace.monitoring.performance_of(deployment.id)
        }
        point = by_metric.get(metric)
        if point is None:
            continue
        reference = workspace.monitoring.performance_reference(deployment.id).get(metric, math.nan)
        found.append(
            DeploymentScore(
                deployment, metric, point.value, point.low, point.high, reference, point.labels, point.predictions
            )
        )
    return tuple(found)
