"""Series, chunks, drift and performance as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Chunk:
    """One deployment's mergeable counts over some seconds; `body` is documented in serving/chunks.py."""

    deployment: str
    boot: str  # random id of the serving process's start
    sequence: int  # of the last second that was merged into it
    start: float  # epoch seconds on the collector's clock
    end: float
    requests: int
    rows: int
    errors: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one figure over time; `values` may hold NaN where there is a gap: times are epoch seconds."""

    name: str
    unit: str
    times: tuple[float, ...]
    values: tuple[float, ...]


class DriftState(StrEnum):
    OK = "ok"
    SUSPECTED = "suspected"  # the last chunk, but not yet 2 of 3
    DRIFT = "drift"
    UNKNOWN = "unknown"  # too few rows, or none: never read as fine


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature, or the prediction, is from the reference profile over a time range."""

    feature: str
    kind: str  # "number", "category" or "prediction"
    state: DriftState
    rows: int
    psi: float
    distance: float  # KS for numbers, L-infinity for categories
    p_value: float  # corrected over the features (Benjamini-Hochberg)
    limit: float  # the PSI above which n rows are a drift
    importance: float
    null_share: float
    sentence: str  # the verdict in words
    bins: tuple[str, ...] = ()
    reference_shares: tuple[float, ...] = ()
    current_shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class DriftReport:
    model: str
    version: int
    deployment: str
    start: float
    end: float
    rows: int
    features: tuple[FeatureDrift, ...]  # worst first

    @property
    def state(self) -> DriftState:
        states = {f.state for f in self.features}
        return next(
            (s for s in (DriftState.DRIFT, DriftState.SUSPECTED) if s in states),
            DriftState.OK if DriftState.OK in states else DriftState.UNKNOWN,
        )


@dataclass(frozen=True, slots=True)
class PerformancePoint:
    """Realised performance of the predictions made in a time range, with a 95 % interval.

    Labels that come first are seldom like the others, so the value is NaN until the range is `complete`: over, and most
    of its labels are here or no more are coming.
    """

    start: float
    end: float
    metric: str
    value: float
    low: float
    high: float
    labels: int
    predictions: int
    complete: bool = True

    @property
    def coverage(self) -> float:
        return self.labels / self.predictions if self.predictions else 0.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered row, kept so that its true outcome can be joined later."""

    id: str  # REQUEST:ROW
    deployment: str
    at: float  # collector's epoch seconds
    score: float  # probability of the positive class, or the predicted value
    outcome: str  # predicted label, empty for regression


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What became of a batch of labels."""

    matched: int
    replaced: int
    unknown: int
    unknown_ids: tuple[str, ...] = ()  # the first ten


@dataclass(frozen=True, slots=True)
class Live:
    """The latest figures of a deployment."""

    deployment: str
    at: float
    requests_per_second: float
    errors_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_percent: float
    memory_bytes: int
    drift: DriftState = DriftState.UNKNOWN
    figures: Mapping[str, float] = field(default_factory=dict)
