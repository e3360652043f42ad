"""The pages of the manual as they ship: titles, order, headings, what fits a search, and where a link leads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

INDEX = "index"


@dataclass(frozen=True, slots=True)
class ManualPage:
    """`name` is the file's name without its ending; `text` is Markdown."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads: a page and, if it names one, a heading's slug."""

    page: str
    heading: str = ""


class Book:
    """All pages, the index first, then in the order in which the index links them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = {file.stem: file for file in sorted(folder.glob("*.md"))}
        found = {name: _page(name, file.read_text(encoding="utf-8")) for name, file in files.items()}
        linked = links_of(found[INDEX].text) if INDEX in found else []
        order = [INDEX, *(link.partition("#")[0].removesuffix(".md") for link in linked), *found]
        self.pages = {name: found[name] for name in dict.fromkeys(order) if name in found}

    def target(self, page: str, link: str) -> Target | None:
        """Where a link on a page leads; None when it is no page or heading of this manual."""
        path, _, heading = unquote(link).partition("#")
        name = path.removesuffix(".md") if path else page
        if name not in self.pages or (path and not path.endswith(".md")):
            return None
        if heading and heading not in slugs_of(self.pages[name].text):
            return None
        return Target(name, heading)

    def picture(self, link: str, *, dark: bool) -> Path | None:
        """The file of a picture inside the manual's folder; its dark sister where there is one."""
        folder = self.folder.resolve()
        wanted = [link.replace("-light.", "-dark."), link] if dark else [link]
        for name in wanted:
            file = (self.folder / unquote(name)).resolve()
            if file.is_relative_to(folder) and file.is_file():
                return file
        return None

    def search(self, words: str) -> dict[str, int]:
        """How often the words stand on each page that has all of them; a title counts as well."""
        wanted = words.casefold().split()
        found = {}
        for name, page in self.pages.items():
            text = plain(page.text).casefold()
            counts = [text.count(word) for word in wanted]
            if wanted and all(counts):
                found[name] = sum(counts)
        return found


def _page(name: str, text: str) -> ManualPage:
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return ManualPage(name, heading[1].strip() if heading else name.replace("-", " ").capitalize(), text)


def links_of(text: str) -> list[str]:
    """Targets of the links of a page, without those of pictures and of code."""
    return re.findall(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)", without_code(text))


def pictures_of(text: str) -> list[str]:
    return re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", without_code(text))


def slugs_of(text: str) -> list[str]:
    """What links call the headings of a page, in their order."""
    return [slug(title) for title in re.findall(r"^#+ +(.+)$", without_code(text), re.MULTILINE)]


def slug(title: str) -> str:
    """As the common hosts of Markdown do it: lower case, words joined by dashes."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.casefold()).strip())


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```[ \t]*$", "", text, flags=re.MULTILINE | re.DOTALL)


def plain(text: str) -> str:
    """What a reader sees, nearly: for searching."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`#|>]", "", text)
