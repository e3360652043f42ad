"""Shows one page of the manual: our colours and typeface, pictures scaled to the width, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QImage,
    QPainter,
    QResizeEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextImageFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import QFrame, QTextBrowser, QTextEdit, QWidget

from mlops_desktop.ui.screens.manual.book import Book, ManualPage, slug
from mlops_desktop.ui.theme import SECTION, TITLE, XL, L, M, S, colours, font, mono_font

WIDEST = 780  # pixels of text: longer lines are hard to follow
BODY_SIZE = 14
HEADINGS = {1: TITLE + 4, 2: TITLE - 2, 3: SECTION + 1}
RESIZED_MS = 120
ONLY_GIVEN = QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly


class ManualBrowser(QTextBrowser):
    """`linked(target)` for every link that is pressed; nothing is followed or loaded by the browser itself."""

    linked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book: Book | None = None
        self._page: ManualPage | None = None
        self._headings: dict[str, int] = {}
        self._words = ""
        self._drawn: QTextDocument | None = None
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Page of the manual")
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QTextBrowser { border: none; background: transparent; padding: 0; }")
        self.anchorClicked.connect(lambda url: self.linked.emit(url.toString()))
        self._resized = QTimer(self, interval=RESIZED_MS, singleShot=True)
        self._resized.timeout.connect(self._draw_again)

    def show_page(self, book: Book, page: ManualPage, heading: str = "", words: str = "") -> None:
        """Show the page from its beginning, from a heading, or from the first place of the words."""
        self._book, self._page, self._words = book, page, words
        self._draw()
        self.setAccessibleName(f"Manual: {page.title}")
        if heading in self._headings:
            self._scroll_to(self._headings[heading])
        elif not self._find_first():
            self.verticalScrollBar().setValue(0)

    def mark(self, words: str) -> None:
        """Colour the words wherever they stand."""
        self._words = words
        self._mark()

    def find_next(self) -> bool:
        """The next place of the searched words, from the top again after the last."""
        word = next(iter(self._words.split()), "")
        if not word:
            return False
        if not self.find(word):
            cursor = self.textCursor()
            cursor.movePosition(QTextCursor.MoveOperation.Start)
            self.setTextCursor(cursor)
            return self.find(word)
        return True

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Pictures were added when the page was drawn; whatever else a page names isn't loaded."""
        return None

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and self._page is not None:
            self._resized.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        if event.size().width() != event.oldSize().width():
            self._resized.start()

    # Drawing

    def _draw_again(self) -> None:
        """The place stays the same part of the page."""
        if self._page is None:
            return
        bar = self.verticalScrollBar()
        before = bar.value() / max(1, bar.maximum())
        self._draw()
        bar.setValue(round(before * bar.maximum()))

    def _draw(self) -> None:
        if self._page is None:
            return
        document = QTextDocument(self)
        document.setDefaultFont(font(BODY_SIZE))
        document.setDocumentMargin(0)
        # What comes with the program is Markdown only: HTML in it would be shown as text.
        features = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML
        document.setMarkdown(self._page.text, features)
        self._fit()
        _set_type(document)
        self._set_pictures(document)
        _set_tables(document)
        _set_code(document)
        self._headings = _headings(document)
        self.setDocument(document)
        # Qt deletes the document that the browser began with, not those that it was given.
        before, self._drawn = self._drawn, document
        if before is not None:
            before.deleteLater()
        self._mark()

    def _fit(self) -> None:
        """Keep lines short: what is too much is margin at the right."""
        self.setViewportMargins(0, 0, max(0, self._room - WIDEST), 0)

    @property
    def _width(self) -> int:
        return max(200, min(WIDEST, self._room) - S)

    @property
    def _room(self) -> int:
        """The width beside the scroll bar, whether or not it is there now."""
        return self.width() - self.verticalScrollBar().sizeHint().width()

    def _set_pictures(self, document: QTextDocument) -> None:
        """Put in those that are there, take out the paragraphs of those that aren't."""
        for block, position, name, words in _pictures(document):
            cursor = QTextCursor(document)
            cursor.setPosition(position)
            cursor.setPosition(position + 1, QTextCursor.MoveMode.KeepAnchor)
            file = self._book.picture(name, dark=colours().name == "dark") if self._book is not None else None
            image = QImage(str(file)) if file is not None else QImage()
            if image.isNull():
                cursor.removeSelectedText()
                if not block.text().strip():
                    cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                    cursor.removeSelectedText()
                continue
            ratio = self.devicePixelRatioF()
            width = min(self._width, image.width())
            shown = QSize(width, round(image.height() * width / image.width()))
            scaled = image.scaled(
                shown * ratio, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            document.addResource(int(QTextDocument.ResourceType.ImageResource), QUrl(name), _framed(scaled))
            shape = QTextImageFormat()
            shape.setName(name)
            shape.setWidth(shown.width())
            shape.setHeight(shown.height())
            shape.setToolTip(words)
            cursor.setCharFormat(shape)
            close = QTextBlockFormat()
            close.setLineHeight(100, int(QTextBlockFormat.LineHeightTypes.SingleHeight.value))
            close.setBottomMargin(L)
            cursor.mergeBlockFormat(close)

    # Finding

    def _find_first(self) -> bool:
        if not self._words:
            return False
        cursor = self.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.Start)
        self.setTextCursor(cursor)
        return self.find_next()

    def _scroll_to(self, position: int) -> None:
        cursor = QTextCursor(self.document())
        cursor.setPosition(position)
        self.setTextCursor(cursor)
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + self.cursorRect(cursor).top() - S)

    def _mark(self) -> None:
        marks = []
        now = colours()
        for word in self._words.split():
            cursor = self.document().find(word)
            while not cursor.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor = cursor
                mark.format.setBackground(QColor(now.warning_soft))
                mark.format.setForeground(QColor(now.text))
                marks.append(mark)
                cursor = self.document().find(word, cursor)
        self.setExtraSelections(marks)


