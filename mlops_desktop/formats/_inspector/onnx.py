"""Read the structure of an ONNX file: graph inputs and outputs, operator sets, producer, and whether data lie outside.

A small walk over the protobuf wire format (https://protobuf.dev/programming-guides/encoding/, field numbers from
onnx.proto) instead of a parser library: it needs nothing, copies no tensor, and knows only what is asked here.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlops_desktop.formats._inspector.report import REVIEW, Malformed, Report, shown

_MAX_DEPTH = 60
_MAX_VARINT = 10
# TensorProto.DataType -> type of MLflow's signature
_TYPES = {
    1: "float", 2: "integer", 3: "integer", 4: "integer", 5: "integer", 6: "integer", 7: "long", 8: "string",
    9: "boolean", 10: "float", 11: "double", 12: "long", 13: "long", 16: "float",
}  # fmt: skip
_KNOWN_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
)
# Long runs of one unpacked number field (the nodes of a forest) are passed over in one step.
_RUNS = {
    7: re.compile(rb"(?:\x3d.{4})+", re.DOTALL),
    8: re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+"),
}

Span = tuple[int, int]


@dataclass
class _Found:
    opsets: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    initializers: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    function_domains: set[str] = field(default_factory=set)
    classes: list[str] = field(default_factory=list)
    nodes: int = 0
    ir_version: int = 0
    producer: str = ""
    producer_version: str = ""


def looks_like_onnx(content: mmap.mmap) -> bool:
    """Whether the top level can be a ModelProto: known fields only, with a graph and operator sets."""
    seen: set[int] = set()
    try:
        for number, kind, _ in _fields(content, (0, len(content))):
            if number not in {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26} or kind not in (0, 2):
                return False
            seen.add(number)
    except Malformed:
        return False
    return {7, 8} <= seen


def inspect_onnx(content: mmap.mmap, report: Report) -> None:
    """Fill in signature and facts. Malformed when it can't be read or keeps tensors in other files."""
    walk = _Walk(content)
    walk.model()
    found = walk.found
    inputs = [i for i in found.inputs if i["name"] not in found.initializers]
    if not inputs or not found.outputs:
        raise Malformed("Its graph has no inputs or no outputs.")
    unknown = sorted(found.domains - _KNOWN_DOMAINS - found.function_domains)
    if unknown:
        report.note(REVIEW, f"It needs operators of {', '.join(map(shown, unknown))}, which the server does not have.")
    report.facts |= {
        "producer": shown(f"{found.producer} {found.producer_version}".strip()),
        "ir version": str(found.ir_version),
        "opsets": shown(", ".join(f"{d or 'ai.onnx'} {v}" for d, v in sorted(found.opsets.items()))),
        "nodes": str(found.nodes),
    }
    if found.classes:
        report.facts["classes"] = json.dumps(found.classes)
    if any(c["type"] is None for c in inputs):
        report.note(REVIEW, "An input is no tensor of a known type, so requests can't be checked.")
        return
    report.signature = {
        "inputs": [_column(c) for c in inputs],
        "outputs": [_column(c) for c in found.outputs if c["type"] is not None],
    }


def _column(value: dict[str, Any]) -> dict[str, Any]:
    """A tensor of shape [n] or [n, 1] is a plain column; others keep their shape with -1 for what varies."""
    shape = value["shape"]
    column = {"name": value["name"], "type": value["type"], "required": True}
    if shape is not None and (len(shape) > 2 or (len(shape) == 2 and shape[1] != 1)):
        column["shape"] = [-1, *shape[1:]]
    return column


