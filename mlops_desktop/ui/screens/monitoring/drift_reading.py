"""Reads drift verdicts and arranges them as a map: features by time, unknown wherever there is no verdict."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.monitoring import DriftReport, DriftState, FeatureDrift
from mlops_desktop.domain.registry import FileRole
from mlops_desktop.ui.screens.monitoring.stretches import Target, clock, span_words, step_of
from mlops_desktop.ui.words import count, lasting

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

STALE = 12  # chunk lengths after which a verdict says nothing of the present
NAMED = 4
PREDICTION = "prediction"
_RANK = {DriftState.DRIFT: 0, DriftState.SUSPECTED: 1, DriftState.OK: 2, DriftState.UNKNOWN: 3}


@dataclass(frozen=True, slots=True)
class Spot:
    """The verdict on one feature in one column of the map, and the chunk that it comes from."""

    drift: FeatureDrift
    deployment: str
    version: int
    start: float
    end: float

    @property
    def strength(self) -> float | None:
        """Shade from 0 to 1, a third at the limit; None when nothing is known."""
        drift = self.drift
        if drift.state is DriftState.UNKNOWN or not math.isfinite(drift.psi):
            return None
        times = drift.psi / drift.limit if drift.limit > 0 else drift.psi
        if drift.state is not DriftState.OK:
            times = max(times, 1.0)
        return min(1.0, math.log2(1 + max(times, 0.0)) / 3)

    @property
    def words(self) -> str:
        return f"{self.drift.sentence} Version {self.version}, {span_words(self.start, self.end)}."


@dataclass(frozen=True, slots=True)
class DriftPicture:
    """Rows are features, predictions first; `newest` are the verdicts that hold now, ranked."""

    state: DriftState
    title: str
    text: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    spots: tuple[tuple[Spot | None, ...], ...] = ()
    newest: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class FeatureDetail:
    """One feature with its bins over one chunk."""

    drift: FeatureDrift
    version: int
    start: float
    end: float


class DriftReading:
    """Closed chunks never change, so they are read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._closed: dict[str, tuple[float, list[DriftReport]]] = {}

    def picture(self, target: Target, start: float, end: float, now: float, columns: int) -> DriftPicture:
        """At most so many columns; each is one chunk long or more."""
        deployments = [d for d in target.deployments if d in target.pair.alive_since(start)]
        seconds = self._workspace.settings.drift_chunk_seconds
        reports = sorted((r for d in deployments for r in self._reports(d, start, end)), key=lambda r: (r.end, r.start))
        if not reports:
            return self._nothing(target, seconds)
        newest = self._newest(target, reports)
        state, title, text = headline(newest, now, seconds)
        step = step_of(end - max(start, reports[0].start), seconds, columns)
        spots = [Spot(f, newest.deployment, newest.version, newest.start, newest.end) for f in newest.features]
        ranked = rank(spots, reports)
        rows, titles, cells = heat_map(reports, [s.drift.feature for s in ranked], start, end, step)
        return DriftPicture(state, title, text, rows, titles, cells, ranked)

    def feature(self, target: Target, spot: Spot) -> FeatureDetail:
        pair = target.pair
        report = self._workspace.monitoring.drift(
            pair.model, pair.environment, deployment=spot.deployment, start=spot.start, end=spot.end
        )
        found = next((f for f in report.features if f.feature == spot.drift.feature), spot.drift)
        return FeatureDetail(found, spot.version, spot.start, spot.end)

    def _reports(self, deployment: Deployment, start: float, end: float) -> list[DriftReport]:
        with self._lock:
            since, known = self._closed.get(deployment.id, (math.inf, []))
            if start < since:
                since, known = start, []
            # A chunk is closed some seconds after its end, so the reading goes on behind the last one that is known.
            after = known[-1].end if known else since
            if after < end:
                known = [*known, *self._workspace.monitoring.drift_history(deployment.id, after, end)]
            self._closed[deployment.id] = (since, known)
        return [r for r in known if start < r.end <= end]

    def _newest(self, target: Target, reports: Sequence[DriftReport]) -> DriftReport:
        """Of the deployment that carries traffic, if it has a verdict; else the newest of all."""
        current = target.pair.current
        own = [r for r in reports if current is not None and r.deployment == current.id]
        return own[-1] if own and not target.deployment else reports[-1]

    def _nothing(self, target: Target, seconds: float) -> DriftPicture:
        subject = target.pair.current or next(iter(target.deployments), None)
        if subject is not None:
            version = self._workspace.registry.version(subject.model, subject.version)
            if not any(f.role is FileRole.PROFILE for f in version.files):
                title = f"Version {subject.version} has no reference profile"
                text = (
                    "Drift is measured against the training data. A training script sends its profile along when it "
                    "registers the version through the client; register it again that way."
                )
                return DriftPicture(DriftState.UNKNOWN, title, text)
        text = (
            f"A verdict is given after {lasting(seconds)} of traffic with at least 200 rows. "
            "Send traffic, or look at a longer time."
        )
        return DriftPicture(DriftState.UNKNOWN, "Drift is unknown: no verdict in this time", text)


