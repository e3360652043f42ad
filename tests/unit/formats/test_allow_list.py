"""The list of names that a model file may mention: complete, and without anything that runs or opens."""

from __future__ import annotations

import importlib
import inspect
import warnings

import pytest
from sklearn.utils import all_estimators

from mlops_desktop.formats._inspector import names

LIBRARIES = {"sklearn", "numpy", "scipy", "pandas"}
STANDARD = {"builtins", "collections", "copyreg", "datetime", "decimal", "fractions", "_codecs"}
WORDS = {
    "eval", "exec", "compile", "open", "getattr", "setattr", "import", "system", "load", "loads", "loadtxt", "fetch",
    "run", "call", "popen", "spawn", "fromfile", "tofile", "memmap", "save", "read", "write", "reconstruct_ufunc",
}  # fmt: skip


def pairs() -> list[tuple[str, str]]:
    return sorted(names._allowed())


def test_only_known_libraries() -> None:
    roots = {module.split(".")[0] for module, _ in pairs()}
    assert roots <= LIBRARIES | STANDARD | {"joblib"}
    assert {p for p in pairs() if p[0].startswith("joblib")} == {("joblib.numpy_pickle", "NumpyArrayWrapper")}


def test_no_dots_in_names_and_no_dangerous_words() -> None:
    assert len(pairs()) > 500
    for module, name in pairs():
        assert name.isidentifier(), (module, name)
        assert not set(name.lower().strip("_").split("_")) & WORDS, (module, name)
        assert (module, name) not in names._DANGEROUS
        assert not any(module == p or module.startswith(p + ".") for p in names._DANGEROUS_PREFIXES), module


def test_builtins_are_plain_types() -> None:
    found = {name for module, name in pairs() if module == "builtins"}
    assert not found & {"type", "getattr", "eval", "exec", "open", "vars", "globals", "map", "filter", "print", "super"}


def test_every_estimator_is_on_the_list() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {(cls.__module__, cls.__name__) for _, cls in all_estimators()}
    assert {pair for pair in found if pair[0].startswith("sklearn.")} <= set(pairs())


def test_functions_on_the_list_take_arrays_only() -> None:
    """No function on the list opens a file, imports by name or evaluates text in its own source."""
    checked = 0
    for module, name in pairs():
        if module.split(".")[0] not in LIBRARIES:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue  # a name of another version
        if not inspect.isfunction(value):
            continue
        source = inspect.getsource(inspect.unwrap(value))
        for word in (
            "open(",
            "exec(",
            "eval(",
            "__import__(",
            "import_module(",
            "subprocess",
            "pickle.load",
            "os.system",
        ):
            assert word not in source.replace("newaxis", ""), (module, name, word)
        checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    ("module", "name", "verdict"),
    [
        ("sklearn.linear_model._logistic", "LogisticRegression", "allow"),
        ("sklearn.linear_model", "LogisticRegression", "review"),  # no pickle names it by this module
        ("sklearn.linear_model._logistic", "LogisticRegression.fit", "reject"),
        ("sklearn.datasets._base", "load_files", "reject"),
        ("os", "system", "reject"),
        ("os.path", "join", "reject"),
        ("builtins", "getattr", "reject"),
        ("functools", "partial", "review"),
        ("xgboost.sklearn", "XGBClassifier", "review"),
        ("numpy", "load", "reject"),
        ("numpy.lib.npyio", "load", "reject"),
        ("", "x", "reject"),
        ("os ", "system", "reject"),
        ("sklearn..x", "y", "reject"),
    ],
)
def test_verdicts(module: str, name: str, verdict: str) -> None:
    assert names.judge(module, name) == verdict