def _blocks(document: QTextDocument) -> list[QTextBlock]:
    found, block = [], document.begin()
    while block.isValid():
        found.append(block)
        block = block.next()
    return found


def _pictures(document: QTextDocument) -> list[tuple[QTextBlock, int, str, str]]:
    """Last first, so that taking one out doesn't move the others: block, position, link, words."""
    found = []
    for block in _blocks(document):
        for fragment in _fragments(block):
            shape = fragment.charFormat()
            if shape.isImageFormat():
                words = str(shape.property(int(QTextFormat.Property.ImageAltText)) or "")
                for offset in range(fragment.length()):
                    found.append((block, fragment.position() + offset, shape.toImageFormat().name(), words))
    return found[::-1]


def _fragments(block: QTextBlock) -> list[Any]:
    found = []
    for part in cast("Iterable[Any]", block):
        fragment = part.fragment()
        if fragment.isValid():
            found.append(fragment)
    return found


def _headings(document: QTextDocument) -> dict[str, int]:
    """Where each heading stands, by its slug."""
    headings = (block for block in _blocks(document) if block.blockFormat().headingLevel())
    return {slug(block.text()): block.position() for block in headings}


def _set_type(document: QTextDocument) -> None:
    """Sizes, distances and colours of text."""
    for block in _blocks(document):
        cursor = QTextCursor(block)
        shape = block.blockFormat()
        level = shape.headingLevel()
        distance = QTextBlockFormat()
        in_list = block.textList() is not None and block.next().textList() is not None
        distance.setLineHeight(140, int(QTextBlockFormat.LineHeightTypes.ProportionalHeight.value))
        distance.setTopMargin(0)
        distance.setBottomMargin(4 if in_list else M)
        if level:
            distance.setLineHeight(120, int(QTextBlockFormat.LineHeightTypes.ProportionalHeight.value))
            distance.setTopMargin(0 if level == 1 else XL)
            distance.setBottomMargin(M)
        cursor.mergeBlockFormat(distance)
        for fragment in _fragments(block):
            part = QTextCursor(document)
            part.setPosition(fragment.position())
            part.setPosition(fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor)
            part.setCharFormat(_type_of(fragment.charFormat(), level))