def rank(spots: Sequence[Spot], reports: Sequence[DriftReport]) -> tuple[Spot, ...]:
    """Worst first by state, then by drift times importance; a feature without a verdict stands where its last put it.

    Otherwise a chunk with too few rows would shuffle the list.
    """
    known = {f.feature: f for r in reports for f in r.features if f.state is not DriftState.UNKNOWN}
    equal = 1 / max(len(spots), 1)

    def place(spot: Spot) -> tuple[int, bool, float]:
        drift = known.get(spot.drift.feature, spot.drift)
        size = drift.psi if math.isfinite(drift.psi) else 0.0
        return _RANK[drift.state], drift.kind != PREDICTION, -size * (drift.importance or equal)

    return tuple(sorted(spots, key=place))


def headline(newest: DriftReport, now: float, seconds: float) -> tuple[DriftState, str, str]:
    """The state that holds now, in words."""
    over = f"Newest verdict: {clock(newest.start, now)} to {clock(newest.end, now)}, {newest.rows:,} rows"
    if now - newest.end > STALE * seconds:
        return (
            DriftState.UNKNOWN,
            f"Unknown now: no verdict since {clock(newest.end, now)}",
            f"{over}, version {newest.version}. It says nothing of the present.",
        )
    if all(f.state is DriftState.UNKNOWN for f in newest.features):
        reason = newest.features[0].sentence.partition(": ")[2] if newest.features else ""
        title = f"Unknown now: {reason or 'the newest chunk has no verdict'}".removesuffix(".")
        return DriftState.UNKNOWN, title, f"{over}, version {newest.version}."
    inputs = [f for f in newest.features if f.kind != PREDICTION]
    parts = []
    for state, verb in ((DriftState.DRIFT, "drifted"), (DriftState.SUSPECTED, "suspected")):
        found = [f.feature for f in inputs if f.state is state]
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            parts.append(f"{len(found)} of {count(len(inputs), 'input')} {verb}: {', '.join(found[:NAMED])}{more}")
    if any(f.state is DriftState.DRIFT for f in newest.features if f.kind == PREDICTION):
        parts.append("the predictions drifted")
    unknown = sum(f.state is DriftState.UNKNOWN for f in newest.features)
    if not parts:
        parts.append("No drift found")
    if unknown:
        parts.append(f"{unknown} unknown")
    sentence = "; ".join(parts)
    return newest.state, sentence[:1].upper() + sentence[1:], f"{over}, version {newest.version}."


def heat_map(
    reports: Sequence[DriftReport], ranked: Sequence[str], start: float, end: float, step: float
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[Spot | None, ...], ...]]:
    """Rows, columns and spots on a regular grid of time; of several verdicts in a column the worst counts."""
    names = list(ranked)
    for report in reversed(reports):
        names += [f.feature for f in report.features if f.feature not in names]
    kinds = {f.feature: f.kind for r in reports for f in r.features}
    names.sort(key=lambda name: kinds.get(name) != PREDICTION)
    first = math.floor(max(start, reports[0].start) / step) * step
    number = max(1, math.ceil((end - first) / step))
    place = {name: row for row, name in enumerate(names)}
    cells: list[list[Spot | None]] = [[None] * number for _ in names]
    for report in reports:
        columns = _columns_of(report, first, step, number)
        for feature in report.features:
            spot = Spot(feature, report.deployment, report.version, report.start, report.end)
            row = cells[place[feature.feature]]
            for column in columns:
                row[column] = _worse(row[column], spot)
    titles = tuple(_title(first + column * step, step, end - first) for column in range(number))
    return tuple(names), titles, tuple(tuple(row) for row in cells)


def _columns_of(report: DriftReport, first: float, step: float, number: int) -> list[int]:
    """Those that hold its middle, or that it covers by half."""
    middle = math.floor(((report.start + report.end) / 2 - first) / step)
    low = math.ceil((report.start - first) / step - 0.5)
    high = math.floor((report.end - first) / step - 0.5)
    return [column for column in sorted({middle, *range(low, high + 1)}) if 0 <= column < number]


def _worse(one: Spot | None, other: Spot) -> Spot:
    if one is None:
        return other
    key = [(_RANK[s.drift.state], -(s.strength or 0.0)) for s in (one, other)]
    return one if key[0] < key[1] else other


def _title(moment: float, step: float, span: float) -> str:
    then = datetime.fromtimestamp(moment).astimezone()
    if step >= 86_400 or span > 5 * 86_400:
        return f"{then:%d %b}"
    return f"{then:%H:%M}" if span > 600 else f"{then:%H:%M:%S}"
