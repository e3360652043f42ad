"""Send one request to the stable address and read the answer: as a form made from the signature, or as JSON."""

from __future__ import annotations

import json
import shlex
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.registry import Column
from mlops_desktop.ui.error_reporter import problem_of
from mlops_desktop.ui.theme import L, M, S, mono_font
from mlops_desktop.ui.widgets.buttons import Button
from mlops_desktop.ui.widgets.cards import Card, Page
from mlops_desktop.ui.widgets.forms import Field, text_field
from mlops_desktop.ui.widgets.plain_label import PlainLabel
from mlops_desktop.ui.widgets.tabs import Tabs

WHOLE, FRACTION = {"integer", "long"}, {"float", "double"}
TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of the training script's held-out data."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()

    @classmethod
    def from_json(cls, content: bytes) -> Examples:
        """Read the stored file; what can't be read gives none, since examples are a help and no more."""
        try:
            data = json.loads(content)
            return cls(tuple(str(c) for c in data["columns"]), tuple(tuple(row) for row in data["rows"]))
        except (ValueError, KeyError, TypeError):
            return cls()

    def row(self, index: int) -> dict[str, Any]:
        return dict(zip(self.columns, self.rows[index], strict=False)) if index < len(self.rows) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how long it took as seen from here."""

    body: bytes
    seconds: float
    version: int | None


class TryIt(QWidget):
    """`send_wanted(payload)` when the person presses Send; `show_answer` or `show_problem` follows."""

    send_wanted = Signal(bytes)
    curl_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inputs: tuple[Column, ...] = ()
        self._examples = Examples()
        self._fields: dict[str, Field] = {}
        self.note = PlainLabel("", "muted", wrap=True)
        self.example = QComboBox()
        self.example.setAccessibleName("Example to fill in")
        self.example.activated.connect(self._fill)
        self.send = Button("Send", "send", "primary", clicked=self._on_send)
        self.send.setToolTip("Ctrl+Enter")
        self.curl = Button("Copy as curl", "terminal", clicked=self.curl_wanted.emit)
        self._form = Page(margin=M)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(L)
        self._grid.setVerticalSpacing(S)
        self._form.body.addLayout(self._grid)
        self._form.body.addStretch(1)
        self.json = QPlainTextEdit()
        self.json.setFont(mono_font())
        self.json.setAccessibleName("Request as JSON")
        self.json.setTabChangesFocus(True)
        self.modes = Tabs("Form or JSON")
        self.modes.add("form", "Form", self._form)
        self.modes.add("json", "JSON", self.json)
        self.modes.opened.connect(self._on_mode)
        self.problem = PlainLabel("", "problem", wrap=True)
        self.problem.setVisible(False)
        self.words = PlainLabel("Nothing was sent yet.", "muted", wrap=True, selectable=True)
        self.raw = QPlainTextEdit()
        self.raw.setReadOnly(True)
        self.raw.setFont(mono_font())
        self.raw.setAccessibleName("Answer as JSON")
        self.raw.setTabChangesFocus(True)
        self._build()

    def _build(self) -> None:
        request, answer = Card("Request", "send", padding=M), Card("Answer", "message-square")
        bar = QHBoxLayout()
        bar.setSpacing(S)
        bar.addWidget(self.example, 1)
        bar.addWidget(self.curl)
        bar.addWidget(self.send)
        request.add(bar)
        request.add(self.modes, 1)
        request.add(self.problem)
        answer.add(self.words)
        answer.add(self.raw, 1)
        row = QHBoxLayout()
        row.setSpacing(L)
        row.addWidget(request, 3)
        row.addWidget(answer, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, M, 0, 0)
        layout.setSpacing(S)
        layout.addWidget(self.note)
        layout.addLayout(row, 1)

    def show_inputs(self, inputs: Sequence[Column], examples: Examples) -> None:
        """Fields for the signature's columns, filled with the first example; kept when they are the same."""
        if (tuple(inputs), examples) == (self._inputs, self._examples):
            return
        self._inputs, self._examples = tuple(inputs), examples
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._fields = {}
        for index, column in enumerate(self._inputs):
            kind = column.type if column.required else f"{column.type}, may be empty"
            field = text_field(column.name, placeholder=kind)
            field.input.setAccessibleDescription(kind)
            self._fields[column.name] = field
            self._grid.addWidget(field, index // 2, index % 2)
        self.example.clear()
        self.example.addItems([f"Example {n + 1}" for n in range(len(examples.rows))] or ["No examples"])
        self.example.setEnabled(bool(examples.rows))
        if not self._inputs:
            self.modes.open("json")
        self._fill(0)

    def show_note(self, text: str) -> None:
        """Who answers at the address, when that is not what the page is about."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def show_sending(self) -> None:
        self.send.setEnabled(False)
        self.words.setText("Sending …")

    def show_answer(self, answer: Answer) -> None:
        self.send.setEnabled(True)
        self.words.setText(answer_words(answer))
        self.raw.setPlainText(pretty(answer.body))

    def show_problem(self, error: BaseException) -> None:
        """The model's own words; what was typed stays."""
        self.send.setEnabled(True)
        problem = problem_of(error)
        self.words.setText(f"{problem.message} {problem.hint}".strip())
        self.raw.setPlainText("")

    def payload(self) -> bytes:
        """What Send sends; InvalidInput names the field, or the place in the JSON."""
        if self.modes.current == "json":
            return checked_json(self.json.toPlainText())
        return payload_of(self._inputs, {name: field.text() for name, field in self._fields.items()})

    def submit(self) -> None:
        if self.send.isEnabled():
            self._on_send()

    def _fill(self, index: int) -> None:
        row = self._examples.row(index)
        for name, field in self._fields.items():
            value = row.get(name)
            field.set_text(shown(value))
        self.json.setPlainText(pretty(payload_of(self._inputs, {n: f.text() for n, f in self._fields.items()})))
        self._show_problem("")

    def _on_mode(self, key: str) -> None:
        """What was typed in the form is what the JSON begins with."""
        if key == "json" and self._fields:
            try:
                self.json.setPlainText(pretty(self.payload_of_form()))
            except InvalidInput as error:
                self._show_problem(str(error))

    def payload_of_form(self) -> bytes:
        return payload_of(self._inputs, {name: field.text() for name, field in self._fields.items()})

    def _on_send(self) -> None:
        try:
            payload = self.payload()
        except InvalidInput as error:
            self._show_problem(str(error))
            return
        self._show_problem("")
        self.send_wanted.emit(payload)

    def _show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))


