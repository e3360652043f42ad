"""The question before the tour ends: keep its workspace, discard it with all that runs, or stay."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from PySide6.QtWidgets import QDialog, QWidget

from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.dialogs import Dialog


class Leaving(StrEnum):
    KEEP = "keep"
    DISCARD = "discard"


class LeaveDialog(Dialog):
    """`chosen` after it was accepted. Escape stays in the tour."""

    def __init__(self, folder: Path, *, running: str, keep: bool, parent: QWidget | None = None) -> None:
        stops = f"What runs now, “{running}”, is cancelled. " if running else ""
        super().__init__(
            "Leave the tour?",
            f"{stops}The flights end in any case. Discarding stops the containers and the gateway and removes "
            f"the tour's workspace. Keeping it leaves everything as it is, serving, in {folder}.",
            "Discard it",
            danger=True,
            parent=parent,
        )
        self.chosen = Leaving.KEEP if keep else Leaving.DISCARD
        self.cancel_button.setText("Stay")
        self.keep_button = Button("Keep it", "save", clicked=self._on_keep)
        self.buttons.insertWidget(self.buttons.count() - 1, self.keep_button)
        (self.keep_button if keep else self.cancel_button).setFocus()

    def on_accept(self) -> None:
        self.chosen = Leaving.DISCARD
        self.accept()

    def _on_keep(self) -> None:
        self.chosen = Leaving.KEEP
        self.accept()


def ask_leaving(parent: QWidget, folder: Path, *, running: str, keep: bool) -> Leaving | None:
    """None: the person stays."""
    dialog = LeaveDialog(folder, running=running, keep=keep, parent=parent)
    return dialog.chosen if dialog.exec() == QDialog.DialogCode.Accepted else None
