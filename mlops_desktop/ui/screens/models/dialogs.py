"""The dialog that registers a version: what the file is, before anything is stored, and what the person says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLineEdit, QPlainTextEdit, QStackedLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_name, suggest_name
from mlops_desktop.domain.registry import InspectionVerdict, Task
from mlops_desktop.ui.screens.models.drop_zone import DropZone
from mlops_desktop.ui.screens.models.registration import Found, KnownModel, Registration, read_inputs, read_metrics
from mlops_desktop.ui.theme import XL, M, S
from mlops_desktop.ui.widgets.badges import StateBadge, badge_of
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.dialogs import Dialog
from mlops_desktop.ui.widgets.forms import Form, area_field, choice_field, text_field
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, PlainLabel
from mlops_desktop.ui.widgets.progress import JobProgress

RULE = "1 to 63 lower-case letters, digits, dots, dashes and underscores, starting with a letter or digit."
FROM_FILE = "As the file says"
MEANINGS = {
    InspectionVerdict.ALLOW: "Nothing in it can run code.",
    InspectionVerdict.REVIEW: "It may be registered; it is loaded inside a container only.",
    InspectionVerdict.REJECT: "It can't be registered.",
}


class RegisterDialog(Dialog):
    """Stays open until the version is registered; what was typed outlives every error."""

    inspect_wanted = Signal(object)  # Path
    register_wanted = Signal(object)  # Registration
    cancel_wanted = Signal()

    def __init__(self, known: Mapping[str, KnownModel], parent: QWidget | None = None) -> None:
        super().__init__("Register a model", accept="Register", parent=parent)
        self.setMinimumWidth(860)
        self._known = known
        self._path: Path | None = None
        self._found: Found | None = None
        self._running = False
        self.problem = Banner()
        self.body.addWidget(self.problem)
        columns = QHBoxLayout()
        columns.setSpacing(XL)
        columns.addLayout(self._file_side(), 1)
        columns.addLayout(self._words_side(), 1)
        self.body.addLayout(columns, 1)
        self.progress = JobProgress()
        self.progress.cancelled.connect(self.cancel_wanted)
        self.body.addWidget(self.progress)
        self._show_ready()
        self.zone.file_button.setFocus()

    # What the file is

    def choose(self, path: Path) -> None:
        """Take this file or folder; it is inspected before anything else."""
        self._path, self._found = path, None
        self.problem.clear()
        self._file.setText(path.name)
        self._file.setToolTip(str(path))
        self._verdict.hide()
        self._facts.setText("Reading it …")
        self._findings.setPlainText("")
        self._inputs_view.setPlainText("")
        self._sides.setCurrentIndex(1)
        if not self.form.text("model"):
            self.form.fields["model"].set_text(suggest_name(path.stem))
        self._show_ready()
        self.inspect_wanted.emit(path)

    def show_found(self, found: Found) -> None:
        """The verdict, the findings and the signature, to be read before registering."""
        if found.path != self._path:
            return
        self._found = found
        verdict = found.inspection.verdict
        self._verdict.show_badge(badge_of(verdict))
        self._verdict.show()
        files = f", {found.files} files" if found.files > 1 else ""
        facts = "".join(f"\n{name}: {value}" for name, value in list(found.inspection.facts.items())[:4])
        self._facts.setText(f"{found.format.value}{files}. {MEANINGS[verdict]}{facts}")
        self._findings.setPlainText("\n".join(found.inspection.findings) or "Nothing to report.")
        shape = found.signature
        self._inputs_view.setPlainText(
            "The file doesn't say them: name them on the right."
            if shape is None or not shape.inputs
            else "\n".join(
                [f"{c.name}  {c.type}" for c in shape.inputs] + [f"→ {c.name}  {c.type}" for c in shape.outputs]
            )
        )
        self.form.fields["inputs"].setVisible(shape is None or not shape.inputs)
        self._show_ready()

    def show_unreadable(self, error: BaseException) -> None:
        """The file is no model, or couldn't be read; another one can be chosen."""
        self._facts.setText("It can't be registered.")
        self.problem.show_problem(error, can_retry=False)
        self._show_ready()

    # Registering

    def show_progress(self, title: str, fraction: float | None, message: str, seconds: float) -> None:
        self.progress.show_progress(title, fraction, message, seconds)

    def show_running(self) -> None:
        self._running = True
        self.problem.clear()
        self._show_ready()

    def show_refused(self, error: BaseException | None) -> None:
        """It was refused or (None) cancelled: everything that was typed is still there."""
        self._running = False
        self.progress.show_finished()
        if error is not None:
            self.problem.show_problem(error, can_retry=False)
        self._show_ready()

    def on_accept(self) -> None:
        if (registration := self.registration()) is not None:
            self.register_wanted.emit(registration)

    def registration(self) -> Registration | None:
        """What was typed, or None after the first field that can't be right was marked."""
        if self._path is None or self._found is None:
            return None
        self.form.clear_problems()
        name = self.form.text("model").strip()
        try:
            check_name(name)
        except InvalidInput as error:
            self.form.show_problem("model", str(error))
            return None
        try:
            metrics = read_metrics(self.form.text("metrics"))
        except InvalidInput as error:
            self.form.show_problem("metrics", str(error))
            return None
        signature = None
        if self._found.signature is None or not self._found.signature.inputs:
            try:
                signature = read_inputs(self.form.text("inputs"))
            except InvalidInput as error:
                self.form.show_problem("inputs", str(error))
                return None
        chosen = self.form.text("task")
        task = Task(chosen) if chosen in set(Task) and name not in self._known else None
        return Registration(self._path, name, task, metrics, self.form.text("description").strip(), signature)

    def reject(self) -> None:
        if self._running:
            self.cancel_wanted.emit()
        else:
            super().reject()

    # Parts

    def _file_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setSpacing(S)
        self.zone = DropZone()
        self.zone.chosen.connect(self.choose)
        self._file = ElidedLabel("", "strong", Qt.TextElideMode.ElideMiddle)
        self._verdict = StateBadge()
        again = Button("Another file", "file", "plain", clicked=lambda: self._sides.setCurrentIndex(0))
        self._facts = PlainLabel("", "muted", wrap=True, selectable=True)
        self._findings = _reader("Findings of the inspection", 92)
        self._inputs_view = _reader("Inputs and outputs", 130)
        seen = QWidget()
        layout = QVBoxLayout(seen)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self._file, 1)
        head.addWidget(self._verdict)
        head.addWidget(again)
        layout.addLayout(head)
        layout.addWidget(self._facts)
        layout.addWidget(PlainLabel("Findings", "field"))
        layout.addWidget(self._findings, 2)
        layout.addWidget(PlainLabel("Inputs and outputs", "field"))
        layout.addWidget(self._inputs_view, 3)
        self._sides = QStackedLayout()
        self._sides.addWidget(self.zone)
        self._sides.addWidget(seen)
        side.addLayout(self._sides, 1)
        return side

    def _words_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setSpacing(M)
        self.form = Form()
        name = self.form.add("model", text_field("Model name", RULE, "flight-delay"))
        name.changed.connect(self._on_name)
        if isinstance(name.input, QLineEdit):
            completer = QCompleter(sorted(self._known), name.input)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            name.input.setCompleter(completer)
        self.form.add("task", choice_field("Task", [FROM_FILE, *(t.value for t in Task)]))
        self.form.add("metrics", area_field("Metrics", "", "roc_auc = 0.75\naccuracy = 0.80", 3))
        inputs = self.form.add("inputs", area_field("Inputs", "", "distance double\ncarrier string", 3))
        self.form.add("description", area_field("Description", "", "What is special about this version", 3))
        side.addWidget(self.form)
        side.addStretch(1)
        inputs.hide()
        return side

    def _on_name(self) -> None:
        """The rule while it is typed, or which version it will be."""
        field, name = self.form.fields["model"], self.form.text("model").strip()
        known = self._known.get(name)
        task = self.form.fields["task"]
        task.input.setEnabled(known is None)
        if known is not None:
            task.set_text(known.task.value)
            task.input.setToolTip(f"{name} is a model for {known.task.value}; its versions all are.")
        else:
            task.input.setToolTip("")
        self.accept_button.setText(f"Register version {known.next}" if known else "Register")
        if name:
            try:
                check_name(name)
            except InvalidInput as error:
                field.show_problem(str(error))

    def _show_ready(self) -> None:
        button = self.accept_button
        if self._running:
            button.forbid("It is being registered.")
        elif self._found is None:
            button.forbid("Choose a model file or folder first." if self._path is None else "The file is not read yet.")
        elif not self._found.acceptable:
            button.forbid("Inspection refused this file.")
        else:
            button.allow()
        self.form.setEnabled(not self._running)
        self.zone.setEnabled(not self._running)


def _reader(name: str, height: int) -> QPlainTextEdit:
    """Text of a model file: shown as it is, selectable, never interpreted."""
    edit = QPlainTextEdit()
    edit.setReadOnly(True)
    edit.setAccessibleName(name)
    edit.setMinimumHeight(height)
    edit.setTabChangesFocus(True)
    return edit
