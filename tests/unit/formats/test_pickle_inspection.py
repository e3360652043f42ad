"""E01, E02 and E04 for pickles: no malicious one allowed, no benign one rejected, no bomb that hurts."""

from __future__ import annotations

import importlib.util
import io
import pickle
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import joblib
import numpy as np
import pytest

from mlops_desktop.domain.errors import InvalidArtifact
from mlops_desktop.domain.registry import Format, InspectionVerdict
from mlops_desktop.formats.inspect import inspect

spec = importlib.util.spec_from_file_location("malicious", Path(__file__).with_name("malicious.py"))
assert spec and spec.loader
malicious = importlib.util.module_from_spec(spec)
spec.loader.exec_module(malicious)

_FOUND: list[str] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class":
        _FOUND.append(str(arguments))


@pytest.fixture(scope="module")
def hook() -> list[str]:
    sys.addaudithook(_hook)  # can't be removed; it only appends
    return _FOUND


def test_e01_no_malicious_pickle_is_allowed(tmp_path: Path, hook: list[str]) -> None:
    canary = tmp_path / "canary"
    samples = malicious.all_samples(str(canary))
    assert len(samples) >= 150
    before = len(hook)
    allowed, verdicts = [], {}
    for number, (name, ending, content) in enumerate(samples):
        path = tmp_path / f"sample-{number}{ending}"
        path.write_bytes(content)
        try:
            found = inspect(path).inspection
        except InvalidArtifact:
            verdicts[name] = "refused"
            continue
        verdicts[name] = found.verdict.value
        assert found.findings, name
        if found.verdict is InspectionVerdict.ALLOW:
            allowed.append(name)
    assert allowed == []
    assert not canary.exists()
    assert len(hook) == before, "the desktop process looked up a name of a pickle"
    # What only a person can judge: unknown code, and something behind the end.
    review = {name for name, verdict in verdicts.items() if verdict == "review"}
    assert review <= {"call __main__.anything", "call mymodel.net.Net", "unhashed tail"}


def test_e01_the_samples_are_live(tmp_path: Path) -> None:
    """The control: loaded in a child process, enough of them do create the canary."""
    fired = 0
    samples = [
        s for s in malicious.all_samples(str(tmp_path / "canary")) if s[0].startswith(("joblib", "pickle 5", "packed"))
    ]
    for number, (_, ending, content) in enumerate(samples[:12]):
        canary = tmp_path / "canary"
        path = tmp_path / f"live-{number}{ending}"
        path.write_bytes(content)
        subprocess.run(
            [sys.executable, "-c", f"import joblib; joblib.load({str(path)!r})"], capture_output=True, check=False
        )
        fired += canary.exists()
        canary.unlink(missing_ok=True)
    assert fired >= 10


def estimators() -> list[object]:
    from sklearn import (
        cluster,
        compose,
        decomposition,
        discriminant_analysis,
        ensemble,
        feature_selection,
        gaussian_process,
        impute,
        linear_model,
        model_selection,
        naive_bayes,
        neighbors,
        neural_network,
        pipeline,
        preprocessing,
        svm,
        tree,
    )

    scaled = pipeline.make_pipeline(
        compose.ColumnTransformer([("n", preprocessing.StandardScaler(), [0, 1]), ("p", "passthrough", [2])]),
        linear_model.LogisticRegression(),
    )
    return [
        linear_model.LogisticRegression(max_iter=2000),
        linear_model.LinearRegression(),
        linear_model.Ridge(),
        linear_model.Lasso(),
        linear_model.SGDClassifier(),
        linear_model.RidgeClassifierCV(),
        svm.SVC(probability=False),
        svm.LinearSVC(),
        tree.DecisionTreeClassifier(),
        ensemble.RandomForestClassifier(5),
        ensemble.RandomForestRegressor(5),
        ensemble.ExtraTreesClassifier(5),
        ensemble.GradientBoostingClassifier(n_estimators=5),
        ensemble.AdaBoostClassifier(),
        ensemble.HistGradientBoostingClassifier(max_iter=5),
        ensemble.HistGradientBoostingRegressor(max_iter=5),
        neighbors.KNeighborsClassifier(algorithm="kd_tree"),
        neighbors.KNeighborsRegressor(algorithm="ball_tree"),
        naive_bayes.GaussianNB(),
        neural_network.MLPClassifier((5,), max_iter=20),
        gaussian_process.GaussianProcessClassifier(),
        discriminant_analysis.LinearDiscriminantAnalysis(),
        model_selection.GridSearchCV(linear_model.LogisticRegression(max_iter=500), {"C": [1, 2]}, cv=2),
        scaled,
        pipeline.make_pipeline(impute.SimpleImputer(), decomposition.PCA(2), cluster.KMeans(2, n_init=1)),
        pipeline.make_pipeline(feature_selection.SelectKBest(k=2), svm.SVR()),
    ]


