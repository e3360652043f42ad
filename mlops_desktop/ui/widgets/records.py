"""Models behind tables: they hold records and answer roles; they query nothing.

Measured: QSortFilterProxyModel over a Python list takes minutes on a million rows, so lists are sorted here in one
`sorted`, and what is longer than a screen of pages is sorted by the database (PagedTableModel).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from mlops_desktop.ui.widgets.columns import Column, Kind, Record
from mlops_desktop.ui.widgets.plain_label import tip

RecordRole = int(Qt.ItemDataRole.UserRole) + 1
ColumnRole = int(Qt.ItemDataRole.UserRole) + 2
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
PAGE = 256
PAGES_KEPT = 64


class _TableModel(QAbstractTableModel):
    """Roles over `record(row)`; None stands for a row whose page is on its way."""

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)

    def record(self, row: int) -> Record | None:
        raise NotImplementedError

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        record = self.record(index.row())
        column = self.columns[index.column()]
        if role == ColumnRole:
            return column
        if role == RecordRole:
            return record
        if record is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(record)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(column.tool_tip(record) if column.tool_tip is not None else column.text(record))
        if role == Qt.ItemDataRole.TextAlignmentRole and column.kind is Kind.NUMBER:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column.title}: {column.text(record)}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole and column.explanation:
            return tip(column.explanation)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.kind is Kind.NUMBER else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None


class RecordTableModel(_TableModel):
    """A list of records, sorted and filtered here. `identity` names one, so that a selection outlives a refresh."""

    def __init__(
        self, columns: Sequence[Column], identity: Callable[[Record], Hashable], parent: QObject | None = None
    ) -> None:
        super().__init__(columns, parent)
        self.identity = identity
        self._all: list[Record] = []
        self._shown: list[Record] = []
        self._filter: tuple[str, ...] = ()
        self._sort: tuple[int, bool] | None = None

    def set_records(self, records: Sequence[Record]) -> None:
        """Show these from now on. Rows that stay are changed in place."""
        self._all = list(records)
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Every word has to occur in one of the row's cells."""
        words = tuple(text.casefold().split())
        if words != self._filter:
            self._filter = words
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        usable = 0 <= column < len(self.columns) and self.columns[column].sortable
        self._sort = (column, order is Qt.SortOrder.DescendingOrder) if usable else None
        self._arrange()

    @property
    def total(self) -> int:
        """How many there are without the filter."""
        return len(self._all)

    @property
    def records(self) -> list[Record]:
        return list(self._shown)

    def record(self, row: int) -> Record | None:
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def row_of(self, identity: Hashable) -> int:
        """Its row, or -1."""
        return next((row for row, record in enumerate(self._shown) if self.identity(record) == identity), -1)

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def _arrange(self) -> None:
        shown = [r for r in self._all if self._matches(r)] if self._filter else list(self._all)
        if self._sort is not None:
            index, descending = self._sort
            column = self.columns[index]
            # What has no value stays at the end in both directions.
            empty = [r for r in shown if column.sort_key(r)[0] == 2]
            full = [r for r in shown if column.sort_key(r)[0] != 2]
            shown = [*sorted(full, key=column.sort_key, reverse=descending), *empty]
        if [self.identity(r) for r in shown] == [self.identity(r) for r in self._shown]:
            self._shown = shown
            if shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, len(self.columns) - 1))
            return
        self.beginResetModel()
        self._shown = shown
        self.endResetModel()

    def _matches(self, record: Record) -> bool:
        text = "\n".join(column.text(record) for column in self.columns).casefold()
        return all(word in text for word in self._filter)


class PagedTableModel(_TableModel):
    """Rows known by id only, read in pages of 256 as they come into view: for lists of 100,000.

    `page_wanted(first, ids)` asks for records; answer with `set_page(first, records)`. Sorting and filtering are the
    database's: connect `order_wanted(column key, descending)` and call `set_ids` with the new order.
    """

    page_wanted = Signal(int, object)
    order_wanted = Signal(str, bool)

    def __init__(
        self, columns: Sequence[Column], identity: Callable[[Record], Hashable], parent: QObject | None = None
    ) -> None:
        super().__init__(columns, parent)
        self.identity = identity
        self._ids: Sequence[Any] = ()
        self._pages: OrderedDict[int, Sequence[Record]] = OrderedDict()
        self._asked: set[int] = set()
        self._order: tuple[str, bool] | None = None
        # Scrolling passes over many pages; only those on screen when it rests are asked for.
        self._timer = QTimer(self, interval=15, singleShot=True)
        self._timer.timeout.connect(self._ask)
        self._wanted: list[int] = []

    def set_ids(self, ids: Sequence[Any]) -> None:
        self.beginResetModel()
        self._ids = ids
        self._pages.clear()
        self._asked.clear()
        self.endResetModel()

    def set_page(self, first: int, records: Sequence[Record]) -> None:
        page = first // PAGE
        self._asked.discard(page)
        if first >= len(self._ids):
            return
        self._pages[page] = records
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        last = min(first + PAGE, len(self._ids)) - 1
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))

    def forget_pages(self) -> None:
        """Read again what is on screen, for example after an event; the order stays."""
        self._pages.clear()
        self._asked.clear()
        if self._ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, len(self.columns) - 1))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and self.columns[column].sortable:
            wanted = (self.columns[column].key, order is Qt.SortOrder.DescendingOrder)
            if wanted != self._order:
                self._order = wanted
                self.order_wanted.emit(*wanted)

    def set_filter(self, text: str) -> None:
        """The database filters; RecordTable.filter_changed tells the presenter."""

    @property
    def total(self) -> int:
        return len(self._ids)

    @property
    def records(self) -> list[Record]:
        """Those that were read so far, in order."""
        return [record for page in sorted(self._pages) for record in self._pages[page]]

    def record(self, row: int) -> Record | None:
        page, offset = divmod(row, PAGE)
        records = self._pages.get(page)
        if records is None:
            if page not in self._asked and 0 <= row < len(self._ids):
                self._wanted.append(page)
                if not self._timer.isActive():
                    self._timer.start()
            return None
        self._pages.move_to_end(page)
        return records[offset] if offset < len(records) else None

    def row_of(self, identity: Hashable) -> int:
        for page, records in self._pages.items():
            for offset, record in enumerate(records):
                if self.identity(record) == identity:
                    return page * PAGE + offset
        return -1

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def _ask(self) -> None:
        wanted, self._wanted = self._wanted, []
        for page in dict.fromkeys(reversed(wanted[-200:])):
            if page not in self._asked and page not in self._pages and page * PAGE < len(self._ids):
                self._asked.add(page)
                self.page_wanted.emit(page * PAGE, self._ids[page * PAGE : (page + 1) * PAGE])
