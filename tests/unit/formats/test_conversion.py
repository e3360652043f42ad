"""Conversion to ONNX: what converts is proved equal, and what is silently wrong is refused with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from mlops_desktop.client.frames import Table, signature_of
from mlops_desktop.domain.registry import Column, Conversion, Format, Signature, Task
from mlops_desktop.formats.conversion import TOLERANCE, HeldOut, convert
from mlops_desktop.formats.inspect import inspect

ROWS = 3000
NUMBERS, TEXTS = ["hour", "distance", "temp"], ["carrier", "dest"]


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "B6", "UA"], ROWS),
            "dest": random.choice([f"D{i}" for i in range(30)], ROWS),
            "hour": random.integers(5, 23, ROWS).astype(np.float32),
            "distance": random.normal(1000, 300, ROWS).astype(np.float32),
            "temp": random.normal(50, 10, ROWS).astype(np.float32),
        }
    )
    late = 0.2 * (frame.hour - 14) + (frame.carrier == "B6") + random.normal(0, 1, ROWS) > 0.5
    frame.loc[random.random(ROWS) < 0.1, "temp"] = np.nan
    return frame, late.to_numpy().astype(int)


def try_to_convert(estimator: Any, x: Any, y: Any, folder: Path, task: Task = Task.CLASSIFICATION) -> Conversion:
    half = len(x) // 2
    estimator.fit(x[:half], y[:half])
    signature = signature_of(Table.of(x[:half]), [])
    held_out = Table.of(x[half:])
    target = folder / "model.onnx"
    result = convert(estimator, signature, task, HeldOut(held_out.frame, held_out.rows(signature)), target)
    assert target.exists() == result.converted
    if result.converted:
        assert result.rows >= 1000
        assert result.labels_changed == 0
        assert result.max_difference <= TOLERANCE
        assert inspect(target).format is Format.ONNX
    else:
        assert result.reason.endswith(".")
        assert "\n" not in result.reason
    return result


def encoded(final: Any, *, onehot: bool, numbers: Any) -> Any:
    encoder = (
        OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False)
        if onehot
        else OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    )
    return make_pipeline(ColumnTransformer([("n", numbers, NUMBERS), ("c", encoder, TEXTS)]), final)


def test_frames_with_texts_and_missing_numbers_convert(data: tuple[pd.DataFrame, np.ndarray], tmp_path: Path) -> None:
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    for pipeline in (
        encoded(LogisticRegression(max_iter=500), onehot=True, numbers=scaled),
        encoded(HistGradientBoostingClassifier(max_iter=20), onehot=True, numbers=SimpleImputer()),
        encoded(HistGradientBoostingClassifier(max_iter=20), onehot=False, numbers="passthrough"),
    ):
        result = try_to_convert(pipeline, *data, tmp_path)
        assert result.converted, result.reason
        assert "missing values" in result.reason
        assert "unseen categories" in result.reason


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(20, random_state=0),
        HistGradientBoostingClassifier(max_iter=20),
        GaussianNB(),
        LinearSVC(),
    ],
)
def test_matrices_convert(estimator: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(ROWS, 4)).astype(np.float32)
    result = try_to_convert(estimator, x, np.where(x[:, 0] + x[:, 1] > 0, "yes", "no"), tmp_path)
    assert result.converted, result.reason


def test_ties_of_a_forest_go_to_the_first_class_on_both_sides(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(ROWS, 4)).astype(np.float32)
    for classes in (["no", "yes"], [3, 7]):
        y = np.array(classes)[(x[:, 0] + random.normal(0, 0.7, ROWS) > 0).astype(int)]
        forest = RandomForestClassifier(10, random_state=0)
        result = try_to_convert(forest, x, y, tmp_path)
        ties = np.isclose(forest.predict_proba(x[ROWS // 2 :])[:, 0], 0.5).sum()
        assert ties > 5
        assert result.converted, result.reason


def test_decision_values_are_not_served_as_probabilities(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(ROWS, 4)).astype(np.float32)
    assert try_to_convert(LinearSVC(), x, (x[:, 0] > 0).astype(int), tmp_path).converted
    found = inspect(tmp_path / "model.onnx")
    assert found.signature is not None
    assert [c.name for c in found.signature.outputs] == ["label"]


def test_a_regression_converts(data: tuple[pd.DataFrame, np.ndarray], tmp_path: Path) -> None:
    frame, _ = data
    pipeline = encoded(LinearRegression(), onehot=True, numbers=make_pipeline(SimpleImputer(), StandardScaler()))
    target = 100 + 3 * frame.hour.to_numpy() + 0.01 * frame.distance.to_numpy()
    assert try_to_convert(pipeline, frame, target, tmp_path, Task.REGRESSION).converted


def histogram_with_categories() -> tuple[Any, Any, Any, Task]:
    random = np.random.default_rng(2)
    x = np.column_stack([random.integers(0, 12, ROWS), random.normal(size=ROWS)]).astype(np.float32)
    y = (np.isin(x[:, 0], [1, 4, 7, 9]) ^ (x[:, 1] > 0.5)).astype(int)
    return HistGradientBoostingClassifier(categorical_features=[0], max_iter=30), x, y, Task.CLASSIFICATION


def poisson() -> tuple[Any, Any, Any, Task]:
    random = np.random.default_rng(3)
    x = random.normal(size=(ROWS, 3)).astype(np.float32)
    y = random.poisson(np.exp(0.5 * x[:, 0] + 1)).astype(float)
    return HistGradientBoostingRegressor(loss="poisson", max_iter=30), x, y, Task.REGRESSION


def tuned_threshold() -> tuple[Any, Any, Any, Task]:
    random = np.random.default_rng(4)
    x = random.normal(size=(ROWS, 3)).astype(np.float32)
    y = (x[:, 0] + random.normal(size=ROWS) > 1.2).astype(int)
    return TunedThresholdClassifierCV(LogisticRegression(), scoring="f1"), x, y, Task.CLASSIFICATION


def discriminant() -> tuple[Any, Any, Any, Task]:
    random = np.random.default_rng(5)
    x = random.normal(size=(ROWS, 4)).astype(np.float32)
    y = (x[:, 0] + 0.5 * random.normal(size=ROWS) > 0).astype(int)
    return LinearDiscriminantAnalysis(), x, y, Task.CLASSIFICATION


class Doubled(BaseEstimator, TransformerMixin):
    def fit(self, x: Any, y: Any = None) -> Doubled:
        self.fitted_ = True
        return self

    def transform(self, x: Any) -> Any:
        return np.asarray(x) * 2


def own_class() -> tuple[Any, Any, Any, Task]:
    random = np.random.default_rng(6)
    x = random.normal(size=(ROWS, 2)).astype(np.float32)
    return make_pipeline(Doubled(), LogisticRegression()), x, (x[:, 0] > 0).astype(int), Task.CLASSIFICATION


def function() -> tuple[Any, Any, Any, Task]:
    _, x, y, task = own_class()
    return make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()), np.abs(x), y, task


def binned() -> tuple[Any, Any, Any, Task]:
    _, x, y, task = own_class()
    return make_pipeline(KBinsDiscretizer(5, encode="onehot"), LogisticRegression()), x, y, task


def voting() -> tuple[Any, Any, Any, Task]:
    _, x, y, task = own_class()
    parts = [("a", LogisticRegression()), ("b", GaussianNB())]
    return VotingClassifier(parts, voting="soft"), x, y, task


@pytest.mark.parametrize("trap", [histogram_with_categories, poisson, tuned_threshold, own_class, function])
def test_traps_are_refused(trap: Any, tmp_path: Path) -> None:
    estimator, x, y, task = trap()
    result = try_to_convert(estimator, x, y, tmp_path, task)
    assert not result.converted, result


@pytest.mark.parametrize("trap", [discriminant, binned, voting])
def test_doubtful_ones_are_equal_or_refused(trap: Any, tmp_path: Path) -> None:
    """Their conversion depends on versions; whatever happens, nothing unproved is kept."""
    estimator, x, y, task = trap()
    try_to_convert(estimator, x, y, tmp_path, task)


def test_a_pipeline_that_refuses_unseen_categories_is_not_converted(
    data: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, y = data
    columns = ColumnTransformer([("c", OneHotEncoder(), TEXTS)])
    result = try_to_convert(make_pipeline(columns, LogisticRegression()), frame[TEXTS], y, tmp_path)
    assert not result.converted
    assert "unseen categories" in result.reason


def test_missing_texts_convert_only_where_the_pipeline_means_the_same(
    data: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    frame, y = data
    holes = frame[TEXTS].astype(object)
    holes.loc[holes.index % 7 == 0, "dest"] = np.nan
    columns = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), TEXTS)])
    # NaN is a category of its own for scikit-learn, the empty text is an unseen one for ONNX.
    learned = y ^ holes["dest"].isna().to_numpy()
    result = try_to_convert(make_pipeline(columns, LogisticRegression(max_iter=500)), holes, learned, tmp_path)
    assert not result.converted


def test_class_names_must_survive(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    x = random.normal(size=(ROWS, 2)).astype(np.float32)
    result = try_to_convert(LogisticRegression(), x, x[:, 0] > 0, tmp_path)
    if not result.converted:
        assert "labels changed" in result.reason


def test_without_held_out_rows_nothing_is_proved(tmp_path: Path) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    signature = Signature((Column("x0", "double"),))
    target = tmp_path / "m.onnx"
    result = convert(model, signature, Task.CLASSIFICATION, HeldOut(np.zeros((0, 1)), []), target)
    assert not result.converted
    assert not target.exists()
