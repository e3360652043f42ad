"""Two versions side by side: what differs, and the data that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QFileDialog, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from mlops_desktop.domain.comparison import FeatureComparison
from mlops_desktop.domain.metrics import better
from mlops_desktop.domain.registry import Comparison, Difference
from mlops_desktop.ui.screen import Crumb, Screen
from mlops_desktop.ui.screens.compare.picker import VersionPicker
from mlops_desktop.ui.screens.compare.report import OTHER_DATA, UNKNOWN_DATA, judged
from mlops_desktop.ui.screens.compare.training_page import TrainingPage
from mlops_desktop.ui.theme import XL, L, M, S, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.columns import Column
from mlops_desktop.ui.widgets.differences import SECTIONS, difference_columns
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.widgets.tabs import Tabs
from mlops_desktop.ui.words import count

ALL = "all"
TITLES = {ALL: "All"} | {section: section.capitalize() for section in SECTIONS}
LEAST = 150  # pixels of a value's column
HELP = "Search above by name, description, tag or parameter."


class CompareView(Screen):
    """`show_comparison`, `show_features`; what isn't chosen yet is asked for in place."""

    side_chosen = Signal(str, str)  # left or right, and the label
    search_wanted = Signal(str, str)
    swap_wanted = Signal()
    copy_wanted = Signal()
    export_chosen = Signal(str)  # a path that ends in .md or .csv
    version_opened = Signal(str)

    def __init__(self) -> None:
        super().__init__("Compare")
        self.set_crumbs(Crumb("Models", "models"), Crumb("Compare"))
        self._comparison: Comparison | None = None
        self._section = ALL
        self.body.setSpacing(M)
        self.only = QCheckBox("Only differences")
        self.only.setChecked(True)
        self.only.toggled.connect(self._show_rows)
        self._build_pickers()
        self.warning = Banner()
        self.body.addWidget(self.warning)
        self.empty = EmptyState("git-compare-arrows", "Choose two versions", HELP)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(M)
        self.summary = PlainLabel("", "section", wrap=True)
        inner.addWidget(self.summary)
        self.tabs = Tabs("About the two versions")
        self.tabs.add("facts", "Differences", self._facts_page())
        self.training = TrainingPage()
        self.tabs.add("training", "Training data", self.training)
        inner.addWidget(self.tabs, 1)
        self._content = content
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(content)
        self.body.addLayout(self._stack, 1)
        self.add_key("X", "Swap the two sides", self._swap)
        self.add_key("O", "Only differences, or everything", self.only.toggle)
        self.add_key("L", "Choose the left version", self.left.edit.setFocus)
        self.add_key("R", "Choose the right version", self.right.edit.setFocus)
        self.show_nothing()

    @property
    def pickers(self) -> dict[str, VersionPicker]:
        return {"left": self.left, "right": self.right}

    def show_sides(self, left: str, right: str) -> None:
        """The labels, before anything is read."""
        self._comparison = None
        self._allow()
        for picker, label in ((self.left, left), (self.right, right)):
            picker.set_label(label)
            picker.show_version(None)

    def show_nothing(self) -> None:
        """Not both sides are there, or they are one and the same."""
        self._comparison = None
        self.warning.clear()
        left, right = self.left.label, self.right.label
        if left and left == right:
            self.empty.show_text("The same version twice", f"Both sides are {left}. Choose another for one side.")
        elif left and right:
            self.empty.show_text("Nothing to compare", "One of the two is not in this workspace. Choose another.")
        elif left or right:
            missing = "right" if left else "left"
            self.empty.show_text("Choose the other version", f"The {missing} side is empty: search for it above.")
        else:
            self.empty.show_text("Choose two versions", HELP)
        self._stack.setCurrentWidget(self.empty)
        self._allow()

    def show_comparison(self, comparison: Comparison) -> None:
        other = self._comparison is None
        self._comparison = comparison
        left, right, judge = comparison.left, comparison.right, judged(comparison)
        self.title = f"{left.label} and {right.label}"
        self.set_crumbs(Crumb("Models", "models"), *_model_crumb(comparison), Crumb("Compare"))
        self._show_test_data(comparison)
        model = self.table.model
        model.columns = side_columns(left.label, right.label, judge=judge)
        model.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(model.columns) - 1)
        self.summary.setText(summary_of(comparison))
        self._stack.setCurrentWidget(self._content)
        self._show_rows()
        self._allow()
        if other and (self.left.edit.hasFocus() or self.right.edit.hasFocus()):
            self.tabs.currentWidget().setFocus()  # both are chosen: what is pressed next is a shortcut, no letter

    def show_features(self, features: Sequence[FeatureComparison]) -> None:
        self.training.show_features(self.left.label, self.right.label, features)
        self.tabs.count_of("training", sum(not f.same for f in features) or None)

    def shown(self) -> list[Difference]:
        """The rows that are wanted, for an export: those of the chosen section, all or only the differences."""
        if self._comparison is None:
            return []
        wanted = [d for d in self._comparison.differences if self._section in (ALL, d.section)]
        return [d for d in wanted if d.changed] if self.only.isChecked() else wanted

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    # Parts

    def _share_width(self) -> None:
        """Name, left and right are equally wide, until the person drags one of them."""
        view, keys = self.table.view, [c.key for c in self.table.model.columns]
        name, left = keys.index("name"), keys.index("left")
        others = sum(view.columnWidth(keys.index(key)) for key in ("section", "change"))
        each = max(LEAST, (self.width() - 2 * XL - L - others) // 3)
        if view.columnWidth(left) == view.columnWidth(name):
            view.setColumnWidth(left, each)
            view.setColumnWidth(name, each)

    def _build_pickers(self) -> None:
        self.left, self.right = VersionPicker("Left"), VersionPicker("Right")
        for side, picker in self.pickers.items():
            picker.chosen.connect(lambda label, s=side: self.side_chosen.emit(s, label))
            picker.search_wanted.connect(lambda text, s=side: self.search_wanted.emit(s, text))
        self.swap = IconButton("arrow-left-right", "Swap the two sides", shortcut="X", clicked=self.swap_wanted.emit)
        row = QHBoxLayout()
        row.setSpacing(S)
        row.addWidget(self.left, 1)
        row.addWidget(self.swap)
        row.addWidget(self.right, 1)
        self.body.addLayout(row)

    def _facts_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, M, 0, 0)
        layout.setSpacing(S)
        self.sections: dict[str, Button] = {}
        group = QButtonGroup(page)
        chips = QHBoxLayout()
        chips.setSpacing(4)
        for key in (ALL, *SECTIONS):
            button = Button(TITLES[key], role="plain")
            button.clicked.connect(lambda _=False, k=key: self._choose_section(k))
            button.setCheckable(True)
            group.addButton(button)
            chips.addWidget(button)
            self.sections[key] = button
        self.sections[ALL].setChecked(True)
        chips.addStretch(1)
        layout.addLayout(chips)
        self.table = RecordTable(
            "compare", side_columns("Left", "Right", judge=True), lambda d: (d.section, d.name), title="Differences"
        )
        self.same = EmptyState("check", "Nothing differs", "", "Show everything")
        self.same.action.connect(lambda: self.only.setChecked(False))
        self.table.set_empty(self.same)
        self.copy = Button("Copy", "copy", clicked=self.copy_wanted.emit, tool_tip="What is shown, as Markdown")
        self.export = Button("Export …", "download", clicked=self._choose_file, tool_tip="As Markdown or CSV")
        for widget in (self.only, self.copy, self.export):
            self.table.bar.addWidget(widget)
        layout.addWidget(self.table, 1)
        page.setFocusProxy(self.table)
        return page

    def _show_test_data(self, comparison: Comparison) -> None:
        both = bool(comparison.left.metrics and comparison.right.metrics)
        if comparison.same_test_data is False and both:
            self.warning.show_message(
                OTHER_DATA, "Differences of metrics are hidden. Evaluate both on the same data set.", Tone.WARNING
            )
        elif comparison.same_test_data is None and both:
            self.warning.show_message(
                UNKNOWN_DATA, "Name the data set “test” when a version is registered, then it is.", Tone.UNKNOWN
            )
        else:
            self.warning.clear()

    def _show_rows(self) -> None:
        comparison = self._comparison
        if comparison is None:
            return
        for key, button in self.sections.items():
            rows = [d for d in comparison.differences if key in (ALL, d.section)]
            changed = sum(d.changed for d in rows)
            button.setText(f"{TITLES[key]}  {changed}" if changed else TITLES[key])
            button.setAccessibleName(f"{TITLES[key]}: {count(changed, 'difference')}")
            button.setVisible(key == ALL or bool(rows) or key == self._section)
        rows = self.shown()
        whole = "The two versions" if self._section == ALL else TITLES[self._section]
        known = any(self._section in (ALL, d.section) for d in comparison.differences)
        self.same.show_text("Nothing differs" if known else "Nothing is known", f"{whole}: no difference.")
        self.same.button.setVisible(known and self.only.isChecked())
        self.table.set_records(rows)
        self._allow()

    def _choose_section(self, section: str) -> None:
        self._section = section
        self.sections[section].setChecked(True)
        self._show_rows()

    def _allow(self) -> None:
        for button in (self.copy, self.export):
            if self._comparison is None:
                button.forbid("Choose two versions first.")
            else:
                button.allow()
        self.swap.setEnabled(bool(self.left.label or self.right.label))

    def _swap(self) -> None:
        if self.swap.isEnabled():
            self.swap_wanted.emit()

    def _choose_file(self) -> None:
        if self._comparison is None:
            return
        name = f"{self._comparison.left.label} {self._comparison.right.label}.md"
        kinds = ("Markdown (*.md)", "CSV (*.csv)")
        path, kind = QFileDialog.getSaveFileName(self, "Export the comparison", name, ";;".join(kinds))
        if path:
            ending = ".csv" if kind == kinds[1] else ".md"
            known = path.lower().endswith((".csv", ".md"))
            self.export_chosen.emit(path if known else path + ending)


