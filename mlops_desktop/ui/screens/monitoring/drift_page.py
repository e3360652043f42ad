"""Drift: features by time as a map, the ranked list beside it, and one feature against its reference below."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.monitoring import DriftState, FeatureDrift
from mlops_desktop.ui.screens.monitoring.columns import FEATURE_COLUMNS
from mlops_desktop.ui.screens.monitoring.drift_reading import PREDICTION, DriftPicture, FeatureDetail, Spot
from mlops_desktop.ui.screens.monitoring.stretches import span_words
from mlops_desktop.ui.theme import L, M, S
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.bars import BarCompare
from mlops_desktop.ui.widgets.cards import Card, FactList, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import ClampedLabel, PlainLabel
from mlops_desktop.ui.widgets.sparkline import Cell, HeatMap
from mlops_desktop.ui.widgets.table import RecordTable

NO_VERDICT = "no verdict, so nothing is known"
UPPER_HEIGHT, CELL_WIDTH = 288, 11


class DriftPage(QStackedWidget):
    """`spot_opened` asks for a feature's bins over the chunk of that spot."""

    spot_opened = Signal(object)
    traffic_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.picture = DriftPicture(DriftState.UNKNOWN, "", "")
        self._opened_by_hand = False
        self.badge = StateBadge(badge_of(DriftState.UNKNOWN))
        self.title = ClampedLabel("", "section", lines=1)
        self.text = ClampedLabel("", "caption", lines=1)
        self.map = HeatMap("Drift by feature and time")
        self.map.cell_opened.connect(self._on_cell)
        self.table = RecordTable(
            "drift",
            FEATURE_COLUMNS,
            lambda s: s.drift.feature,
            title="Newest verdicts, worst first",
            filterable=False,
            heading=True,
        )
        self.table.opened.connect(self._on_row)
        self.table.current_changed.connect(self._on_row)
        self.bars = BarCompare("Reference and now")
        self.name = PlainLabel("", "section")
        self.state = StateBadge(badge_of(DriftState.UNKNOWN))
        self.sentence = PlainLabel("", wrap=True, selectable=True)
        self.facts = FactList(name_width=104)
        self.empty = EmptyState("activity", "Drift is unknown", "", "Send test traffic")
        self.empty.action.connect(self.traffic_wanted)
        self.page = Page(margin=0)
        self.page.body.setContentsMargins(0, M, 0, L)
        self.page.body.addLayout(self._head())
        self.page.body.addLayout(self._upper(), 1)
        self.detail = self._detail()
        self.page.body.addWidget(self.detail)
        self.addWidget(self.page)
        self.addWidget(self.empty)

    # What is shown

    def show_picture(self, picture: DriftPicture) -> None:
        self.picture = picture
        if not picture.rows:
            self.empty.show_text(picture.title, picture.text)
            self.empty.button.setVisible("profile" not in picture.title)
            self.setCurrentWidget(self.empty)
            return
        self.setCurrentWidget(self.page)
        self.badge.show_badge(badge_of(picture.state))
        self.title.setText(picture.title)
        self.text.setText(picture.text)
        self.map.set_cells(picture.rows, picture.columns, [[_cell(spot) for spot in row] for row in picture.spots])
        self.table.set_records(picture.newest)

    def show_detail(self, detail: FeatureDetail) -> None:
        drift = detail.drift
        self.name.setText(drift.feature)
        self.state.show_badge(badge_of(drift.state))
        self.sentence.setText(drift.sentence)
        self.bars.set_shares(drift.bins, drift.reference_shares, drift.current_shares, drift.feature)
        unknown = drift.state is DriftState.UNKNOWN
        self.facts.show_facts(
            {
                "PSI": "unknown" if unknown else f"{_figure(drift.psi)}, limit {_figure(drift.limit)}",
                _distance(drift): "unknown" if unknown else _figure(drift.distance),
                "p-value": "unknown" if unknown else _p_value(drift.p_value),
                "Rows": f"{drift.rows:,}",
                "Missing": f"{100 * drift.null_share:.1f} %",
                "Weight": "–" if drift.kind == PREDICTION else f"{100 * drift.importance:.1f} % of the model",
                "Chunk": span_words(detail.start, detail.end),
                "Version": str(detail.version),
            }
        )
        if self._opened_by_hand:
            self._opened_by_hand = False
            self.page.ensureWidgetVisible(self.detail, 0, 0)

    @property
    def columns(self) -> int:
        """How many the map has room for; narrower ones could be neither seen nor hit."""
        return max(12, min((self.map.width() - self.map.name_width) // CELL_WIDTH, 60))

    def spot_of(self, feature: str) -> Spot | None:
        return next((s for s in self.picture.newest if s.drift.feature == feature), None)

    def focus_feature(self, feature: str) -> None:
        """Move the list's cursor without asking for the bins again."""
        self.table.blockSignals(True)
        self.table.select(feature)
        self.table.blockSignals(False)

    # What the person does

    def _on_cell(self, row: int, column: int) -> None:
        spot = self.picture.spots[row][column]
        if spot is not None:
            self._opened_by_hand = True
            self.focus_feature(spot.drift.feature)
            self.spot_opened.emit(spot)

    def _on_row(self, spot: Spot | None) -> None:
        if spot is not None:
            self.spot_opened.emit(spot)

    # Parts

    def _head(self) -> QHBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.text)
        line = QHBoxLayout()
        line.setSpacing(M)
        line.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(words, 1)
        return line

    def _upper(self) -> QHBoxLayout:
        scroll = QScrollArea()
        scroll.setWidget(self.map)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        self.map.setAutoFillBackground(False)
        card = Card("Verdicts over time", "grid-3x3", padding=M)
        card.add(scroll, 1)
        key = "Stronger is further from the reference; a frame is drift; hatched is unknown."
        card.add(PlainLabel(key, "caption", wrap=True))
        self.table.setMinimumWidth(400)
        for part in (card, self.table):
            part.setMinimumHeight(UPPER_HEIGHT)
        line = QHBoxLayout()
        line.setSpacing(M)
        line.addWidget(card, 4)
        line.addWidget(self.table, 3)
        return line

    def _detail(self) -> QWidget:
        card = Card()
        head = QHBoxLayout()
        head.setSpacing(M)
        head.addWidget(self.name)
        head.addWidget(self.state)
        head.addWidget(self.sentence, 1)
        card.add(head)
        line = QHBoxLayout()
        line.setSpacing(L)
        line.addWidget(self.bars, 3)
        side = QVBoxLayout()
        side.addWidget(self.facts)
        side.addStretch(1)
        line.addLayout(side, 2)
        card.body.setSpacing(S)
        card.add(line)
        return card


def _cell(spot: Spot | None) -> Cell:
    if spot is None:
        return Cell(None, words=NO_VERDICT)
    return Cell(spot.strength, spot.drift.state is DriftState.DRIFT, spot.words)


def _figure(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "unknown"


def _p_value(value: float) -> str:
    if not math.isfinite(value):
        return "unknown"
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _distance(drift: FeatureDrift) -> str:
    """What the distance is called: numbers have edges and categories names for their bins, predictions either."""
    numeric = drift.kind == "number" or any(" to " in words or words.startswith("below ") for words in drift.bins)
    return "KS distance" if numeric else "L-infinity"
