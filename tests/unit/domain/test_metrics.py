"""Which way a metric is better."""

from __future__ import annotations

import pytest

from mlops_desktop.domain.metrics import better, higher_is_better


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("roc_auc", True),
        ("ROC AUC", True),
        ("val_auc", True),
        ("test_f1_macro", True),
        ("balanced_accuracy", True),
        ("recall_at_5", True),
        ("r2", True),
        ("r2_score", True),
        ("neg_mean_squared_error", True),
        ("rmse", False),
        ("mean_absolute_error", False),
        ("Val-Loss", False),
        ("brier_score", False),
        ("log_loss", False),
        ("rows", None),
        ("latency_ms", None),
        ("", None),
    ],
)
def test_direction_by_name(name: str, direction: bool | None) -> None:
    assert higher_is_better(name) is direction


def test_a_change_is_for_the_better_or_not() -> None:
    assert better("rmse", -0.1) is True
    assert better("rmse", 0.1) is False
    assert better("roc_auc", 0.1) is True
    assert better("roc_auc", 0.0) is None
    assert better("rows", 5) is None
