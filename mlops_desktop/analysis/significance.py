"""When is a distance a drift? Limits that know the number of rows, and a memory that keeps single chunks quiet.

A chunk breaches when an effect is large enough to matter **and** too large for chance at this number of rows.
Without drift, fixed limits such as "PSI above 0.1" alarm on 4 to 38 % of features a chunk; these stay below 0.5 %.

scipy is imported where it is called: it takes half a second, and most callers of this module only sort and name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_desktop.domain.monitoring import DriftState

MIN_ROWS = 200
PSI_FLOOR = 0.1  # the customary "moderate change" (Siddiqi 2006)
DISTANCE_FLOOR = 0.12  # the KS distance of the normal shift (0.31 standard deviations) whose PSI is 0.1
FALSE_ALARMS = 0.005  # accepted share, for one chunk and over all its features (Benjamini-Hochberg)
MEMORY = 3  # chunks that are looked at ...
BREACHES = 2  # ... of which so many make a drift
CLEAR_SHARE = 0.8  # a drift ends after MEMORY chunks below this share of the limit
RARE_CATEGORY = 10.0  # reference rows below which a category is not told from an unseen one
MIN_EXPECTED = 5.0  # rows a bin needs for the chi-square approximation (Cochran 1954)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one chunk said of one feature; `breached` is None when there were too few rows to say anything."""

    breached: bool | None
    strength: float  # the larger of distance / limit and PSI / limit


def pool_rare(
    reference: ArrayLike, current: ArrayLike, min_reference: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts with all bins in which too few rows are expected put into one; bins empty in both are left out.

    Bins with fewer than `min_reference` reference rows join them. Categories need that: those that were rare in the
    reference and those that it never saw stand for one another (Good 1953), apart they look like a drift.
    """
    r, c = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    total = r + c
    if total.sum() <= 0:
        return np.zeros(0), np.zeros(0)
    expected = total / total.sum() * min(r.sum(), c.sum())
    rare = (expected < MIN_EXPECTED) | (r < min_reference)
    if rare.any():
        # Alone the rest may still be too small: the smallest of the others then joins it.
        if not rare.all() and expected[rare].sum() < MIN_EXPECTED:
            rare[np.argmin(np.where(rare, np.inf, expected))] = True
        r, c = np.append(r[~rare], r[rare].sum()), np.append(c[~rare], c[rare].sum())
    kept = r + c > 0
    return r[kept], c[kept]


def psi_p_value(value: float, bins: int, reference_rows: int, current_rows: int) -> float:
    """Chance of such a PSI without drift: PSI is about chi-square(B - 1) * (1/n + 1/m) (Yurdakul 2018)."""
    from scipy import special

    if bins < 2:
        return 1.0
    return float(special.chdtrc(bins - 1, value / (1 / reference_rows + 1 / current_rows)))


def psi_limit(bins: int, reference_rows: int, current_rows: int, level: float = FALSE_ALARMS) -> float:
    """The PSI above which this number of rows is a drift: chance's quantile, at least PSI_FLOOR."""
    from scipy import special

    if bins < 2:
        return PSI_FLOOR
    return max(PSI_FLOOR, float(special.chdtri(bins - 1, level)) * (1 / reference_rows + 1 / current_rows))


def ks_p_value(distance: float, reference_rows: int, current_rows: int) -> float:
    """Chance of such a KS distance without drift, asymptotically (Smirnov 1939); with ties it is too large."""
    from scipy import special

    effective = reference_rows * current_rows / (reference_rows + current_rows)
    return float(special.kolmogorov(np.sqrt(effective) * distance))


def ks_limit(reference_rows: int, current_rows: int, level: float = FALSE_ALARMS) -> float:
    """The KS distance above which this number of rows is a drift, at least DISTANCE_FLOOR."""
    from scipy import special

    effective = reference_rows * current_rows / (reference_rows + current_rows)
    return max(DISTANCE_FLOOR, float(special.kolmogi(level)) / float(np.sqrt(effective)))


def l_infinity_p_value(distance: float, bins: int, reference_rows: int, current_rows: int) -> float:
    """Chance of such a largest difference of a share without drift: normal, largest variance, Bonferroni."""
    from scipy import special

    deviation = 0.5 * np.sqrt(1 / reference_rows + 1 / current_rows)
    return float(min(1.0, 2 * max(bins, 1) * special.ndtr(-distance / deviation)))


def l_infinity_limit(bins: int, reference_rows: int, current_rows: int, level: float = FALSE_ALARMS) -> float:
    """The largest difference of a share above which this number of rows is a drift, at least DISTANCE_FLOOR."""
    from scipy import special

    deviation = 0.5 * np.sqrt(1 / reference_rows + 1 / current_rows)
    return max(DISTANCE_FLOOR, float(-special.ndtri(level / (2 * max(bins, 1))) * deviation))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that calling those below q drifts is wrong for a share of q of the calls.

    Step-up procedure of Benjamini and Hochberg (1995).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not p.size:
        return []
    order = np.argsort(p)
    ranked = p[order] * p.size / np.arange(1, p.size + 1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1.0, np.minimum.accumulate(ranked[::-1])[::-1])
    return [float(value) for value in corrected]


def next_state(previous: DriftState, observations: Sequence[Observation]) -> DriftState:
    """The state after the last of `observations` (oldest first), `previous` being the last state that was known.

    A drift needs BREACHES of the last MEMORY chunks and ends when MEMORY chunks stayed below CLEAR_SHARE of the
    limit. Chunks with too few rows neither open nor clear anything: the state is then UNKNOWN, and the caller keeps
    `previous` for the next chunk.
    """
    if not observations or observations[-1].breached is None:
        return DriftState.UNKNOWN
    known = [o for o in observations if o.breached is not None][-MEMORY:]
    if previous is DriftState.DRIFT:
        cleared = len(known) == MEMORY and all(o.strength < CLEAR_SHARE for o in known)
        return DriftState.OK if cleared else DriftState.DRIFT
    if sum(bool(o.breached) for o in known) >= BREACHES:
        return DriftState.DRIFT
    return DriftState.SUSPECTED if known[-1].breached else DriftState.OK
