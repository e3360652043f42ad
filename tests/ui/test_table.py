"""Tables keep their place, remember, filter, sort, and export harmlessly."""

from __future__ import annotations

import csv
import io
import math
from collections import namedtuple
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.widgets.empty import EmptyState
from mlops_desktop.ui.widgets.export import safe_cell, to_csv
from mlops_desktop.ui.widgets.records import PAGE, PagedTableModel
from mlops_desktop.ui.widgets.table import RecordTable
from tests.ui.checks import assert_accessible

Row = namedtuple("Row", "id name score")
COLUMNS = (
    Column("name", "Name", lambda r: r.name, stretch=True),
    Column("score", "Score", lambda r: f"{r.score:.2f}", value=lambda r: r.score, kind=Kind.NUMBER),
    Column("mark", "Mark", lambda r: "Good", kind=Kind.BADGE, badge=lambda r: Badge("Good", "check", Tone.OK)),
)


def rows(number: int) -> list[Row]:
    return [Row(n, f"model-{n:03d}", (n * 7) % 10 / 10) for n in range(number)]


@pytest.fixture
def table(qtbot: QtBot) -> RecordTable:
    table = RecordTable("test", COLUMNS, identity=lambda r: r.id, title="Models")
    qtbot.addWidget(table)
    table.resize(600, 300)
    table.set_records(rows(100))
    table.show()
    return table


def test_a_refresh_keeps_selection_cursor_and_place(table: RecordTable) -> None:
    table.select(60)
    at = table.view.verticalScrollBar().value()
    assert at > 0
    table.set_records([Row(999, "added", 0.5), *rows(100)])
    assert [r.id for r in table.selected()] == [60]
    assert table.current().id == 60
    assert table.view.verticalScrollBar().value() == at
    table.set_records([r._replace(score=0.99) for r in rows(100)])
    assert [r.score for r in table.selected()] == [0.99]


def test_a_refresh_without_changes_tells_nobody(table: RecordTable) -> None:
    table.select(5)
    told: list[object] = []
    table.selection_changed.connect(told.append)
    table.current_changed.connect(told.append)
    table.set_records(rows(100))
    table.set_records([*rows(100), Row(100, "one more", 0.1)])
    assert told == []


def test_a_selected_record_that_is_gone_is_told(table: RecordTable) -> None:
    table.select(5)
    told: list[object] = []
    table.current_changed.connect(told.append)
    table.set_records([r for r in rows(100) if r.id != 5])
    assert told == [None]
    assert table.selected() == []


def test_sorting_puts_nothing_last(table: RecordTable) -> None:
    columns = (Column("v", "V", lambda r: str(r.score), value=lambda r: r.score if r.score is not None else None),)
    other = RecordTable("sorting", columns, identity=lambda r: r.id)
    other.set_records([Row(1, "", 2), Row(2, "", None), Row(3, "", 1)])
    other.model.sort(0, Qt.SortOrder.AscendingOrder)
    assert [r.id for r in other.model.records] == [3, 1, 2]
    other.model.sort(0, Qt.SortOrder.DescendingOrder)
    assert [r.id for r in other.model.records] == [1, 3, 2]
    other.deleteLater()


def test_a_filter_is_typed_remembered_and_cleared(table: RecordTable, qtbot: QtBot) -> None:
    qtbot.keyClicks(table.filter_box, "model-07")
    with qtbot.waitSignal(table.filter_changed):
        pass
    assert table.model.rowCount() == 10
    assert table.count.text() == "10 of 100"
    again = RecordTable("test", COLUMNS, identity=lambda r: r.id)
    qtbot.addWidget(again)
    again.set_records(rows(100))
    assert again.filter_box.text() == "model-07"
    assert again.model.rowCount() == 10
    qtbot.keyClick(table.filter_box, Qt.Key.Key_Escape)
    assert table.model.rowCount() == 100


def test_nothing_found_offers_to_clear_the_filter(table: RecordTable, qtbot: QtBot) -> None:
    table.set_filter("no such")
    assert table.model.rowCount() == 0
    button = table._nothing_found.button
    assert button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert table.model.rowCount() == 100


