"""Pages to read and copy: diagnostics, and about this program."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit

import mlops_desktop
from mlops_desktop.ui.resources import resource
from mlops_desktop.ui.screens.settings.rows import SettingsPage
from mlops_desktop.ui.theme import S, mono_font
from mlops_desktop.ui.widgets.banner import Banner
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.tabs import Tabs


class DiagnosticsPage(SettingsPage):
    """Facts for a report, to copy or to save with logs."""

    save_wanted = Signal()
    copied = Signal()

    def __init__(self) -> None:
        super().__init__("diagnostics", "Diagnostics", "Facts that help to find what is wrong.", "file-text")
        self.problem = Banner()
        self.facts = FactList(name_width=136)
        self._facts: dict[str, str] = {}
        self.copy = Button("Copy report", "copy", clicked=self._copy)
        self.save = Button("Save diagnostics zip …", "download", clicked=self.save_wanted.emit)
        card = Card("This installation", "info")
        card.header.addWidget(self.copy)
        card.header.addWidget(self.save)
        card.add(self.facts)
        self.add(self.problem)
        self.add(card)
        words = (
            "The zip holds these facts, the settings and the ends of build, gateway and window logs. Passwords, tokens "
            "and your home folder's name are taken out; the database, model files, keys and what models print are "
            "never in it. Nothing is sent anywhere: look into it, then hand it on."
        )
        note = Card()
        note.add(PlainLabel(words, "muted", wrap=True))
        self.add(note)
        self.finish(keywords="version python qt sqlite docker disk log report zip support bug")

    @property
    def report(self) -> str:
        """To copy: without the name of the home folder, which is often a person's."""
        home = str(Path.home())
        text = "\n".join(f"{name}: {value}" for name, value in self._facts.items())
        return text.replace(home, "~") if len(home) > 1 else text

    def show_facts(self, facts: Mapping[str, str]) -> None:
        self._facts = dict(facts)
        self.facts.show_facts(self._facts)

    def show_saving(self, saving: bool) -> None:
        self.save.setEnabled(not saving)
        self.save.setText("Saving …" if saving else "Save diagnostics zip …")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report)
        self.copied.emit()


class AboutPage(SettingsPage):
    """Which program this is, under which licence, made with whose work."""

    def __init__(self) -> None:
        words = f"Version {mlops_desktop.__version__}. Licence: Apache-2.0."
        super().__init__("about", "About", words, "info")
        self.tabs = Tabs("About")
        self.texts: dict[str, QPlainTextEdit] = {}
        for key, title in (("changes", "What is new"), ("notices", "Open source"), ("licence", "Licence")):
            text = QPlainTextEdit()
            text.setReadOnly(True)
            text.setTabChangesFocus(True)
            text.setAccessibleName(title)
            if key != "changes":
                text.setFont(mono_font())
            text.setMinimumHeight(320)
            self.texts[key] = text
            self.tabs.add(key, title, text)
        self.page.body.setSpacing(S)
        self.page.body.addWidget(self.tabs, 1)
        line = QHBoxLayout()
        line.addStretch(1)
        self.page.body.addLayout(line)
        self._keywords = "licence license version change log open source notices"

    def show_texts(self, texts: Mapping[str, str]) -> None:
        for key, text in texts.items():
            self.texts[key].setPlainText(text)


def about_texts() -> dict[str, str]:
    """Change log, notices and licence; slow enough for another thread."""
    return {
        "changes": flowing(_document("CHANGELOG.md")) or "The change log was not installed.",
        "notices": notices(),
        "licence": _document("LICENSE") or _own_licence() or "Apache License 2.0",
    }


def flowing(markdown: str) -> str:
    """Simple Markdown as plain text: paragraphs and points in one line each, so that a window can wrap them."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", markdown.replace("`", ""))
    text = re.sub(r"^#+ +", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=\S)\n(?=[^\n-]) *", " ", text)
    return re.sub(r"^- ", "•  ", text, flags=re.MULTILINE).strip()


def notices() -> str:
    """Every library that this program asks for, with its version and licence; then icons and typeface."""
    lines = ["Libraries", ""]
    for name in sorted(_required(), key=str.casefold):
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        lines.append(f"{metadata['Name']} {metadata['Version']}: {_licence_of(metadata)}")
    for title, path in (
        ("Icons: Lucide", resource("icons", "LICENSE.lucide.txt")),
        ("Typeface: Inter", resource("themes", "fonts", "LICENSE.inter.txt")),
    ):
        lines += ["", title, "", path.read_text(encoding="utf-8").strip() if path.exists() else ""]
    return "\n".join(lines)


def _required() -> set[str]:
    try:
        lines = importlib.metadata.requires("mlops-desktop") or []
    except importlib.metadata.PackageNotFoundError:
        # A checkout that was never installed: what its own file asks for.
        file = resource().parent / "pyproject.toml"
        if not file.exists():
            return set()
        import tomllib

        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        extras = project["optional-dependencies"]
        lines = [*project["dependencies"], *extras["ui"], *extras["client"], *extras["tour"]]
    used = [line for line in lines if "dev" not in line.partition(";")[2]]
    return {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in used} - {"mlops-desktop"}


def _licence_of(metadata: importlib.metadata.PackageMetadata) -> str:
    """Its expression, else the classifier's words, else the first line of what it says."""
    fields = metadata.json
    if expression := fields.get("license_expression"):
        return str(expression)
    classes = [c for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    if classes:
        return ", ".join(c.rpartition(" :: ")[2] for c in classes)
    text = str(fields.get("license") or "").strip()
    return text.splitlines()[0][:80] if text else "see its own files"


def _document(name: str) -> str:
    """A file of the checkout's root, or its copy among the resources of an installation."""
    for file in (resource(name), resource().parent / name):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return ""


def _own_licence() -> str:
    try:
        files = importlib.metadata.files("mlops-desktop") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    found = next((f for f in files if Path(str(f)).name == "LICENSE"), None)
    return found.read_text() if found is not None else ""
