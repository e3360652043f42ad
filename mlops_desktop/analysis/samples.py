"""The same distances from raw rows, with the binning conventions of other tools as options.

Missing and infinite numbers are left out. `reference` and `current` are one column each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mlops_desktop.analysis import distances

Floats = NDArray[np.float64]


def finite(values: ArrayLike) -> Floats:
    """The finite numbers among the values."""
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def ks(reference: ArrayLike, current: ArrayLike) -> float:
    """Two-sample Kolmogorov-Smirnov distance, max|F - G| over all values (Smirnov 1939)."""
    r, c = np.sort(finite(reference)), np.sort(finite(current))
    if not r.size or not c.size:
        return float("nan")
    values = np.concatenate([r, c])
    difference = np.searchsorted(c, values, "right") / c.size - np.searchsorted(r, values, "right") / r.size
    return float(np.abs(difference).max())


def ks_p_value(distance: float, reference_rows: int, current_rows: int) -> float:
    """Chance of such a KS distance without drift, asymptotically: Q(sqrt(nm / (n + m)) * D), Kolmogorov's Q."""
    effective = reference_rows * current_rows / (reference_rows + current_rows)
    return float(special.kolmogorov(np.sqrt(effective) * distance))


def wasserstein(reference: ArrayLike, current: ArrayLike) -> float:
    """Earth mover's distance, integral of |F - G| over the empirical distributions, in units of the column."""
    r, c = np.sort(finite(reference)), np.sort(finite(current))
    if not r.size or not c.size:
        return float("nan")
    values = np.sort(np.concatenate([r, c]))
    difference = np.searchsorted(c, values[:-1], "right") / c.size - np.searchsorted(r, values[:-1], "right") / r.size
    return float(np.sum(np.abs(difference) * np.diff(values)))


def normed_wasserstein(reference: ArrayLike, current: ArrayLike) -> float:
    """Earth mover's distance in standard deviations of the reference (which counts as at least 0.001)."""
    return wasserstein(reference, current) / max(float(np.std(finite(reference))), 0.001)


def decile_edges(reference: ArrayLike) -> Floats:
    """The nine inner deciles of the reference, each once."""
    return np.unique(np.quantile(finite(reference), np.arange(1, 10) / 10))


def counts_on(edges: ArrayLike, values: ArrayLike) -> NDArray[np.int64]:
    """Rows in each half-open bin [e_i, e_i+1), the open ends included: len(edges) + 1 counts.

    Sorts once and looks the edges up, which for many rows is cheaper than looking every row up.
    """
    ordered = np.sort(finite(values))
    below = np.searchsorted(ordered, np.asarray(edges, dtype=np.float64), "left")
    return np.diff(np.concatenate([[0], below, [ordered.size]])).astype(np.int64)


def psi_on_deciles(reference: ArrayLike, current: ArrayLike) -> float:
    """PSI on the deciles of the reference; an empty bin counts as half a row."""
    edges = decile_edges(reference)
    return distances.psi(
        distances.half_a_row(counts_on(edges, reference)), distances.half_a_row(counts_on(edges, current))
    )


def sturges_shares(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """Shares on equal-width bins of the pooled rows, their number by Sturges' rule (1926). Evidently's choice."""
    r, c = finite(reference), finite(current)
    edges = np.histogram_bin_edges(np.concatenate([r, c]), bins="sturges")
    return np.histogram(r, edges)[0] / r.size, np.histogram(c, edges)[0] / c.size


def doane_shares(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """Shares on Doane's bins (1976) of the reference; a last bin holds what lies outside. NannyML's choice."""
    r, c = finite(reference), finite(current)
    edges = np.histogram_bin_edges(r, bins="doane")
    inside = np.histogram(c, edges)[0] / c.size
    return np.append(np.histogram(r, edges)[0] / r.size, 0.0), np.append(inside, max(0.0, 1.0 - inside.sum()))


def category_counts(
    reference: Sequence[object] | NDArray[np.generic], current: Sequence[object] | NDArray[np.generic]
) -> tuple[list[object], Floats, Floats]:
    """The values of either sample, and how often each occurs in the reference and in the current rows."""
    left, right = np.asarray(reference), np.asarray(current)
    values = np.unique(np.concatenate([left, right]))
    counted = []
    for rows in (left, right):
        found, counts = np.unique(rows, return_counts=True)
        full = np.zeros(values.size)
        full[np.searchsorted(values, found)] = counts
        counted.append(full)
    return values.tolist(), counted[0], counted[1]


def without_zeros(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """Shares with empty bins raised to 1e-4, or to a millionth of the smallest share where that is no larger."""
    r, c = np.array(reference, dtype=np.float64), np.array(current, dtype=np.float64)
    for array in (r, c):
        smallest = array[array > 0].min()
        array[array == 0] = smallest / 1e6 if smallest <= 1e-4 else 1e-4
    return r, c
