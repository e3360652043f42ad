"""What log_version finds out about an estimator before anything is registered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mlops_desktop.client.frames import Table, digest_of, signature_of, type_of
from mlops_desktop.client.preparation import Prepared, prepare
from mlops_desktop.domain.errors import InvalidArtifact, InvalidInput
from mlops_desktop.domain.registry import Column, Format, Task
from mlops_desktop.formats.inspect import inspect
from mlops_desktop.serving.bins import Profile


def prepared(estimator: Any, x: Any, y: Any, folder: Path, *, test: bool = True, **more: Any) -> Prepared:
    cut = int(len(x) * 0.7)
    head, tail = (x.iloc[:cut], x.iloc[cut:]) if hasattr(x, "iloc") else (x[:cut], x[cut:])
    estimator.fit(head, y[:cut])
    options = {"metrics": None, "onnx": True} | more
    given = (tail, y[cut:]) if test else None
    return prepare(estimator, (head, y[:cut]), given, {}, 7, "ada", folder, **options)


def flights(rows: int = 1500) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "B6", "UA"], rows),
            "hour": random.integers(5, 23, rows),
            "temp": random.normal(50, 10, rows).astype(np.float32),
            "noise": random.normal(size=rows),
        }
    )
    late = (frame.hour > 15) & (frame.carrier != "AA")
    frame.loc[random.random(rows) < 0.1, "temp"] = np.nan
    return frame, late.to_numpy().astype(int)


def pipeline() -> Any:
    columns = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["hour", "temp", "noise"]),
            ("c", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression())


def test_a_frame_pipeline(tmp_path: Path) -> None:
    found = prepared(pipeline(), *flights(), tmp_path)
    assert found.package.format is Format.ONNX
    assert [p.name for p in found.package.originals] == ["model.skops"]
    assert found.task is Task.CLASSIFICATION
    assert found.signature.inputs == (
        Column("carrier", "string"),
        Column("hour", "long"),
        Column("temp", "float", required=False),
        Column("noise", "double"),
    )
    assert found.metrics.keys() == {"accuracy", "log_loss", "roc_auc"}
    assert found.metrics["roc_auc"] > 0.9
    assert found.requirements.startswith("onnxruntime==")
    assert found.lineage.trained_by == "ada"
    assert found.lineage.seed == 7
    assert found.lineage.data.keys() == {"train", "test"}
    assert "scikit-learn" in found.lineage.environment


def test_profile_and_examples(tmp_path: Path) -> None:
    frame, late = flights()
    found = prepared(pipeline(), frame, late, tmp_path)
    profile = Profile.from_json(found.profile)
    assert profile.rows == 1050
    assert list(profile.features) == ["carrier", "hour", "temp", "noise"]
    assert profile.features["temp"].nulls == int(frame.temp[:1050].isna().sum())
    assert sum(profile.predictions["outcome"].counts) == 450
    assert sum(profile.importance.values()) == pytest.approx(1.0)
    assert profile.importance["hour"] > profile.importance["noise"]
    assert profile.performance["positive_rate"] == pytest.approx(late[1050:].mean())
    assert profile.performance["roc_auc"] == found.metrics["roc_auc"]
    examples = found.examples
    assert examples["columns"] == ["carrier", "hour", "temp", "noise"]
    assert len(examples["rows"]) == len(examples["predictions"]) == len(examples["scores"]) == 100
    assert json.loads(json.dumps(examples, allow_nan=False)) == examples
    assert any(row[2] is None for row in examples["rows"])


def test_a_class_that_is_never_predicted_is_in_the_profile(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    y = np.array(["rare" if n % 50 == 0 else "usual" for n in range(300)])
    found = prepared(LogisticRegression(), x, y, tmp_path)
    outcome = Profile.from_json(found.profile).predictions["outcome"].to_dict()
    assert sorted(outcome["categories"]) == ["rare", "usual"]
    assert len(outcome["counts"]) == 3


def test_classes_keep_the_order_of_the_estimator(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    y = np.where(x[:, 0] > 0, 10, 9)
    found = prepared(LogisticRegression(), x, y, tmp_path)
    assert json.loads(found.profile)["classes"] == ["9", "10"]
    assert found.examples["predictions"][0] in (9, 10)
    assert [s > 0.5 for s in found.examples["scores"]] == [p == 10 for p in found.examples["predictions"]]


def test_matrices_get_column_names(tmp_path: Path) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    found = prepared(make_pipeline(StandardScaler(), LogisticRegression()), x, y, tmp_path)
    assert [c.name for c in found.signature.inputs[:2]] == ["x0", "x1"]
    assert found.package.format is Format.ONNX
    assert found.metrics["accuracy"] > 0.9


def test_several_classes(tmp_path: Path) -> None:
    x, y = load_wine(return_X_y=True, as_frame=True)
    order = np.random.default_rng(0).permutation(len(x))
    found = prepared(RandomForestClassifier(30, random_state=0), x.iloc[order], y.to_numpy()[order], tmp_path)
    assert found.metrics["roc_auc"] > 0.9
    assert found.examples["scores"] is not None
    assert "positive_rate" not in Profile.from_json(found.profile).performance


def test_a_regression(tmp_path: Path) -> None:
    x, y = load_diabetes(return_X_y=True, as_frame=True)
    found = prepared(LinearRegression(), x, y.to_numpy(), tmp_path)
    assert found.task is Task.REGRESSION
    assert found.metrics.keys() == {"mae", "rmse", "r2"}
    assert found.signature.outputs == (Column("prediction", "double"),)


def test_what_does_not_convert_is_served_as_skops(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 3))
    found = prepared(HistGradientBoostingRegressor(loss="poisson"), x, random.poisson(np.exp(x[:, 0])) * 1.0, tmp_path)
    assert found.package.format is Format.SKOPS
    assert not found.package.conversion.converted
    assert found.package.conversion.reason
    assert "scikit-learn==" in found.requirements
    assert "onnx" not in found.requirements
    assert not (tmp_path / "model.onnx").exists()


class Always(ClassifierMixin, BaseEstimator):
    """A class of this script: skops doesn't trust it."""

    def fit(self, x: Any, y: Any) -> Always:
        self.classes_ = np.unique(y)
        return self

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.classes_[0])


