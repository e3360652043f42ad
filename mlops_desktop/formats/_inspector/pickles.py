"""Walk through the opcodes of a pickle or joblib file, without building anything, and judge every name in it.

The walk keeps an abstract stack and memo, because the operands of STACK_GLOBAL may come from anywhere. It fails closed:
what can't be followed, and what two unpicklers might read in different ways, is rejected. joblib puts the bytes of an
array right behind the BUILD of its wrapper; they are skipped here exactly as joblib skips them.
"""

from __future__ import annotations

import _compat_pickle
import struct
from collections.abc import Callable
from typing import Any

from mlops_desktop.formats._inspector import arrays, names
from mlops_desktop.formats._inspector.report import ALLOW, REJECT, Malformed, NotAModel, Report, shown
from mlops_desktop.formats._inspector.streams import Stream
from mlops_desktop.formats._inspector.values import OPAQUE, Dict, Dtype, Made, Name, Wrapper

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_MAX_TEXT = 4096  # longer texts can't be names
_MAX_NESTED = 8  # pickles of object arrays inside object arrays
_DATA_ROOTS = frozenset(
    {"numpy", "pandas", "scipy", "builtins", "collections", "datetime", "decimal", "copyreg", "_codecs"}
)


def inspect_pickle(stream: Stream, report: Report, *, python_model: bool = False) -> None:
    """Judge the pickle in `stream`; NotAModel when it holds plain data (a pyfunc's python model may be anything)."""
    try:
        walker = _Walker(stream, report, allow_arrays=True)
        top = walker.walk()
        if not stream.at_end():
            report.note("review", "Something follows the end of the pickle.")
    except Malformed as error:
        report.note(REJECT, f"It is no well-formed pickle. {error}")
        return
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, struct.error) as error:
        report.note(REJECT, f"It is no well-formed pickle ({type(error).__name__}).")
        return
    if stream.compression:
        report.facts["compression"] = stream.compression
    report.facts["loader"] = "joblib" if walker.arrays else "pickle"
    if isinstance(top, Made):
        report.facts["estimator"] = shown(f"{top.name.module}.{top.name.name}")
    if python_model:
        return
    if report.verdict != REJECT and (not isinstance(top, Made) or top.name.module.split(".")[0] in _DATA_ROOTS):
        kind = f"{top.name.module}.{top.name.name}" if isinstance(top, Made) else _kind(top)
        raise NotAModel(
            f"This pickle holds {shown(kind)}, no model.", "Pickle the fitted estimator or pipeline itself."
        )


def _kind(value: Any) -> str:
    return {str: "a text", int: "a number", Dict: "a dictionary", tuple: "a tuple", Name: "a class or function"}.get(
        type(value), "plain data"
    )


