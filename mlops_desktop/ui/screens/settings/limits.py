"""Metrics with a number each: least values, or how much may be lost."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from mlops_desktop.ui.theme import XS, S, set_role
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.plain_label import PlainLabel


class LimitRow(QWidget):
    """One metric and its number."""

    changed = Signal()
    removed = Signal()

    def __init__(self, what: str, between: str, name: str, value: str) -> None:
        super().__init__()
        self.name = QLineEdit(name)
        self.name.setPlaceholderText("metric, such as roc_auc")
        self.name.setAccessibleName(f"{what}: metric")
        self.value = QLineEdit(value)
        self.value.setPlaceholderText("number")
        self.value.setAccessibleName(f"{what}: number")
        self.value.setFixedWidth(96)
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._remove = IconButton("x", f"Remove: {what}", clicked=self.removed.emit)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(S)
        line.addWidget(self.name, 1)
        line.addWidget(PlainLabel(between, "muted"))
        line.addWidget(self.value)
        line.addWidget(self._remove)
        for edit in (self.name, self.value):
            edit.textEdited.connect(lambda _text: self.changed.emit())


class LimitRows(QWidget):
    """`values()` or None with the problem shown; `changed` while somebody types."""

    changed = Signal()

    def __init__(self, what: str, between: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what, self._between = what, between
        self.rows: list[LimitRow] = []
        self.problem = PlainLabel("", "problem", wrap=True)
        self.problem.hide()
        self.add_button = Button("Add a metric", "plus", "link", clicked=self._on_add)
        self.add_button.setAccessibleName(f"Add a metric: {what}")
        self._layout = QVBoxLayout()
        self._layout.setSpacing(XS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(XS)
        layout.addWidget(PlainLabel(what, "field"))
        layout.addWidget(PlainLabel(text, "caption", wrap=True))
        layout.addLayout(self._layout)
        layout.addWidget(self.problem)
        layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_values(self, values: Mapping[str, float]) -> None:
        while self.rows:
            self._drop(self.rows[0])
        for name, value in values.items():
            self._add(name, f"{value:g}")
        self.problem.hide()

    def values(self) -> dict[str, float] | None:
        """Empty lines are left out; what is no number is marked."""
        found: dict[str, float] = {}
        trouble = ""
        for row in self.rows:
            name, text = row.name.text().strip(), row.value.text().strip()
            wrong = False
            if name or text:
                try:
                    found[name] = float(text)
                except ValueError:
                    wrong = True
                    trouble = f"{text or 'Nothing'} is no number." if name else "Name the metric."
                if not name:
                    wrong, trouble = True, "Name the metric."
            set_role(row.value if name else row.name, "problem" if wrong else "")
        self.problem.setText(trouble)
        self.problem.setVisible(bool(trouble))
        return None if trouble else found

    def texts(self) -> list[tuple[str, str]]:
        """What stands there now, as it was typed."""
        return [(row.name.text().strip(), row.value.text().strip()) for row in self.rows]

    def _on_add(self) -> None:
        self._add("", "").name.setFocus()
        self.changed.emit()

    def _add(self, name: str, value: str) -> LimitRow:
        row = LimitRow(self._what, self._between, name, value)
        row.changed.connect(self.changed)
        row.removed.connect(lambda: self._on_removed(row))
        self.rows.append(row)
        self._layout.addWidget(row)
        return row

    def _on_removed(self, row: LimitRow) -> None:
        self._drop(row)
        self.add_button.setFocus()
        self.changed.emit()

    def _drop(self, row: LimitRow) -> None:
        self.rows.remove(row)
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()
