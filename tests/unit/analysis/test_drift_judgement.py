"""The words and the order of a drift report."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_desktop.analysis.drift import bin_labels, judge, with_state
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.serving.bins import Profile, category_bins, count_categories, count_numbers, number_bins

RNG = np.random.default_rng(2)
REFERENCE = RNG.normal(10, 2, 5000)
PROFILE = Profile(
    5000,
    {
        "temperature": number_bins(REFERENCE),
        "rain": number_bins(np.where(RNG.random(5000) < 0.7, 0.0, RNG.exponential(size=5000))),
        "carrier": category_bins(RNG.choice(["UA", "AA", "DL"], 5000).tolist()),
        "constant": number_bins(np.ones(5000)),
        "empty": number_bins(np.full(5000, np.nan)),
    },
    importance={"temperature": 0.1, "carrier": 0.9},
)


def judged(**columns):
    body = {}
    for name, values in columns.items():
        bins = PROFILE.features[name]
        counted = (
            count_categories(bins, values) if name == "carrier" else count_numbers(bins, np.asarray(values, float))
        )
        body[name] = counted.to_dict()
    return {j.drift.feature: j for j in judge(PROFILE, body, {})}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (RNG.normal(10, 2, 2300), "temperature is like the reference: KS 0.0"),
        (RNG.normal(13, 2, 2300), "temperature moved up: KS 0.5"),
        (RNG.normal(7, 2, 2300), "temperature moved down: KS 0.5"),
        (RNG.normal(10, 5, 2300), "temperature changed shape: KS 0.2"),
        (np.where(RNG.random(2300) < 0.3, np.nan, RNG.normal(10, 2, 2300)), "temperature is missing in 3"),
        (np.full(2300, np.nan), "temperature is missing in 100% of rows, 0% in the reference"),
        (RNG.normal(13, 2, 57), "temperature: only 57 rows, 200 are needed"),
        ([], "temperature: no rows, so nothing is known."),
    ],
)
def test_a_number_in_words(rows, words):
    assert judged(temperature=rows)["temperature"].drift.sentence.startswith(words)


def test_the_limit_and_the_rows_are_said():
    sentence = judged(temperature=RNG.normal(13, 2, 2300))["temperature"].drift.sentence
    assert sentence.endswith("over 2,300 rows, limit 0.12.")


def test_a_category_in_words():
    rows = RNG.choice(["UA", "AA", "DL"], 900, p=[0.8, 0.1, 0.1]).tolist()
    sentence = judged(carrier=rows)["carrier"].drift.sentence
    assert sentence.startswith("carrier changed, “UA” went from 3")
    unseen = judged(carrier=["??"] * 300 + ["UA"] * 300)["carrier"]
    assert unseen.breached
    assert unseen.drift.current_shares[-1] == pytest.approx(0.5)
    assert unseen.drift.bins[-1] == "other"


def test_constants_and_empty_columns():
    same = judged(constant=np.ones(500), empty=np.full(500, np.nan))
    assert same["constant"].breached is False
    assert same["empty"].breached is False
    other = judged(constant=np.full(500, 2.0), empty=np.ones(500))
    assert other["constant"].breached
    assert other["empty"].breached


def test_a_new_atom_is_found():
    rows = RNG.exponential(size=1000)  # it always rains
    assert judged(rain=rows)["rain"].breached


def test_what_is_absent_or_does_not_fit_is_unknown():
    found = judge(PROFILE, {"temperature": {"counts": [1, 2], "nulls": 0}, "carrier": None}, {})
    assert {j.drift.state for j in found} == {DriftState.UNKNOWN}
    assert all(j.breached is None for j in found)


def test_worst_first_by_drift_times_importance():
    found = judged(
        temperature=RNG.normal(11.5, 2, 1000),
        carrier=RNG.choice(["UA", "AA", "DL"], 1000, p=[0.6, 0.2, 0.2]).tolist(),
        rain=np.where(RNG.random(1000) < 0.7, 0.0, RNG.exponential(size=1000)),
    )
    assert list(found)[:3] == ["carrier", "temperature", "rain"]
    assert list(found.values())[-1].drift.state is DriftState.UNKNOWN


def test_states_are_added_to_the_sentence():
    drift = judged(temperature=RNG.normal(13, 2, 500))["temperature"].drift
    assert "suspected: 1 of 3 chunks." in with_state(drift, DriftState.SUSPECTED, 1).sentence
    assert with_state(drift, DriftState.DRIFT, 2).sentence == drift.sentence


def test_bins_have_as_many_labels_as_shares():
    for name, bins in PROFILE.features.items():
        if name != "empty":
            drift = judged(**{name: ["UA"] * 300 if name == "carrier" else np.ones(300)})[name].drift
            assert len(drift.bins) == len(drift.reference_shares) == len(drift.current_shares)
            assert drift.bins[: len(bin_labels(bins))] == bin_labels(bins)
