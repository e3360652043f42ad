"""One line that says what runs deployments: Docker, or plainly that there is none and what follows from that."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from mlops_desktop.domain.deployments import EngineKind, EngineStatus
from mlops_desktop.ui.theme import L, M, S
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel
from mlops_desktop.ui.words import size


class EngineCard(Card):
    """`retry` asks for the state again."""

    retry = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(padding=0, parent=parent)
        self._icon = IconLabel("container")
        self._name = PlainLabel("Engine", "strong")
        self._words = PlainLabel("Asking …", "muted", wrap=True, selectable=True)
        self._retry = Button("Ask again", "rotate-cw", "plain", clicked=self.retry.emit)
        row = QHBoxLayout()
        row.setContentsMargins(L, S, M, S)
        row.setSpacing(M)
        row.addWidget(self._icon)
        row.addWidget(self._name)
        row.addWidget(self._words, 1)
        row.addWidget(self._retry)
        self.body.addLayout(row)
        self._retry.setVisible(False)
        self.setAccessibleName("Engine")

    def show_engine(self, status: EngineStatus) -> None:
        name, words, icon, colour = engine_words(status)
        self._icon.show_icon(icon, colour)
        self._name.setText(name)
        self._words.setText(words)
        self._retry.setVisible(not status.available)
        self.setAccessibleName(f"{name}. {words}")


def engine_words(status: EngineStatus) -> tuple[str, str, str, str]:
    """Title, sentence, icon and colour of an engine's state."""
    told = f"{status.message} {status.hint}".strip()
    if not status.available:
        name = "Docker does not answer" if status.kind is EngineKind.DOCKER else "No engine"
        return name, told or "Nothing can be deployed or stopped until it does.", "server-off", "critical"
    if status.kind is EngineKind.PROCESS:
        return "Process engine, no containers", told, "triangle-alert", "warning"
    free = f", {size(status.disk_free_bytes)} free for images" if status.disk_free_bytes is not None else ""
    return f"Docker {status.version}", told or f"It answers{free}.", "container", "ok"
