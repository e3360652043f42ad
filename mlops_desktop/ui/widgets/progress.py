"""The progress of a job, shown beside what it concerns, with its Cancel."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XS, S
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel


class JobProgress(QWidget):
    """Hidden until a job is shown. `cancelled` and `log_opened` are wishes of the person."""

    cancelled = Signal()
    log_opened = Signal()

    def __init__(self, *, with_log: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ElidedLabel("", "strong")
        self._message = ElidedLabel("", "caption")
        self._time = PlainLabel("", "caption")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._log = Button("Log", "file-text", "plain", clicked=self.log_opened.emit)
        if not with_log:
            self._log.hide()
        self._cancel = IconButton("x", "Cancel", clicked=self._on_cancel)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self._title, 1)
        head.addWidget(self._time)
        head.addWidget(self._log)
        head.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(XS)
        layout.addLayout(head)
        layout.addWidget(self._bar)
        layout.addWidget(self._message)
        self.hide()

    def show_progress(self, title: str, fraction: float | None, message: str = "", seconds: float = 0.0) -> None:
        """`fraction` 0 to 1, or None when it can't be told."""
        self._title.setText(title)
        self._message.setText(message)
        self._time.setText(f"{seconds:.0f} s" if seconds >= 1 else "")
        self._bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self._bar.setValue(round(max(0.0, min(fraction, 1.0)) * 1000))
        self._bar.setAccessibleName(title)
        self._cancel.rename(f"Cancel: {title}")
        self.show()

    def show_finished(self) -> None:
        """Hide it; the result is shown where it belongs."""
        self._cancel.setEnabled(True)
        self.hide()

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._message.setText("Cancelling …")
        self.cancelled.emit()