def side_columns(left: str, right: str, *, judge: bool) -> tuple[Column, ...]:
    """Values are as wide as names; `_share_width` gives them what a wider window has."""
    widths = {"section": 112, "name": LEAST, "left": LEAST, "right": LEAST, "change": 164}
    return tuple(
        replace(c, width=widths[c.key], stretch=c.key == "right") for c in difference_columns(left, right, judge=judge)
    )


def summary_of(comparison: Comparison) -> str:
    """What differs in one line: “2 metrics better, 1 worse. 3 parameters, 12 packages differ.”"""
    changed = [d for d in comparison.differences if d.changed]
    if not changed:
        return "Nothing that is known of the two differs."
    parts = []
    metrics = [d for d in changed if d.section == "metrics"]
    if metrics and judged(comparison):
        judgements = [better(d.name, d.delta) for d in metrics if d.delta is not None]
        up, down = judgements.count(True), judgements.count(False)
        told = [f"{count(up, 'metric')} better" if up else "", f"{count(down, 'metric')} worse" if down else ""]
        rest = len(metrics) - up - down
        told.append(f"{count(rest, 'metric')} changed" if rest else "")
        parts.append(", ".join(t for t in told if t) + ".")
    others = []
    for section, one in (
        ("params", "parameter"),
        ("tags", "tag"),
        ("schema", "column"),
        ("dependencies", "package"),
        ("lineage", "fact of the origin"),
        ("files", "file"),
    ):
        number = sum(d.section == section for d in changed)
        if number:
            others.append(count(number, one, "facts of the origin" if section == "lineage" else ""))
    if others:
        last = f"{', '.join(others[:-1])} and {others[-1]}" if len(others) > 1 else others[0]
        single = len(others) == 1 and others[0].startswith("1 ")
        parts.append(f"{last} {'differs' if single else 'differ'}.")
    return " ".join(parts)


def _model_crumb(comparison: Comparison) -> tuple[Crumb, ...]:
    left, right = comparison.left.model, comparison.right.model
    return (Crumb(left, "model", (("model", left),)),) if left == right else ()