def _type_of(before: QTextCharFormat, level: int) -> QTextCharFormat:
    shape, now = QTextCharFormat(before), colours()
    if level:
        # The size that Markdown gave is relative; ours is in pixels.
        shape.clearProperty(int(QTextFormat.Property.FontSizeAdjustment))
        shape.setFont(font(HEADINGS.get(level, BODY_SIZE), QFont.Weight.DemiBold), ONLY_GIVEN)
    elif before.fontFixedPitch():
        shape.setFont(mono_font(BODY_SIZE - 1), ONLY_GIVEN)
        shape.setBackground(QColor(now.hover))
    elif before.fontWeight() > int(QFont.Weight.DemiBold):
        shape.setFontWeight(QFont.Weight.DemiBold)  # the heaviest that ships with the window
    shape.setForeground(QColor(now.accent if before.isAnchor() else now.text))
    return shape


def _set_code(document: QTextDocument) -> None:
    """A frame around each run of code lines, last first."""
    now = colours()
    runs: list[tuple[int, int]] = []
    for block in _blocks(document):
        if not block.blockFormat().hasProperty(int(QTextFormat.Property.BlockCodeFence)):
            continue
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        clear = QTextCharFormat()
        clear.setBackground(QBrush(Qt.BrushStyle.NoBrush))
        cursor.mergeCharFormat(clear)
        end = block.position() + block.length() - 1
        if runs and runs[-1][1] + 1 == block.position():
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((block.position(), end))
    shape = QTextFrameFormat()
    shape.setBackground(QColor(now.window))
    shape.setBorder(1)
    shape.setBorderBrush(QColor(now.border))
    shape.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    shape.setPadding(M)
    shape.setBottomMargin(L)
    for start, end in reversed(runs):
        cursor = QTextCursor(document)
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        frame = cursor.insertFrame(shape)
        for block in _cell_blocks(frame.firstCursorPosition(), frame.lastPosition()):
            _space(block, 135)
    _close_gaps(document)


def _close_gaps(document: QTextDocument) -> None:
    """The empty lines that a frame leaves before and behind itself take no room."""
    for block in _blocks(document):
        inside = QTextCursor(block).currentFrame() is not document.rootFrame()
        if block.text() or inside:
            continue
        shape = QTextBlockFormat()
        shape.setLineHeight(1, int(QTextBlockFormat.LineHeightTypes.FixedHeight.value))
        shape.setTopMargin(0)
        shape.setBottomMargin(0)
        QTextCursor(block).mergeBlockFormat(shape)


def _space(block: QTextBlock, height: int) -> None:
    shape = QTextBlockFormat()
    shape.setLineHeight(height, int(QTextBlockFormat.LineHeightTypes.ProportionalHeight.value))
    shape.setTopMargin(0)
    shape.setBottomMargin(0)
    QTextCursor(block).mergeBlockFormat(shape)


def _set_tables(document: QTextDocument) -> None:
    """Hairlines, air, and the whole width."""
    now = colours()
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            shape = frame.format().toTableFormat()
            shape.setBorder(1)
            shape.setBorderBrush(QColor(now.border))
            shape.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            shape.setBorderCollapse(True)
            shape.setCellPadding(S)
            shape.setCellSpacing(0)
            shape.setTopMargin(S)
            shape.setBottomMargin(L)
            shape.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
            frame.setFormat(shape)
            for row in range(frame.rows()):
                for column in range(frame.columns()):
                    cell = frame.cellAt(row, column)
                    for block in _cell_blocks(cell.firstCursorPosition(), cell.lastPosition()):
                        _space(block, 130)


def _cell_blocks(cursor: QTextCursor, end: int) -> list[QTextBlock]:
    found, block = [], cursor.block()
    while block.isValid() and block.position() <= end:
        found.append(block)
        block = block.next()
    return found


def _framed(image: QImage) -> QImage:
    """With a hairline, as a picture of a light window on a light page has no edge."""
    painter = QPainter(image)
    painter.setPen(QColor(colours().border_strong))
    painter.drawRect(QRect(0, 0, image.width() - 1, image.height() - 1))
    painter.end()
    return image
