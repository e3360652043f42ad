"""The differences of two versions: as a table to filter and copy, and as a short list of what changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from mlops_desktop.domain.metrics import better
from mlops_desktop.domain.registry import Difference
from mlops_desktop.ui.theme import M, Tone
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.widgets.plain_label import PlainLabel

SECTIONS = ("metrics", "params", "tags", "schema", "dependencies", "lineage", "files")
SHOWN = 24


def change_badge(difference: Difference) -> Badge:
    """What happened to one fact from left to right: an icon and a word."""
    if difference.delta is not None and difference.changed:
        judged = better(difference.name, difference.delta)
        icon = "arrow-up" if difference.delta > 0 else "arrow-down"
        word = f"{difference.delta:+.4g}" + {None: "", True: " better", False: " worse"}[judged]
        tone = {None: Tone.UNKNOWN, True: Tone.OK, False: Tone.WARNING}[judged]
        return Badge(word, icon, tone)
    if not difference.changed:
        return Badge("Same", "check", Tone.UNKNOWN)
    if difference.left is None:
        return Badge("Added", "plus", Tone.ACCENT)
    return (
        Badge("Removed", "minus", Tone.ACCENT) if difference.right is None else Badge("Changed", "pencil", Tone.ACCENT)
    )


def hidden_delta(difference: Difference) -> Badge:
    """The same without a judgement, for metrics that were measured on other data."""
    if difference.delta is None or not difference.changed:
        return change_badge(difference)
    return Badge("Other data", "triangle-alert", Tone.WARNING)


def _order(difference: Difference) -> str:
    place = SECTIONS.index(difference.section) if difference.section in SECTIONS else len(SECTIONS)
    return f"{place} {difference.name}"


def difference_columns(left: str, right: str, *, judge: bool = True) -> tuple[Column, ...]:
    """Columns titled by the two labels; `judge` says whether metrics may be compared."""
    badge = change_badge if judge else hidden_delta
    return (
        Column("section", "Section", lambda d: str(d.section).capitalize(), value=_order, width=112, muted=True),
        Column("name", "Name", lambda d: str(d.name), width=190, stretch=True, strong=True),
        Column("left", left, lambda d: d.left or "–", width=190),
        Column("right", right, lambda d: d.right or "–", width=190),
        Column(
            "change",
            "Change",
            lambda d: badge(d).word,
            value=lambda d: d.delta if d.delta is not None and judge else badge(d).word,
            kind=Kind.BADGE,
            badge=badge,
            width=150,
            explanation="From left to right",
        ),
    )


class ChangeList(QWidget):
    """What changed, a line each, metrics first; at most SHOWN of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Difference, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(M)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(1, 3)
        self._labels: list[PlainLabel] = []

    def show_differences(self, differences: Sequence[Difference], *, judge: bool = True) -> None:
        changed = tuple(sorted((d for d in differences if d.changed), key=_order))
        if changed == self._shown and self._labels:
            return
        self._shown = changed
        for label in self._labels:
            label.hide()
            label.deleteLater()
        self._labels = []
        for row, difference in enumerate(changed[:SHOWN]):
            badge = (change_badge if judge else hidden_delta)(difference)
            name = PlainLabel(f"{difference.section}: {difference.name}", "muted", wrap=True)
            values = PlainLabel(f"{difference.left or '–'}  →  {difference.right or '–'}", wrap=True, selectable=True)
            word = PlainLabel(badge.word, "strong" if difference.section == "metrics" else "caption")
            for column, label in enumerate((name, values, word)):
                label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
                self._grid.addWidget(label, row, column)
                self._labels.append(label)
        rest = len(changed) - SHOWN
        if rest > 0 or not changed:
            last = PlainLabel(f"and {rest} more in the comparison" if changed else "Nothing differs.", "muted")
            self._grid.addWidget(last, SHOWN, 0, 1, 3)
            self._labels.append(last)
