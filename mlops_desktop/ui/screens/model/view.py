"""The page of a model: what it is, where it stands, how it came along, and its versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QHeaderView, QVBoxLayout

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.ui.screen import Crumb, Screen
from mlops_desktop.ui.screens.model.columns import VERSION_COLUMNS
from mlops_desktop.ui.screens.model.dialogs import EditDialog
from mlops_desktop.ui.screens.model.facts import ModelFacts, Standing, VersionRow
from mlops_desktop.ui.screens.model.version_chart import Point, VersionChart
from mlops_desktop.ui.theme import L, M, S, Tone, set_role
from mlops_desktop.ui.widgets.badges import Badge, StateBadge
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FigureCard
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import ClampedLabel, ElidedLabel, PlainLabel
from mlops_desktop.ui.widgets.records import PagedTableModel
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import ago, count

UPPER_HEIGHT = 140


class ModelView(Screen):
    """`show_facts` fills what is above the table; the table's pages come by `rows`."""

    register_wanted = Signal(str)  # a file that was chosen
    edit_wanted = Signal()
    version_opened = Signal(int)
    compare_wanted = Signal(list)  # two rows
    request_wanted = Signal(int)
    standing_opened = Signal(object)
    copied = Signal()

    def __init__(self, account: Account) -> None:
        super().__init__("Model")
        self._account = account
        self._facts: ModelFacts | None = None
        self.dialog: EditDialog | None = None
        self.body.setSpacing(M)
        self._build_header()
        self._build_standing()
        self._build_table()
        self.add_key("N", "Register a new version", self.choose_file)
        self.add_key("E", "Edit the description, key metric and tags", self._edit)
        self.add_key("C", "Compare two selected versions, or the one selected with production", self._compare)
        self.add_key("R", "Request a promotion of the selected version", self._request)
        self._on_selection([])

    def show_title(self, model: str) -> None:
        """At once, before anything is read."""
        self._title.setText(model)
        self.title = model
        self.set_crumbs(Crumb("Models", "models"), Crumb(model))

    def show_unread(self) -> None:
        """Another model was asked for: nothing of the one before stays."""
        self._facts = None
        self._meta.setText("")
        self._description.setText("")
        self._show_standings(())
        self.chart.set_points("", (), None)
        self.rows.set_ids(())
        self.edit.setEnabled(False)

    def show_facts(self, facts: ModelFacts) -> None:
        self._facts = facts
        model, now = facts.model, datetime.now(UTC)
        self._task.show_badge(Badge(model.task.value.capitalize(), "box", Tone.UNKNOWN))
        self._task.show()
        tags = [f"{name}={value}" if value else name for name, value in model.tags.items()]
        parts = [f"owned by {model.owner}", count(facts.versions, "version"), f"created {ago(model.created_at, now)}"]
        self._meta.setText("  ·  ".join([*parts, *tags]))
        set_role(self._description, "" if model.description else "muted")
        self._description.setText(model.description or "No description yet: say what it is for, and its goals.")
        self.edit.permit(self._account, Action.REGISTER)
        self._show_standings(facts.standings)
        points = [Point(v.number, v.metrics[facts.key_metric], v.test_data) for v in facts.history]
        self.chart.set_points(facts.key_metric, points, facts.serving.number if facts.serving is not None else None)
        self.chart.setVisible(bool(points))
        self._no_metric.setVisible(not points)
        self._no_metric.setText(
            f"No version tells {facts.key_metric}." if facts.key_metric else "No key metric is chosen: edit the model."
        )
        self._metric_card.title.setText(f"{facts.key_metric or 'Key metric'} over versions")
        self._on_selection(self.table.selected())

    @property
    def rows(self) -> PagedTableModel:
        """The table's model, whose pages the presenter reads."""
        model = self.table.model
        assert isinstance(model, PagedTableModel)  # noqa: S101 - it was built so, for the type checker
        return model

    @property
    def order(self) -> tuple[str, bool]:
        """The column that sorts and whether it descends, as it was left the last time; nothing is newest first."""
        header: QHeaderView = self.table.view.horizontalHeader()
        section = header.sortIndicatorSection()
        key = VERSION_COLUMNS[section].key if 0 <= section < len(VERSION_COLUMNS) else ""
        return key, header.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder

    def open_edit(self) -> EditDialog | None:
        if self._facts is None or self.dialog is not None:
            return None
        self.dialog = EditDialog(self._facts, self.window())
        self.dialog.finished.connect(self._on_dialog_finished)
        self.dialog.open()
        return self.dialog

    def choose_file(self) -> None:
        if not self.register.isEnabled():
            return
        path, _ = QFileDialog.getOpenFileName(self, f"Choose the file of a new version of {self.title}")
        if path:
            self.register_wanted.emit(path)

    # Parts

    def _build_header(self) -> None:
        self._title = ElidedLabel("", "title")
        self.edit = Button("Edit", "pencil", clicked=self._edit, tool_tip="Description, key metric and tags (E)")
        self.register = Button("Register a version", "plus", "primary", clicked=self.choose_file, tool_tip="N")
        self.register.permit(self._account, Action.REGISTER)
        top = QHBoxLayout()
        top.setSpacing(S)
        top.addWidget(self._title, 1)
        top.addWidget(self.edit)
        top.addWidget(self.register)
        self._task = StateBadge()
        self._task.hide()
        self._meta = ElidedLabel("", "caption")
        facts = QHBoxLayout()
        facts.setSpacing(M)
        facts.addWidget(self._task)
        facts.addWidget(self._meta, 1)
        self._description = ClampedLabel("", lines=2)
        head = QVBoxLayout()
        head.setSpacing(S)
        head.addLayout(top)
        head.addLayout(facts)
        head.addWidget(self._description)
        self.body.addLayout(head)

    def _build_standing(self) -> None:
        self.standings: dict[str, FigureCard] = {}
        self._cards = QHBoxLayout()
        self._cards.setSpacing(L)
        self.chart = VersionChart()
        self.chart.opened.connect(self.version_opened)
        self._metric_card = Card("Key metric over versions", "chart-line")
        self._no_metric = PlainLabel("", "muted", wrap=True)
        self._no_metric.hide()
        self._metric_card.add(self.chart, 1)
        self._metric_card.add(self._no_metric)
        self._metric_card.body.setContentsMargins(S, 0, S, S)
        self._metric_card.setFixedHeight(UPPER_HEIGHT)
        row = QHBoxLayout()
        row.setSpacing(L)
        row.addLayout(self._cards, 5)
        row.addWidget(self._metric_card, 4)
        self.body.addLayout(row)

    def _build_table(self) -> None:
        self.table = RecordTable(
            "model-versions", VERSION_COLUMNS, lambda r: r.number, title="Versions", paged=True, heading=True
        )
        self.compare = Button("Compare", "git-compare-arrows", clicked=self._compare, tool_tip="C")
        self.request = Button("Request promotion", "send", clicked=self._request, tool_tip="R, on the version's page")
        self.table.bar.addWidget(self.compare)
        self.table.bar.addWidget(self.request)
        empty = EmptyState(
            "package", "No versions yet", "Register one from a file, or from your script.", "Register a version"
        )
        empty.action.connect(self.choose_file)
        empty.button.permit(self._account, Action.REGISTER)
        self.table.set_empty(empty)
        self.table.opened.connect(lambda row: self.version_opened.emit(row.number))
        self.table.selection_changed.connect(self._on_selection)
        self.table.add_action("Open", "package", self._open_first)
        self.table.add_action("Compare", "git-compare-arrows", lambda _: self._compare())
        self.table.add_action("Request promotion", "send", lambda _: self._request())
        self.table.add_action("Copy the label", "copy", self._copy_labels, shortcut="Ctrl+Shift+C")
        self.table.add_action("Copy the digest", "hash", self._copy_digests)
        self.body.addWidget(self.table, 1)

    def _show_standings(self, standings: Sequence[Standing]) -> None:
        if list(self.standings) != [s.environment for s in standings]:
            for card in self.standings.values():
                card.hide()
                card.deleteLater()
            self.standings = {}
            for standing in standings:
                card = FigureCard(standing.environment.capitalize(), "server")
                card.setFixedHeight(UPPER_HEIGHT)
                card.opened.connect(lambda name=standing.environment: self._open_standing(name))
                self.standings[standing.environment] = card
                self._cards.addWidget(card, 1)
        now = datetime.now(UTC)
        for standing in standings:
            self.standings[standing.environment].show_figure(standing.figure, standing.told(now), standing.colour)

    # What the person does

    def _open_standing(self, environment: str) -> None:
        for standing in self._facts.standings if self._facts is not None else ():
            if standing.environment == environment:
                self.standing_opened.emit(standing)

    def _edit(self) -> None:
        if self.edit.isEnabled():
            self.edit_wanted.emit()

    def _on_selection(self, rows: list[VersionRow]) -> None:
        serving = self._facts.serving if self._facts is not None else None
        alone = len(rows) == 1 and serving is not None and serving.number != rows[0].number
        if len(rows) == 2 or alone:
            self.compare.allow()
        else:
            self.compare.forbid("Select two versions, or one to compare with production.")
        if len(rows) == 1:
            self.request.permit(self._account, Action.REQUEST_PROMOTION)
        else:
            self.request.forbid("Select one version.")

    def _compare(self) -> None:
        if self.compare.isEnabled():
            self.compare_wanted.emit(self.table.selected())

    def _request(self) -> None:
        rows = self.table.selected()
        if self.request.isEnabled() and rows:
            self.request_wanted.emit(rows[0].number)

    def _open_first(self, rows: list[VersionRow]) -> None:
        if rows:
            self.version_opened.emit(rows[0].number)

    def _copy_labels(self, rows: list[VersionRow]) -> None:
        QGuiApplication.clipboard().setText("\n".join(row.label for row in rows))
        self.copied.emit()

    def _copy_digests(self, rows: list[VersionRow]) -> None:
        QGuiApplication.clipboard().setText("\n".join(row.summary.digest for row in rows))
        self.copied.emit()

    def _on_dialog_finished(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None
