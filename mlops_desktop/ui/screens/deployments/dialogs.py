"""The question before a deployment: which approved version goes where, and how much it may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QComboBox, QWidget

from mlops_desktop.domain.deployments import Limits
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, choice_field, text_field
from mlops_desktop.ui.widgets.plain_label import PlainLabel

MEMORY, CPUS = (64, 65_536), (0.1, 64.0)


@dataclass(frozen=True, slots=True)
class Deployable:
    """A version that may be deployed now, and why it may."""

    model: str
    version: int
    environment: str
    why: str

    @property
    def label(self) -> str:
        return f"{self.model}@{self.version} to {self.environment}"


class DeployDialog(Dialog):
    """`chosen` and `limits` after it was accepted."""

    def __init__(
        self, options: Sequence[Deployable], engine: str, preferred: int = 0, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            "Deploy a version",
            "It is built, started and asked for its first answer; then the traffic moves without a dropped request. "
            "The version before stays warm for a roll-back.",
            "Deploy",
            parent=parent,
        )
        self.setMinimumWidth(520)
        self._options = tuple(options)
        self.form = Form()
        self.what = self.form.add("what", choice_field("Version", [o.label for o in self._options]))
        self.why = PlainLabel("", "muted", wrap=True)
        self.form.add("memory", text_field("Memory in MiB", "It is stopped when it needs more.", text="512"))
        self.form.add("cpus", text_field("Processor cores", text="1.0"))
        self.body.addWidget(self.form)
        self.body.addWidget(self.why)
        self.body.addWidget(PlainLabel(engine, "caption", wrap=True))
        self.what.changed.connect(self._show_why)
        if isinstance(self.what.input, QComboBox):
            self.what.input.setCurrentIndex(preferred)
        self._show_why()

    @property
    def chosen(self) -> Deployable:
        box = self.what.input
        index = box.currentIndex() if isinstance(box, QComboBox) else 0
        return self._options[max(0, index)]

    @property
    def limits(self) -> Limits:
        return Limits(memory_mb=int(self.form.text("memory")), cpus=float(self.form.text("cpus").replace(",", ".")))

    def on_accept(self) -> None:
        self.form.clear_problems()
        try:
            memory = int(self.form.text("memory"))
        except ValueError:
            memory = 0
        if not MEMORY[0] <= memory <= MEMORY[1]:
            self.form.show_problem("memory", f"A whole number from {MEMORY[0]} to {MEMORY[1]:,}.")
            return
        try:
            cpus = float(self.form.text("cpus").replace(",", "."))
        except ValueError:
            cpus = 0.0
        if not CPUS[0] <= cpus <= CPUS[1]:
            self.form.show_problem("cpus", f"A number from {CPUS[0]} to {CPUS[1]:.0f}.")
            return
        self.accept()

    def _show_why(self) -> None:
        self.why.setText(self.chosen.why if self._options else "")