def test_e02_no_benign_pickle_is_rejected(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = np.abs(random.normal(size=(60, 4))), random.integers(0, 2, 60)
    fitted = estimators()
    assert len(fitted) >= 25
    unclear = []
    for number, estimator in enumerate(fitted):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(x, y)
        files = {name: tmp_path / f"{number}-{name}" for name in ("5.pkl", "4.pkl", "raw.joblib", "zlib.joblib")}
        files["5.pkl"].write_bytes(pickle.dumps(estimator, 5))
        files["4.pkl"].write_bytes(pickle.dumps(estimator, 4))
        joblib.dump(estimator, files["raw.joblib"])
        joblib.dump(estimator, files["zlib.joblib"], compress=("zlib", 3))
        for path in files.values():
            found = inspect(path)
            assert found.format is Format.SKLEARN_PICKLE
            assert found.inspection.facts["estimator"].endswith(type(estimator).__name__)
            assert found.inspection.facts["scikit-learn"]
            if found.inspection.verdict is not InspectionVerdict.ALLOW:
                unclear.append((type(estimator).__name__, path.name, found.inspection))
    assert unclear == []


def test_e02_frames_sparse_and_object_arrays(tmp_path: Path) -> None:
    import pandas
    import scipy.sparse
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier().fit([[0], [1]], [0, 1])
    words = np.array(["a", None, "ccc"], dtype=object)
    model.extra_ = [
        pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        scipy.sparse.csr_matrix(np.eye(3)),
        words,
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.array(["ab", "c"]),
        np.zeros(2, [("a", "f8"), ("b", "U3")]),
        np.zeros((0, 3)),
        np.array(5.0),
        np.asfortranarray(np.eye(3)),
        np.ma.masked_array([1, 2], [True, False]),
        np.float32(3),
        np.random.RandomState(0),
        np.random.default_rng(0),
        {"a": {1, 2}},
        10**30,
        b"bytes",
        1 + 2j,
    ]
    joblib.dump(model, tmp_path / "m.joblib")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(model, 5))
    for name in ("m.joblib", "m.pkl"):
        found = inspect(tmp_path / name).inspection
        assert found.verdict is not InspectionVerdict.REJECT, found


def test_unknown_code_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pkl"
    path.write_bytes(malicious.call("mymodel.net", "Net", "x"))
    found = inspect(path).inspection
    assert found.verdict is InspectionVerdict.REVIEW
    assert found.findings == ("It names mymodel.net.Net, which is not on the list of known model parts.",)


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], "text", 5, np.eye(3)])
def test_plain_data_are_no_model(tmp_path: Path, value: object) -> None:
    for name, data in (("d.pkl", pickle.dumps(value)), ("d.joblib", _joblib(value))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidArtifact, match="no model"):
            inspect(tmp_path / name)


def _joblib(value: object) -> bytes:
    out = io.BytesIO()
    joblib.dump(value, out)
    return out.getvalue()


def bombs() -> dict[str, bytes]:
    laughs = b"\x80\x04)" + b"\x94h\x00h\x00\x86"[0:1] + b"".join(b"22\x870" and b"2\x86\x94" for _ in range(60)) + b"."
    zeros = zlib.compressobj(9)
    packed = zeros.compress(b"\x80\x04B" + struct.pack("<I", (1 << 32) - 1))
    packed += b"".join(zeros.compress(bytes(1 << 20)) for _ in range(3000)) + zeros.flush()
    return {
        "large dictionary.pkl": pickle.dumps({f"key {n}": n for n in range(500_000)}),
        "deep lists.pkl": b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "deep marks.pkl": b"\x80\x04" + b"(" * 1_000_000 + b".",
        "a terabyte.pkl": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        "a terabyte of text.pkl": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
        "negative.pkl": b"\x80\x02T\xff\xff\xff\xff.",
        "laughs.pkl": laughs,
        "large memo.pkl": b"\x80\x04N" + b"r\xff\xff\xff\x7f" + b".",
        "3 GB of zeros.joblib": packed,
        "digits.pkl": b"I" + b"9" * 5_000_000 + b"\n.",
        "line.pkl": b"\x80\x02c" + b"o" * 20_000_000 + b"\nx\n.",
    }


def test_e04_bombs(tmp_path: Path) -> None:
    import resource

    for name, content in bombs().items():
        path = tmp_path / name
        path.write_bytes(content)
        start = time.monotonic()
        try:
            verdict = inspect(path).inspection.verdict
        except InvalidArtifact:
            verdict = None
        seconds = time.monotonic() - start
        assert verdict is not InspectionVerdict.ALLOW, name
        assert seconds < 13, f"{name}: {seconds:.1f} s"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2_500_000  # KiB


def test_a_crash_of_the_inspection_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps([1]))
    monkeypatch.setattr("mlops_desktop.formats.inspect._START", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(InvalidArtifact, match="ended with signal 11"):
        inspect(path)
    monkeypatch.setattr("mlops_desktop.formats.inspect._START", "import time; time.sleep(60)")
    monkeypatch.setattr("mlops_desktop.formats.inspect.TIMEOUT_SECONDS", 0.3)
    with pytest.raises(InvalidArtifact, match="could not be inspected within"):
        inspect(path)