def test_an_empty_table_says_what_belongs_there(table: RecordTable) -> None:
    empty = EmptyState("boxes", "No models yet", "Drop one here.", "Register")
    table.set_empty(empty)
    table.set_records([])
    assert empty.isVisible()
    table.set_records(rows(1))
    assert not empty.isVisible()


def test_columns_widths_and_sort_are_remembered(table: RecordTable, qtbot: QtBot) -> None:
    table.view.setColumnWidth(1, 222)
    table.view.setColumnHidden(2, True)
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    qtbot.wait(400)
    again = RecordTable("test", COLUMNS, identity=lambda r: r.id)
    qtbot.addWidget(again)
    again.set_records(rows(100))
    assert again.view.columnWidth(1) == 222
    assert again.view.isColumnHidden(2)
    assert again.model.record(0).score == 0.9
    other = RecordTable("test", COLUMNS[:2], identity=lambda r: r.id)
    qtbot.addWidget(other)
    assert other.view.columnWidth(1) == 120, "another set of columns begins anew"


def test_enter_opens_and_j_moves(table: RecordTable, qtbot: QtBot) -> None:
    opened: list[Row] = []
    table.opened.connect(opened.append)
    table.view.selectRow(3)
    table.view.setFocus()
    table.move_cursor(1)
    qtbot.keyClick(table.view, Qt.Key.Key_Return)
    assert [r.id for r in opened] == [4]


def test_it_can_be_heard(table: RecordTable) -> None:
    assert_accessible(table)
    index = table.model.index(0, 1)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Score: 0.00"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "＝", "\u00a0="])
def test_e12_formulas_are_disarmed(start: str) -> None:
    assert safe_cell(f"{start}1+1").startswith("'")


def test_e12_export_and_copy(table: RecordTable, tmp_path: Path) -> None:
    table.set_records([Row(1, '=HYPERLINK("http://x","a"),"=2"', -0.5), Row(2, "plain, with comma", 0.5)])
    table.export_csv(tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_bytes().decode()
    found = list(csv.reader(io.StringIO(text)))
    assert found[0] == ["Name", "Score", "Mark"]
    assert found[1][0] == '\'=HYPERLINK("http://x","a"),"=2"'
    assert ",-0.5," in text.splitlines()[1], "numbers stay numbers"
    table.view.selectAll()
    table.copy_rows()
    assert QGuiApplication.clipboard().text().splitlines()[0].startswith("'=HYPERLINK")


def test_e12_values_of_any_kind() -> None:
    columns = (Column("v", "-v", lambda r: str(r), value=lambda r: r),)
    text = to_csv(columns, [1, 2.5, None, True, "-1", math.inf])
    assert text.split("\r\n") == ['"\'-v"', "1", "2.5", '""', '"true"', '"\'-1"', "inf", ""]


def test_a_hundred_thousand_rows_are_read_in_pages(qtbot: QtBot) -> None:
    table = RecordTable("paged", COLUMNS, identity=lambda r: r.id, paged=True)
    qtbot.addWidget(table)
    model = table.model
    assert isinstance(model, PagedTableModel)
    asked: list[int] = []

    def answer(first: int, ids: list[int]) -> None:
        asked.append(first)
        model.set_page(first, [Row(n, f"row {n}", 0.0) for n in ids])

    model.page_wanted.connect(answer)
    table.resize(600, 400)
    table.show()
    model.set_ids(range(100_000))
    qtbot.waitUntil(lambda: asked == [0])
    table.view.scrollTo(model.index(77_777, 0))
    qtbot.waitUntil(lambda: model.record(77_777) is not None)
    assert model.record(77_777).name == "row 77777"
    assert len(asked) <= 3
    assert all(first % PAGE == 0 for first in asked)
    orders: list[tuple[str, bool]] = []
    model.order_wanted.connect(lambda key, down: orders.append((key, down)))
    table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert orders == [("score", True)]
    model.set_ids(range(10))
    assert table.model.rowCount() == 10
