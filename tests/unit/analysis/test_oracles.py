"""Our statistics against the values that Evidently and NannyML computed on the same rows (tests/data/oracles)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mlops_desktop.analysis import distances, performance, samples
from mlops_desktop.serving.bins import count_numbers, number_bins

DATA = Path(__file__).parents[2] / "data" / "oracles"
EVIDENTLY = ("breast_cancer_300_269", "synthetic_800")


def table(name):
    stored = np.load(DATA / f"{name}.npz")
    columns = {}
    for key in stored.files:
        kind, _, column = key.partition(":")
        if not column:
            columns[key] = stored[key]
        elif kind == "codes":
            columns[column] = stored[f"values:{column}"][stored[key]]
    return columns


def expected(name):
    return json.loads((DATA / f"{name}.json").read_text())


def evidently_cases():
    return [(name, column) for name in EVIDENTLY for column in expected(f"evidently_{name}")]


@pytest.fixture(scope="module")
def evidently():
    return {
        name: (table(f"evidently_{name}_reference"), table(f"evidently_{name}_current"), expected(f"evidently_{name}"))
        for name in EVIDENTLY
    }


@pytest.fixture(scope="module")
def nannyml():
    return table("nannyml_reference"), table("nannyml_last_chunk"), expected("nannyml")


@pytest.mark.parametrize(("name", "column"), evidently_cases())
def test_equals_evidently(evidently, name, column):
    reference, current, wanted = (part[column] for part in evidently[name])
    if "psi" not in wanted:  # it gave up on missing values
        return
    numeric = reference.dtype.kind == "f"
    left, right = (samples.finite(reference), samples.finite(current)) if numeric else (reference, current)
    if numeric and len(np.unique(left)) > 20:
        shares = samples.sturges_shares(left, right)
    else:
        _, r, c = samples.category_counts(left, right)
        shares = distances.shares(r), distances.shares(c)
    assert distances.psi(*samples.without_zeros(*shares)) == pytest.approx(wanted["psi"], abs=3e-15)
    assert distances.jensen_shannon(*shares) == pytest.approx(wanted["jensenshannon"], abs=3e-15)
    filled = [distances.shares(s) for s in samples.without_zeros(*shares)]
    assert distances.kullback_leibler(*filled) == pytest.approx(wanted["kl_div"], abs=3e-15)
    if "wasserstein" in wanted:
        assert samples.normed_wasserstein(left, right) == pytest.approx(wanted["wasserstein"], abs=3e-15)
        assert stats.ks_2samp(left, right).statistic == pytest.approx(samples.ks(left, right), abs=1e-15)
        ours = samples.ks_p_value(samples.ks(left, right), left.size, right.size)
        assert ours == pytest.approx(wanted["ks"], rel=0.1, abs=0.02)  # asymptotic, Evidently's is exact
    if "chisquare" in wanted:
        assert distances.chi_square_fit(r, c)[1] == pytest.approx(wanted["chisquare"], abs=3e-15)


@pytest.mark.parametrize("column", ["car_value", "loan_length", "y_pred_proba"])
def test_numbers_equal_nannyml(nannyml, column):
    reference, current, wanted = (part[column] for part in nannyml)
    assert samples.ks(reference, current) == pytest.approx(wanted["kolmogorov_smirnov"], abs=1e-15)
    assert samples.wasserstein(reference, current) == pytest.approx(wanted["wasserstein"], abs=4e-12, rel=1e-12)
    if len(np.unique(reference)) > 50:
        shares = samples.doane_shares(reference, current)
    else:
        _, r, c = samples.category_counts(reference, current)
        shares = distances.shares(r), distances.shares(c)
    assert distances.jensen_shannon(*shares, base=2) == pytest.approx(wanted["jensen_shannon"], abs=5e-13)
    assert distances.hellinger(*shares) == pytest.approx(wanted["hellinger"], abs=5e-13)


@pytest.mark.parametrize("column", ["salary_range", "size_of_downpayment"])
def test_categories_equal_nannyml(nannyml, column):
    reference, current, wanted = (part[column] for part in nannyml)
    _, r, c = samples.category_counts(reference, current)
    shares = distances.shares(r), distances.shares(c)
    assert distances.chi_square(r, c)[0] == pytest.approx(wanted["chi2"], abs=5e-9)
    assert distances.l_infinity(*shares) == pytest.approx(wanted["l_infinity"], abs=1e-15)
    assert distances.jensen_shannon(*shares, base=2) == pytest.approx(wanted["jensen_shannon"], abs=5e-13)
    assert distances.hellinger(*shares) == pytest.approx(wanted["hellinger"], abs=5e-13)


def test_realised_performance_equals_nannyml(nannyml):
    _, current, wanted = nannyml
    found = performance.realised_classification(
        [str(v) for v in current["repaid"]], [str(v) for v in current["y_pred"]], current["y_pred_proba"]
    )
    values = {e.metric: e for e in found}
    assert values["roc_auc"].value == pytest.approx(wanted["realised"]["roc_auc"], abs=1e-12)
    assert values["accuracy"].value == pytest.approx(wanted["realised"]["accuracy"], abs=1e-12)
    assert values["roc_auc"].low < values["roc_auc"].value < values["roc_auc"].high
    assert values["roc_auc"].high - values["roc_auc"].low == pytest.approx(4 * 0.00287, rel=0.3)


@pytest.mark.parametrize("column", ["car_value", "loan_length", "y_pred_proba"])
def test_stored_bins_come_close_to_raw_rows(nannyml, column):
    """KS within 3e-3 and never above, normed Wasserstein within 2e-3, PSI on deciles exact."""
    from mlops_desktop.analysis.drift import decile_counts

    reference, current = nannyml[0][column], nannyml[1][column]
    bins = number_bins(reference)
    counted = count_numbers(bins, current)
    raw = samples.ks(reference, current)
    binned = distances.ks_of_counts(bins.counts, counted.counts)
    assert raw - 3e-3 <= binned <= raw + 1e-12
    low, high = min(bins.minimum, counted.minimum), max(bins.maximum, counted.maximum)
    moved = distances.wasserstein_of_bins(bins.edges, bins.counts, counted.counts, low, high)
    assert moved / reference.std() == pytest.approx(samples.normed_wasserstein(reference, current), abs=2e-3)
    edges = [bins.edges[i] for i in bins.deciles]
    exact = distances.psi(
        distances.half_a_row(samples.counts_on(edges, reference)),
        distances.half_a_row(samples.counts_on(edges, current)),
    )
    ours = distances.psi(
        distances.half_a_row(decile_counts(bins, np.asarray(bins.counts, float))),
        distances.half_a_row(decile_counts(bins, counted.counts.astype(float))),
    )
    assert ours == exact