def test_own_classes_are_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a package of the training environment; the serving image would have to have it too.
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    x = np.random.default_rng(0).normal(size=(100, 2))
    found = prepared(Always(), x, np.array([0, 1] * 50), tmp_path)
    assert found.package.format is Format.SKLEARN_PICKLE
    assert inspect(found.package.path).inspection.verdict.value == "review"
    assert found.examples["scores"] is None


def test_lambdas_are_refused_with_a_sentence(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    estimator = make_pipeline(FunctionTransformer(lambda v: v), LogisticRegression())
    with pytest.raises(InvalidArtifact, match="can't be saved"):
        prepared(estimator, x, np.array([0, 1] * 50), tmp_path)


def test_without_test_data_there_are_no_metrics(tmp_path: Path) -> None:
    found = prepared(pipeline(), *flights(), tmp_path, test=False)
    assert found.metrics == {}
    assert len(found.examples["rows"]) == 100
    assert found.lineage.data.keys() == {"train"}


def test_given_metrics_are_kept(tmp_path: Path) -> None:
    assert prepared(pipeline(), *flights(), tmp_path, metrics={"f1": 0.5}).metrics == {"f1": 0.5}
    with pytest.raises(InvalidInput, match="no finite number"):
        prepared(pipeline(), *flights(), tmp_path, metrics={"f1": float("nan")})


def test_bad_input_is_named(tmp_path: Path) -> None:
    frame, late = flights(200)
    fitted = pipeline().fit(frame, late)

    def attempt(estimator: Any, train: Any, test: Any) -> None:
        prepare(estimator, train, test, {}, None, "ada", tmp_path, metrics=None, onnx=True)

    cases = [
        (pipeline(), (frame, late), None, "not fitted"),
        (object(), (frame, late), None, "no predict method"),
        (fitted, (frame, late[:5]), None, "one value for each"),
        (fitted, frame, None, "pair of features and target"),
        (fitted, (frame, late), (frame.drop(columns="hour"), late), "other columns"),
        (fitted, (frame.to_numpy()[0], late), None, "two dimensions"),
        (fitted, (frame.set_axis(["a", "a", "b", "c"], axis=1), late), None, "two columns of the same name"),
        (fitted, (frame.set_axis([1, 2, 3, 4], axis=1), late), None, "no texts"),
        (fitted, (frame.assign(noise=[{}] * 200), late), None, "types dict"),
        (fitted, (frame.iloc[:0], late[:0]), None, "no rows"),
    ]
    for estimator, train, test, words in cases:
        with pytest.raises(InvalidInput, match=words):
            attempt(estimator, train, test)


def test_types_of_columns() -> None:
    assert type_of(pd.Series([1, 2], dtype="Int64"), "a") == "long"
    assert type_of(pd.Series(["a", None]), "a") == "string"
    assert type_of(pd.Series(["a", "b"], dtype="category"), "a") == "string"
    assert type_of(pd.Series([1, 2], dtype="int8"), "a") == "integer"
    assert type_of(pd.Series([True, False]), "a") == "boolean"
    assert type_of(pd.Series([True, None], dtype="boolean"), "a") == "boolean"
    assert type_of(pd.to_datetime(pd.Series(["2020-01-01"])), "a") == "datetime"
    assert type_of(np.array([1.5], dtype=np.float16), "a") == "float"
    whole = Table.of(pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}))
    assert signature_of(whole, []).inputs == (Column("a", "double", required=False),)


