"""Judge live counts against the reference profile: figures, limits and a sentence for each feature.

The counts come from merged chunks, on the same bins as the profile, so that any time range costs the same.
A missing value is a bin of its own: a feed that stopped is a drift too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.analysis import distances, significance
from mlops_desktop.domain.monitoring import DriftState, FeatureDrift
from mlops_desktop.serving.bins import Bins, CategoryBins, NumberBins, Profile

PREDICTION_NAMES = {"score": "prediction score", "outcome": "prediction outcome"}
MOVED = 0.1  # standard deviations of the reference: a smaller change of the mean is called a change of shape
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """One feature's drift, and what the next chunk must remember of it. `breached` is None when nothing is known."""

    drift: FeatureDrift
    breached: bool | None
    strength: float


@dataclass(frozen=True, slots=True)
class _Measured:
    """Distances of one feature before the limits are known, which depend on the other features."""

    feature: str
    kind: str
    numeric: bool
    rows: int
    valid: int
    reference_rows: int
    reference_valid: int
    psi: float
    distance: float
    tested_bins: int  # after pooling rare ones
    p_psi: float
    p_distance: float
    null_share: float
    reference_null_share: float
    moved: float  # change of the mean in standard deviations of the reference
    importance: float
    labels: tuple[str, ...]
    reference: Floats
    current: Floats

    @property
    def p_value(self) -> float:
        return min(1.0, 2 * min(self.p_psi, self.p_distance))  # two tests of one feature


def judge(profile: Profile, features: Mapping[str, Any], predictions: Mapping[str, Any]) -> list[Judged]:
    """Compare a merged chunk's `features` and `predictions` with the profile; worst first.

    A feature of the profile that is absent from the chunk, or whose counts don't fit its bins, is unknown.
    """
    columns: list[tuple[str, str, Bins, Any, float]] = [
        (name, bins_kind(bins), bins, features.get(name), profile.importance.get(name, 0.0))
        for name, bins in profile.features.items()
    ]
    columns += [
        (PREDICTION_NAMES.get(name, f"prediction {name}"), "prediction", bins, predictions.get(name), 1.0)
        for name, bins in profile.predictions.items()
    ]
    measured = [_measure(*column) for column in columns]
    tested = [m for m in measured if m.rows >= significance.MIN_ROWS]
    corrected = significance.benjamini_hochberg([m.p_value for m in tested])
    # The level at which one test of one feature counts, once the correction over the features is done.
    found = sum(p <= significance.FALSE_ALARMS for p in corrected)
    level = significance.FALSE_ALARMS * max(found, 1) / max(len(tested), 1) / 2
    p_values = {m.feature: p for m, p in zip(tested, corrected, strict=True)}
    judged = [_judge(m, p_values.get(m.feature), level) for m in measured]
    equal = 1 / max(len(profile.features), 1)
    return sorted(judged, key=lambda j: (_RANK[j.drift.state], -j.strength * (j.drift.importance or equal)))


def bins_kind(bins: Bins) -> str:
    return "number" if isinstance(bins, NumberBins) else "category"


_RANK = {DriftState.DRIFT: 0, DriftState.SUSPECTED: 1, DriftState.OK: 2, DriftState.UNKNOWN: 3}


def with_state(drift: FeatureDrift, state: DriftState, breaches: int = 0) -> FeatureDrift:
    """The same figures under the state that the last chunks together give; the sentence says how often it breached."""
    text = drift.sentence.removesuffix(".")
    if state is DriftState.SUSPECTED:
        text += f"; suspected: {max(breaches, 1)} of {significance.MEMORY} chunks"
    elif state is DriftState.DRIFT and drift.state is DriftState.OK:
        text += "; the drift of the chunks before is not over yet"
    return replace(drift, state=state, sentence=text + ".")


def worst_first(features: Sequence[FeatureDrift]) -> tuple[FeatureDrift, ...]:
    """Features by state, then by drift times importance."""
    equal = 1 / max(len(features), 1)
    return tuple(
        sorted(features, key=lambda f: (_RANK[f.state], -(f.psi if f.psi == f.psi else 0) * (f.importance or equal)))
    )


def decile_counts(bins: NumberBins, counts: Floats) -> Floats:
    """Counts added up between the deciles' edges."""
    starts = [0, *(index + 1 for index in bins.deciles)]
    return np.add.reduceat(counts, starts)


def bin_labels(bins: Bins) -> tuple[str, ...]:
    """What each bin of `decile_counts`, or each category, holds, in words."""
    if isinstance(bins, CategoryBins):
        return (*bins.categories, "other")
    cuts = [bins.edges[index] for index in bins.deciles]
    if not cuts:
        return ("any",)
    inner = [_between(low, high) for low, high in pairwise(cuts)]
    return (f"below {cuts[0]:.4g}", *inner, f"{cuts[-1]:.4g} and above")


def _between(low: float, high: float) -> str:
    return f"{low:.4g}" if high == np.nextafter(low, np.inf) else f"{low:.4g} to {high:.4g}"


