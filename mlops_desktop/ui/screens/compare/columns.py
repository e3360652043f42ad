"""The table of features of the two versions' training data."""

from __future__ import annotations

from mlops_desktop.domain.comparison import FeatureComparison
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.widgets.columns import Column, Kind

# Effects as one speaks of them; a few hundredths are what two samples of the same data differ by.
SLIGHT, PLAIN = 0.03, 0.1


def distance_badge(feature: FeatureComparison) -> Badge:
    """How far apart, as an icon and words."""
    if feature.distance is None:
        return Badge("Not comparable", "circle-dashed", Tone.UNKNOWN)
    if feature.same:
        return Badge("Same", "check", Tone.UNKNOWN)
    figure = f"{feature.distance:.2f}" if feature.distance >= 0.005 else "<0.01"
    if feature.distance < SLIGHT:
        return Badge(f"{figure} alike", "check", Tone.UNKNOWN)
    if feature.distance < PLAIN:
        return Badge(f"{figure} apart", "arrow-left-right", Tone.ACCENT)
    return Badge(f"{figure} far", "arrow-left-right", Tone.WARNING)


def _importance(feature: FeatureComparison) -> str:
    both = (feature.left_importance, feature.right_importance)
    if both == (None, None):
        return ""
    return " → ".join("–" if share is None else f"{share:.0%}" for share in both)


FEATURE_COLUMNS = (
    Column("feature", "Feature", lambda f: f.feature, width=98, stretch=True, strong=True),
    Column(
        "distance",
        "Distance",
        lambda f: distance_badge(f).word,
        value=lambda f: f.distance,
        kind=Kind.BADGE,
        badge=distance_badge,
        width=122,
        explanation="0: the same distribution, 1: nothing in common. Kolmogorov and Smirnov's distance for numbers, "
        "the largest difference of a share for categories",
    ),
    Column(
        "importance",
        "Importance",
        _importance,
        value=lambda f: max(f.left_importance or 0.0, f.right_importance or 0.0),
        width=102,
        muted=True,
        explanation="Share of the model's importance, left and right",
    ),
    Column("kind", "Kind", lambda f: f.kind, width=96, muted=True, hidden=True),
)
