"""The list of models, and the place where a file is dropped to register one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.ui.screen import Screen
from mlops_desktop.ui.screens.models.columns import MODEL_COLUMNS, ModelRow
from mlops_desktop.ui.screens.models.dialogs import RegisterDialog
from mlops_desktop.ui.screens.models.drop_zone import dropped_paths
from mlops_desktop.ui.screens.models.registration import KnownModel
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.table import RecordTable


class ModelsView(Screen):
    """Files may be dropped anywhere on it."""

    register_wanted = Signal(list)  # paths that were dropped, or none
    model_opened = Signal(str)
    compare_wanted = Signal(list)  # the selected rows
    name_copied = Signal(str)

    def __init__(self, account: Account) -> None:
        super().__init__("Models")
        self.setAcceptDrops(True)
        self.register = Button("Register a model", "plus", "primary", clicked=self.ask_to_register, tool_tip="N")
        self.compare = Button("Compare", "git-compare-arrows", clicked=self._compare)
        self.table = RecordTable("models", MODEL_COLUMNS, lambda r: r.name, title="Models")
        self.table.bar.addWidget(self.compare)
        self.table.bar.addWidget(self.register)
        empty = EmptyState(
            "boxes",
            "No models yet",
            "Drop a model file or an MLmodel folder here, or register one from your training script.",
            "Register a model",
        )
        empty.action.connect(self.ask_to_register)
        self.may_register = self.register.permit(account, Action.REGISTER)
        empty.button.permit(account, Action.REGISTER)
        self.table.set_empty(empty)
        self.body.addWidget(self.table, 1)
        self.table.opened.connect(lambda row: self.model_opened.emit(row.name))
        self.table.selection_changed.connect(self._on_selection)
        self.table.add_action("Open", "box", self._open_first)
        self.table.add_action("Compare", "git-compare-arrows", lambda _: self._compare())
        self.table.add_action("Copy the name", "copy", self._copy_names, shortcut="Ctrl+Shift+C")
        self.add_key("N", "Register a model", self.ask_to_register)
        self.add_key("C", "Compare: versions of one model, or the newest of two", self._compare)
        self.dialog: RegisterDialog | None = None
        self._on_selection([])

    def ask_to_register(self) -> None:
        if self.may_register:
            self.register_wanted.emit([])

    def show_models(self, rows: Sequence[ModelRow]) -> None:
        self.table.set_records(rows)

    def open_register(self, known: Mapping[str, KnownModel]) -> RegisterDialog:
        """A new dialog; one that is open already comes to the front with what was typed."""
        if self.dialog is None:
            self.dialog = RegisterDialog(known, self.window())
            self.dialog.finished.connect(self._on_dialog_finished)
            self.dialog.open()
        return self.dialog

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.may_register and dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths: list[Path] = dropped_paths(event.mimeData())
        if self.may_register and paths:
            event.acceptProposedAction()
            self.register_wanted.emit(paths)

    def _on_dialog_finished(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def _on_selection(self, rows: list[ModelRow]) -> None:
        comparable = len(rows) == 2 or (len(rows) == 1 and rows[0].summary.versions > 1)
        if comparable:
            self.compare.allow()
        else:
            self.compare.forbid("Select a model with several versions, or two models.")

    def _open_first(self, rows: list[ModelRow]) -> None:
        if rows:
            self.model_opened.emit(rows[0].name)

    def _compare(self) -> None:
        if self.compare.isEnabled():
            self.compare_wanted.emit(self.table.selected())

    def _copy_names(self, rows: list[ModelRow]) -> None:
        names = "\n".join(row.name for row in rows)
        QGuiApplication.clipboard().setText(names)
        self.name_copied.emit(names)
