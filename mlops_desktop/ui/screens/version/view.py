"""The page of a version: what it is above, everything known of it in tabs."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from mlops_desktop.domain.deployments import EngineStatus
from mlops_desktop.ui.screen import Crumb, Screen
from mlops_desktop.ui.screens.version.card_tab import CardTab
from mlops_desktop.ui.screens.version.checks_tab import ChecksTab
from mlops_desktop.ui.screens.version.deployments_tab import DeploymentsTab
from mlops_desktop.ui.screens.version.dialogs import DeployDialog, RequestDialog
from mlops_desktop.ui.screens.version.facts import VersionFacts, open_ways, why_no_deployment, why_no_request
from mlops_desktop.ui.screens.version.files_tab import FilesTab
from mlops_desktop.ui.screens.version.header import Header
from mlops_desktop.ui.screens.version.overview_tab import OverviewTab
from mlops_desktop.ui.screens.version.reviews_tab import ReviewsTab
from mlops_desktop.ui.screens.version.tabs import LineageTab, MetricsTab, SchemaTab
from mlops_desktop.ui.theme import M, Tone
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.progress import JobProgress
from mlops_desktop.ui.widgets.tabs import Tabs


class VersionView(Screen):
    """R asks for a promotion, D deploys, C compares. Until a version was read the page says so."""

    models_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Version")
        self._facts: VersionFacts | None = None
        # From the outside inwards: a widget that gets a parent is styled anew with everything in it.
        self._stack = QStackedWidget()
        self.body.addWidget(self._stack, 1)
        page = QWidget()
        self._stack.addWidget(page)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(M)
        self.header = Header()
        self.damage = Banner()  # what holds as long as the files are damaged
        self.outcome = Banner()  # how the last thing that was done here ended
        self.job = JobProgress(with_log=True)
        self.job.log_opened.connect(self.open_log)
        for above in (self.header, self.damage, self.outcome, self.job):
            layout.addWidget(above)
        self.tabs = Tabs("About the version")
        layout.addWidget(self.tabs, 1)
        self._fill_tabs()
        self.nothing = EmptyState("package", "Reading the version", action="All models")
        self.nothing.action.connect(self.models_wanted)
        self._stack.addWidget(self.nothing)
        self.damage.action.connect(lambda: self.tabs.open("files"))
        for digests in (self.overview.digest, self.lineage.source, self.lineage.data):
            digests.copied.connect(self.header.copied)
        self.reviews.request_wanted.connect(self.header.request_wanted)
        self.add_key("R", "Request promotion", lambda: self._press(self.header.request))
        self.add_key("D", "Deploy", lambda: self._press(self.header.deploy))
        self.add_key("C", "Compare with what answers now", lambda: self._press(self.header.compare))
        self.request_dialog: RequestDialog | None = None
        self.deploy_dialog: DeployDialog | None = None

    def show_title(self, model: str, number: int) -> None:
        """Another version, before anything of it was read: nothing of the one before stays."""
        self._facts = None
        self.title = f"{model}@{number}"
        self.header.show_title(self.title)
        self.set_crumbs(
            Crumb("Models", "models"), Crumb(model, "model", (("model", model),)), Crumb(f"Version {number}")
        )
        for banner in (self.banner, self.damage, self.outcome):
            banner.clear()
        self.job.show_finished()
        self.checks.forget()
        self.deployments.hide_log()
        self.files.show_verifying(False)
        self.show_nothing("Reading the version", "", button=False)

    def show_nothing(self, title: str, text: str, *, button: bool = True) -> None:
        """Instead of the page: it is read for the first time, or there is no such version."""
        self.nothing.show_text(title, text)
        self.nothing.button.setVisible(button)
        self._stack.setCurrentIndex(1)

    def show_facts(self, facts: VersionFacts) -> None:
        self._facts = facts
        version = facts.version
        self.header.show_facts(facts)
        if not version.damaged:
            self.damage.clear()
        elif self.damage.isHidden():
            self.damage.show_message(
                "Files of this version are damaged.",
                "It can't be deployed. Restore them from a backup, or register it again from its source.",
                Tone.CRITICAL,
                action="Show the files",
            )
        for told in (self.overview, self.metrics, self.checks, self.card):
            told.show_facts(facts)
        for shown in (self.schema, self.lineage, self.files):
            shown.show_version(version)
        requests, deploys = self._reasons(facts)
        self.reviews.show_facts(facts, open_ways(facts, requests)[1])
        next_step = open_ways(facts, deploys)[1] or "Press D to deploy it."
        self.deployments.show_deployments(facts.deployments, next_step)
        self.tabs.count_of("metrics", len(version.metrics))
        self.tabs.count_of("files", len(version.files))
        self.tabs.count_of("reviews", len(facts.promotions))
        self.tabs.count_of("deployments", len(facts.deployments))
        self._stack.setCurrentIndex(0)

    def _fill_tabs(self) -> None:
        self.overview, self.metrics, self.schema, self.lineage = OverviewTab(), MetricsTab(), SchemaTab(), LineageTab()
        self.files, self.checks, self.reviews = FilesTab(), ChecksTab(), ReviewsTab()
        self.deployments, self.card = DeploymentsTab(), CardTab()
        pages: tuple[tuple[str, str, QWidget], ...] = (
            ("overview", "Overview", self.overview),
            ("metrics", "Metrics", self.metrics),
            ("schema", "Schema", self.schema),
            ("lineage", "Lineage", self.lineage),
            ("files", "Files", self.files),
            ("checks", "Checks", self.checks),
            ("reviews", "Reviews", self.reviews),
            ("deployments", "Deployments", self.deployments),
            ("card", "Card", self.card),
        )
        for key, title, tab in pages:
            self.tabs.add(key, title, tab)

    # A release that was begun here

    def show_job(self, where: str, title: str, fraction: float | None, message: str, seconds: float) -> None:
        self.job.show_progress(title, fraction, message, seconds)
        self.header.show_deploying(where)

    def show_job_finished(self) -> None:
        self.job.show_finished()
        self.header.show_deploying("")

    def open_log(self) -> None:
        self.deployments.show_log()
        self.tabs.open("deployments")

    # Dialogs

    def open_request(self) -> RequestDialog | None:
        if self._facts is None or self.request_dialog is not None:
            return None
        reasons, _ = self._reasons(self._facts)
        dialog = RequestDialog(self._facts, reasons, open_ways(self._facts, reasons)[0], self.window())
        dialog.finished.connect(self._on_request_finished)
        self.request_dialog = dialog
        dialog.open()
        return dialog

    def open_deploy(self) -> DeployDialog | None:
        if self._facts is None or self.deploy_dialog is not None:
            return None
        _, reasons = self._reasons(self._facts)
        dialog = DeployDialog(self._facts, reasons, open_ways(self._facts, reasons)[0], self.window())
        dialog.finished.connect(self._on_deploy_finished)
        self.deploy_dialog = dialog
        dialog.open()
        return dialog

    def show_engine(self, status: EngineStatus) -> None:
        """The engine's answer, if the question is still on the screen."""
        if self.deploy_dialog is not None:
            self.deploy_dialog.show_engine(status)

    def _reasons(self, facts: VersionFacts) -> tuple[dict[str, str], dict[str, str]]:
        """Why it can't be asked for or deployed, by environment."""
        return (
            {e: why_no_request(facts, e) for e in facts.environments},
            {e: why_no_deployment(facts, e) for e in facts.environments},
        )

    def _press(self, button: Button) -> None:
        if self._stack.currentIndex() == 0:
            self.header.press(button)

    def _on_request_finished(self) -> None:
        if self.request_dialog is not None:
            self.request_dialog.deleteLater()
            self.request_dialog = None

    def _on_deploy_finished(self) -> None:
        if self.deploy_dialog is not None:
            self.deploy_dialog.deleteLater()
            self.deploy_dialog = None
