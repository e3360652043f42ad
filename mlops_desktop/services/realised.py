"""Realised performance of deployments: predictions joined with the labels that arrived, by the time of prediction.

Outcomes that come first are seldom like the others: a flight that lands early is known before one that is late. So a
stretch of time says something only when most of its outcomes are known, or when no more of them are coming.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_desktop.domain.alerts import PERIODS, Period, Reading
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
MIN_COVERAGE = 0.9  # share of a period's predictions whose outcome must be known ...
PATIENCE = 12  # ... unless for so many times the performance chunk no outcome of that period came any more
WIDTHS = (1, 4, 12, 48)  # periods in performance chunks: little traffic is judged over longer ones
LOOKED_AT = 12  # periods before the newest known outcome
LOSS_SECONDS = 10.0  # a loss is computed again after this time at the earliest, or when labels arrive
# In order of preference: the first that can be computed is the one that is shown and watched.
METRICS = {Task.CLASSIFICATION: ("roc_auc", "accuracy"), Task.REGRESSION: ("rmse", "mae")}
NAMES = {"roc_auc": "ROC AUC", "accuracy": "accuracy", "rmse": "RMSE", "mae": "mean absolute error"}


@dataclass(frozen=True, slots=True)
class _Window:
    """A closed stretch of time whose outcomes are complete, and what they say."""

    start: float
    end: float
    predictions: int
    labels: int
    known_at: float  # when it became complete
    estimates: Mapping[str, Estimate]


@dataclass(slots=True)
class Realised:
    parts: Parts
    profiles: Profiles
    _readings: dict[str, tuple[float, Reading]] = field(default_factory=dict)
    _windows: dict[tuple[str, float, float], _Window] = field(default_factory=dict)

    def points(
        self, deployments: Sequence[Deployment], start: float, end: float, step: float, metric: str | None = None
    ) -> list[PerformancePoint]:
        """One point for each step in which predictions were made; NaN where its labels are few or not complete."""
        if not deployments:
            return []
        if step <= 0 or not math.isfinite(step):
            raise InvalidInput("The step must be a positive number of seconds.")
        task = self.profiles.task(deployments[0])
        if metric is not None and metric not in METRICS[task]:
            raise InvalidInput(f"There is no metric {metric!r} here.", f"Metrics are {', '.join(METRICS[task])}.")
        database, ids, now = self.parts.database.read(), [d.id for d in deployments], self.parts.clock().timestamp()
        counts = store.count_between(database, ids, start, end, step)
        labelled = store.labelled_between(database, ids, start, end)
        slots = labelled.slots(counts, start, step)
        complete = {
            slot
            for slot, known in slots.items()
            if len(known)
            and self._complete(start + (slot + 1) * step, counts[slot], len(known), max(known.labelled_at), now)
        }
        estimates = {slot: self._estimates(deployments[0], slots[slot]) for slot in complete}
        if metric is None:
            found = {name for by_metric in estimates.values() for name in by_metric}
            metric = next((name for name in METRICS[task] if name in found), METRICS[task][0])
        points = []
        for slot in sorted(counts):
            at, estimate = start + slot * step, estimates.get(slot, {}).get(metric)
            nan = math.nan
            value, low, high = (nan, nan, nan) if estimate is None else (estimate.value, estimate.low, estimate.high)
            labels, over = len(slots[slot]), min(at + step, end)
            points.append(PerformancePoint(at, over, metric, value, low, high, labels, counts[slot], slot in complete))
        return points

    def _complete(self, end: float, predictions: int, labels: int, labelled_at: float, now: float) -> bool:
        waited = 0.0 if labels >= MIN_COVERAGE * predictions else self._patience
        return end <= now and now >= labelled_at + waited

    @property
    def _patience(self) -> float:
        return PATIENCE * self.parts.settings.performance_chunk_seconds

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

    def reading(self, deployment: Deployment, now: float) -> Reading:
        """How far the newest complete periods are worse than the reference, or why that is not known."""
        at, known = self._readings.get(deployment.id, (-math.inf, Reading(None)))
        if 0 <= now - at < LOSS_SECONDS:
            return known
        reading = self._read(deployment, now)
        self._readings[deployment.id] = (now, reading)
        return reading

    def forget(self) -> None:
        """Labels arrived: look at them with the next question."""
        self._readings.clear()

    def losses(self, deployment: Deployment, start: float, end: float) -> list[Period]:
        """The loss of each complete period that began in a range, oldest first: what a rule saw."""
        now = self.parts.clock().timestamp()
        length = self.parts.settings.performance_chunk_seconds
        reference, found = self.reference(deployment), list[_Window]()
        for times in WIDTHS:
            width = times * length
            first = max(math.floor(start / width), math.floor(end / width) - 500)
            found = self._complete_windows(deployment, first, math.floor(end / width), width, now)
            if len(found) >= PERIODS:
                break
        return self._periods(deployment, found, reference)

    def _read(self, deployment: Deployment, now: float) -> Reading:
        reference = self.reference(deployment)
        if not reference:
            return Reading(None, "the version brought no held-out performance to compare with")
        newest = store.newest_labelled(self.parts.database.read(), deployment.id)
        if newest is None:
            return Reading(None, "no true outcomes have arrived yet")
        length, windows = self.parts.settings.performance_chunk_seconds, list[_Window]()
        width = length
        for times in WIDTHS:
            last = math.floor(newest / (times * length))
            found = self._complete_windows(deployment, last - LOOKED_AT + 1, last, times * length, now)
            if len(found) > len(windows):
                windows, width = found, times * length
            if len(found) >= PERIODS:
                break
        periods = self._periods(deployment, windows, reference)
        if not periods:
            return Reading(None, f"no period has {MIN_LABELS} true outcomes and {MIN_COVERAGE:.0%} of them yet")
        last_window = next(w for w in reversed(windows) if w.start == periods[-1].start)
        delay = max(0.0, last_window.known_at - last_window.end)
        if now - last_window.end > 2 * delay + PATIENCE * width:
            return Reading(None, "no true outcomes have arrived lately")
        return Reading(periods[-1].value, self._words(last_window, reference), tuple(periods))

    def _words(self, window: _Window, reference: Mapping[str, float]) -> str:
        metric = next(name for name in (*METRICS[Task.CLASSIFICATION], *METRICS[Task.REGRESSION])
                      if name in window.estimates and name in reference)  # fmt: skip
        estimate, share = window.estimates[metric], window.labels / window.predictions
        return (
            f"{NAMES[metric]} is {estimate.value:.3g}, {reference[metric]:.3g} on held-out data"
            f" ({share:.0%} of {window.predictions:,} outcomes known)"
        )

    def _periods(
        self, deployment: Deployment, windows: Sequence[_Window], reference: Mapping[str, float]
    ) -> list[Period]:
        """The losses of the first metric that the windows and the reference know; of others nothing can be told."""
        from mlops_desktop.analysis.performance import shortfall

        known = {name for window in windows for name in window.estimates}
        metric = next((n for n in METRICS[self.profiles.task(deployment)] if n in reference and n in known), "")
        periods = []
        for window in windows:
            estimate = window.estimates.get(metric)
            found = None if estimate is None else shortfall(estimate, reference)
            if found is not None:
                periods.append(Period(window.start, window.end, *found))
        return periods

    def _complete_windows(
        self, deployment: Deployment, first: int, last: int, width: float, now: float
    ) -> list[_Window]:
        """Those of the stretches number `first` to `last` of `width` seconds that are complete, oldest first."""
        database, ids = self.parts.database.read(), [deployment.id]
        start, end = first * width, (last + 1) * width
        labels = store.count_labelled_between(database, ids, start, end, width)
        if all(number < MIN_LABELS for number in labels.values()):
            return []
        counts = store.count_between(database, ids, start, end, width)
        found = []
        for slot, number in sorted(labels.items()):
            begin, over = start + slot * width, start + (slot + 1) * width
            if number < MIN_LABELS or over > now:
                continue
            known = self._windows.get((deployment.id, begin, width))
            if known is None or (known.labels, known.predictions) != (number, counts[slot]):
                known = self._window(deployment, begin, over, counts[slot], now)
            if known is not None:
                self._windows[deployment.id, begin, width] = known
                found.append(known)
        self._trim()
        return found

    def _window(self, deployment: Deployment, start: float, end: float, predictions: int, now: float) -> _Window | None:
        database = self.parts.database.read()
        last = store.last_label_at(database, deployment.id, start, end)
        labelled = store.labelled_between(database, [deployment.id], start, end)
        if last is None or not self._complete(end, predictions, len(labelled), last, now):
            return None
        known_at = last if len(labelled) >= MIN_COVERAGE * predictions else last + self._patience
        return _Window(start, end, predictions, len(labelled), known_at, self._estimates(deployment, labelled))

    def _trim(self) -> None:
        """Keep the memory of estimates small; what is dropped is computed again when it is asked for."""
        while len(self._windows) > 2000:
            del self._windows[next(iter(self._windows))]

    def _estimates(self, deployment: Deployment, labelled: store.Labelled) -> dict[str, Estimate]:
        from mlops_desktop.analysis import performance

        if not labelled:
            return {}
        if self.profiles.task(deployment) is Task.REGRESSION:
            found = performance.realised_regression(labelled.label, labelled.score)
        else:
            positive = self.profiles.positive(deployment)
            found = performance.realised_classification(labelled.label, labelled.outcome, labelled.score, positive)
        return {estimate.metric: estimate for estimate in found if not math.isnan(estimate.value)}
