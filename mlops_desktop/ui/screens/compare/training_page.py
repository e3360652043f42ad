"""The training data of two versions: features by how far apart they are, and the chosen one's two distributions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.comparison import FeatureComparison
from mlops_desktop.ui.error_reporter import problem_of
from mlops_desktop.ui.screens.compare.columns import FEATURE_COLUMNS
from mlops_desktop.ui.theme import M
from mlops_desktop.ui.widgets.bars import BarCompare
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable


class TrainingPage(QWidget):
    """`show_features`, or `show_nothing` with the reason."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RecordTable("compare-features", FEATURE_COLUMNS, lambda f: f.feature, title="Features")
        self.table.current_changed.connect(self._on_current)
        self.picture = Card("Feature")
        self.bars = BarCompare("Two distributions of a feature")
        self._note = PlainLabel("", "caption", wrap=True)
        self.picture.add(self.bars, 1)
        self.picture.add(self._note)
        self.split = QWidget()
        sides = QHBoxLayout(self.split)
        sides.setContentsMargins(0, 0, 0, 0)
        sides.setSpacing(M)
        self.table.setMinimumWidth(320)
        self.picture.setMinimumWidth(300)
        sides.addWidget(self.table, 5)
        sides.addWidget(self.picture, 6)
        self.nothing = EmptyState("chart-line", "Reading the training data")
        self._stack = QStackedLayout()
        self._stack.addWidget(self.nothing)
        self._stack.addWidget(self.split)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        layout.addLayout(self._stack)
        self.setFocusProxy(self.table)

    def show_reading(self) -> None:
        self.nothing.show_text("Reading the training data")
        self._stack.setCurrentWidget(self.nothing)

    def show_nothing(self, error: BaseException) -> None:
        """A version without a profile is no failure: it says how the next one gets one."""
        problem = problem_of(error)
        self.nothing.show_text("No training data to compare", f"{problem.message} {problem.hint}".strip())
        self._stack.setCurrentWidget(self.nothing)

    def show_features(self, left: str, right: str, features: Sequence[FeatureComparison]) -> None:
        self.bars.set_words(left, right)
        self.table.set_records(features)
        self._stack.setCurrentWidget(self.split)
        if features and self.table.current() is None:
            self.table.select(features[0].feature)
        self._on_current(self.table.current())

    def choose(self, feature: str) -> None:
        self.table.select(feature)

    def _on_current(self, feature: FeatureComparison | None) -> None:
        if feature is None:
            self.picture.title.setText("Choose a feature")
            self.bars.set_shares((), (), ())
            self._note.setText("")
            return
        self.picture.title.setText(feature.feature)
        self.bars.setVisible(bool(feature.bins))
        self.bars.set_shares(
            feature.bins, feature.left_shares, feature.right_shares, f"Two distributions of {feature.feature}"
        )
        if feature.note:
            self._note.setText(feature.note)
        elif feature.same:
            self._note.setText("The two were trained on the same values.")
        elif feature.exact:
            self._note.setText("Shares of all rows, as counted when each version was trained.")
        else:
            self._note.setText(
                "Shares of all rows. The two were counted on bins of their own, so shares between their edges are "
                "interpolated."
            )
