"""The tables of the screen: features by drift and importance, deployments by performance."""

from __future__ import annotations

import math

from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.ui.screens.monitoring.drift_reading import PREDICTION, Spot
from mlops_desktop.ui.widgets.badges import badge_of
from mlops_desktop.ui.widgets.columns import Column, Kind


def _number(value: float, shape: str = "{:.2f}") -> str:
    return shape.format(value) if math.isfinite(value) else "–"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def known_psi(spot: Spot) -> float:
    """NaN for too few rows: a small number would look like “fine”."""
    return math.nan if spot.drift.state is DriftState.UNKNOWN else spot.drift.psi


def importance_words(spot: Spot) -> str:
    """A prediction has no importance: it is what the inputs are important for."""
    return "–" if spot.drift.kind == PREDICTION else f"{spot.drift.importance:.0%}".replace("%", " %")


def coverage_words(labels: int, predictions: int) -> str:
    """Rounded down: a share that lacks some is not 100 %."""
    return f"{math.floor(100 * labels / predictions)} %" if predictions else "–"


FEATURE_COLUMNS = (
    Column(
        "feature",
        "Feature",
        lambda s: s.drift.feature,
        width=96,
        stretch=True,
        strong=True,
        tool_tip=lambda s: s.drift.sentence,
    ),
    Column(
        "state",
        "Drift",
        lambda s: badge_of(s.drift.state).word,
        kind=Kind.BADGE,
        badge=lambda s: badge_of(s.drift.state),
        width=106,
    ),
    Column(
        "psi",
        "PSI",
        lambda s: _number(known_psi(s)),
        value=lambda s: _known(known_psi(s)),
        kind=Kind.NUMBER,
        width=56,
        explanation="Population stability index against the reference; the limit knows the number of rows",
    ),
    Column(
        "importance",
        "Weight",
        importance_words,
        value=lambda s: None if s.drift.kind == PREDICTION else s.drift.importance,
        kind=Kind.NUMBER,
        width=66,
        explanation="How important the feature is to the model. Rows are ranked by drift times importance",
    ),
)

SCORE_COLUMNS = (
    Column(
        "version",
        "Version",
        lambda s: f"Version {s.deployment.version}",
        value=lambda s: s.deployment.version,
        width=88,
        stretch=True,
        strong=True,
    ),
    Column(
        "state",
        "State",
        lambda s: badge_of(s.deployment.state).word,
        kind=Kind.BADGE,
        badge=lambda s: badge_of(s.deployment.state),
        width=108,
    ),
    Column(
        "value",
        "Realised",
        lambda s: _number(s.value, "{:.3f}"),
        value=lambda s: _known(s.value),
        kind=Kind.NUMBER,
        width=80,
    ),
    Column(
        "interval",
        "95 % interval",
        lambda s: f"{_number(s.low, '{:.3f}')} to {_number(s.high, '{:.3f}')}",
        kind=Kind.NUMBER,
        width=120,
        sortable=False,
        muted=True,
    ),
    Column(
        "reference",
        "Reference",
        lambda s: _number(s.reference, "{:.3f}"),
        value=lambda s: _known(s.reference),
        kind=Kind.NUMBER,
        width=88,
        explanation="On held-out data, when the version was trained",
    ),
    Column(
        "difference",
        "Difference",
        lambda s: _number(s.difference, "{:+.3f}"),
        value=lambda s: _known(s.difference),
        kind=Kind.NUMBER,
        width=90,
        explanation="Positive is better than the reference",
    ),
    Column("labels", "Labels", lambda s: f"{s.labels:,}", value=lambda s: s.labels, kind=Kind.NUMBER, width=72),
    Column(
        "coverage",
        "Coverage",
        lambda s: coverage_words(s.labels, s.predictions),
        value=lambda s: s.labels / s.predictions if s.predictions else None,
        kind=Kind.NUMBER,
        width=92,
        explanation="Share of the predictions whose true outcome is known",
    ),
)
