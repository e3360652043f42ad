"""README and manual name commands and options that exist, and the manual leaves out no command."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlops_desktop.cli.main import cli

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "resources" / "manual"


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted(MANUAL.rglob("*.md"))]


def shell_lines(text: str) -> Iterator[str]:
    """Commands inside fenced blocks, continued lines joined, prompts and comments left out."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in {"", "sh", "bash", "shell", "console"}:
            for line in block.replace("\\\n", " ").splitlines():
                yield line.strip().removeprefix("$ ").strip()


def words_of(line: str) -> list[str]:
    """The words of the first command of a line, without the variables set before it and what it is piped into."""
    words = shlex.split(re.split(r"\s(?:\||&&|;|>|<)\s?", line)[0], comments=True)
    while words and re.fullmatch(r"\w+=.*|sudo|time", words[0]):
        words.pop(0)
    return words


def check_arguments(words: list[str]) -> None:
    """Follow group and command as click would; raises when a command or an option is unknown."""
    command: click.Command = cli
    context = click.Context(cli, info_name="mlops-desktop")
    while True:
        rest = command.make_parser(context).parse_args(list(words))[1]
        if not isinstance(command, click.Group) or not rest:
            return
        name, words = rest[0], rest[1:]
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command, context = found, click.Context(found, parent=context, info_name=name)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_commands_of_the_documents_exist(path: Path) -> None:
    for line in shell_lines(path.read_text(encoding="utf-8")):
        words = words_of(line)
        if not words:
            continue
        if words[0].startswith("packaging/"):
            assert os.access(ROOT / words[0], os.X_OK), f"{path.name}: {line}"
        elif words[0] == "mlops-desktop":
            try:
                check_arguments([word.strip("[]") for word in words[1:] if word not in {"…", "..."}])
            except (click.UsageError, AssertionError) as error:
                pytest.fail(f"{path.name}: {line}: {error}", pytrace=False)


def test_a_newcomer_finds_the_two_commands() -> None:
    lines = list(shell_lines((ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"packaging/run", "packaging/test"} <= {words[0] for line in lines if (words := words_of(line))}


# Taken by the script that retakes every picture; until it has run once there is no folder of them.
PICTURES = MANUAL / "pictures"
SHOWN = {
    *("overview", "models", "model", "version", "compare", "inbox", "review", "deployments", "monitoring", "drift"),
    *("performance", "alerts", "audit", "team", "settings", "first-run", "sign-in", "manual", "tour"),
}


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_and_pictures_of_the_documents_exist(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", t)]
    missing = []
    for target in targets:
        name, _, heading = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if file.parent == PICTURES and not PICTURES.exists():
            continue
        if not file.exists() or (heading and heading not in slugs(file)):
            missing.append(target)
    assert missing == []


def slugs(path: Path) -> list[str]:
    """What links call the headings of a page."""
    titles = re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles]


def test_the_manual_shows_every_screen_in_light_pictures() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MANUAL.glob("*.md")))
    assert set(re.findall(r"!\[[^\]]+\]\(pictures/([\w-]+)-light\.png\)", texts)) == SHOWN
    assert len(re.findall(r"!\[", texts)) == len(SHOWN), "each once, each with words for who can't see it"


def test_the_index_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w-]+)\.md", (MANUAL / "index.md").read_text(encoding="utf-8")))
    assert linked == {path.stem for path in MANUAL.glob("*.md")} - {"index"}


def test_every_command_has_a_place_in_the_manual() -> None:
    manual = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MANUAL.rglob("*.md")))
    names = cli.list_commands(click.Context(cli))
    assert [name for name in names if not re.search(rf"mlops-desktop (?:-[^\n`]*? )?{name}\b", manual)] == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("mlops-desktop models", ""),
        ("mlops-desktop --json versions m --nonsense", "nonsense"),
        ("mlops-desktop fly", "fly"),
    ],
)
def test_the_check_of_documents_sees(line: str, fault: str) -> None:
    if not fault:
        check_arguments(words_of(line)[1:])
        return
    with pytest.raises((click.UsageError, AssertionError), match=fault):
        check_arguments(words_of(line)[1:])