def payload_of(inputs: Sequence[Column], texts: Mapping[str, str]) -> bytes:
    """One row as `dataframe_split`; an empty text is a missing value."""
    row = [_value(column, texts.get(column.name, "")) for column in inputs]
    return json.dumps({"dataframe_split": {"columns": [c.name for c in inputs], "data": [row]}}).encode()


def shown(value: Any) -> str:
    """A value as a person would type it: floats that came from 32 bits without the digits that 64 bits add."""
    if value is None:
        return ""
    if isinstance(value, float) and abs(value) < 1e30:
        short = f"{value:.7g}"
        if struct.pack("f", float(short)) == struct.pack("f", value):
            return short
    return str(value)


def _value(column: Column, text: str) -> Any:
    words = text.strip()
    if not words:
        return None
    try:
        if column.type in WHOLE:
            number = float(words)
            if not number.is_integer():
                raise ValueError(words)
            return int(number)
        if column.type in FRACTION:
            return float(words)
    except (ValueError, OverflowError):
        kind = "a whole number" if column.type in WHOLE else "a number"
        raise InvalidInput(f"{column.name} must be {kind}, not “{words[:40]}”.", "Leave it empty if missing.") from None
    if column.type == "boolean":
        if words.casefold() not in TRUE | FALSE:
            raise InvalidInput(f"{column.name} must be true or false, not “{words[:40]}”.")
        return words.casefold() in TRUE
    return text


def checked_json(text: str) -> bytes:
    """The text as it is, if it is JSON; else InvalidInput with the line."""
    try:
        json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise InvalidInput(f"This is not JSON: line {line} can't be read.", "Check commas and quotes there.") from None
    return text.encode()


def pretty(body: bytes) -> str:
    """JSON with indents and short lists on one line; anything else as text."""
    try:
        data = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
    split = data.get("dataframe_split") if isinstance(data, dict) else None
    if isinstance(split, dict) and len(split.get("data", [])) == 1:
        columns, row = json.dumps(split["columns"], ensure_ascii=False), json.dumps(split["data"], ensure_ascii=False)
        return f'{{\n  "dataframe_split": {{\n    "columns": {columns},\n    "data": {row}\n  }}\n}}'
    return json.dumps(data, indent=2, ensure_ascii=False)


def answer_words(answer: Answer) -> str:
    """The first prediction in words, with the time it took and who gave it."""
    who = f" by version {answer.version}" if answer.version is not None else ""
    took = f"answered in {1000 * answer.seconds:,.0f} ms{who}"
    try:
        data = json.loads(answer.body)
        prediction = data["predictions"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return took.capitalize() + "."
    scores = data.get("scores") or []
    score = f" with score {scores[0]:.3f}" if scores and isinstance(scores[0], (int, float)) else ""
    return f"Prediction {prediction}{score}, {took}."


def curl_command(url: str, payload: bytes) -> str:
    """One line for a POSIX shell that sends the same request."""
    body = shlex.quote(json.dumps(json.loads(payload), ensure_ascii=False))
    return f"curl -sS {shlex.quote(url + '/invocations')} -H 'content-type: application/json' -d {body}"
