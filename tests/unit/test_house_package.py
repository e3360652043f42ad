"""What `pip install .` puts on a machine: the program, its resources, its command; nothing of the work tree besides."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {path.suffix: path for path in folder.iterdir()}


def test_the_wheel_holds_program_and_resources(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built[".whl"]) as wheel:
        names = set(wheel.namelist())
        entry = configparser.ConfigParser()
        entry.read_string(wheel.read(next(n for n in names if n.endswith("entry_points.txt"))).decode())
        metadata = wheel.read(next(n for n in names if n.endswith("METADATA"))).decode()
    code = {p.relative_to(ROOT).as_posix() for p in (ROOT / "mlops_desktop").rglob("*.py")}
    shipped = {f"mlops_desktop/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "resources").rglob("*.svg")}
    assert shipped, "the icons"
    assert (code | shipped | {"mlops_desktop/py.typed"}) - names == set()
    roots = {name.partition("/")[0] for name in names}
    assert len(roots) == 2, f"mlops_desktop and its dist-info: {roots}"
    assert entry["console_scripts"]["mlops-desktop"] == "mlops_desktop.__main__:main"
    assert "License-Expression: Apache-2.0" in metadata
    assert "Provides-Extra: ui" in metadata


def test_the_base_install_has_no_window(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built[".whl"]) as wheel:
        metadata = wheel.read(next(n for n in wheel.namelist() if n.endswith("METADATA"))).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert needed
    assert not [line for line in needed if "PySide6" in line or "pyqtgraph" in line or "scikit-learn" in line]


def test_the_source_archive_builds_the_same(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "packaging/run"} <= names
    unwanted = (".venv", ".git/", "tour-report", ".ci/", "dist/", ".mypy_cache", ".bench")
    assert [name for name in names if name.startswith(unwanted) or "__pycache__" in name] == []
