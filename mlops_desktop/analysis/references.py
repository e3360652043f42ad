"""Two reference profiles against each other: on what the two versions were trained.

Each profile has bins of its own, cut at the quantiles of its own training data. Between its edges the values are taken
to be spread evenly, so that both can be counted on the same bins; a heavy value has a bin to itself and stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.analysis.drift import PREDICTION_NAMES
from mlops_desktop.domain.comparison import FeatureComparison
from mlops_desktop.serving.bins import Bins, CategoryBins, NumberBins, Profile

Floats = NDArray[np.float64]

STEPS = 20  # bins of a picture, about
MOST_VALUES = 30  # up to so many distinct values each has a bin of its own
MOST_CATEGORIES = 24
TAIL = 0.005  # what lies beyond goes into the first and the last bin


def compare_profiles(left: Profile, right: Profile) -> tuple[FeatureComparison, ...]:
    """Every feature and prediction of the two, the furthest apart first; those that can't be compared come last."""
    found = []
    for name in left.features.keys() | right.features.keys():
        one = _compared(name, "", left.features.get(name), right.features.get(name))
        before, after = left.importance.get(name), right.importance.get(name)
        found.append(replace(one, left_importance=before, right_importance=after))
    for name in left.predictions.keys() | right.predictions.keys():
        shown = PREDICTION_NAMES.get(name, f"prediction {name}")
        found.append(_compared(shown, "prediction", left.predictions.get(name), right.predictions.get(name)))
    return tuple(sorted(found, key=lambda f: (f.distance is None, -(f.distance or 0.0), f.feature)))


def _compared(name: str, kind: str, left: Bins | None, right: Bins | None) -> FeatureComparison:
    kind = kind or ("number" if isinstance(left or right, NumberBins) else "category")
    if left is None or right is None:
        return FeatureComparison(name, kind, None, note=f"Only the {'right' if left is None else 'left'} one has it.")
    if isinstance(left, NumberBins) and isinstance(right, NumberBins):
        return _numbers(name, kind, left, right)
    if isinstance(left, CategoryBins) and isinstance(right, CategoryBins):
        return _categories(name, kind, left, right)
    return FeatureComparison(name, kind, None, note="It is a number in one and a category in the other.")


def _numbers(name: str, kind: str, left: NumberBins, right: NumberBins) -> FeatureComparison:
    rows = [sum(bins.counts) for bins in (left, right)]
    if not all(rows):
        return FeatureComparison(name, kind, None, note="It has no value in the training data of one of the two.")
    edges: Floats = np.union1d(left.edge_array, right.edge_array)
    distance = float(np.max(np.abs(_below(left, edges) - _below(right, edges)), initial=0.0))
    values = _few_values(left, right)
    if values is not None:
        # A bin for each value, from it to the next number above it; between them there is nothing to spread.
        above = np.nextafter(values, np.inf)
        labels = [f"{v:.6g}" for v in values]
        shares = [_below(bins, above) - _below(bins, values) for bins in (left, right)]
        return _with_missing(name, kind, distance, labels, shares, (left, right), exact=True)
    cuts = _cuts(left, right)
    labels = _labels(cuts)
    shares = [np.diff(_below(bins, cuts), prepend=0.0, append=1.0) for bins in (left, right)]
    for end in (0, -1):
        if len(labels) > 1 and not any(s[end] for s in shares):
            labels = labels[1:] if end == 0 else labels[:-1]
            shares = [s[1:] if end == 0 else s[:-1] for s in shares]
    exact = left.edges == right.edges and np.isin(cuts, left.edge_array).all()
    return _with_missing(name, kind, distance, labels, shares, (left, right), exact=bool(exact))


