"""The files of a version: what inspection found, whether the conversion was proved, and every file's digest."""

from __future__ import annotations

import json

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout

from mlops_desktop.domain.registry import Conversion, FileRole, Format, InspectionVerdict, ModelVersion
from mlops_desktop.ui.screens.version.columns import FILE_COLUMNS
from mlops_desktop.ui.theme import L, M, Tone
from mlops_desktop.ui.widgets.badges import Badge, StateBadge, badge_of
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, FactList, Page
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.table import RecordTable
from mlops_desktop.ui.words import count

FINDINGS_SHOWN = 20
MEANINGS = {
    InspectionVerdict.ALLOW: "Nothing in it can run code.",
    InspectionVerdict.REVIEW: "It may run code when it is loaded, so it is loaded in an isolated container only.",
    InspectionVerdict.REJECT: "It names code that no model needs.",
}
FACT_NAMES = {"ir version": "IR version", "opsets": "Operator sets"}
PROVED = Badge("Proved", "circle-check", Tone.OK)
NOT_CONVERTED = Badge("Not converted", "circle-minus", Tone.UNKNOWN)
DISPROVED = Badge("Disproved", "circle-x", Tone.WARNING)
NOT_NEEDED = Badge("Not needed", "check", Tone.UNKNOWN)


def meaning(version: ModelVersion) -> str:
    """What the verdict says about this file, in one or two sentences."""
    if version.inspection.verdict is InspectionVerdict.ALLOW and not version.format.code_free:
        return "It names known parts of models only. It is loaded in an isolated container all the same."
    return MEANINGS[version.inspection.verdict]


def conversion_words(version: ModelVersion) -> tuple[Badge, str]:
    """Whether the served ONNX file was proved to agree with the model it was made from, and why not if not."""
    done = version.conversion
    if version.file(FileRole.ORIGINAL) is None and done is None:
        if version.format is Format.ONNX:
            return NOT_NEEDED, "It was registered as ONNX. Whether it agrees with what it was made from is not known."
        return NOT_CONVERTED, (
            f"The file was registered by hand, so it is served as {version.format.value}. "
            "The client converts in the training script, where the model is alive."
        )
    if done is None:
        return NOT_CONVERTED, "Nothing was written down about a conversion."
    if not done.converted:
        badge = DISPROVED if done.rows else NOT_CONVERTED
        return badge, f"{_sentence(done)} It is served as {version.format.value}."
    return PROVED, f"{_sentence(done)} {_asked(done)}"


def fact_name(name: str) -> str:
    return FACT_NAMES.get(name.replace("_", " ").lower(), name[:1].upper() + name[1:].replace("_", " "))


def fact_value(value: str) -> str:
    """Lists come as JSON; anything else is shown as it is."""
    if value.startswith("["):
        try:
            return ", ".join(str(item) for item in json.loads(value))
        except ValueError:
            return value
    return value


def _sentence(done: Conversion) -> str:
    text = done.reason.strip() or "No reason was written down."
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _asked(done: Conversion) -> str:
    labels = "no label changed" if not done.labels_changed else f"{count(done.labels_changed, 'label')} changed"
    return f"{count(done.rows, 'row')} asked: the greatest difference is {done.max_difference:.3g}, {labels}."


class FilesTab(Page):
    """Verifying hashes every byte again."""

    verify_wanted = Signal()
    export_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__(margin=0)
        self.body.setContentsMargins(0, M, 0, 0)
        inspection = Card("Inspection", "shield-check")
        self.verdict = StateBadge()
        inspection.header.addWidget(self.verdict)
        self.findings = PlainLabel("", wrap=True, selectable=True)
        self._facts = FactList(name_width=112)
        inspection.add(self.findings)
        inspection.add(self._facts)
        inspection.body.addStretch(1)
        conversion = Card("Conversion to ONNX", "refresh-cw")
        self.converted = StateBadge()
        conversion.header.addWidget(self.converted)
        self.conversion = PlainLabel("", wrap=True, selectable=True)
        conversion.add(self.conversion)
        conversion.body.addStretch(1)
        cards = QHBoxLayout()
        cards.setSpacing(L)
        cards.addWidget(inspection, 1)
        cards.addWidget(conversion, 1)
        self.table = RecordTable("version-files", FILE_COLUMNS, lambda f: f.path, title="Files")
        self.table.set_empty(EmptyState("file", "No files", "A version without files can't be served."))
        self.verify = Button("Verify", "shield-check", clicked=self.verify_wanted.emit)
        self.verify.setToolTip("Hash every file again and compare with what was registered")
        self.export = Button("Export", "download", clicked=self._choose_folder)
        self.export.setToolTip("Copy all files into a folder; each is verified")
        self.table.bar.addWidget(self.verify)
        self.table.bar.addWidget(self.export)
        self.body.addLayout(cards)
        self.body.addWidget(self.table)
        self.body.addStretch(1)

    def show_version(self, version: ModelVersion) -> None:
        found = version.inspection
        self.verdict.show_badge(badge_of(found.verdict))
        lines = [meaning(version), *(f"· {finding}" for finding in found.findings[:FINDINGS_SHOWN])]
        more = len(found.findings) - FINDINGS_SHOWN
        if more > 0:
            lines.append(f"and {count(more, 'more finding')}")
        self.findings.setText("\n".join(lines))
        self._facts.show_facts({fact_name(name): fact_value(value) for name, value in found.facts.items()})
        self._facts.setVisible(bool(found.facts))
        badge, words = conversion_words(version)
        self.converted.show_badge(badge)
        self.conversion.setText(words)
        self.table.set_records(version.files)
        self.table.fit_rows(4, 14)

    def show_verifying(self, running: bool) -> None:
        if running:
            self.verify.forbid("The files are being hashed.")
        else:
            self.verify.allow()
            self.verify.setToolTip("Hash every file again and compare with what was registered")

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Choose a new or empty folder for the files")
        if chosen:
            self.export_chosen.emit(chosen)