class _Walker:
    def __init__(self, stream: Stream, report: Report, *, allow_arrays: bool, depth: int = 0) -> None:
        self._stream = stream
        self._report = report
        self._allow_arrays = allow_arrays
        self._depth = depth
        self._protocol = 0
        self._frame_end: int | None = None
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._names: dict[tuple[str, str], Name] = {}
        self._result: list[Any] = []
        self.arrays = 0

    def walk(self) -> Any:
        """Follow all opcodes up to STOP; returns what stands for the result."""
        read, operations = self._stream.read, _OPERATIONS
        first = True
        while not self._result:
            code = read(1)[0]
            operation = operations.get(code)
            if operation is None:
                raise Malformed(f"It has the unknown opcode {code:#04x}.")
            if code == 0x80 and not first:
                raise Malformed("It changes its protocol on the way.")
            first = False
            operation(self)
            if self._frame_end is not None:
                position = self._stream.tell()
                if position > self._frame_end:
                    raise Malformed("An opcode reaches beyond its frame.")
                if position == self._frame_end:
                    self._frame_end = None
        return self._result[0]

    # -- stack ---------------------------------------------------------------------------------------------------

    def _pop(self) -> Any:
        return self._stack.pop()

    def _pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop()
        return items

    def _absorb(self, *values: Any) -> None:
        """The wrapper of an array must stay where joblib puts it: anything else would hide what is read as opcodes."""
        for value in values:
            if type(value) is Wrapper or (type(value) is Name and value.pair == _WRAPPER):
                raise Malformed("An array is used in an unusual way.")

    def _drop_mark(self) -> None:
        self._pop_mark()

    # -- constants -----------------------------------------------------------------------------------------------

    def _constant(self, size: int) -> None:
        self._stream.skip(size)
        self._stack.append(OPAQUE)

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._stream.read(struct.calcsize(form)))[0])

    def _integer(self, form: str) -> None:
        self._stack.append(self._number(form))

    def _long(self, form: str) -> None:
        size = self._number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        self._stack.append(int.from_bytes(self._stream.read(size), "little", signed=True) if size <= 8 else OPAQUE)
        if size > 8:
            self._stream.skip(size)

    def _text(self, form: str, encoding: str) -> None:
        size = self._number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        if size > _MAX_TEXT:
            self._constant(size)
            return
        self._stack.append(self._stream.read(size).decode(encoding, "surrogatepass"))

    def _old_text(self, form: str) -> None:
        size = self._number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        if size > _MAX_TEXT:
            self._constant(size)
            return
        data = self._stream.read(size)
        self._stack.append(data.decode() if data.isascii() else OPAQUE)

    def _bytes(self, form: str) -> None:
        size = self._number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        self._constant(size)

    def _line_constant(self) -> None:
        self._stream.line()
        self._stack.append(OPAQUE)

    def _line_integer(self) -> None:
        line = self._stream.line()
        if line in (b"00", b"01"):
            self._stack.append(line == b"01")
        else:
            self._stack.append(int(line) if len(line) <= 20 else OPAQUE)

    def _line_text(self) -> None:
        line = self._stream.line()
        self._stack.append(str(line, "raw-unicode-escape") if len(line) <= _MAX_TEXT else OPAQUE)

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    # -- memo ----------------------------------------------------------------------------------------------------

    def _put(self, index: int) -> None:
        if index < 0:
            raise Malformed("A memo index is negative.")
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        value = self._memo[index]
        if type(value) is Wrapper:
            raise Malformed("An array is used in an unusual way.")
        self._stack.append(value)

    # -- containers ----------------------------------------------------------------------------------------------

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _pop_operation(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_mark()

    def _tuple(self, size: int | None) -> None:
        if size is None:
            items = self._pop_mark()
        else:
            if len(self._stack) < size:
                raise Malformed("The stack is empty.")
            items = self._stack[len(self._stack) - size :]
            del self._stack[len(self._stack) - size :]
        self._absorb(*items)
        self._stack.append(tuple(items))

    def _list(self) -> None:
        self._absorb(*self._pop_mark())
        self._stack.append(OPAQUE)

    def _append(self) -> None:
        self._absorb(self._pop())
        self._stack[-1]

    def _appends(self) -> None:
        self._absorb(*self._pop_mark())
        self._stack[-1]

    def _dict(self) -> None:
        items = self._pop_mark()
        self._stack.append(Dict())
        self._fill(items)

    def _setitem(self) -> None:
        value = self._pop()
        self._fill([self._pop(), value])

    def _setitems(self) -> None:
        self._fill(self._pop_mark())

    def _fill(self, items: list[Any]) -> None:
        self._absorb(*items)
        target = self._stack[-1]
        if len(items) % 2:
            raise Malformed("A dictionary has a key without a value.")
        if type(target) is Name:
            raise Malformed("It changes a class or a module.")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is str:
                if key == "_sklearn_version" and type(value) is str:
                    self._report.facts["scikit-learn"] = shown(value)
                if type(target) is Dict:
                    target.put(key, value)
            elif type(target) is Dict:
                target.complete = False

    # -- names and calls -----------------------------------------------------------------------------------------

    def _global(self) -> None:
        module, name = self._stream.line().decode(), self._stream.line().decode()
        self._stack.append(self._name(module, name))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise Malformed("It computes the name of what it loads.")
        self._stack.append(self._name(module, name))

    def _name(self, module: str, name: str) -> Name:
        if self._protocol < 3:
            # As the unpickler does: names of Python 2 stand for those of Python 3.
            if (module, name) in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[module, name]
            elif module in _compat_pickle.IMPORT_MAPPING:
                module = _compat_pickle.IMPORT_MAPPING[module]
        known = self._names.get((module, name))
        if known is None:
            verdict = names.judge(module, name)
            if (module, name) == _WRAPPER and not self._allow_arrays:
                raise Malformed("An array is used in an unusual way.")
            if verdict != ALLOW:
                self._report.note(verdict, names.sentence(module, name, verdict))
            known = self._names[module, name] = Name(module, name)
        return known

    def _call(self, function: Any, arguments: Any) -> Any:
        if type(function) is not Name or function.pair == _WRAPPER:
            raise Malformed("It calls something that it computed.")
        self._absorb(arguments)
        if function.pair == ("numpy", "dtype"):
            return Dtype(arguments)
        return Made(function)

    def _reduce(self) -> None:
        arguments = self._pop()
        self._stack.append(self._call(self._pop(), arguments))

    def _newobj(self) -> None:
        arguments, cls = self._pop(), self._pop()
        if type(cls) is Name and cls.pair == _WRAPPER and arguments == ():
            self._stack.append(Wrapper())
        else:
            self._stack.append(self._call(cls, arguments))

    def _newobj_ex(self) -> None:
        keywords, arguments, cls = self._pop(), self._pop(), self._pop()
        self._absorb(keywords)
        self._stack.append(self._call(cls, arguments))

    def _obj(self) -> None:
        items = self._pop_mark()
        self._absorb(*items[1:])
        self._stack.append(self._call(items[0], ()))

    def _inst(self) -> None:
        module, name = self._stream.line().decode(), self._stream.line().decode()
        self._absorb(*self._pop_mark())
        self._stack.append(self._call(self._name(module, name), ()))

    def _build(self) -> None:
        state, target = self._pop(), self._stack[-1]
        self._absorb(state)
        if type(target) is Dtype:
            target.set_state(state)
        elif type(target) is Wrapper:
            self._stack[-1] = Made(Name("numpy", "ndarray"))
            self._array(state)
        elif type(target) is not Made:
            raise Malformed("It changes something that it did not make.")

    def _array(self, state: Any) -> None:
        if self._frame_end is not None and self._stream.tell() != self._frame_end:
            # Python's unpickler holds the rest of a frame back while joblib reads the array from behind it.
            raise Malformed("An array lies inside a frame.")
        self._frame_end = None
        self.arrays += 1
        layout = arrays.layout(state)
        if layout.objects:
            if self._depth >= _MAX_NESTED:
                raise Malformed("Object arrays are nested too deeply.")
            _Walker(self._stream, self._report, allow_arrays=False, depth=self._depth + 1).walk()
            return
        if layout.padded:
            self._stream.skip(self._stream.read(1)[0])
        self._stream.skip(layout.size)

    # -- the rest ------------------------------------------------------------------------------------------------

    def _set_protocol(self) -> None:
        self._protocol = self._stream.read(1)[0]
        if self._protocol > 5:
            raise Malformed(f"Its protocol is {self._protocol}.")

    def _frame(self) -> None:
        if self._frame_end is not None:
            raise Malformed("A frame begins inside a frame.")
        size = self._number("<Q")
        self._frame_end = self._stream.tell() + size

    def _stop(self) -> None:
        value = self._pop()
        self._absorb(value)
        self._result.append(value)

    def _refuse(self, what: str) -> None:
        raise Malformed(f"It uses {what}.")


def _with(method: Callable[..., None], *arguments: Any) -> Callable[[_Walker], None]:
    return lambda walker: method(walker, *arguments)


def _index(method: Callable[[_Walker, int], None], form: str) -> Callable[[_Walker], None]:
    return lambda walker: method(walker, walker._number(form))


def _line_index(method: Callable[[_Walker, int], None]) -> Callable[[_Walker], None]:
    return lambda walker: method(walker, int(walker._stream.line()[:20]))


_W = _Walker
# Every opcode of protocols 0 to 5; see pickletools.opcodes.
_OPERATIONS: dict[int, Callable[[_Walker], None]] = {
    ord("I"): _W._line_integer,
    ord("J"): _with(_W._integer, "<i"),
    ord("K"): _with(_W._integer, "<B"),
    ord("M"): _with(_W._integer, "<H"),
    ord("L"): _W._line_constant,
    0x8A: _with(_W._long, "<B"),
    0x8B: _with(_W._long, "<i"),
    ord("S"): _W._line_constant,
    ord("T"): _with(_W._old_text, "<i"),
    ord("U"): _with(_W._old_text, "<B"),
    ord("B"): _with(_W._bytes, "<I"),
    ord("C"): _with(_W._bytes, "<B"),
    0x8E: _with(_W._bytes, "<Q"),
    0x96: _with(_W._bytes, "<Q"),
    0x97: _with(_W._refuse, "buffers from outside"),
    0x98: _with(_W._refuse, "buffers from outside"),
    ord("N"): _with(_W._push, None),
    0x88: _with(_W._push, True),
    0x89: _with(_W._push, False),
    ord("V"): _W._line_text,
    0x8C: _with(_W._text, "<B", "utf-8"),
    ord("X"): _with(_W._text, "<I", "utf-8"),
    0x8D: _with(_W._text, "<Q", "utf-8"),
    ord("F"): _W._line_constant,
    ord("G"): _with(_W._constant, 8),
    ord("]"): _with(_W._push, OPAQUE),
    ord("a"): _W._append,
    ord("e"): _W._appends,
    ord("l"): _W._list,
    ord(")"): _with(_W._push, ()),
    ord("t"): _with(_W._tuple, None),
    0x85: _with(_W._tuple, 1),
    0x86: _with(_W._tuple, 2),
    0x87: _with(_W._tuple, 3),
    ord("}"): lambda walker: walker._push(Dict()),
    ord("d"): _W._dict,
    ord("s"): _W._setitem,
    ord("u"): _W._setitems,
    0x8F: _with(_W._push, OPAQUE),
    0x90: _W._appends,
    0x91: _W._list,
    ord("0"): _W._pop_operation,
    ord("2"): lambda walker: walker._push(walker._stack[-1]),
    ord("("): _W._mark,
    ord("1"): _W._drop_mark,
    ord("g"): _line_index(_W._get),
    ord("h"): _index(_W._get, "<B"),
    ord("j"): _index(_W._get, "<I"),
    ord("p"): _line_index(_W._put),
    ord("q"): _index(_W._put, "<B"),
    ord("r"): _index(_W._put, "<I"),
    0x94: lambda walker: walker._put(len(walker._memo)),
    0x82: _with(_W._refuse, "the extension registry"),
    0x83: _with(_W._refuse, "the extension registry"),
    0x84: _with(_W._refuse, "the extension registry"),
    ord("c"): _W._global,
    0x93: _W._stack_global,
    ord("R"): _W._reduce,
    ord("b"): _W._build,
    ord("i"): _W._inst,
    ord("o"): _W._obj,
    0x81: _W._newobj,
    0x92: _W._newobj_ex,
    0x80: _W._set_protocol,
    ord("."): _W._stop,
    0x95: _W._frame,
    ord("P"): _with(_W._refuse, "persistent ids"),
    ord("Q"): _with(_W._refuse, "persistent ids"),
}
