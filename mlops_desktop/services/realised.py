"""Realised performance of deployments: predictions joined with the labels that arrived, by the time of prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.monitoring import PerformancePoint
from mlops_desktop.domain.registry import Task
from mlops_desktop.store import predictions as store

if TYPE_CHECKING:
    from mlops_desktop.analysis.performance import Estimate
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.profiles import Profiles

MIN_LABELS = 200  # fewer say nothing that should wake somebody up
WIDENED = 12  # times the performance chunk that is looked back for enough labels
LOSS_SECONDS = 10.0  # a loss is computed again after this time at the earliest
# In order of preference: the first that can be computed is the one that is shown and watched.
METRICS = {Task.CLASSIFICATION: ("roc_auc", "accuracy"), Task.REGRESSION: ("rmse", "mae")}


@dataclass(slots=True)
class Realised:
    parts: Parts
    profiles: Profiles
    _losses: dict[str, tuple[float, float | None]] = field(default_factory=dict)

    def points(
        self, deployments: Sequence[Deployment], start: float, end: float, step: float, metric: str | None = None
    ) -> list[PerformancePoint]:
        """One point for each step in which predictions were made; NaN where too few labels came so far."""
        if not deployments:
            return []
        if step <= 0 or not math.isfinite(step):
            raise InvalidInput("The step must be a positive number of seconds.")
        task = self.profiles.task(deployments[0])
        if metric is not None and metric not in METRICS[task]:
            raise InvalidInput(f"There is no metric {metric!r} here.", f"Metrics are {', '.join(METRICS[task])}.")
        database, ids = self.parts.database.read(), [d.id for d in deployments]
        counts = store.count_between(database, ids, start, end, step)
        slots: dict[int, list[store.Labelled]] = {}
        for one in store.labelled_between(database, ids, start, end):
            slots.setdefault(int((one.at - start) / step), []).append(one)
        estimates = {slot: self._estimates(deployments[0], ones) for slot, ones in slots.items()}
        if metric is None:
            found = {name for by_metric in estimates.values() for name in by_metric}
            metric = next((name for name in METRICS[task] if name in found), METRICS[task][0])
        points = []
        for slot in sorted(counts):
            at, estimate = start + slot * step, estimates.get(slot, {}).get(metric)
            nan = math.nan
            value, low, high = (nan, nan, nan) if estimate is None else (estimate.value, estimate.low, estimate.high)
            labels = len(slots.get(slot, ()))
            points.append(PerformancePoint(at, min(at + step, end), metric, value, low, high, labels, counts[slot]))
        return points

    def of(self, deployment: Deployment) -> list[PerformancePoint]:
        """Every metric over all kept predictions of one deployment; empty before the first label."""
        database = self.parts.database.read()
        span = store.first_and_last(database, deployment.id)
        if span is None:
            return []
        start, end = span[0], math.nextafter(span[1], math.inf)
        labelled = store.labelled_between(database, [deployment.id], start, end)
        number = sum(store.count_between(database, [deployment.id], start, end, end - start + 1).values())
        return [
            PerformancePoint(span[0], end, e.metric, e.value, e.low, e.high, len(labelled), number)
            for e in self._estimates(deployment, labelled).values()
        ]

    def reference(self, deployment: Deployment) -> Mapping[str, float]:
        """Held-out performance of the version, from its profile; empty when it has none."""
        profile = self.profiles.of(deployment)
        return {} if profile is None else dict(profile.performance)

    def loss(self, deployment: Deployment, now: float) -> float | None:
        """How far the newest labelled predictions are worse than the reference; None when it is not known.

        Zero while the 95 % interval holds the reference.
        """
        at, known = self._losses.get(deployment.id, (-math.inf, None))
        if 0 <= now - at < LOSS_SECONDS:
            return known
        loss = self._loss(deployment)
        self._losses[deployment.id] = (now, loss)
        return loss

    def forget(self) -> None:
        """Labels arrived: compute losses anew."""
        self._losses.clear()

    def _loss(self, deployment: Deployment) -> float | None:
        from mlops_desktop.analysis import performance

        reference = self.reference(deployment)
        database = self.parts.database.read()
        newest = store.newest_labelled(database, deployment.id)
        if newest is None or not reference:
            return None
        length = self.parts.settings.performance_chunk_seconds
        end = math.nextafter(newest, math.inf)
        labelled: list[store.Labelled] = []
        for times in (1, 3, WIDENED):
            labelled = store.labelled_between(database, [deployment.id], newest - times * length, end)
            if len(labelled) >= MIN_LABELS:
                break
        if len(labelled) < MIN_LABELS:
            return None
        estimates = self._estimates(deployment, labelled)
        task = self.profiles.task(deployment)
        known = next((estimates[n] for n in METRICS[task] if n in estimates and n in reference), None)
        return None if known is None else performance.loss(known, reference)

    def _estimates(self, deployment: Deployment, labelled: Sequence[store.Labelled]) -> dict[str, Estimate]:
        from mlops_desktop.analysis import performance

        if not labelled:
            return {}
        labels, scores = [one.label for one in labelled], [one.score for one in labelled]
        if self.profiles.task(deployment) is Task.REGRESSION:
            found = performance.realised_regression(labels, scores)
        else:
            outcomes = [one.outcome for one in labelled]
            found = performance.realised_classification(labels, outcomes, scores, self._positive(deployment))
        return {estimate.metric: estimate for estimate in found if not math.isnan(estimate.value)}

    def _positive(self, deployment: Deployment) -> str | None:
        """The class whose probability the score is: the last of the two, in sorted order, as serving has it."""
        from mlops_desktop.serving.bins import CategoryBins

        profile = self.profiles.of(deployment)
        outcome = None if profile is None else profile.predictions.get("outcome")
        if isinstance(outcome, CategoryBins) and len(outcome.categories) == 2:
            return sorted(outcome.categories)[-1]
        return None
