"""The toolkit itself."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QLabel


def test_void_calls_keep_their_references() -> None:
    """PySide6 6.12.0 loses a reference to None on each void call under CPython 3.10 and 3.11, and aborts later."""
    label = QLabel()
    before = sys.getrefcount(None)
    for number in range(40_000):
        label.setText("even" if number % 2 else "odd")
    # From Python 3.12 on None is immortal and its count doesn't move.
    assert abs(sys.getrefcount(None) - before) < 1_000
