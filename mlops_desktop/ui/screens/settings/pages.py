"""The pages that are rows of settings: appearance, account, workspace, engine, monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal

from mlops_desktop.domain.deployments import EngineKind, EngineStatus
from mlops_desktop.ui.screens.settings.rows import ActionRow, ChoiceRow, SettingsPage, TextRow
from mlops_desktop.ui.theme import Appearance
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList
from mlops_desktop.ui.widgets.items import Item, ItemList
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.words import size

THEMES = ((Appearance.SYSTEM, "As the system"), (Appearance.LIGHT, "Light"), (Appearance.DARK, "Dark"))
SCALES = ((1.0, "Normal"), (1.1, "Larger (110 %)"), (1.25, "Large (125 %)"), (1.5, "Very large (150 %)"))
ENGINES = (
    ("auto", "Docker, else processes"),
    ("docker", "Docker only"),
    ("process", "Processes only"),
)
KINDS = {
    "database": ("database", "Database", "models, people, audit trail, figures"),
    "artifacts": ("boxes", "Model files", "one copy of each, by its content"),
    "backups": ("save", "Backups", "copies made by you"),
    "logs": ("scroll-text", "Logs", "builds and serving programs"),
    "other": ("folder", "Other files", "settings, sockets, what is being built"),
}


class AppearancePage(SettingsPage):
    """For this person on this computer."""

    def __init__(self) -> None:
        super().__init__("appearance", "Appearance", "For you on this computer, whatever workspace is open.", "sun")
        self.theme = ChoiceRow("", "Colours", "Light, dark, or as the system has them.", THEMES)
        self.scale = ChoiceRow("", "Size", "Everything grows together. Counts from the next start.", SCALES)
        self.add_card("", self.theme, self.scale)
        self.finish(can_reset=True, keywords="theme dark light text font size zoom")


class AccountPage(SettingsPage):
    """Who is signed in, and when the window locks."""

    def __init__(self) -> None:
        super().__init__("account", "Account", "Your password, and what happens when you walk away.", "user")
        self.facts = FactList()
        card = Card("Signed in", "user")
        card.add(self.facts)
        self.add(card)
        self.password = ActionRow(
            "",
            "Password",
            "It opens the workspace and signs your reviews. Earlier reviews stay valid.",
            "Change …",
            "key-round",
        )
        self.lock = ActionRow("", "Lock", "Covers the window; jobs and charts go on behind it. Ctrl+L", "Lock", "lock")
        self.sign_out = ActionRow("", "Sign out", "The workspace stays open for others.", "Sign out", "log-out")
        self.add_card("", self.password, self.lock, self.sign_out)
        self.add_card(
            "For everybody in this workspace",
            TextRow("lock_minutes", "Lock after", "Minutes without mouse or keyboard; 0 never locks.", "min"),
        )
        self.finish(can_reset=True, keywords="sign out idle password key")


class WorkspacePage(SettingsPage):
    """The folder that is open, and those before it."""

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__("workspace", "Workspace", "The folder that is open: everything of it lies in there.", "folder")
        self.facts = FactList()
        card = Card("This workspace", "folder-open")
        card.add(self.facts)
        self.add(card)
        self.sizes = FactList()
        room = Card("Room on the disk", "database")
        room.add(self.sizes)
        self.total = PlainLabel("", "caption", wrap=True)
        room.add(self.total)
        self.add(room)
        self.copy = ActionRow("", "Folder", "For a backup close the window and copy all of it.", "Copy path", "copy")
        self.change = ActionRow("", "Another workspace", "Opens or creates one.", "Change …", "folder-open")
        self.add_card("", self.copy, self.change)
        self.recent = ItemList("No other workspace was opened yet.")
        self.recent.opened.connect(self.opened)
        recent = Card("Opened lately", "history", padding=0)
        recent.add(self.recent)
        self.add(recent)
        self.finish(keywords="backup path size disk space recent schema version")

    def show_sizes(self, sizes: Sequence[tuple[str, int, int]], free: str) -> None:
        """Kind, files and bytes of each part."""
        facts = {}
        for kind, files, amount in sizes:
            _, title, text = KINDS.get(kind, ("folder", kind, ""))
            many = f", {files:,} files" if files > 1 else ""
            facts[title] = f"{size(amount)}{many} – {text}" if files else "nothing"
        self.sizes.show_facts(facts)
        total = sum(amount for _, _, amount in sizes)
        self.total.setText(f"Together {size(total)}; {free} are free on this disk.")

    def show_recent(self, entries: Sequence[tuple[str, str]]) -> None:
        self.recent.show_items([Item(path, "folder", name, path) for name, path in entries])


class EnginePage(SettingsPage):
    """What runs deployments."""

    test_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("engine", "Engine", "What builds and runs deployments, and where they answer.", "container")
        self.state = Banner()
        self.state.action.connect(self.test_wanted)
        self.test = Button("Test the engine", "refresh-cw", clicked=self.test_wanted.emit)
        card = Card("Now", "server")
        self.now = FactList()
        card.header.addWidget(self.test)
        card.add(self.now)
        self.add(self.state)
        self.add(card)
        self.add_card(
            "Engine",
            ChoiceRow(
                "engine",
                "Run deployments by",
                "Docker isolates models in containers. Processes serve ONNX only, without isolation. "
                "What runs already stays with its engine.",
                ENGINES,
            ),
            TextRow("ready_timeout_seconds", "Wait until ready", "What isn't ready by then has failed.", "s"),
            TextRow("drain_seconds", "Let requests finish", "How long what is stopped may still answer.", "s"),
            TextRow(
                "reconcile_seconds",
                "Compare with reality",
                "What runs with what should run.",
                "s",
            ),
        )
        self.add_card(
            "Gateway",
            TextRow(
                "gateway_port",
                "Port",
                "Models answer at http://127.0.0.1:PORT/ENVIRONMENT/MODEL. 0 takes any port that is free.",
            ),
        )
        self.add_card(
            "Images",
            TextRow(
                "base_images",
                "Base images",
                "The first that is on this computer is built upon, else the last is pulled. Another one voids open "
                "requests and approvals, as the container would differ from what was approved.",
                wide=True,
            ),
            TextRow("gateway_images", "Gateway images", "HAProxy, in front of all deployments.", wide=True),
        )
        self.finish(can_reset=True, keywords="docker container haproxy address port")

    def show_asking(self) -> None:
        self.test.forbid("Asking …")
        self.test.setText("Asking …")
        if not self.now.findChildren(PlainLabel):
            self.now.show_facts({"State": "Asking …", "Gateway": "…"})

    def show_engine(self, status: EngineStatus, address: str) -> None:
        self.test.allow()
        self.test.setText("Test the engine")
        self.now.show_facts({"State": engine_words(status), "Gateway": address})


class MonitoringPage(SettingsPage):
    """How often figures are taken, and over which time a verdict is given."""

    def __init__(self) -> None:
        super().__init__("monitoring", "Monitoring", "How often figures are taken and verdicts given.", "activity")
        self.add_card(
            "",
            TextRow("collect_seconds", "Collect every", "Charts gain a point this often; less often costs less.", "s"),
            TextRow(
                "drift_chunk_seconds",
                "Drift verdict every",
                "Requests of this time are judged together; at least 200 rows are needed.",
                "s",
            ),
            TextRow(
                "performance_chunk_seconds",
                "Performance every",
                "Labels of this time are judged together.",
                "s",
            ),
        )
        card = Card()
        card.add(
            PlainLabel(
                "Figures and verdicts are kept as long as the workspace. Rules that open alerts are on the screen "
                "Alerts, goals of a model on its page.",
                "muted",
                wrap=True,
            )
        )
        self.add(card)
        self.finish(can_reset=True, keywords="interval retention drift performance chunk")


def engine_words(status: EngineStatus) -> str:
    """The state in a sentence, with what to do about it."""
    told = f"{status.message} {status.hint}".strip()
    if not status.available:
        what = "Docker does not answer." if status.kind is EngineKind.DOCKER else "The engine can't be used."
        return f"{what} {told}".strip()
    if status.kind is EngineKind.PROCESS:
        words = "Processes of this computer, without isolation; only code-free formats (ONNX) are served."
        return f"{words} {told}".strip()
    free = f", {size(status.disk_free_bytes)} free for images" if status.disk_free_bytes is not None else ""
    return f"Docker {status.version} answers{free}. {told}".strip()


def recent_without(entries: Sequence[tuple[str, Path]], open_now: Path) -> list[tuple[str, str]]:
    """The others, as name and path."""
    return [(name, str(path)) for name, path in entries if path != open_now]
