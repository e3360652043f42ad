"""Where a version came from: script, commit, packages and machine, found without asking the person."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_desktop.domain.registry import Format, Lineage

# What a fitted pipeline's behaviour depends on; a package that is not installed is left out.
_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "joblib", "skops", "skl2onnx", "onnx", "onnxruntime")
_SERVED_WITH = {
    Format.ONNX: ("onnxruntime", "numpy"),
    Format.SKOPS: ("scikit-learn", "numpy", "scipy", "pandas", "joblib", "skops"),
    Format.SKLEARN_PICKLE: ("scikit-learn", "numpy", "scipy", "pandas", "joblib"),
    Format.MLFLOW: ("scikit-learn", "numpy", "scipy", "pandas", "joblib", "skops"),
}


def lineage_of(estimator: Any, data: Mapping[str, str], seed: int | None, trained_by: str) -> Lineage:
    """Everything that can be found out; what can't stays empty."""
    script = _script()
    commit, dirty = _commit(script.parent if script else Path.cwd())
    roots = {type(part).__module__.split(".")[0] for part in _parts(estimator)} - {"__main__"}
    return Lineage(
        data=dict(data),
        code_commit=commit,
        code_dirty=dirty,
        source=script.name if script else "",
        source_digest=hashlib.sha256(script.read_bytes()).hexdigest() if script else "",
        seed=seed,
        environment=_versions([*_PACKAGES, *_distributions(roots)]),
        python=platform.python_version(),
        # Which system and processors, not whose computer it was.
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count() or 1} processors",
        trained_by=trained_by,
    )


def requirements_of(format: Format, estimator: Any) -> str:
    """The exact versions that serving this format needs, one a line."""
    names = list(_SERVED_WITH[format])
    if format is not Format.ONNX:
        names += _distributions({type(part).__module__.split(".")[0] for part in _parts(estimator)} - {"__main__"})
    return "".join(f"{name}=={version}\n" for name, version in _versions(names).items())


def _parts(estimator: Any) -> list[Any]:
    """The estimator and those inside it."""
    if not hasattr(estimator, "get_params"):
        return [estimator]
    return [estimator, *(v for v in estimator.get_params(deep=True).values() if hasattr(v, "fit"))]


def _distributions(modules: set[str]) -> list[str]:
    """The packages that bring these top-level modules, other than the usual ones."""
    modules -= {"sklearn", "numpy", "scipy", "pandas", "builtins"}
    if not modules:
        return []
    known = importlib.metadata.packages_distributions()
    return sorted({name for module in modules for name in known.get(module, ())})


def _versions(names: list[str]) -> dict[str, str]:
    found = {}
    for name in dict.fromkeys(names):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _script() -> Path | None:
    """The script that runs, or None in an interactive session."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    path = Path(file).resolve() if file else None
    return path if path is not None and path.is_file() else None


def _commit(folder: Path) -> tuple[str, bool]:
    """The commit of the folder's repository and whether it has changes; empty without git or outside of one."""
    commit = _git(folder, "rev-parse", "HEAD")
    return (commit, bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))) if commit else ("", False)


def _git(folder: Path, *arguments: str) -> str:
    try:
        # The repository may be somebody else's: no hooks, no file system monitor, no prompts.
        command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