def _categories(name: str, kind: str, left: CategoryBins, right: CategoryBins) -> FeatureComparison:
    rows = [sum(bins.counts) + bins.nulls for bins in (left, right)]
    if not all(rows):
        return FeatureComparison(name, kind, None, note="It has no value in the training data of one of the two.")
    parts = [
        {c: n / total for c, n in zip(bins.categories, bins.counts, strict=False)}
        for bins, total in zip((left, right), rows, strict=True)
    ]
    union = sorted(parts[0].keys() | parts[1].keys(), key=lambda c: (-max(p.get(c, 0.0) for p in parts), c))
    missing = [bins.nulls / total for bins, total in zip((left, right), rows, strict=True)]
    apart = [abs(parts[0].get(c, 0.0) - parts[1].get(c, 0.0)) for c in union]
    distance = max([*apart, abs(missing[0] - missing[1])], default=0.0)
    kept = union[:MOST_CATEGORIES]
    valid = [sum(bins.counts) for bins in (left, right)]
    shares = [
        np.array([part.get(c, 0.0) * total / count if count else 0.0 for c in kept])
        for part, total, count in zip(parts, rows, valid, strict=True)
    ]
    rest = [1.0 - float(s.sum()) if count else 0.0 for s, count in zip(shares, valid, strict=True)]
    labels = list(kept)
    if max(rest) > 1e-12:
        labels.append("other")
        shares = [np.append(s, max(r, 0.0)) for s, r in zip(shares, rest, strict=True)]
    # A category that one list has and the other cut off may be in its "other".
    cut_off = any(bins.counts[-1] and set(kept) - set(bins.categories) for bins in (left, right))
    return _with_missing(name, kind, distance, labels, shares, (left, right), exact=not cut_off)


def _with_missing(
    name: str,
    kind: str,
    distance: float,
    labels: list[str],
    shares: Sequence[Floats],
    both: tuple[Bins, Bins],
    *,
    exact: bool,
) -> FeatureComparison:
    missing = [bins.nulls / max(sum(bins.counts) + bins.nulls, 1) for bins in both]
    shown = [np.maximum(s, 0.0) * (1.0 - m) for s, m in zip(shares, missing, strict=True)]
    if any(missing):
        labels = [*labels, "missing"]
        shown = [np.append(s, m) for s, m in zip(shown, missing, strict=True)]
        distance = max(distance, abs(missing[0] - missing[1]))
    one, other = (tuple(s.tolist()) for s in shown)
    return FeatureComparison(name, kind, distance, tuple(labels), one, other, exact)


def _below(bins: NumberBins, at: Floats) -> Floats:
    """Share of the values below each point; exact at the bins' own edges."""
    counts = np.asarray(bins.counts, dtype=np.float64)
    reached = np.cumsum(counts)[:-1] / counts.sum()
    shares: Floats = np.interp(at, bins.edge_array, reached, left=0.0, right=1.0)
    return shares


def _few_values(left: NumberBins, right: NumberBins) -> Floats | None:
    """The distinct values where there are few, as of an hour or a flag; None for a measure."""
    found: set[float] = set()
    for bins in (left, right):
        heavy = 0
        for index, (low, high) in enumerate(pairwise(bins.edges)):
            count = bins.counts[index + 1]
            if count and high == np.nextafter(low, np.inf):
                heavy += count
                found.add(low)
        if heavy < sum(bins.counts):
            return None
    return np.array(sorted(found)) if len(found) <= MOST_VALUES else None


def _cuts(left: NumberBins, right: NumberBins) -> Floats:
    """Round numbers at equal distances over nearly all of the values of both."""
    lows, highs = zip(*(_range(bins) for bins in (left, right)), strict=True)
    low, high = min(lows), max(highs)
    if not high > low:
        return np.array([low])
    step = _round_up((high - low) / STEPS)
    first, last = math.floor(low / step), math.ceil(high / step)
    cuts = np.arange(first, last + 1, dtype=np.float64) * step
    return cuts if np.isfinite(cuts).all() and (np.diff(cuts) > 0).all() else np.array([low])


def _range(bins: NumberBins) -> tuple[float, float]:
    reached = _below(bins, bins.edge_array)
    low = bins.edges[max(int(np.searchsorted(reached, TAIL, side="right")) - 1, 0)]
    high = bins.edges[min(int(np.searchsorted(reached, 1.0 - TAIL)), len(bins.edges) - 1)]
    return low, high


def _round_up(width: float) -> float:
    """The next of 1, 2, 5, 10 … times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= width * (1 - 1e-9)))


def _labels(cuts: Floats) -> list[str]:
    inner = [f"{low:.6g} to {high:.6g}" for low, high in pairwise(cuts.tolist())]
    return [f"below {cuts[0]:.6g}", *inner, f"{cuts[-1]:.6g} and above"]
