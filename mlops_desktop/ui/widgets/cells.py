"""How a cell is painted: words, numbers, pills and small lines, on rows parted by a hairline."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import BODY, CAPTION, ROW_HEIGHT, M, colours, font, mono_font
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.widgets.records import ColumnRole, RecordRole

_SELECTED = QStyle.StateFlag.State_Selected
_HOVER = QStyle.StateFlag.State_MouseOver
_FOCUS = QStyle.StateFlag.State_HasFocus


class RecordDelegate(QStyledItemDelegate):
    """Paints by the column's kind; no widget lives in a cell."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        now = colours()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if state & _SELECTED:
            painter.fillRect(rect, QColor(now.accent_soft))
        elif state & _HOVER:
            painter.fillRect(rect, QColor(now.hover))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(now.border))
        if state & _SELECTED and index.column() == 0 and state & QStyle.StateFlag.State_Active:
            painter.fillRect(QRect(rect.left(), rect.top(), 2, rect.height()), QColor(now.accent_fill))
        column: Column = index.data(ColumnRole)
        record = index.data(RecordRole)
        inner = rect.adjusted(M, 0, -M, -1)
        if record is None:
            painter.setPen(QColor(now.muted))
            painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter), "…")
        elif column.kind is Kind.BADGE and column.badge is not None:
            badge = column.badge(record)
            if badge is not None:
                paint_badge(painter, inner, badge)
        elif column.kind is Kind.SPARK and column.spark is not None:
            paint_spark(painter, QRectF(inner.adjusted(0, 8, 0, -8)), column.spark(record), QColor(now.accent))
        else:
            self._words(painter, inner, column, column.text(record))
        if state & _FOCUS:
            painter.setPen(QPen(QColor(now.accent_fill), 1))
            painter.drawRect(rect.adjusted(0, 0, -1, -2))

    def _words(self, painter: QPainter, rect: QRect, column: Column, text: str) -> None:
        now = colours()
        weight = QFont.Weight.Medium if column.strong else QFont.Weight.Normal
        typeface = mono_font() if column.kind is Kind.MONO else font(BODY, weight, tabular=column.kind is Kind.NUMBER)
        painter.setFont(typeface)
        painter.setPen(QColor(now.muted if column.muted else now.text))
        side = Qt.AlignmentFlag.AlignRight if column.kind is Kind.NUMBER else Qt.AlignmentFlag.AlignLeft
        line = QFontMetrics(typeface).elidedText(text.replace("\n", " "), Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, int(side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), line)


def paint_badge(painter: QPainter, rect: QRect, badge: Badge) -> None:
    now = colours()
    typeface = font(CAPTION, QFont.Weight.Medium)
    word = QFontMetrics(typeface).elidedText(badge.word, Qt.TextElideMode.ElideRight, max(0, rect.width() - 32))
    width = min(rect.width(), 32 + QFontMetrics(typeface).horizontalAdvance(word))
    pill = QRectF(rect.left(), rect.center().y() - 10.5, width, 22)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(now.soft(badge.tone)))
    painter.drawRoundedRect(pill, 11, 11)
    shade = now.tone(badge.tone)
    device = painter.device()
    ratio = device.devicePixelRatio() if device is not None else 1.0
    painter.drawPixmap(QPointF(pill.left() + 7, pill.top() + 4), icons.pixmap(badge.icon, shade, 14, ratio))
    painter.setPen(QColor(shade))
    painter.setFont(typeface)
    painter.drawText(pill.adjusted(25, 0, -6, 0), int(Qt.AlignmentFlag.AlignVCenter), word)
    painter.restore()


def paint_spark(painter: QPainter, rect: QRectF, values: Sequence[float], colour: QColor) -> None:
    """A line over the values in order, gaps left open, the last point marked."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return
    low, high = min(finite), max(finite)
    spread = (high - low) or 1.0
    step = rect.width() / max(len(values) - 1, 1)

    def point(index: int, value: float) -> QPointF:
        height = 0.5 if high == low else (value - low) / spread
        x = rect.left() + step * index if len(values) > 1 else rect.right()
        return QPointF(x, rect.bottom() - height * rect.height())

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.4))
    run: list[QPointF] = []
    last: QPointF | None = None
    for index, value in enumerate(values):
        if math.isfinite(value):
            last = point(index, value)
            run.append(last)
        elif run:
            painter.drawPolyline(QPolygonF(run))
            run = []
    if len(run) > 1:
        painter.drawPolyline(QPolygonF(run))
    if last is not None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(last, 2.2, 2.2)
    painter.restore()
