"""The training data of two versions side by side, feature by feature, on bins that both share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureComparison:
    """One feature, or the prediction, in the reference profiles of two versions.

    Shares (0 to 1) are of all rows, missing ones included. `distance` is Kolmogorov and Smirnov's for numbers and the
    largest difference of a share for categories; None when only one of the two has the feature, or as another kind.
    """

    feature: str
    kind: str  # "number", "category" or "prediction"
    distance: float | None
    bins: tuple[str, ...] = ()
    left_shares: tuple[float, ...] = ()
    right_shares: tuple[float, ...] = ()
    exact: bool = True  # False: counted on other bins in one of the two, so some shares are interpolated
    left_importance: float | None = None
    right_importance: float | None = None
    note: str = ""  # why there is nothing to draw

    @property
    def same(self) -> bool:
        """Whether nothing tells the two apart; False where that is not known."""
        return self.distance is not None and self.distance < 1e-9
