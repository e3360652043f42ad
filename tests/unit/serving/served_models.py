"""Small real models and their bundles, for tests and benchmarks of the serving program."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlops_desktop.serving.bins import Profile, category_bins, number_bins

Column = dict[str, Any]


def breast_cancer() -> tuple[pd.DataFrame, np.ndarray]:
    data = load_breast_cancer(as_frame=True)
    return data.data.astype("float32"), data.target.to_numpy()


def flights(rows: int = 2000, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """Made-up flights with texts, whole numbers and missing values; stands in for the tour's real ones."""
    random = np.random.default_rng(seed)
    carrier = random.choice(["UA", "DL", "AA", "WN"], rows)
    wind = random.gamma(2, 5, rows).astype(np.float32)
    wind[random.random(rows) < 0.1] = np.nan
    hour = random.integers(5, 23, rows)
    frame = pd.DataFrame({"carrier": carrier, "hour": hour, "wind": wind})
    late = (hour + 0.4 * np.nan_to_num(wind) + 5 * (carrier == "UA") + random.normal(0, 4, rows)) > 23
    return frame, late.astype(int)


def logistic() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*breast_cancer())


def slow() -> Pipeline:
    from sklearn.preprocessing import FunctionTransformer

    from tests.unit.serving.slow_model import wait

    return make_pipeline(FunctionTransformer(wait), StandardScaler(), LogisticRegression()).fit(*breast_cancer())


def forest(trees: int = 200) -> RandomForestClassifier:
    return RandomForestClassifier(trees, random_state=1).fit(*breast_cancer())


def boosting() -> tuple[HistGradientBoostingClassifier, pd.DataFrame]:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(3000, 50)).astype(np.float32), columns=[f"x{i}" for i in range(50)])
    target = (frame.iloc[:, :5].sum(axis=1) + random.normal(size=3000) > 0).astype(int)
    return HistGradientBoostingClassifier(max_iter=100, random_state=1).fit(frame, target), frame


def flight_pipeline() -> Pipeline:
    frame, late = flights()
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [
            ("text", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
            ("number", numbers, ["wind"]),
            ("whole", StandardScaler(), ["hour"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(frame, late)


def columns_of(frame: pd.DataFrame, optional: Sequence[str] = ()) -> list[Column]:
    types = {"float32": "float", "float64": "double", "int64": "long", "int32": "integer", "bool": "boolean"}
    return [
        {"name": str(n), "type": types.get(str(frame[n].dtype), "string"), "required": n not in optional}
        for n in frame.columns
    ]


def profile_of(frame: pd.DataFrame, scores: Any = None, outcomes: Any = None) -> Profile:
    features = {
        str(n): number_bins(frame[n].to_numpy()) if frame[n].dtype.kind in "fiub" else category_bins(frame[n])
        for n in frame.columns
    }
    predictions: dict[str, Any] = {}
    if scores is not None:
        predictions["score"] = number_bins(scores)
    if outcomes is not None:
        predictions["outcome"] = category_bins(outcomes)
    return Profile(len(frame), features, predictions)


def to_onnx(model: Any, columns: Sequence[Column], path: Path, *, matrix: bool, zipmap: bool = False) -> None:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    types = {"float": FloatTensorType, "double": FloatTensorType, "long": Int64TensorType, "string": StringTensorType}
    if matrix:
        inputs: list[Any] = [("X", FloatTensorType([None, len(columns)]))]
    else:
        inputs = [(c["name"], types[c["type"]]([None, 1])) for c in columns]
    options = {id(model): {"zipmap": zipmap}} if hasattr(model, "predict_proba") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path.write_bytes(convert_sklearn(model, initial_types=inputs, options=options).SerializeToString())


def write_bundle(
    folder: Path,
    *,
    format_: str,
    columns: Sequence[Column],
    entry: str,
    task: str = "classification",
    name: str = "tumour",
    classes: Sequence[str] | None = ("0", "1"),
    positive: str | None = "1",
    profile: Profile | None = None,
    examples: Mapping[str, Any] | None = None,
) -> Path:
    """Describe what already lies in `folder/model`."""
    files = sorted(p for p in (folder / "model").rglob("*") if p.is_file())
    description = {
        "schema": 1,
        "model": name,
        "version": 2,
        "task": task,
        "format": format_,
        "files": {
            p.relative_to(folder / "model").as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
        },
        "entry": entry,
        "signature": {"inputs": list(columns), "outputs": []},
        "classes": list(classes) if classes else None,
        "positive": positive,
    }
    (folder / "serving.json").write_text(json.dumps(description))
    if profile is not None:
        profile.write(folder / "profile.json")
    if examples is not None:
        (folder / "examples.json").write_text(json.dumps(examples))
    return folder


def new_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    return folder


def examples_of(frame: pd.DataFrame, rows: int = 5) -> dict[str, Any]:
    values = frame.head(rows).astype(object)
    values = values.where(pd.notna(values), None)
    return {"columns": list(frame.columns), "rows": values.to_numpy().tolist(), "predictions": [], "scores": None}


def onnx_bundle(
    folder: Path,
    model: Any,
    frame: pd.DataFrame,
    *,
    matrix: bool,
    optional: Sequence[str] = (),
    name: str = "tumour",
    zipmap: bool = False,
    **more: Any,
) -> Path:
    new_folder(folder)
    columns = columns_of(frame, optional)
    to_onnx(model, columns, folder / "model" / "model.onnx", matrix=matrix, zipmap=zipmap)
    if "profile" not in more:
        scores = model.predict_proba(frame)[:, 1] if hasattr(model, "predict_proba") else model.predict(frame)
        outcomes = model.predict(frame) if hasattr(model, "predict_proba") else None
        more["profile"] = profile_of(frame, scores, outcomes)
    return write_bundle(
        folder, format_="onnx", columns=columns, entry="model.onnx", name=name, examples=examples_of(frame), **more
    )


def sklearn_bundle(
    folder: Path,
    model: Any,
    frame: pd.DataFrame,
    *,
    format_: str = "sklearn-pickle",
    optional: Sequence[str] = (),
    **more: Any,
) -> Path:
    new_folder(folder)
    entry = "model.pkl"
    if format_ == "skops":
        import skops.io

        entry = "model.skops"
        skops.io.dump(model, folder / "model" / entry)
    elif format_ == "mlflow":
        import pickle

        entry = "."
        (folder / "model" / "model.pkl").write_bytes(pickle.dumps(model))
        (folder / "model" / "MLmodel").write_text(MLMODEL)
        (folder / "model" / "requirements.txt").write_text("scikit-learn\n")
    else:
        import joblib

        joblib.dump(model, folder / "model" / entry)
    return write_bundle(
        folder,
        format_=format_,
        columns=columns_of(frame, optional),
        entry=entry,
        profile=profile_of(frame),
        examples=examples_of(frame),
        **more,
    )


def diabetes() -> tuple[pd.DataFrame, np.ndarray]:
    data = load_diabetes(as_frame=True)
    return data.data.astype("float32"), data.target.to_numpy()


def linear() -> LinearRegression:
    return LinearRegression().fit(*diabetes())


MLMODEL = """\
artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.5.0
mlflow_version: 2.16.0
model_size_bytes: 902
model_uuid: 0b1f
signature:
  inputs: '[{"type": "double", "name": "a: b", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
utc_time_created: '2024-09-01 10:00:00.000000'
"""