def test_digests_are_of_the_content(tmp_path: Path) -> None:
    frame, late = flights(50)
    assert digest_of(frame) == digest_of(frame.copy())
    assert digest_of(frame) == digest_of(frame.set_axis(range(100, 150)))  # the index is no content
    assert digest_of(frame) != digest_of(frame.iloc[::-1])
    assert digest_of(frame) != digest_of(frame.rename(columns={"hour": "h"}))
    assert digest_of(frame) != digest_of(frame.assign(hour=frame.hour + 1))
    assert digest_of((frame, late)) != digest_of((frame, 1 - late))
    assert digest_of(pd.Series(["a", None])) != digest_of(pd.Series(["a", ""]))
    assert digest_of(pd.Series(["ab", "c"])) != digest_of(pd.Series(["a", "bc"]))
    # Known value: it must not change with versions of anything, or old lineage could not be compared.
    known = pd.DataFrame({"a": [1.0, None], "b": ["x", None]})
    assert digest_of(known) == digest_of(known.astype({"b": object}))
    file = tmp_path / "d.csv"
    file.write_text("a\n1\n")
    assert len(digest_of(file)) == 64
    with pytest.raises(InvalidInput, match="can't be read"):
        digest_of(tmp_path / "absent.csv")


def test_importing_the_client_is_light() -> None:
    code = (
        "import sys; from mlops_desktop import client; "
        "heavy = {'sklearn', 'pandas', 'numpy', 'PySide6', 'onnx', 'onnxruntime', 'docker'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_packages_are_named_with_the_way_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mlops_desktop.client import preparation

    monkeypatch.setattr(preparation, "_PACKAGES", ("json", "not_installed_here"))
    with pytest.raises(InvalidInput, match=r"not installed: not_installed_here.*mlops-desktop\[client\]"):
        preparation.prepare(object(), ([], []), None, {}, None, "dan", tmp_path, metrics=None, onnx=True)