class _Walk:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self.found = _Found()

    def model(self) -> None:
        found = self.found
        for number, _, value in _fields(self._content, (0, len(self._content))):
            if number == 1:
                found.ir_version = _integer(value)
            elif number == 2:
                found.producer = self._text(value)
            elif number == 3:
                found.producer_version = self._text(value)
            elif number == 7:
                self._graph(_span(value), 0)
            elif number == 8:
                domain, version = self._pair(_span(value))
                found.opsets[domain] = version
            elif number == 20:
                raise Malformed("It holds training steps; export it for inference.")
            elif number == 25:
                self._function(_span(value))

    def _graph(self, span: Span, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise Malformed("Its graphs are nested too deeply.")
        found = self.found
        for number, _, value in _fields(self._content, span):
            if number == 1:
                self._node(_span(value), depth)
            elif number == 5:
                name = self._tensor(_span(value))
                if depth == 0:
                    found.initializers.add(name)
            elif number == 15:
                self._sparse(_span(value))
            elif number == 11 and depth == 0:
                found.inputs.append(self._value(_span(value)))
            elif number == 12 and depth == 0:
                found.outputs.append(self._value(_span(value)))

    def _node(self, span: Span, depth: int) -> None:
        self.found.nodes += 1
        domain = ""
        for number, _, value in _fields(self._content, span):
            if number == 5:
                self._attribute(_span(value), depth)
            elif number == 7:
                domain = self._text(value)
        self.found.domains.add(domain)

    def _attribute(self, span: Span, depth: int) -> None:
        name, classes = "", []
        for number, _, value in _fields(self._content, span, runs=True):
            if number == 1:
                name = self._text(value)
            elif number in (5, 10):
                self._tensor(_span(value))
            elif number in (6, 11):
                self._graph(_span(value), depth + 1)
            elif number in (22, 23):
                self._sparse(_span(value))
            elif number == 9 and name in ("classlabels_strings", "classlabels_ints", "classlabels_int64s"):
                classes.append(self._text(value))
        if name in ("classlabels_int64s", "classlabels_ints"):
            classes = [str(_signed(_integer(v))) for n, k, v in _fields(self._content, span) if n == 8 and k == 0]
        if classes and len(classes) <= 1000:
            self.found.classes = classes

    def _function(self, span: Span) -> None:
        for number, _, value in _fields(self._content, span):
            if number == 7:
                self._node(_span(value), 0)
            elif number == 11:
                self._attribute(_span(value), 0)
            elif number == 10:
                self.found.function_domains.add(self._text(value))

    def _tensor(self, span: Span) -> str:
        name = ""
        for number, kind, value in _fields(self._content, span, runs=False):
            if number == 13 or (number == 14 and _integer(value) != 0):
                raise Malformed("It keeps tensors in other files (external data). Save the model as one file.")
            if number == 8 and kind == 2:
                name = self._text(value)
        return name

    def _sparse(self, span: Span) -> None:
        for number, _, value in _fields(self._content, span):
            if number in (1, 2):
                self._tensor(_span(value))

    def _value(self, span: Span) -> dict[str, Any]:
        name, kind, shape = "", None, None
        for number, _, value in _fields(self._content, span):
            if number == 1:
                name = self._text(value)
            elif number == 2:
                for part, _, tensor in _fields(self._content, _span(value)):
                    if part == 1:
                        kind, shape = self._tensor_type(_span(tensor))
        return {"name": name, "type": kind, "shape": shape}

    def _tensor_type(self, span: Span) -> tuple[str | None, list[int] | None]:
        kind, shape = None, None
        for number, _, value in _fields(self._content, span):
            if number == 1:
                kind = _TYPES.get(_integer(value))
            elif number == 2:
                shape = []
                for part, _, dimension in _fields(self._content, _span(value)):
                    if part == 1:
                        sizes = [_integer(v) for n, _, v in _fields(self._content, _span(dimension)) if n == 1]
                        shape.append(sizes[-1] if sizes and 0 < sizes[-1] < 1 << 31 else -1)
        return kind, shape

    def _pair(self, span: Span) -> tuple[str, int]:
        domain, version = "", 0
        for number, _, value in _fields(self._content, span):
            if number == 1:
                domain = self._text(value)
            elif number == 2:
                version = _integer(value)
        return domain, version

    def _text(self, value: int | Span) -> str:
        start, end = _span(value)
        return self._content[start : min(end, start + 1000)].decode("utf-8", "replace")


def _fields(content: mmap.mmap, span: Span, runs: bool = False) -> Iterator[tuple[int, int, int | Span]]:
    """(field number, wire type, value): a number, or the span of bytes of a length-delimited field."""
    position, end = span
    while position < end:
        if runs and (run := _RUNS.get(content[position] >> 3)) and (match := run.match(content, position, end)):
            position = match.end()
            continue
        tag, position = _varint(content, position, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("It is no well-formed ONNX file.")
        if kind == 0:
            value, position = _varint(content, position, end)
            yield number, kind, value
            continue
        if kind == 2:
            size, position = _varint(content, position, end)
        elif kind == 1:
            size = 8
        elif kind == 5:
            size = 4
        else:
            raise Malformed("It is no well-formed ONNX file.")
        if size > end - position:
            raise Malformed("It is no well-formed ONNX file: it ends in the middle.")
        yield number, kind, (position, position + size)
        position += size


def _varint(content: mmap.mmap, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * _MAX_VARINT, 7):
        if position >= end:
            raise Malformed("It is no well-formed ONNX file: it ends in the middle.")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
    raise Malformed("It is no well-formed ONNX file.")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _integer(value: int | Span) -> int:
    if isinstance(value, tuple):
        raise Malformed("It is no well-formed ONNX file.")
    return value


def _span(value: int | Span) -> Span:
    if isinstance(value, int):
        raise Malformed("It is no well-formed ONNX file.")
    return value
