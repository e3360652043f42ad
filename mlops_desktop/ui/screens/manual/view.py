"""The manual: pages at the left, the open one beside them; Ctrl+F searches all of them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from mlops_desktop.ui.screen import Crumb, Screen
from mlops_desktop.ui.screens.manual.book import INDEX, Book
from mlops_desktop.ui.screens.manual.browser import ManualBrowser
from mlops_desktop.ui.theme import L
from mlops_desktop.ui.widgets.cards import Card
from mlops_desktop.ui.widgets.side_list import SideEntry, SideList
from mlops_desktop.ui.words import count

ICONS = {
    "index": "book-open",
    "first-steps": "flag",
    "registering": "boxes",
    "reviewing": "inbox",
    "delivering": "rocket",
    "watching": "activity",
    "people": "users",
    "commands": "terminal",
    "keyboard": "keyboard",
    "trust": "shield-check",
    "troubleshooting": "triangle-alert",
}


class ManualView(Screen):
    """`page_wanted(name)` from the list, `link_wanted(link)` from a page."""

    page_wanted = Signal(str)
    link_wanted = Signal(str)
    searched = Signal(str)

    def __init__(self) -> None:
        super().__init__("Manual")
        self.pages = SideList("Pages of the manual", "Search the manual", "No page has these words.")
        self.pages.opened.connect(self.page_wanted)
        self.pages.searched.connect(self.searched)
        self.browser = ManualBrowser()
        self.browser.linked.connect(self.link_wanted)
        card = Card(padding=L + 8)
        card.add(self.browser, 1)
        row = QHBoxLayout()
        row.setSpacing(L)
        row.addWidget(self.pages)
        row.addWidget(card, 1)
        self.body.addLayout(row, 1)
        self.add_key("F3", "Next place of what was searched", self.browser.find_next)
        self.add_key("Alt+Home", "First page of the manual", lambda: self.page_wanted.emit(INDEX))

    def show_book(self, book: Book) -> None:
        self.pages.set_entries(
            [SideEntry(p.name, p.title, ICONS.get(p.name, "file-text")) for p in book.pages.values()]
        )

    def show_page(self, book: Book, name: str, heading: str = "") -> None:
        page = book.pages[name]
        self.pages.open(name)
        self.browser.show_page(book, page, heading, self.pages.search.text().strip())
        self.set_crumbs(Crumb("Manual", "manual"), Crumb(page.title))

    def show_found(self, words: str, found: dict[str, int] | None) -> None:
        """Pages with the words and how often; None when nothing is searched."""
        self.pages.show_fitting(None if found is None else {k: f"{count(n, 'place')}" for k, n in found.items()})
        self.browser.mark(words)

    def focus_filter(self) -> bool:
        return self.pages.focus_filter()
