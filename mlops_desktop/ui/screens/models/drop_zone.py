"""Where a model file or folder is dropped, or chosen by keyboard."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import L, S, set_role
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel

KINDS = "Models (*.onnx *.skops *.pkl *.pickle *.joblib);;All files (*)"


def dropped_paths(data: QMimeData) -> list[Path]:
    """Files and folders of this computer among what is dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


class DropZone(QFrame):
    """`chosen(path)` when a file or folder was dropped here or picked."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        set_role(self, "unknown")
        self.file_button = Button("Choose a file", "file", clicked=self._pick_file)
        self.folder_button = Button("Choose a folder", "folder-open", clicked=self._pick_folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(L, L, L, L)
        layout.setSpacing(S)
        layout.addStretch(1)
        layout.addWidget(IconLabel("upload", "muted", 28), 0, Qt.AlignmentFlag.AlignHCenter)
        for text, role in (
            ("Drop a model here", "strong"),
            ("ONNX, skops, pickle or joblib of scikit-learn, or a folder with an MLmodel file.", "caption"),
            ("It is read, never run.", "caption"),
        ):
            label = PlainLabel(text, role, wrap=True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label)
        buttons = QHBoxLayout()
        buttons.setSpacing(S)
        buttons.addStretch(1)
        buttons.addWidget(self.file_button)
        buttons.addWidget(self.folder_button)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        layout.addStretch(1)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            set_role(self, "accent")
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        set_role(self, "unknown")

    def dropEvent(self, event: QDropEvent) -> None:
        set_role(self, "unknown")
        if paths := dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self.chosen.emit(paths[0])

    def _pick_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Choose a model file", "", KINDS)
        if chosen:
            self.chosen.emit(Path(chosen))

    def _pick_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Choose a folder with an MLmodel file")
        if chosen:
            self.chosen.emit(Path(chosen))
