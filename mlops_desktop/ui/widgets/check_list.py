"""What the checks of a version found: one verdict a row, with its figures and the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.checks import CheckResult
from mlops_desktop.ui.theme import M, S
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.cards import Line
from mlops_desktop.ui.widgets.plain_label import PlainLabel

BADGE_WIDTH = 92
EVIDENCE_SHOWN = 12


class CheckRow(QWidget):
    """One check. Its words come from the model's files in part, so they are shown literally."""

    def __init__(self, result: CheckResult, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        badge = StateBadge(badge_of(result.verdict))
        words = QVBoxLayout()
        words.setSpacing(2)
        head = PlainLabel(result.check.replace("-", " ").capitalize(), "strong")
        words.addWidget(head)
        words.addWidget(PlainLabel(result.summary, wrap=True, selectable=True))
        if result.figures:
            # A line may break between two figures, not between a name and its number.
            each = (f"{name} {_number(value)}".replace("_", " ") for name, value in result.figures.items())
            figures = "   ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in each)
            words.addWidget(PlainLabel(figures, "caption", wrap=True, selectable=True))
        if evidence := [line for line in result.evidence if line]:
            shown = evidence[:EVIDENCE_SHOWN]
            more = [f"and {len(evidence) - len(shown)} more"] if len(evidence) > len(shown) else []
            text = "\n".join(f"· {line}" for line in [*shown, *more])
            words.addWidget(PlainLabel(text, "muted", wrap=True, selectable=True))
        holder = QHBoxLayout(self)
        holder.setContentsMargins(0, S, 0, S)
        holder.setSpacing(M)
        left = QWidget()
        left.setFixedWidth(BADGE_WIDTH)
        inner = QHBoxLayout(left)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(badge)
        inner.addStretch(1)
        holder.addWidget(left, 0, Qt.AlignmentFlag.AlignTop)
        holder.addLayout(words, 1)
        self.setAccessibleName(f"{head.text()}: {badge.badge.word}. {result.summary}")


class CheckList(QWidget):
    """`show_results`; says `nothing` when there are none."""

    def __init__(self, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nothing = PlainLabel(nothing, "muted", wrap=True)
        self._shown: tuple[CheckResult, ...] = ()
        self._parts: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._nothing)

    def show_nothing(self, text: str) -> None:
        self._nothing.setText(text)
        self.show_results(())

    def show_results(self, results: Sequence[CheckResult]) -> None:
        if tuple(results) == self._shown:
            return
        self._shown = tuple(results)
        for part in self._parts:
            part.hide()
            part.deleteLater()
        self._parts = []
        for result in results:
            if self._parts:
                self._add(Line())
            self._add(CheckRow(result))
        self._nothing.setVisible(not results)

    def _add(self, part: QWidget) -> None:
        self._parts.append(part)
        self._layout.addWidget(part)


def _number(value: float) -> str:
    """Counts in full, measures to six digits."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.6g}"