def _measure(name: str, kind: str, bins: Bins, counted: Any, importance: float) -> _Measured:
    numeric = isinstance(bins, NumberBins)
    reference = np.asarray(bins.counts, dtype=np.float64)
    current, missing = _counts_of(counted, bins.size)
    valid, reference_valid = int(current.sum()), int(reference.sum())
    rows, reference_rows = valid + missing, reference_valid + bins.nulls
    fine_reference, fine_current = reference, current
    if isinstance(bins, NumberBins):
        reference, current = decile_counts(bins, reference), decile_counts(bins, current)
    labels = bin_labels(bins)
    if bins.nulls or missing:
        reference, current = np.append(reference, bins.nulls), np.append(current, missing)
        labels = (*labels, "missing")
    psi = distance = float("nan")
    p_psi = p_distance = 1.0
    tested_bins = 0
    if rows and reference_rows:
        r, c = significance.pool_rare(reference, current, 0.0 if numeric else significance.RARE_CATEGORY)
        tested_bins = r.size
        psi = distances.psi(distances.half_a_row(r), distances.half_a_row(c))
        p_psi = significance.psi_p_value(psi, tested_bins, reference_rows, rows)
        if not numeric:
            distance = distances.l_infinity(distances.shares(reference), distances.shares(current))
            p_distance = significance.l_infinity_p_value(distance, tested_bins, reference_rows, rows)
        elif valid and reference_valid:
            distance = distances.ks_of_counts(fine_reference, fine_current)
            if valid >= significance.MIN_ROWS:
                p_distance = significance.ks_p_value(distance, reference_valid, valid)
    return _Measured(
        feature=name,
        kind=kind,
        numeric=numeric,
        rows=rows,
        valid=valid,
        reference_rows=reference_rows,
        reference_valid=reference_valid,
        psi=psi,
        distance=distance,
        tested_bins=tested_bins,
        p_psi=p_psi,
        p_distance=p_distance,
        null_share=missing / rows if rows else 0.0,
        reference_null_share=bins.nulls / reference_rows if reference_rows else 0.0,
        moved=_moved(bins, counted, valid) if isinstance(bins, NumberBins) else 0.0,
        importance=importance,
        labels=labels,
        reference=distances.shares(reference),
        current=distances.shares(current),
    )


def _counts_of(counted: Any, size: int) -> tuple[Floats, int]:
    """Counts and missing rows of one feature of a chunk; nothing when they don't fit the bins."""
    counts = np.asarray((counted or {}).get("counts", ()), dtype=np.float64)
    if counts.shape != (size,):
        return np.zeros(size), 0
    return counts, int(counted.get("nulls", 0)) + int(counted.get("invalid", 0))


def _moved(bins: NumberBins, counted: Any, valid: int) -> float:
    rows = sum(bins.counts)
    if not valid or not rows:
        return 0.0
    mean = bins.sum / rows
    deviation = max(bins.sum_squares / rows - mean**2, 0.0) ** 0.5
    change = float(counted.get("sum", 0.0)) / valid - mean
    return float(np.clip(change / deviation, -1e9, 1e9)) if deviation > 0 else float(np.sign(change))


def _judge(m: _Measured, p_value: float | None, level: float) -> Judged:
    if m.rows < significance.MIN_ROWS or not m.reference_rows:
        text = f"{m.feature}: no rows, so nothing is known."
        if m.rows:
            text = f"{m.feature}: only {m.rows:,} rows, {significance.MIN_ROWS} are needed for a verdict."
        return Judged(_drift(m, DriftState.UNKNOWN, 1.0, significance.PSI_FLOOR, text), None, 0.0)
    psi_limit = significance.psi_limit(m.tested_bins, m.reference_rows, m.rows, level)
    if m.numeric and m.valid >= significance.MIN_ROWS and m.reference_valid:
        distance_limit = significance.ks_limit(m.reference_valid, m.valid, level)
    elif m.numeric:
        distance_limit = float("inf")
    else:
        distance_limit = significance.l_infinity_limit(m.tested_bins, m.reference_rows, m.rows, level)
    by_distance = m.distance / distance_limit if m.distance == m.distance else 0.0
    strength = max(m.psi / psi_limit, by_distance)
    breached = strength >= 1.0
    text = _sentence(m, breached, psi_limit, distance_limit)
    state = DriftState.SUSPECTED if breached else DriftState.OK
    return Judged(_drift(m, state, 1.0 if p_value is None else p_value, psi_limit, text), breached, strength)


def _drift(m: _Measured, state: DriftState, p_value: float, limit: float, sentence: str) -> FeatureDrift:
    return FeatureDrift(
        feature=m.feature,
        kind=m.kind,
        state=state,
        rows=m.rows,
        psi=m.psi,
        distance=m.distance,
        p_value=p_value,
        limit=limit,
        importance=m.importance,
        null_share=m.null_share,
        sentence=sentence,
        bins=m.labels,
        reference_shares=tuple(m.reference.tolist()),
        current_shares=tuple(m.current.tolist()),
    )


def _sentence(m: _Measured, breached: bool, psi_limit: float, distance_limit: float) -> str:
    """The verdict in words, with the figure that decided."""
    name = "KS" if m.numeric else "L-infinity"
    by_distance = m.distance == m.distance and (m.distance >= distance_limit or m.psi < psi_limit)
    figure = f"{name} {m.distance:.2f}" if by_distance else f"PSI {m.psi:.2f}"
    limit = f"limit {distance_limit if by_distance else psi_limit:.2f}"
    over = f"{figure} over {m.rows:,} rows, {limit}"
    if not breached:
        return f"{m.feature} is like the reference: {over}."
    if m.null_share - m.reference_null_share > 0.05 and not (m.distance >= distance_limit):
        share = f"{m.null_share:.0%} of rows, {m.reference_null_share:.0%} in the reference"
        return f"{m.feature} is missing in {share}: {over}."
    if m.numeric:
        if abs(m.moved) < MOVED:
            return f"{m.feature} changed shape: {over}."
        return f"{m.feature} moved {'up' if m.moved > 0 else 'down'}: {over}."
    most = int(np.argmax(np.abs(m.current - m.reference)))
    change = f"“{m.labels[most]}” went from {m.reference[most]:.0%} to {m.current[most]:.0%}"
    return f"{m.feature} changed, {change}: {over}."
