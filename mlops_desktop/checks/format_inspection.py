"""Inspect the stored model files again, with today's rules, in a child process; nothing is loaded."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath

from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict
from mlops_desktop.domain.errors import InvalidArtifact, NotFound
from mlops_desktop.domain.registry import FileRole, Format, InspectionVerdict, ModelVersion

NAME = "format-inspection"


def run(context: CheckContext) -> CheckResult:
    """PASS for files that hold no code, WARN for what a person should look at, FAIL for what is refused."""
    from mlops_desktop.formats.inspect import inspect

    version = context.version
    with tempfile.TemporaryDirectory(prefix="mlops-desktop-check-") as folder:
        try:
            found = inspect(_unpacked(context, version, Path(folder)))
        except (InvalidArtifact, NotFound) as error:
            return CheckResult(NAME, Verdict.FAIL, error.message)
    inspection, findings = found.inspection, found.inspection.findings
    figures = {"findings": float(len(findings))}
    if found.format is not version.format:
        summary = f"The files are {found.format.value}, but {version.format.value} was registered."
        return CheckResult(NAME, Verdict.FAIL, summary, figures, findings)
    if inspection.verdict is InspectionVerdict.REJECT:
        return CheckResult(NAME, Verdict.FAIL, _first(findings, "It names unknown code."), figures, findings)
    if inspection.verdict is InspectionVerdict.REVIEW:
        summary = f"Runs in an isolated container only. {_first(findings, 'It may run code when loaded.')}"
        return CheckResult(NAME, Verdict.WARN, summary, figures, findings)
    return CheckResult(NAME, Verdict.PASS, f"{version.format.value}: nothing suspicious was found.", figures, findings)


def _unpacked(context: CheckContext, version: ModelVersion, folder: Path) -> Path:
    """A copy of the model files as they were given; returns the file, or the folder of an MLmodel."""
    root = folder / version.model
    entry: Path | None = None
    for file in version.files:
        if file.role is FileRole.MODEL:
            relative = PurePosixPath(file.path)
            if relative.is_absolute() or ".." in relative.parts:
                raise InvalidArtifact(f"The path {file.path!r} was altered.", "Verify the audit trail.")
            target = root.joinpath(*relative.parts)
            context.artifacts.copy_to(file.digest, target)
            entry = entry or target
    if entry is None:
        raise InvalidArtifact(f"{version.label} has no model file.")
    return root if version.format is Format.MLFLOW else entry


def _first(findings: tuple[str, ...], otherwise: str) -> str:
    return findings[0] if findings else otherwise
