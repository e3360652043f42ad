"""The manual in the window: pages, links, search, pictures, and nothing from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mlops_desktop.ui.resources import resource
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.catalogue import BY_KEY
from mlops_desktop.ui.screens.manual.book import INDEX, Book, Target, links_of, pictures_of, slug
from mlops_desktop.ui.screens.manual.browser import ManualBrowser
from mlops_desktop.ui.screens.manual.presenter import create
from mlops_desktop.ui.screens.manual.view import ManualView
from mlops_desktop.ui.theme import Appearance, choose_appearance
from tests.ui.checks import assert_accessible
from tests.ui.conftest import Toasts

Contexts = Callable[[str], ScreenContext]


@pytest.fixture
def book() -> Book:
    return Book(resource("manual"))


@pytest.fixture
def opened(context_for: Contexts, qtbot: QtBot) -> ManualView:
    context = context_for("vera")
    view = create(context)
    assert isinstance(view, ManualView)
    qtbot.addWidget(view)
    view.resize(1000, 700)
    view.show()
    context.navigator.moved.connect(lambda place: (view.opened.emit(dict(place.params)), view.setFocus()))
    context.navigator.open("manual")
    qtbot.waitUntil(lambda: view.pages.list.count() > 5)
    return view


def shown(view: ManualView) -> str:
    return view.browser.document().toPlainText()


def test_every_link_leads_to_a_page_or_heading(book: Book) -> None:
    for page in book.pages.values():
        assert [link for link in links_of(page.text) if book.target(page.name, link) is None] == [], page.name


def test_pages_are_in_the_order_of_the_index(book: Book) -> None:
    names = list(book.pages)
    assert names[0] == INDEX
    assert names.index("registering") < names.index("delivering") < names.index("troubleshooting")
    assert all(page.title for page in book.pages.values())


def test_f1_and_the_rail_open_it() -> None:
    assert BY_KEY["manual"].shortcut == "F1"
    assert BY_KEY["manual"].rail
    assert BY_KEY["manual"].available


def test_it_opens_at_the_first_page_and_is_spoken(opened: ManualView) -> None:
    assert opened.pages.current == INDEX
    assert shown(opened).startswith("MLOps Desktop")
    assert_accessible(opened)


def test_links_go_to_pages_and_back(opened: ManualView, qtbot: QtBot) -> None:
    assert opened.presenter is not None
    navigator = opened.presenter.context.navigator
    opened.browser.anchorClicked.emit(QUrl("first-steps.md"))
    assert opened.pages.current == "first-steps"
    assert [crumb.title for crumb in opened.crumbs] == ["Manual", "First steps"]
    opened.browser.anchorClicked.emit(QUrl("people.md#passwords"))
    assert opened.pages.current == "people"
    assert opened.browser.textCursor().block().text() == "Passwords"
    navigator.back()
    navigator.back()
    assert opened.pages.current == INDEX


@pytest.mark.parametrize(
    "link", ["https://example.org/", "file:///etc/passwd", "../../README.md", "nowhere.md", "people.md#nothing"]
)
def test_what_leads_out_is_not_followed(opened: ManualView, link: str) -> None:
    opened.browser.anchorClicked.emit(QUrl(link))
    assert opened.pages.current == INDEX
    assert opened.presenter is not None
    toast = opened.presenter.context.toast
    assert isinstance(toast, Toasts)
    assert toast.said == ["That link leads out of the manual and is not opened."]


def test_searching_leaves_the_pages_that_have_the_words(opened: ManualView, qtbot: QtBot) -> None:
    opened.focus_filter()
    qtbot.keyClicks(opened.pages.search, "argon2id")
    assert opened.pages.shown == ["trust"]
    qtbot.keyClick(opened.pages.search, Qt.Key.Key_Return)
    assert opened.pages.current == "trust"
    assert "argon2id" in opened.browser.textCursor().selectedText()
    assert opened.browser.extraSelections()
    assert opened.browser.find_next()
    qtbot.keyClick(opened.pages.search, Qt.Key.Key_Escape)
    assert len(opened.pages.shown) == opened.pages.list.count()
    qtbot.keyClicks(opened.pages.search, "zzzzz")
    assert opened.pages.shown == []


def test_the_list_is_walked_by_keyboard(opened: ManualView, qtbot: QtBot) -> None:
    opened.pages.list.setFocus()
    walked = []
    for _ in range(3):
        focused = QApplication.focusWidget()
        assert focused is opened.pages.list
        qtbot.keyClick(focused, Qt.Key.Key_Down)
        walked.append(opened.pages.current)
    assert walked == list(Book(resource("manual")).pages)[1:4]


def test_an_unknown_page_shows_the_first(opened: ManualView) -> None:
    assert opened.presenter is not None
    opened.presenter.context.navigator.open("manual", page="../secrets")
    assert opened.pages.current == INDEX


# Pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manual = tmp_path / "manual"
    (manual / "pictures").mkdir(parents=True)
    for name, colour in (("here-light.png", Qt.GlobalColor.red), ("here-dark.png", Qt.GlobalColor.blue)):
        image = QImage(1280, 800, QImage.Format.Format_RGB32)
        image.fill(colour)
        assert image.save(str(manual / "pictures" / name))
    shutil.copy(manual / "pictures" / "here-light.png", tmp_path / "outside.png")
    (manual / "index.md").write_text(
        "# Pictures\n\nbefore\n\n![The list](pictures/here-light.png)\n\n![Not there](pictures/gone-light.png)\n\n"
        "![Out](../outside.png)\n\n![Remote](https://example.org/x.png)\n\n<b>no html</b>\n\nafter\n",
        "utf-8",
    )
    return manual


def picture_in(browser: ManualBrowser, name: str) -> QImage:
    found = browser.document().resource(int(QTextDocument.ResourceType.ImageResource), QUrl(name))
    return found if isinstance(found, QImage) else QImage()


def test_pictures_fit_the_width_and_the_theme(folder: Path, qtbot: QtBot) -> None:
    browser = ManualBrowser()
    qtbot.addWidget(browser)
    browser.resize(640, 480)
    browser.show()
    book = Book(folder)
    browser.show_page(book, book.pages["index"])
    picture = picture_in(browser, "pictures/here-light.png")
    assert 400 < picture.width() <= browser.viewport().width()
    assert picture.pixelColor(50, 50).red() == 255
    assert browser.horizontalScrollBar().maximum() == 0
    choose_appearance(Appearance.DARK)
    qtbot.waitUntil(lambda: picture_in(browser, "pictures/here-light.png").pixelColor(50, 50).blue() == 255)
    browser.resize(480, 480)
    qtbot.waitUntil(lambda: picture_in(browser, "pictures/here-light.png").width() < 480)


def test_missing_and_foreign_pictures_leave_no_trace(folder: Path, qtbot: QtBot) -> None:
    browser = ManualBrowser()
    qtbot.addWidget(browser)
    browser.resize(640, 480)
    book = Book(folder)
    browser.show_page(book, book.pages["index"])
    text = browser.document().toPlainText()
    assert text.count("\ufffc") == 1
    assert "after" in text
    assert "Not there" not in text
    assert book.picture("../outside.png", dark=False) is None
    assert book.picture("https://example.org/x.png", dark=False) is None
    assert browser.loadResource(int(QTextDocument.ResourceType.ImageResource), QUrl("file:///etc/passwd")) is None


def test_html_is_text(folder: Path, qtbot: QtBot) -> None:
    browser = ManualBrowser()
    qtbot.addWidget(browser)
    book = Book(folder)
    browser.show_page(book, book.pages["index"])
    assert "<b>no html</b>" in browser.document().toPlainText()


def test_pages_and_links_as_values(folder: Path) -> None:
    book = Book(folder)
    assert book.target("index", "#pictures") == Target("index", "pictures")
    assert pictures_of(book.pages["index"].text)[0] == "pictures/here-light.png"
    assert slug("Roll back, stop, start") == "roll-back-stop-start"
