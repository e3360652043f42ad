"""Which (module, name) pairs a pickle or skops file may mention.

Exact pairs only: scanners that allow a prefix, or follow dots in a name, let through functions that load or run things.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from mlops_desktop.formats._inspector.report import ALLOW, REJECT, REVIEW

# Of the standard library: harmless, but no part of what a model needs; a person should look.
_HARMLESS = frozenset(
    {
        ("functools", "partial"),
        ("re", "_compile"),
        ("operator", "itemgetter"),
        ("pathlib", "Path"),
        ("pathlib", "PosixPath"),
        ("pathlib", "PurePosixPath"),
        ("pathlib", "WindowsPath"),
        ("pathlib._local", "PosixPath"),
        ("types", "SimpleNamespace"),
        ("string", "Template"),
        ("builtins", "type"),
        ("builtins", "print"),
        ("math", "log"),
        ("math", "sqrt"),
        ("math", "exp"),
    }
)
# Outside the standard library: functions that run code, or load or write files.
_DANGEROUS_ROOTS = frozenset(
    {"nt", "posix", "dill", "distutils", "setuptools", "pip", "pkg_resources", "_posixsubprocess", "_winapi"}
)
_DANGEROUS_PREFIXES = (
    "numpy.testing",
    "numpy.distutils",
    "numpy.f2py",
    "numpy.ctypeslib",
    "numpy.lib.npyio",
    "numpy.lib._npyio_impl",
    "scipy.io",
    "scipy._lib._ccallback",
    "pandas.io",
    "pandas.core.computation",
    "pandas._testing",
    "sklearn.datasets",
    "sklearn.externals",
    "joblib.externals",
    "joblib.memory",
    "joblib._store_backends",
    "torch.serialization",
    "torch.hub",
    "torch.jit",
    "torch.utils.cpp_extension",
)
_DANGEROUS = frozenset(
    {
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy", "save"),
        ("numpy", "savez"),
        ("numpy", "loadtxt"),
        ("numpy", "genfromtxt"),
        ("numpy", "memmap.tofile"),
        ("numpy.core", "_ufunc_reconstruct"),  # imports the module that it is told to
        ("numpy._core", "_ufunc_reconstruct"),
        ("numpy", "DataSource"),
        ("pandas", "read_pickle"),
        ("pandas", "eval"),
        ("pandas", "read_csv"),
        ("joblib", "load"),
        ("joblib", "dump"),
        ("joblib", "Memory"),
        ("joblib.numpy_pickle", "load"),
        ("joblib.numpy_pickle", "dump"),
        ("joblib.numpy_pickle_compat", "load_compatibility"),
        ("torch", "load"),
        ("torch", "compile"),
        ("cloudpickle", "loads"),
        ("cloudpickle.cloudpickle", "loads"),
        ("cloudpickle.cloudpickle", "subimport"),
        ("cloudpickle.cloudpickle", "_make_function"),
    }
)


@cache
def _allowed() -> frozenset[tuple[str, str]]:
    pairs = set()
    for line in Path(__file__).with_name("allowed_names.txt").read_text().splitlines():
        module, *names = line.split()
        pairs |= {(module, name) for name in names if not module.startswith("#")}
    return frozenset(pairs)


def judge(module: str, name: str) -> str:
    """The verdict on one name: allow (on the list), reject (can run or load things), review (not known)."""
    if (module, name) in _allowed():
        return ALLOW
    root = module.split(".", 1)[0]
    if not all(part.isascii() and part.isidentifier() for part in (*module.split("."), name)):
        return REJECT  # a dotted name walks from the module to anything that it imported
    if (module, name) in _HARMLESS:
        return REVIEW
    if root in sys.stdlib_module_names or root in _DANGEROUS_ROOTS or (module, name) in _DANGEROUS:
        return REJECT
    if any(module == p or module.startswith(p + ".") for p in _DANGEROUS_PREFIXES):
        return REJECT
    return REVIEW


def sentence(module: str, name: str, verdict: str) -> str:
    """Why that verdict, for the person."""
    if verdict == REJECT:
        return f"It names {module}.{name}, which can run code or reach files."
    return f"It names {module}.{name}, which is not on the list of known model parts."
