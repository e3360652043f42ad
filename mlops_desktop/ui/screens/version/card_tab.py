"""The model card: what is known of the version on one page of Markdown, to read, copy and save.

People write the descriptions, so the page is shown without HTML, and nothing that it points at is ever loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import (
    QFont,
    QGuiApplication,
    QImage,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextTable,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from mlops_desktop.ui.screens.version.facts import VersionFacts
from mlops_desktop.ui.theme import SECTION, TITLE, L, M, S, font
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.words import exactly

INPUTS_SHOWN = 40
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&])")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def card_of(facts: VersionFacts) -> str:
    """The card in Markdown. Descriptions stand as they were written: they may be Markdown themselves."""
    version, origin = facts.version, facts.version.lineage
    parts = [f"# {escaped(version.label)}"]
    if facts.model.description:
        parts.append(facts.model.description)
    parts.append(version.description or "*Nobody described this version.*")
    parts += ["## What it is", _facts_table(facts)]
    if version.metrics:
        rows = [(name, f"{value:.6g}") for name, value in sorted(version.metrics.items())]
        parts += ["## Metrics", _table(("Metric", "Value"), rows)]
    if origin.data:
        rows = [(name, digest) for name, digest in origin.data.items()]
        parts += ["## Data", _table(("Data set", "SHA-256"), rows)]
    columns = version.signature.inputs
    if columns:
        inputs = [(c.name, c.type, "no" if c.required else "yes") for c in columns[:INPUTS_SHOWN]]
        parts += ["## Inputs", _table(("Name", "Type", "May be missing"), inputs)]
        if len(columns) > INPUTS_SHOWN:
            parts.append(f"and {len(columns) - INPUTS_SHOWN} more")
    return "\n\n".join(parts) + "\n"


def _facts_table(facts: VersionFacts) -> str:
    version, origin = facts.version, facts.version.lineage
    rows = [
        ("Task", version.task.value),
        ("Owner", facts.model.owner),
        ("Registered", f"{exactly(version.created_at)} by {version.registered_by}"),
        ("Trained by", origin.trained_by),
        ("Format", version.format.value),
        ("Code", origin.code_commit[:12] or origin.source),
        ("Seed", "" if origin.seed is None else str(origin.seed)),
        ("Digest", version.digest),
        *((stage.environment.capitalize(), stage.badge.word) for stage in facts.stages()),
    ]
    return _table(("Fact", "Value"), [(name, value) for name, value in rows if value])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head)]
    lines += [tuple(escaped(cell) for cell in row) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class SafeDocument(QTextDocument):
    """A document that loads nothing. Qt reads a local file by itself wherever it is given no picture."""

    def loadResource(self, kind: int, name: QUrl | str) -> QImage:
        """A transparent dot, wherever `name` points."""
        dot = QImage(1, 1, QImage.Format.Format_ARGB32)
        dot.fill(0)
        return dot


class SafeMarkdown(QTextBrowser):
    """Markdown without HTML, pictures or links that open: whoever wrote it learns nothing of who reads it."""

    FEATURES = QTextDocument.MarkdownFeature.MarkdownNoHTML | QTextDocument.MarkdownFeature.MarkdownDialectGitHub

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = ""
        self.setAccessibleName(name)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )

    @property
    def source_text(self) -> str:
        return self._source

    def show_markdown(self, text: str, *, same: bool = False) -> None:
        """`same` says that it is about the same thing as before: then what is read stays in sight."""
        if text == self._source:
            return
        at = self.verticalScrollBar().value() if same else 0
        self._source = text
        # Finished before it is laid out: layout is what would look for pictures.
        document = SafeDocument(self)
        document.setDefaultFont(font())
        document.setDocumentMargin(L)
        document.setMarkdown(text, self.FEATURES)
        _dress(document)
        old = self.document()
        self.setDocument(document)
        self.verticalScrollBar().setValue(at)
        if isinstance(old, SafeDocument):
            old.deleteLater()


def _dress(document: QTextDocument) -> None:
    """The window's type instead of Qt's: no table lines, no artificial bold; links and pictures as words."""
    block = document.begin()
    while block.isValid():
        # The stubs don't know that a block can be walked. From its end, as words are put in.
        pieces = [item.fragment() for item in cast("Iterable[QTextBlock.iterator]", block)]
        for at, length, words in reversed([(p.position(), p.length(), p.charFormat()) for p in pieces]):
            _dress_words(document, at, length, words)
        cursor, shape = QTextCursor(block), block.blockFormat()
        if level := shape.headingLevel():
            shape.setTopMargin(0 if level == 1 else L)
            heading = QTextCharFormat()
            heading.setFont(font(TITLE if level == 1 else SECTION, QFont.Weight.DemiBold))
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            cursor.setCharFormat(heading)
        if cursor.currentTable() is None and cursor.currentList() is None:
            shape.setBottomMargin(S)
            QTextCursor(block).setBlockFormat(shape)
        block = block.next()
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            table = frame.format().toTableFormat()
            table.setBorder(0)
            table.setCellPadding(4)
            table.setTopMargin(S)
            frame.setFormat(table)


def _dress_words(document: QTextDocument, at: int, length: int, words: QTextCharFormat) -> None:
    cursor = QTextCursor(document)
    cursor.setPosition(at)
    cursor.setPosition(at + length, QTextCursor.MoveMode.KeepAnchor)
    if words.isImageFormat():
        cursor.insertText(f"[picture {words.toImageFormat().name()}]", QTextCharFormat())
    elif words.isAnchor():
        cursor.setCharFormat(QTextCharFormat())
        cursor.setPosition(at + length)
        cursor.insertText(f" ({words.anchorHref()})", QTextCharFormat())
    elif words.fontWeight() >= QFont.Weight.Bold:
        words.setFontWeight(QFont.Weight.DemiBold)
        cursor.setCharFormat(words)


class CardTab(QWidget):
    """Written by the application from what was registered, with the words of people in it."""

    copied = Signal()
    saved = Signal(str)  # the file

    def __init__(self) -> None:
        super().__init__()
        self._name = "card"
        self.page = SafeMarkdown("Model card")
        self.copy = Button("Copy as Markdown", "copy", clicked=self._copy)
        self.save = Button("Save", "save", clicked=self._save)
        self.save.setAccessibleName("Save the card")
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(PlainLabel("What was registered, on one page to hand on.", "muted"), 1)
        head.addWidget(self.copy)
        head.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self.page, 1)

    def show_facts(self, facts: VersionFacts) -> None:
        name = f"{facts.version.model}-{facts.version.number}"
        self.page.show_markdown(card_of(facts), same=name == self._name)
        self._name = name

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.page.source_text)
        self.copied.emit()

    def _save(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the card", f"{self._name}.md", "Markdown (*.md)")
        if chosen:
            self.saved.emit(str(Path(chosen)))
