"""The tabs that show what was registered: metrics, schema and lineage."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.ui.screens.version.columns import METRIC_COLUMNS, PACKAGE_COLUMNS, SCHEMA_COLUMNS, SchemaRow
from mlops_desktop.ui.screens.version.digests import DigestList
from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.theme import L, M, S
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable

SCRIPT = "Training scripts that use mlops_desktop.client write it down by themselves."


class MetricsTab(QWidget):
    """Every metric beside that of the version which answers now."""

    def __init__(self) -> None:
        super().__init__()
        self.note = PlainLabel("", "muted", wrap=True)
        self.table = RecordTable("version-metrics", METRIC_COLUMNS, lambda d: d.name, title="Metrics")
        self.table.set_empty(
            EmptyState("chart-line", "No metrics", "A version gets its metrics when it is registered, and keeps them.")
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        layout.setSpacing(S)
        layout.addWidget(self.note)
        layout.addWidget(self.table, 1)

    def show_facts(self, facts: VersionFacts) -> None:
        where, other = facts.home, facts.against(facts.home)
        if facts.serves(where):
            words = f"This version answers in {where}: there is nothing to compare it with."
        elif other is None:
            words = f"Nothing answers in {where} yet."
        elif facts.comparable(other):
            words = f"Compared with version {other.number}, which answers in {where}."
        else:
            words = (
                f"Version {other.number}, which answers in {where}, was measured on other test data: "
                "the differences would say nothing."
            )
        self.note.setText(words)
        self.note.setVisible(bool(facts.version.metrics))
        self.table.set_records(facts.metric_rows(where))


class SchemaTab(QWidget):
    """What it takes and gives."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RecordTable(
            "version-schema", SCHEMA_COLUMNS, lambda r: (r.side, r.column.name), title="Inputs and outputs"
        )
        self.table.set_empty(EmptyState("table-2", "No signature", "The file says nothing of its inputs."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        layout.addWidget(self.table)

    def show_version(self, version: ModelVersion) -> None:
        shape = version.signature
        self.table.set_records(
            [SchemaRow("Input", c) for c in shape.inputs] + [SchemaRow("Output", c) for c in shape.outputs]
        )


class LineageTab(Page):
    """Where it came from: data, code, machine, packages."""

    parent_opened = Signal(int)

    def __init__(self) -> None:
        super().__init__(margin=0)
        self.body.setContentsMargins(0, M, 0, 0)
        origin = Card("Origin", "git-branch")
        self._facts = FactList(name_width=112)
        self._bare = PlainLabel("", "muted", wrap=True)
        self._parent: int | None = None
        self._parent_button = Button("Continues another version", "package", "link", clicked=self._open_parent)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._parent_button)
        row.addStretch(1)
        self.source = DigestList(name_width=112)
        for part in (self._bare, self._facts, self.source):
            origin.add(part)
        origin.add(row)
        data = Card("Data", "database")
        self.data = DigestList(name_width=112)
        self._no_data = PlainLabel("Which data it was trained and tested on is not known.", "muted", wrap=True)
        data.add(self._no_data)
        data.add(self.data)
        data.body.addStretch(1)
        origin.body.addStretch(1)
        cards = QHBoxLayout()
        cards.setSpacing(L)
        cards.addWidget(origin, 1)
        cards.addWidget(data, 1)
        self.table = RecordTable(
            "version-packages", PACKAGE_COLUMNS, lambda p: p[0], title="Environment of the training", heading=True
        )
        self.table.set_empty(EmptyState("package", "No environment lock", SCRIPT))
        self.body.addLayout(cards)
        self.body.addWidget(self.table)
        self.body.addStretch(1)

    def show_version(self, version: ModelVersion) -> None:
        origin = version.lineage
        dirty = ", with changes that were not committed" if origin.code_dirty else ""
        facts = {
            "Source": origin.source,
            "Code": f"commit {origin.code_commit[:12]}{dirty}" if origin.code_commit else "",
            "Seed": "" if origin.seed is None else str(origin.seed),
            "Python": origin.python,
            "Machine": origin.machine,
            "Trained by": origin.trained_by,
        }
        self._facts.show_facts({name: value for name, value in facts.items() if value})
        bare = not (origin.code_commit or origin.source_digest or origin.trained_by or origin.environment)
        self._bare.setText("It was registered from a file by hand, so little is known of it." if bare else "")
        self._bare.setVisible(bare)
        self.source.show_digests({"Source digest": origin.source_digest} if origin.source_digest else {})
        self.data.show_digests({name.capitalize(): digest for name, digest in origin.data.items()})
        self._no_data.setVisible(not origin.data)
        self._parent = origin.parent
        if origin.parent is not None:
            self._parent_button.setText(f"Continues version {origin.parent}")
        self._parent_button.setVisible(origin.parent is not None)
        self.table.set_records(sorted(origin.environment.items()))
        self.table.fit_rows(4, 60)

    def _open_parent(self) -> None:
        if self._parent is not None:
            self.parent_opened.emit(self._parent)
