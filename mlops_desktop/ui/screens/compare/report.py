"""A comparison as text: Markdown for a review or a ticket, CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.registry import Comparison, Difference
from mlops_desktop.ui.widgets.columns import Column
from mlops_desktop.ui.widgets.differences import change_badge, hidden_delta
from mlops_desktop.ui.widgets.export import to_csv

OTHER_DATA = "The two were measured on different test data: their metrics can't be compared."
UNKNOWN_DATA = "It is not known whether the two were measured on the same test data."


def judged(comparison: Comparison) -> bool:
    """Whether a metric of one may be held against that of the other."""
    return comparison.same_test_data is not False


def change_of(difference: Difference, judge: bool) -> str:
    return (change_badge if judge else hidden_delta)(difference).word


def to_markdown(comparison: Comparison, differences: Sequence[Difference]) -> str:
    """A table a section, in the order of the comparison."""
    left, right, judge = comparison.left, comparison.right, judged(comparison)
    lines = [f"# {_cell(left.label)} and {_cell(right.label)}", ""]
    if not judge:
        lines += [f"**{OTHER_DATA}**", ""]
    elif comparison.same_test_data is None and left.metrics and right.metrics:
        lines += [UNKNOWN_DATA, ""]
    for section in dict.fromkeys(d.section for d in differences):
        lines += [f"## {section.capitalize()}", ""]
        lines += [f"| Name | {_cell(left.label)} | {_cell(right.label)} | Change |", "| --- | --- | --- | --- |"]
        for d in differences:
            if d.section == section:
                cells = (d.name, d.left or "–", d.right or "–", change_of(d, judge))
                lines.append(f"| {' | '.join(_cell(c) for c in cells)} |")
        lines.append("")
    if not differences:
        lines.append("Nothing differs.")
    return "\n".join(lines).rstrip() + "\n"


def as_csv(comparison: Comparison, differences: Sequence[Difference]) -> str:
    """Metrics are numbers in full; a difference that says nothing is left out."""
    left, right, judge = comparison.left, comparison.right, judged(comparison)

    def value(side: str, metrics: dict[str, float], d: Difference) -> str | float | None:
        return metrics.get(d.name) if d.section == "metrics" else getattr(d, side)

    columns = (
        Column("section", "section", lambda d: str(d.section)),
        Column("name", "name", lambda d: str(d.name)),
        Column("left", left.label, lambda d: d.left or "", value=lambda d: value("left", dict(left.metrics), d)),
        Column("right", right.label, lambda d: d.right or "", value=lambda d: value("right", dict(right.metrics), d)),
        Column("difference", "difference", lambda _: "", value=lambda d: d.delta if judge else None),
        Column("change", "change", lambda d: _verdict(d, judge)),
    )
    return to_csv(columns, differences)


def write_report(path: Path, comparison: Comparison, differences: Sequence[Difference]) -> Path:
    """By the ending: .csv, otherwise Markdown. StorageError when it can't be written."""
    text = (as_csv if path.suffix.lower() == ".csv" else to_markdown)(comparison, differences)
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"{path.name} can't be written: {reason}.", "Choose another folder.") from None
    return path


def _verdict(difference: Difference, judge: bool) -> str:
    word = change_of(difference, judge)
    if difference.delta is None or not difference.changed or not judge:
        return word.lower()
    return word.partition(" ")[2]


def _cell(text: str) -> str:
    """One line, and nothing in it that Markdown or HTML would take for its own."""
    for sign in ("\\", "|", "`", "*", "_", "[", "]", "<", ">", "#"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
