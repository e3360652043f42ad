"""Deployments: the list, the page of one, and the release that runs now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, Signal, SignalInstance
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDialog, QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.accounts import Account, Action
from mlops_desktop.domain.deployments import EngineStatus, Limits
from mlops_desktop.ui.screen import Crumb, Screen
from mlops_desktop.ui.screens.deployments.dialogs import Deployable, DeployDialog
from mlops_desktop.ui.screens.deployments.engine_card import EngineCard, engine_words
from mlops_desktop.ui.screens.deployments.page import DeploymentPage
from mlops_desktop.ui.screens.deployments.release import ReleasePage
from mlops_desktop.ui.screens.deployments.rows import BACK_COLUMN, DEPLOYMENT_COLUMNS, DeploymentRow, where
from mlops_desktop.ui.theme import M
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.dialogs import AskText, ask
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.progress import JobProgress
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import count


class DeploymentsView(Screen):
    """Buttons act on the row under the cursor, or on the deployment whose page is open."""

    deploy_wanted = Signal()
    roll_back_wanted = Signal(object)  # a DeploymentRow
    start_wanted = Signal(object)
    restart_wanted = Signal(object)
    stop_wanted = Signal(object)
    monitoring_wanted = Signal(object)
    list_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Deployments")
        self.row: DeploymentRow | None = None  # whose page is open
        self._rows: Sequence[DeploymentRow] = ()
        self.progress = JobProgress(with_log=True)
        self.engine = EngineCard()
        self.table = RecordTable("deployments", DEPLOYMENT_COLUMNS, lambda r: r.deployment.id, title="Deployments")
        self.empty = EmptyState(
            "rocket",
            "Nothing is deployed",
            "A version that was approved for an environment is deployed here and answers at a stable address.",
            "Deploy a version",
        )
        self.empty.action.connect(self.deploy_wanted)
        self.table.set_empty(self.empty)
        self.past = QCheckBox("Show stopped ones")
        self.past.toggled.connect(self._show_rows)
        self.deploy = Button("Deploy", "rocket", "primary", clicked=self.deploy_wanted.emit)
        self.roll_back = Button("Roll back", "undo-2", clicked=self._on_roll_back)
        self.table.bar.addWidget(self.past)
        self.table.bar.addWidget(self.roll_back)
        self.table.bar.addWidget(self.deploy)
        self.table.view.clicked.connect(self._on_cell)
        self.table.current_changed.connect(self._on_current)
        self.page, self.release = DeploymentPage(), ReleasePage()
        self.release.back.clicked.connect(self.list_wanted)
        self.page.monitoring_wanted.connect(lambda: self._emit(self.monitoring_wanted))
        for button, signal in (
            (self.page.roll_back, self.roll_back_wanted),
            (self.page.start, self.start_wanted),
            (self.page.restart, self.restart_wanted),
            (self.page.stop, self.stop_wanted),
        ):
            button.clicked.connect(partial(self._emit, signal))
        for text, icon, signal in (
            ("Roll back …", "undo-2", self.roll_back_wanted),
            ("Start", "play", self.start_wanted),
            ("Restart …", "rotate-cw", self.restart_wanted),
            ("Stop …", "circle-stop", self.stop_wanted),
            ("Open in Monitoring", "activity", self.monitoring_wanted),
        ):
            self.table.add_action(text, icon, partial(_emit_first, signal))
        home = QWidget()
        layout = QVBoxLayout(home)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(M)
        layout.addWidget(self.engine)
        layout.addWidget(self.table, 1)
        self._home = home
        self.stack = QStackedWidget()
        for part in (home, self.page, self.release):
            self.stack.addWidget(part)
        self.body.addWidget(self.progress)
        self.body.addWidget(self.stack, 1)
        self.add_key("D", "Deploy a version", self.deploy_wanted.emit)
        self.add_key("B", "Roll the deployment under the cursor back", self._on_roll_back)
        self.add_key("Ctrl+Return", "Send the test request", self._on_submit)
        self._on_current(None)

    # What is shown

    def show_list(self) -> None:
        self.row = None
        self.stack.setCurrentWidget(self._home)
        self.set_crumbs(Crumb("Deployments"))

    def show_rows(self, rows: Sequence[DeploymentRow]) -> None:
        self._rows = rows
        self._show_rows()

    def _show_rows(self) -> None:
        hidden = [r for r in self._rows if not r.worth_showing]
        self.past.setText(f"Show {count(len(hidden), 'stopped one')}" if hidden else "Show stopped ones")
        self.past.setEnabled(bool(hidden))
        self.table.set_records(self._rows if self.past.isChecked() else [r for r in self._rows if r.worth_showing])
        if self._rows and len(hidden) == len(self._rows):
            self.empty.show_text("Nothing serves now", "Start a stopped deployment again, or deploy a version.")
        self._on_current(self.table.current())

    def show_engine(self, status: EngineStatus) -> None:
        self.engine.show_engine(status)

    def show_deployment(self, row: DeploymentRow, *, opened: bool) -> None:
        """Fill the page; `opened` also turns to it."""
        self.row = row
        if opened:
            self.stack.setCurrentWidget(self.page)
        if self.stack.currentWidget() is self.page:
            self.set_crumbs(Crumb("Deployments", "deployments"), Crumb(where(row.deployment)))

    def show_release(self) -> None:
        self.row = None
        self.stack.setCurrentWidget(self.release)
        self.set_crumbs(Crumb("Deployments", "deployments"), Crumb(self.release.title.text()))

    @property
    def at_page(self) -> bool:
        return self.stack.currentWidget() is self.page

    @property
    def at_release(self) -> bool:
        return self.stack.currentWidget() is self.release

    def permit(self, account: Account) -> None:
        """What the roles forbid stays visible and says who may."""
        for button in (self.deploy, self.empty.button, self.page.start, self.page.restart, self.page.stop):
            button.permit(account, Action.DEPLOY)
        for button in (self.roll_back, self.page.roll_back):
            button.permit(account, Action.ROLL_BACK)
        self._may_roll_back = account.may(Action.ROLL_BACK)

    _may_roll_back = False

    # Questions

    def ask_deploy(
        self, options: Sequence[Deployable], status: EngineStatus, preferred: int = 0
    ) -> tuple[Deployable, Limits] | None:
        """Which version, and how much it may use; None when the person thought better of it."""
        if not options:
            ask(
                self,
                "No version may be deployed now",
                "A version needs an approval for its environment first: open it and ask for its promotion. "
                "One that is current already needs no second deployment.",
                "OK",
                cancel="Close",
            )
            return None
        name, words, _, _ = engine_words(status)
        dialog = DeployDialog(options, f"{name}. {words}", preferred, self)
        return (dialog.chosen, dialog.limits) if dialog.exec() == QDialog.DialogCode.Accepted else None

    def ask_roll_back(self, row: DeploymentRow) -> str | None:
        """The reason, which may be empty; None to leave things as they are."""
        d = row.deployment
        dialog = AskText(
            f"Roll {d.model} back to version {row.back_to}?",
            f"Version {row.back_to} takes the whole traffic of {d.environment} from version {d.version} at once; "
            f"no request is dropped, and version {d.version} stays warm.",
            "Reason",
            f"Roll back to version {row.back_to}",
            parent=self,
        )
        return dialog.words if dialog.exec() == QDialog.DialogCode.Accepted else None

    def ask_stop(self, row: DeploymentRow) -> bool:
        d = row.deployment
        effect = (
            f"It carries the traffic of {d.environment}: the address answers 503 from then on."
            if d.weight
            else "It carries no traffic; a roll-back to it will take longer."
        )
        return ask(self, f"Stop {where(d)}?", f"{effect} It can be started again.", "Stop", danger=True)

    def ask_restart(self, row: DeploymentRow) -> bool:
        d = row.deployment
        effect = (
            f"It carries the traffic of {d.environment}: the address answers 503 for some seconds."
            if d.weight
            else "It carries no traffic, so nobody will notice."
        )
        return ask(self, f"Restart {where(d)}?", effect, "Restart")

    def copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)

    # What the person does

    def _emit(self, signal: SignalInstance, _checked: bool = False) -> None:
        if self.row is not None:
            signal.emit(self.row)

    def _on_current(self, row: DeploymentRow | None) -> None:
        """The button names where the row under the cursor, or the only one that can, would go back to."""
        found = self._back_row(row)
        self.roll_back.setText("Roll back" if found is None else f"Roll back to version {found.back_to}")
        if self._may_roll_back:
            if found is None:
                self.roll_back.forbid("Choose a deployment that carries traffic and had one before it.")
            else:
                self.roll_back.allow()

    def _back_row(self, row: DeploymentRow | None) -> DeploymentRow | None:
        able = [r for r in self._rows if r.back_to is not None]
        if row is not None:
            able = [r for r in able if r.pair == row.pair]
        return able[0] if len(able) == 1 else None

    def _on_roll_back(self) -> None:
        found = self.row if self.at_page else self._back_row(self.table.current())
        if found is not None and found.back_to is not None:
            self.roll_back_wanted.emit(found)

    def _on_cell(self, index: QModelIndex) -> None:
        row = self.table.model.record(index.row())
        if row is not None and DEPLOYMENT_COLUMNS[index.column()].key == BACK_COLUMN and row.back_to is not None:
            self.roll_back_wanted.emit(row)

    def _on_submit(self) -> None:
        if self.at_page and self.page.tabs.current == "try":
            self.page.try_it.submit()


def _emit_first(signal: SignalInstance, rows: Sequence[DeploymentRow]) -> None:
    if rows:
        signal.emit(rows[0])
