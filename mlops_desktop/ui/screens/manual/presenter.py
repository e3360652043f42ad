"""Which page of the manual is open, and where its links lead."""

from __future__ import annotations

from typing import Any

from mlops_desktop.ui.resources import resource
from mlops_desktop.ui.screen import Presenter, Screen, ScreenContext
from mlops_desktop.ui.screens.manual.book import INDEX, Book
from mlops_desktop.ui.screens.manual.view import ManualView


class ManualPresenter(Presenter):
    """Reads the pages once; a page that is opened is a step of the window's history."""

    def __init__(self, view: ManualView, context: ScreenContext) -> None:
        super().__init__(view, context)
        self.view = view
        self._book: Book | None = None
        self._page, self._heading = "", ""
        view.page_wanted.connect(lambda name: context.navigator.open("manual", page=name))
        view.link_wanted.connect(self._follow)
        view.searched.connect(self._search)

    def open(self, params: dict[str, Any]) -> None:
        """`page` and `heading`; without them the page that was open stays."""
        wanted = str(params.get("page") or self._page or INDEX)
        heading = str(params.get("heading") or "")
        changed = (wanted, heading) != (self._page, self._heading)
        self._page, self._heading = wanted, heading
        here = self.context.navigator.here
        if here is not None and here.key == "manual":
            self.context.navigator.replace_params(page=wanted)  # so that Back returns to this page
        if self._book is None:
            self.refresh()
        elif changed or heading:
            self._show()

    def refresh(self) -> None:
        self.read(lambda: Book(resource("manual")), self._show_book)

    def _show_book(self, book: Book) -> None:
        self._book = book
        self.view.show_book(book)
        self._show()

    def _show(self) -> None:
        book = self._book
        if book is None or not book.pages:
            return
        if self._page not in book.pages:
            self._page, self._heading = next(iter(book.pages)), ""
        self.view.show_page(book, self._page, self._heading)

    def _follow(self, link: str) -> None:
        target = self._book.target(self._page, link) if self._book is not None else None
        if target is None:
            self.context.toast("That link leads out of the manual and is not opened.")
            return
        self.context.navigator.open("manual", page=target.page, heading=target.heading)

    def _search(self, words: str) -> None:
        if self._book is None:
            return
        self.view.show_found(words, self._book.search(words) if words else None)


def create(context: ScreenContext) -> Screen:
    view = ManualView()
    ManualPresenter(view, context)
    return view
