"""What is loaded, and what is refused before it can do anything."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.preprocessing import FunctionTransformer

from mlops_desktop.serving.bundle import read_bundle
from mlops_desktop.serving.errors import CannotServe
from mlops_desktop.serving.frames import exact_frame
from mlops_desktop.serving.predictor import load, read_flavours, to_pandas
from tests.unit.serving import served_models as models


class Own:
    """A class of a user's own, which a skops file may name."""

    def predict(self, rows: Any) -> Any:
        return rows


def bundle_of(folder: Path, format_: str, entry: str) -> Any:
    frame = models.breast_cancer()[0]
    models.write_bundle(folder, format_=format_, columns=models.columns_of(frame), entry=entry)
    return read_bundle(folder)


def test_skops_models_of_scikit_learn_are_loaded(tmp_path: Path) -> None:
    frame, target = models.breast_cancer()
    model = HistGradientBoostingClassifier(max_iter=5).fit(frame, target)
    bundle = read_bundle(models.sklearn_bundle(tmp_path / "b", model, frame, format_="skops"))
    answer = load(bundle).predict(exact_frame(bundle.schema, frame.head(9).to_numpy().tolist(), None))
    assert answer.predictions == model.predict(frame.head(9)).tolist()


@pytest.mark.parametrize("content", [Own(), FunctionTransformer(Path.unlink)], ids=["a class", "a function"])
def test_e07_skops_with_strange_types_is_refused(tmp_path: Path, content: Any) -> None:
    models.new_folder(tmp_path / "b")
    skops.io.dump(content, tmp_path / "b" / "model" / "model.skops")
    with pytest.raises(CannotServe, match="types that are not trusted"):
        load(bundle_of(tmp_path / "b", "skops", "model.skops"))


def test_a_pickle_of_unknown_code_names_the_missing_package(tmp_path: Path) -> None:
    models.new_folder(tmp_path / "b")
    (tmp_path / "b" / "model" / "m.pkl").write_bytes(b"cnot_a_package_of_anybody\nThing\n.")
    with pytest.raises(CannotServe, match="needs the package 'not_a_package_of_anybody'"):
        load(bundle_of(tmp_path / "b", "sklearn-pickle", "m.pkl"))


def test_a_pickle_that_is_no_model_is_refused(tmp_path: Path) -> None:
    models.new_folder(tmp_path / "b")
    (tmp_path / "b" / "model" / "m.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(CannotServe, match="holds a dict, which has no predict method"):
        load(bundle_of(tmp_path / "b", "sklearn-pickle", "m.pkl"))


def test_forests_use_one_thread_and_one_pass(tmp_path: Path) -> None:
    frame, target = models.breast_cancer()
    model = RandomForestClassifier(20, n_jobs=-1, random_state=0).fit(frame, target)
    models.new_folder(tmp_path / "b")
    joblib.dump(model, tmp_path / "b" / "model" / "m.joblib", compress=3)
    bundle = bundle_of(tmp_path / "b", "sklearn-pickle", "m.joblib")
    predictor: Any = load(bundle)
    assert predictor._final.n_jobs == 1 and predictor._by_argmax
    answer = predictor.predict(exact_frame(bundle.schema, frame.to_numpy().tolist(), None))
    assert answer.predictions == model.predict(frame).tolist()
    assert np.allclose(answer.scores, model.predict_proba(frame)[:, 1])


def test_flavours_are_read_from_an_mlmodel_file(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(models.MLMODEL)
    flavours = read_flavours(tmp_path / "MLmodel")
    assert flavours["sklearn"]["pickled_model"] == "model.pkl"
    assert flavours["python_function"]["loader_module"] == "mlflow.sklearn"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("artifact_path: x\n", "no flavour python_function"),
        ("flavors:\n  python_function:\n    loader_module: strange\n", "loader 'strange' needs mlflow"),
        ("flavors:\n  sklearn:\n    pickled_model: ../../x.pkl\n", "names '../../x.pkl'"),
        ("flavors:\n  sklearn:\n    pickled_model: gone.pkl\n", "names 'gone.pkl'"),
    ],
)
def test_mlmodel_files_that_can_not_be_served(tmp_path: Path, text: str, words: str) -> None:
    models.new_folder(tmp_path / "b")
    (tmp_path / "b" / "model" / "MLmodel").write_text(text)
    with pytest.raises(CannotServe, match=words):
        load(bundle_of(tmp_path / "b", "mlflow", "."))


def test_missing_texts_are_nan_for_pandas(tmp_path: Path) -> None:
    frame, _ = models.flights(50)
    bundle = read_bundle(
        models.sklearn_bundle(tmp_path / "b", models.flight_pipeline(), frame, optional=["carrier", "wind"])
    )
    table = to_pandas(bundle.schema, exact_frame(bundle.schema, [[None, 7, None], ["UA", 8, 1.5]], None))
    assert table["carrier"].isna().tolist() == [True, False]
    assert [str(t) for t in table.dtypes] == ["object", "int64", "float32"]


@pytest.mark.parametrize("name", ["logistic", "forest", "boosting"])
def test_a_plain_model_takes_a_matrix_and_answers_the_same(tmp_path: Path, name: str) -> None:
    frame, target = models.breast_cancer()
    made = {"logistic": models.logistic, "forest": lambda: models.forest(10)}
    model = made[name]() if name in made else HistGradientBoostingClassifier(max_iter=9).fit(frame, target)
    bundle = read_bundle(models.sklearn_bundle(tmp_path / "b", model, frame))
    predictor: Any = load(bundle)
    assert not predictor._frame
    answer = predictor.predict(exact_frame(bundle.schema, frame.to_numpy().tolist(), None))
    assert answer.predictions == model.predict(frame).tolist()
    assert answer.scores is not None and np.array_equal(answer.scores, model.predict_proba(frame)[:, 1])


def test_a_model_that_picks_columns_by_name_keeps_its_frame(tmp_path: Path) -> None:
    frame, _ = models.flights(80)
    predictor: Any = load(read_bundle(models.sklearn_bundle(tmp_path / "b", models.flight_pipeline(), frame)))
    assert predictor._frame
    tumours, target = models.breast_cancer()
    shuffled = RandomForestClassifier(3).fit(tumours[list(reversed(tumours.columns))], target)
    bundle = models.sklearn_bundle(tmp_path / "c", models.forest(3), tumours)
    joblib.dump(shuffled, bundle / "model" / "model.pkl")
    models.write_bundle(bundle, format_="sklearn-pickle", columns=models.columns_of(tumours), entry="model.pkl")
    other: Any = load(read_bundle(bundle))
    assert other._frame
