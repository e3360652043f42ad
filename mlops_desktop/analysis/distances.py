"""How far two distributions are apart, from shares or counts on the same bins.

Each function takes two arrays of equal length, one entry a bin. Shares are counts divided by their sum.

scipy is imported where it is called: it takes half a second, and most callers of this module only sort and name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def shares(counts: ArrayLike) -> Floats:
    """Counts divided by their sum; all zero when there is nothing."""
    array = np.asarray(counts, dtype=np.float64)
    total = array.sum()
    return array / total if total > 0 else np.zeros_like(array)


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Population stability index, sum((c - r) * ln(c / r)) over shares (Jeffreys' divergence; Siddiqi 2006).

    Shares of zero have no logarithm: replace them before (`half_a_row` here, 1e-4 in other tools).
    """
    r, c = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    return float(np.sum((c - r) * np.log(c / r)))


def kullback_leibler(reference: ArrayLike, current: ArrayLike) -> float:
    """KL(reference || current) in nats, sum(r * ln(r / c)) over shares (Kullback and Leibler 1951)."""
    from scipy import special

    return float(np.sum(special.rel_entr(np.asarray(reference), np.asarray(current))))


def half_a_row(counts: ArrayLike) -> Floats:
    """Shares in which an empty bin counts as half a row, so that PSI stays finite and depends little on the floor."""
    array = np.asarray(counts, dtype=np.float64)
    return np.maximum(array, 0.5) / max(float(array.sum()), 1.0)


def jensen_shannon(reference: ArrayLike, current: ArrayLike, base: float | None = None) -> float:
    """Jensen-Shannon distance, sqrt((KL(r||m) + KL(c||m)) / 2) with m = (r + c) / 2 (Endres and Schindelin 2003).

    In natural logarithms, at most sqrt(ln 2); with base 2 at most 1.
    """
    from scipy import special

    r, c = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    middle = (r + c) / 2
    divergence = float(np.sum(special.rel_entr(r, middle) + special.rel_entr(c, middle))) / 2
    if base is not None:
        divergence /= float(np.log(base))
    return float(np.sqrt(max(divergence, 0.0)))


def hellinger(reference: ArrayLike, current: ArrayLike) -> float:
    """Hellinger distance, sqrt(sum((sqrt(r) - sqrt(c))^2) / 2) over shares, 0 to 1."""
    difference = np.sqrt(np.asarray(reference)) - np.sqrt(np.asarray(current))
    return float(np.sqrt(np.sum(difference**2) / 2))


def l_infinity(reference: ArrayLike, current: ArrayLike) -> float:
    """Largest difference of a share, max|c - r|, 0 to 1."""
    difference = np.abs(np.asarray(current, dtype=np.float64) - np.asarray(reference, dtype=np.float64))
    return float(difference.max()) if difference.size else 0.0


def chi_square(reference_counts: ArrayLike, current_counts: ArrayLike) -> tuple[float, float]:
    """Pearson's statistic and p-value for "both samples have the same distribution" (2 x B contingency table).

    sum((observed - expected)^2 / expected), expected from the pooled shares, B - 1 degrees of freedom. A table of two
    by two gets Yates' correction, as scipy's `chi2_contingency` does. Bins that are empty in both don't count.
    """
    from scipy import special

    table = np.array([reference_counts, current_counts], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    total, freedom = table.sum(), table.shape[1] - 1
    if freedom < 1 or (table.sum(axis=1) == 0).any():
        return 0.0, 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / total
    difference = np.abs(table - expected)
    if freedom == 1:
        difference -= np.minimum(0.5, difference)
    statistic = float(np.sum(difference**2 / expected))
    return statistic, float(special.chdtrc(freedom, statistic))


def chi_square_fit(reference_counts: ArrayLike, current_counts: ArrayLike) -> tuple[float, float]:
    """Pearson's goodness of fit of the current counts to the reference shares: statistic and p-value.

    The reference is taken as exact. A category that the reference never had makes the statistic infinite.
    """
    from scipy import special

    expected = shares(reference_counts) * np.asarray(current_counts, dtype=np.float64).sum()
    observed = np.asarray(current_counts, dtype=np.float64)
    seen = (expected > 0) | (observed > 0)
    with np.errstate(divide="ignore"):
        statistic = float(np.sum((observed[seen] - expected[seen]) ** 2 / expected[seen]))
    freedom = int(seen.sum()) - 1
    return statistic, float(special.chdtrc(freedom, statistic)) if freedom > 0 else 1.0


def ks_of_counts(reference_counts: ArrayLike, current_counts: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance on bins: the largest difference of the cumulated shares at an edge.

    Never above the distance of the raw rows; on reference quantiles and atoms it misses at most some 3e-3 of it.
    """
    difference = np.cumsum(shares(current_counts)) - np.cumsum(shares(reference_counts))
    return float(np.abs(difference).max()) if difference.size else 0.0


def wasserstein_of_bins(
    edges: ArrayLike, reference_counts: ArrayLike, current_counts: ArrayLike, low: float, high: float
) -> float:
    """Earth mover's distance, integral of |F - G| (Vallender 1974), with rows spread evenly inside each bin.

    `edges` are the inner edges; `low` and `high` are the smallest and largest value of both samples together, which
    close the first and the last bin. In units of the column.
    """
    inner = np.asarray(edges, dtype=np.float64)
    if not inner.size:
        return 0.0
    points = np.concatenate([[min(low, inner[0])], inner, [max(high, inner[-1])]])
    difference = np.concatenate([[0.0], np.cumsum(shares(current_counts)) - np.cumsum(shares(reference_counts))])
    left, right, width = difference[:-1], difference[1:], np.diff(points)
    # A line that crosses zero inside its bin leaves two triangles, otherwise a trapezium.
    crossing = left * right < 0
    spread = np.where(crossing, np.abs(left - right), 1.0)
    area = np.where(crossing, (left**2 + right**2) / (2 * spread), (np.abs(left) + np.abs(right)) / 2)
    return float(np.sum(area * width))
