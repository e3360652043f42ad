"""A table of records with its filter, its memory and its exports.

It remembers columns, widths, sort and filter by its name, and keeps selection and scroll position when the records
are refreshed: a list that jumps under the hand is worse than a stale one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from mlops_desktop.ui import icons
from mlops_desktop.ui.theme import ROW_HEIGHT, S, colours, set_role
from mlops_desktop.ui.widgets.buttons import IconButton
from mlops_desktop.ui.widgets.cells import RecordDelegate
from mlops_desktop.ui.widgets.columns import Column, Record
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.export import to_csv, to_text
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.records import PagedTableModel, RecordTableModel
from mlops_desktop.ui.widgets.table_memory import TableMemory

FILTER_DELAY_MS = 150


class RecordTable(QWidget):
    """`RecordTable("models", COLUMNS, identity=lambda m: m.name)`; then `set_records`, and connect the signals.

    `bar` is the row above the table: put buttons there with `bar.addWidget`. `set_empty` says what an empty table
    shows. Pass `paged=True` for a PagedTableModel, and use `table.model` for its signals.
    """

    opened = Signal(object)  # Enter or double click on a record
    current_changed = Signal(object)  # the record under the cursor, or None
    selection_changed = Signal(list)  # the selected records
    filter_changed = Signal(str)

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        identity: Callable[[Record], Hashable],
        *,
        title: str = "",
        paged: bool = False,
        filterable: bool = True,
        heading: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._name = name
        self.model: RecordTableModel | PagedTableModel = (
            PagedTableModel(columns, identity, self) if paged else RecordTableModel(columns, identity, self)
        )
        self.view = QTableView()
        self.filter_box = QLineEdit()
        self.count = PlainLabel("", "caption")
        self.bar = QHBoxLayout()
        self._empty: EmptyState | None = None
        self._nothing_found = EmptyState("search", "Nothing matches", "Change or clear the filter.", "Clear the filter")
        self._actions: list[QAction] = []
        self._remembered: tuple[list[Hashable], Hashable | None, int] = ([], None, 0)
        self._restoring = False
        self._build(title or name, filterable, heading)
        self._memory = TableMemory(f"tables/{name}", self.view, columns)
        if filterable:
            self.filter_box.setText(self._memory.filter)
            self.model.set_filter(self._memory.filter)
        self._show_count()

    # Contents

    def set_records(self, records: Sequence[Record]) -> None:
        """Refresh a table that is not paged; selection, cursor, filter and scroll position stay."""
        if isinstance(self.model, RecordTableModel):
            self.model.set_records(records)
        self._show_count()

    def set_empty(self, empty: EmptyState) -> None:
        """What is shown instead of a table without any record, once it is known that there is none."""
        self._empty = empty
        self._stack.addWidget(empty)

    def fit_rows(self, least: int, most: int) -> None:
        """As high as its rows, for a table on a page that scrolls."""
        rows = 8 if self.model.total == 0 else max(least, min(self.model.rowCount(), most))
        self.setFixedHeight(2 * ROW_HEIGHT + S + 4 + rows * ROW_HEIGHT)

    def selected(self) -> list[Record]:
        rows = sorted({index.row() for index in self.view.selectionModel().selectedRows()})
        return [record for row in rows if (record := self.model.record(row)) is not None]

    def current(self) -> Record | None:
        index = self.view.currentIndex()
        return self.model.record(index.row()) if index.isValid() else None

    def select(self, identity: Hashable) -> bool:
        """Move the cursor to a record; False when it isn't shown."""
        row = self.model.row_of(identity)
        if row >= 0:
            self.view.selectRow(row)
            self.view.scrollTo(self.model.index(row, 0))
        return row >= 0

    def move_cursor(self, step: int) -> None:
        """Move the cursor by rows, as J and K do."""
        row = self.view.currentIndex().row() + step
        self.view.selectRow(max(0, min(row, self.model.rowCount() - 1)))

    def add_action(
        self, text: str, icon: str, callback: Callable[[list[Record]], object], *, shortcut: str = ""
    ) -> QAction:
        """An entry of the context menu, given the selected records; `shortcut` works while the table has focus."""
        action = QAction(icons.icon(icon, colours().muted), text, self.view)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda: callback(self.selected()))
        self.view.addAction(action)
        self._actions.append(action)
        return action

    def focus_filter(self) -> bool:
        self.filter_box.setFocus()
        self.filter_box.selectAll()
        return self.filter_box.isVisible()

    def set_filter(self, text: str) -> None:
        self.filter_box.setText(text)
        self._apply_filter()

    # Copies

    def copy_rows(self) -> None:
        QGuiApplication.clipboard().setText(to_text(self._visible_columns(), self.selected()))

    def export_csv(self, path: Path | None = None) -> None:
        """Write what is shown, in its order, to a file; without a path the person is asked."""
        if path is None:
            chosen, _ = QFileDialog.getSaveFileName(self, "Export as CSV", f"{self._name}.csv", "CSV (*.csv)")
            if not chosen:
                return
            path = Path(chosen)
        path.write_text(to_csv(self._visible_columns(), self.model.records), encoding="utf-8", newline="")

    # Parts

    def _build(self, title: str, filterable: bool, heading: bool) -> None:
        view = self.view
        view.setModel(self.model)
        view.setItemDelegate(RecordDelegate(view))
        view.setAccessibleName(title)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setMouseTracking(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.verticalHeader().hide()
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        view.installEventFilter(self)
        view.viewport().installEventFilter(self)
        view.activated.connect(self._on_activated)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        header.setMinimumSectionSize(48)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setSortingEnabled(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(lambda at: self._columns_menu().exec(header.mapToGlobal(at)))
        for index, column in enumerate(self.model.columns):
            view.setColumnWidth(index, column.width)
            view.setColumnHidden(index, column.hidden)
        self.model.modelAboutToBeReset.connect(self._remember_place)
        self.model.modelReset.connect(self._return_to_place)
        view.selectionModel().selectionChanged.connect(self._on_selection)
        view.selectionModel().currentRowChanged.connect(self._on_current)

        self.filter_box.setPlaceholderText("Filter")
        self.filter_box.setClearButtonEnabled(True)
        self.filter_box.setAccessibleName(f"Filter {title}")
        self.filter_box.setMaximumWidth(260)
        self._filter_icon = QAction(self.filter_box)
        self.filter_box.addAction(self._filter_icon, QLineEdit.ActionPosition.LeadingPosition)
        self._filter_timer = QTimer(self, interval=FILTER_DELAY_MS, singleShot=True)
        self._filter_timer.timeout.connect(self._apply_filter)
        self.filter_box.textEdited.connect(lambda _text: self._filter_timer.start())
        self.filter_box.textChanged.connect(lambda text: None if text else self._apply_filter())
        self.filter_box.installEventFilter(self)
        self._nothing_found.action.connect(lambda: self.set_filter(""))

        self._more = IconButton(
            "ellipsis-vertical", f"More for {title}: columns, copy, export", clicked=self._show_more
        )
        self.bar.setContentsMargins(0, 0, 0, 0)
        self.bar.setSpacing(S)
        if heading:
            self.bar.addWidget(PlainLabel(title, "section"))
            self.bar.addSpacing(S)
        self.bar.addWidget(self.filter_box, 1)
        self.bar.addWidget(self.count)
        self.bar.addStretch(1)
        tools = QHBoxLayout()
        tools.setSpacing(S)
        tools.addLayout(self.bar, 1)
        tools.addWidget(self._more)
        if not filterable:
            self.filter_box.hide()
            self._more.hide()
        holder = QFrame()
        set_role(holder, "card")
        self._stack = QStackedLayout(holder)
        self._stack.setContentsMargins(1, 1, 1, 1)
        self._stack.addWidget(view)
        self._stack.addWidget(self._nothing_found)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(tools)
        layout.addWidget(holder, 1)
        self.setFocusProxy(view)
        self._draw_icons()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and watched is self.view.viewport():
            self._share_width()
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if watched is self.view and event.matches(QKeySequence.StandardKey.Copy):
                self.copy_rows()
                return True
            if watched is self.filter_box and event.key() in {Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._apply_filter()
                self.view.setFocus()
                if not self.view.currentIndex().isValid() and self.model.rowCount():
                    self.view.selectRow(0)
                return True
            if watched is self.filter_box and event.key() == Qt.Key.Key_Escape and self.filter_box.text():
                self.set_filter("")
                return True
        return super().eventFilter(watched, event)

    def _share_width(self) -> None:
        """The stretching column takes what is left, but never less than its own width: then the table scrolls."""
        header = self.view.horizontalHeader()
        for index, column in enumerate(self.model.columns):
            if column.stretch and not header.isSectionHidden(index):
                room = self.view.viewport().width() - header.length() + header.sectionSize(index)
                modes = QHeaderView.ResizeMode
                header.setSectionResizeMode(index, modes.Stretch if room >= column.width else modes.Interactive)
                if room < column.width:
                    header.resizeSection(index, column.width)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}:
            self._draw_icons()

    def _draw_icons(self) -> None:
        self._filter_icon.setIcon(icons.icon("search", colours().muted))

    def _on_activated(self, index: QModelIndex) -> None:
        if (record := self.model.record(index.row())) is not None:
            self.opened.emit(record)

    def _on_selection(self) -> None:
        if not self._restoring:
            self.selection_changed.emit(self.selected())

    def _on_current(self) -> None:
        if not self._restoring:
            self.current_changed.emit(self.current())

    def _remember_place(self) -> None:
        identities = [self.model.identity(r) for r in self.selected()]
        current = self.current()
        at = self.view.verticalScrollBar().value()
        self._remembered = (identities, None if current is None else self.model.identity(current), at)
        self._restoring = True

    def _return_to_place(self) -> None:
        identities, current, at = self._remembered
        selection = self.view.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for identity in identities[:1000]:
            if (row := self.model.row_of(identity)) >= 0:
                selection.select(self.model.index(row, 0), flags)
        if current is not None and (row := self.model.row_of(current)) >= 0:
            selection.setCurrentIndex(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
        self._restoring = False
        self.view.verticalScrollBar().setValue(at)
        kept = self.current()
        if current is not None and kept is None:
            self.current_changed.emit(None)
        if identities != [self.model.identity(r) for r in self.selected()]:
            self.selection_changed.emit(self.selected())
        self._show_count()

    def _apply_filter(self) -> None:
        self._filter_timer.stop()
        text = self.filter_box.text()
        self.model.set_filter(text)
        self._show_count()
        self.filter_changed.emit(text)
        self._memory.filter = text

    def _show_count(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        self.count.setText(f"{shown:,} of {total:,}" if shown != total else (f"{total:,}" if total else ""))
        if total == 0 and self._empty is not None and not (self.filter_box.text() and self._paged):
            self._stack.setCurrentWidget(self._empty)
        elif shown == 0 and self.filter_box.text():
            self._stack.setCurrentWidget(self._nothing_found)
        else:
            self._stack.setCurrentWidget(self.view)

    @property
    def _paged(self) -> bool:
        return isinstance(self.model, PagedTableModel)

    def _visible_columns(self) -> list[Column]:
        header = self.view.horizontalHeader()
        order = [header.logicalIndex(i) for i in range(header.count())]
        return [self.model.columns[i] for i in order if not header.isSectionHidden(i)]

    # Menus

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.addActions(self._actions)
        self._add_copies(menu)
        menu.exec(self.view.viewport().mapToGlobal(at))

    def _show_more(self) -> None:
        menu = self._columns_menu()
        self._add_copies(menu)
        menu.exec(self._more.mapToGlobal(QPoint(0, self._more.height())))

    def _add_copies(self, menu: QMenu) -> None:
        if not menu.isEmpty():
            menu.addSeparator()
        menu.addAction(icons.icon("copy", colours().muted), "Copy rows\tCtrl+C", self.copy_rows)
        menu.addAction(icons.icon("download", colours().muted), "Export as CSV …", self.export_csv)

    def _columns_menu(self) -> QMenu:
        menu = QMenu(self)
        header = self.view.horizontalHeader()
        for index, column in enumerate(self.model.columns):
            action = menu.addAction(column.title.replace("&", "&&") or column.key)
            action.setCheckable(True)
            action.setChecked(not header.isSectionHidden(index))
            # The last visible column stays, or there would be nothing to press on.
            action.setEnabled(header.isSectionHidden(index) or header.hiddenSectionCount() < header.count() - 1)
            action.toggled.connect(lambda on, i=index: self._show_column(i, on))
        menu.addSeparator()
        menu.addAction("Reset columns", self.reset_columns)
        return menu

    def _show_column(self, index: int, shown: bool) -> None:
        self.view.horizontalHeader().setSectionHidden(index, not shown)
        self._memory.store()

    # Memory

    def reset_columns(self) -> None:
        header = self.view.horizontalHeader()
        for index, column in enumerate(self.model.columns):
            header.moveSection(header.visualIndex(index), index)
            header.setSectionHidden(index, column.hidden)
            if not column.stretch:
                self.view.setColumnWidth(index, column.width)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._memory.store()
