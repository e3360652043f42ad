"""The opcodes of pickle protocols 0 to 5 (pickletools.opcodes), each with the step of the walk that follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlops_desktop.formats._inspector.values import OPAQUE, Dict
from mlops_desktop.formats._inspector.walk import Walk


def _with(method: Callable[..., None], *arguments: Any) -> Callable[[Walk], None]:
    return lambda walker: method(walker, *arguments)


def _index(method: Callable[[Walk, int], None], form: str) -> Callable[[Walk], None]:
    return lambda walker: method(walker, walker.number(form))


def _line_index(method: Callable[[Walk, int], None]) -> Callable[[Walk], None]:
    return lambda walker: method(walker, int(walker.stream.line()[:20]))


_W = Walk
OPERATIONS: dict[int, Callable[[Walk], None]] = {
    ord("I"): _W.line_integer,
    ord("J"): _with(_W.integer, "<i"),
    ord("K"): _with(_W.integer, "<B"),
    ord("M"): _with(_W.integer, "<H"),
    ord("L"): _W.line_constant,
    0x8A: _with(_W.long, "<B"),
    0x8B: _with(_W.long, "<i"),
    ord("S"): _W.line_constant,
    ord("T"): _with(_W.old_text, "<i"),
    ord("U"): _with(_W.old_text, "<B"),
    ord("B"): _with(_W.byte_text, "<I"),
    ord("C"): _with(_W.byte_text, "<B"),
    0x8E: _with(_W.byte_text, "<Q"),
    0x96: _with(_W.byte_text, "<Q"),
    0x97: _with(_W.refuse, "buffers from outside"),
    0x98: _with(_W.refuse, "buffers from outside"),
    ord("N"): _with(_W.push, None),
    0x88: _with(_W.push, True),
    0x89: _with(_W.push, False),
    ord("V"): _W.line_text,
    0x8C: _with(_W.text, "<B", "utf-8"),
    ord("X"): _with(_W.text, "<I", "utf-8"),
    0x8D: _with(_W.text, "<Q", "utf-8"),
    ord("F"): _W.line_constant,
    ord("G"): _with(_W.constant, 8),
    ord("]"): _with(_W.push, OPAQUE),
    ord("a"): _W.append,
    ord("e"): _W.appends,
    ord("l"): _W.make_list,
    ord(")"): _with(_W.push, ()),
    ord("t"): _with(_W.make_tuple, None),
    0x85: _with(_W.make_tuple, 1),
    0x86: _with(_W.make_tuple, 2),
    0x87: _with(_W.make_tuple, 3),
    ord("}"): lambda walker: walker.push(Dict()),
    ord("d"): _W.make_dict,
    ord("s"): _W.setitem,
    ord("u"): _W.setitems,
    0x8F: _with(_W.push, OPAQUE),
    0x90: _W.appends,
    0x91: _W.make_list,
    ord("0"): _W.pop_operation,
    ord("2"): lambda walker: walker.push(walker.stack[-1]),
    ord("("): _W.mark,
    ord("1"): _W.drop_mark,
    ord("g"): _line_index(_W.get),
    ord("h"): _index(_W.get, "<B"),
    ord("j"): _index(_W.get, "<I"),
    ord("p"): _line_index(_W.put),
    ord("q"): _index(_W.put, "<B"),
    ord("r"): _index(_W.put, "<I"),
    0x94: lambda walker: walker.put(len(walker.memo)),
    0x82: _with(_W.refuse, "the extension registry"),
    0x83: _with(_W.refuse, "the extension registry"),
    0x84: _with(_W.refuse, "the extension registry"),
    ord("c"): _W.line_global,
    0x93: _W.stack_global,
    ord("R"): _W.reduce,
    ord("b"): _W.build,
    ord("i"): _W.inst,
    ord("o"): _W.obj,
    0x81: _W.newobj,
    0x92: _W.newobj_ex,
    0x80: _W.set_protocol,
    ord("."): _W.stop,
    0x95: _W.frame,
    ord("P"): _with(_W.refuse, "persistent ids"),
    ord("Q"): _with(_W.refuse, "persistent ids"),
}
