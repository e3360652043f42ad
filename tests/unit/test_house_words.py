"""Every event has a sentence, every error a renderer, every command help."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import click
import pytest

from mlops_desktop.cli import main as command_line
from mlops_desktop.domain import errors, events
from mlops_desktop.ui.error_reporter import problem_of


def below(base: type) -> Iterator[type]:
    for child in base.__subclasses__():
        yield child
        yield from below(child)


def concrete_events() -> list[type[events.Event]]:
    """Those with a sentence of their own; the others are shared beginnings."""
    found = {e for e in vars(events).values() if isinstance(e, type) and issubclass(e, events.Event)}
    shared = {base for e in found for base in e.__mro__[1:]}
    return sorted(found - shared, key=lambda e: e.__name__)


def example(annotation: Any) -> Any:
    """A value for a field of an event."""
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        return example(typing.get_args(annotation)[0])
    if origin is tuple:
        return (example(typing.get_args(annotation)[0]),)
    if origin is not None and issubclass(origin, Mapping):
        return {"name": "value"}
    return {str: "text", int: 7, float: 0.5, bool: True}[annotation]


@pytest.mark.parametrize("kind", concrete_events(), ids=lambda kind: kind.__name__)
def test_every_event_has_a_sentence(kind: type[events.Event]) -> None:
    hints = typing.get_type_hints(kind)
    event = kind(**{f.name: example(hints[f.name]) for f in dataclasses.fields(kind) if f.init})
    assert event.subject.strip()
    assert event.sentence.strip()
    assert not event.sentence.endswith("."), "it completes “NAME …” in a list"
    assert "object at" not in event.sentence
    assert "None" not in event.sentence
    assert set(event.details()) == {f.name for f in dataclasses.fields(kind)}


def all_errors() -> list[type[errors.WorkstationError]]:
    """The vocabulary's own; a room that refines one gives it its words itself."""
    found = [kind for kind in below(errors.WorkstationError) if kind.__module__ == errors.__name__]
    return sorted(found, key=lambda e: e.__name__)


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_one_line_of_the_command_line(
    kind: type[errors.WorkstationError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_args: Any, **_options: Any) -> None:
        raise kind("It did not work.", "Try again.")

    monkeypatch.setattr(command_line.cli, "main", fails)
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    code = command_line.main(["models"])
    said = capsys.readouterr().err.strip()
    if kind is errors.JobCancelled:
        assert code == 130
        return
    assert code == 1
    assert len(said.splitlines()) == 1
    assert "It did not work." in said
    assert "Try again." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_a_problem_in_the_window(kind: type[errors.WorkstationError]) -> None:
    problem = problem_of(kind("It did not work.", "Try again."))
    assert (problem.message, problem.hint, problem.bug) == ("It did not work.", "Try again.", False)
    assert kind.__name__ in problem.details


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"),
    list(commands(command_line.cli)),
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_every_command_has_help(path: tuple[str, ...], command: click.Command) -> None:
    assert (command.help or "").strip(), "a docstring"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[0]} has no help"
