"""Limits, memory, and a simulation of how often they cry wolf and how often they find a shift."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlops_desktop.analysis import significance as s
from mlops_desktop.analysis.drift import judge
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.serving.bins import Profile, category_bins, count_categories, count_numbers, number_bins

OK, SUSPECTED, DRIFT, UNKNOWN = DriftState.OK, DriftState.SUSPECTED, DriftState.DRIFT, DriftState.UNKNOWN
QUIET, NEAR, HIT, NONE = (
    s.Observation(False, 0.5),
    s.Observation(False, 0.9),
    s.Observation(True, 1.5),
    s.Observation(None, 0.0),
)


@pytest.mark.parametrize(
    ("previous", "observations", "state"),
    [
        (OK, [], UNKNOWN),
        (OK, [QUIET], OK),
        (OK, [HIT], SUSPECTED),
        (OK, [HIT, QUIET], OK),
        (SUSPECTED, [HIT, HIT], DRIFT),
        (OK, [HIT, QUIET, HIT], DRIFT),
        (OK, [HIT, QUIET, QUIET, HIT], SUSPECTED),
        (OK, [HIT, NONE, HIT], DRIFT),
        (OK, [HIT, NONE], UNKNOWN),
        (DRIFT, [HIT, HIT, QUIET, QUIET], DRIFT),
        (DRIFT, [HIT, QUIET, QUIET, QUIET], OK),
        (DRIFT, [HIT, QUIET, NEAR, QUIET], DRIFT),
        (DRIFT, [QUIET, NONE, QUIET], DRIFT),
        (DRIFT, [NONE, NONE, NONE], UNKNOWN),
    ],
)
def test_memory_and_hysteresis(previous, observations, state):
    assert s.next_state(previous, observations) is state


def test_benjamini_hochberg_is_scipys():
    p = np.random.default_rng(1).random(50) ** 3
    assert s.benjamini_hochberg(p.tolist()) == pytest.approx(stats.false_discovery_control(p).tolist())
    assert s.benjamini_hochberg([]) == []


def test_limits_fall_with_the_rows_down_to_the_floor():
    limits = [s.psi_limit(10, 50_000, n) for n in (200, 500, 1000, 100_000)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] > s.PSI_FLOOR
    assert limits[-1] == s.PSI_FLOOR
    assert s.ks_limit(50_000, 200) > s.DISTANCE_FLOOR == s.ks_limit(50_000, 100_000)
    assert s.l_infinity_limit(100, 50_000, 200) > s.DISTANCE_FLOOR


def test_limits_and_p_values_agree():
    for n in (200, 300):
        assert s.psi_p_value(s.psi_limit(10, 5000, n, 1e-9), 10, 5000, n) == pytest.approx(1e-9, rel=1e-3)
        assert s.ks_p_value(s.ks_limit(5000, n, 1e-9), 5000, n) == pytest.approx(1e-9, rel=1e-3)
        limit = s.l_infinity_limit(7, 5000, n, 1e-9)
        assert s.l_infinity_p_value(limit, 7, 5000, n) == pytest.approx(1e-9, rel=1e-3)
    assert s.psi_p_value(5.0, 1, 100, 100) == 1.0


def test_rare_bins_are_pooled_and_nothing_gets_lost():
    r, c = s.pool_rare([1000, 500, 3, 1, 0], [200, 100, 1, 0, 0])
    assert (r.sum(), c.sum()) == (1504, 301)
    assert r.size == 2
    assert s.pool_rare([0, 0], [0, 0])[0].size == 0
    r, c = s.pool_rare([1000, 0], [200, 100])  # a category that the reference never had stays visible
    assert c.tolist() == [200, 100]


FEATURES = 12


def columns(rng, rows, shift=0.0):
    made = {}
    for i in range(FEATURES):
        kind = i % 4
        if kind == 0:
            made[f"f{i}"] = rng.normal(size=rows) + shift
        elif kind == 1:
            made[f"f{i}"] = np.exp(rng.normal(size=rows) + shift)
        elif kind == 2:
            made[f"f{i}"] = np.where(rng.random(rows) < 0.5, 0.0, rng.exponential(size=rows)) + shift
        else:
            made[f"f{i}"] = rng.zipf(1.6, size=rows).clip(max=300).astype(str)
    return made


def profile_of(reference, rows):
    bins = {n: category_bins(v) if v.dtype.kind == "U" else number_bins(v) for n, v in reference.items()}
    return Profile(rows, bins)


def breaches(profile, current):
    body = {}
    for name, rows in current.items():
        bins = profile.features[name]
        counted = count_categories(bins, rows) if rows.dtype.kind == "U" else count_numbers(bins, rows)
        body[name] = counted.to_dict()
    return {j.drift.feature for j in judge(profile, body, {}) if j.breached}


@pytest.mark.parametrize(
    ("rows", "chunks", "reference_rows"), [(200, 80, 20_000), (1000, 60, 20_000), (10_000, 12, 20_000), (300, 80, 600)]
)
def test_false_alarms_without_drift(rows, chunks, reference_rows):
    rng = np.random.default_rng(rows)
    profile = profile_of(columns(rng, reference_rows), reference_rows)
    found = [len(breaches(profile, columns(rng, rows))) for _ in range(chunks)]
    assert sum(found) / (chunks * FEATURES) <= 0.005


def test_a_shift_of_half_a_standard_deviation_is_found():
    rng = np.random.default_rng(11)
    profile = profile_of(columns(rng, 20_000), 20_000)
    found = [breaches(profile, columns(rng, 1000, 0.5)) for _ in range(40)]
    normal = [name for name in (f"f{i}" for i in range(FEATURES)) if int(name[1:]) % 4 in (0, 1)]
    power = sum(len(f & set(normal)) for f in found) / (len(found) * len(normal))
    assert power >= 0.95
