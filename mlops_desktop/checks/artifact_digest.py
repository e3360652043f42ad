"""Hash every stored file again, and the version's digest from them."""

from __future__ import annotations

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict
from mlops_desktop.domain.registry import version_digest

NAME = "artifact-digest"


def run(context: CheckContext) -> CheckResult:
    """FAIL when a file is missing or damaged, or when the rows no longer give the digest that was registered."""
    version = context.version
    damaged = []
    for file in version.files:
        context.job.check_cancelled()
        if not context.artifacts.verify(file.digest):
            damaged.append(file.path)
    figures = {"files": float(len(version.files)), "size_bytes": float(version.size), "damaged": float(len(damaged))}
    if damaged:
        return CheckResult(NAME, Verdict.FAIL, f"Damaged or missing: {', '.join(damaged)}.", figures, tuple(damaged))
    if version_digest(version.format, version.files, version.signature) != version.digest:
        return CheckResult(NAME, Verdict.FAIL, "The record of the files was altered after registration.", figures)
    return CheckResult(NAME, Verdict.PASS, f"{_files(len(version.files))} with the registered digest.", figures)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"All {number} files"
