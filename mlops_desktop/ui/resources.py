"""Find the files that ship beside the code: `resources/` of a checkout, or the same inside a wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import mlops_desktop


@cache
def _root() -> Path:
    package = Path(mlops_desktop.__file__).parent
    installed = package / "resources"
    return installed if installed.is_dir() else package.parent / "resources"


def resource(*parts: str) -> Path:
    """The path of a shipped file, for example `resource("icons", "bell.svg")`."""
    return _root().joinpath(*parts)
