"""An abstract run of a pickle: its stack and memo hold what matters for judging names, and nothing is built.

It fails closed: what can't be followed, and what two unpicklers might read in different ways, is Malformed. joblib puts
the bytes of an array right behind the BUILD of its wrapper; they are skipped here exactly as joblib skips them.
"""

from __future__ import annotations

import _compat_pickle
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from mlops_desktop.formats._inspector import arrays, names
from mlops_desktop.formats._inspector.report import ALLOW, Malformed, Report, shown
from mlops_desktop.formats._inspector.streams import Stream
from mlops_desktop.formats._inspector.values import OPAQUE, Dict, Dtype, Made, Name, Wrapper

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_MAX_TEXT = 4096  # longer texts can't be names
_MAX_NESTED = 8  # pickles of object arrays inside object arrays

Operations: TypeAlias = Mapping[int, Callable[["Walk"], None]]


class Walk:
    """One pickle, from its first opcode to STOP. The methods are the steps that `opcodes.OPERATIONS` names."""

    def __init__(
        self, stream: Stream, report: Report, operations: Operations, *, allow_arrays: bool, depth: int = 0
    ) -> None:
        self.stream = stream
        self._report = report
        self._operations = operations
        self._allow_arrays = allow_arrays
        self._depth = depth
        self._protocol = 0
        self._frame_end: int | None = None
        self.stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self._names: dict[tuple[str, str], Name] = {}
        self._result: list[Any] = []
        self.arrays = 0

    def walk(self) -> Any:
        """Follow all opcodes up to STOP; returns what stands for the result."""
        read, operations = self.stream.read, self._operations
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
                position = self.stream.tell()
                if position > self._frame_end:
                    raise Malformed("An opcode reaches beyond its frame.")
                if position == self._frame_end:
                    self._frame_end = None
        return self._result[0]

    def _pop(self) -> Any:
        return self.stack.pop()

    def _pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self._marks.pop()
        return items

    def _absorb(self, *values: Any) -> None:
        """The wrapper of an array must stay where joblib puts it: anything else would hide what is read as opcodes."""
        for value in values:
            if type(value) is Wrapper or (type(value) is Name and value.pair == _WRAPPER):
                raise Malformed("An array is used in an unusual way.")

    def drop_mark(self) -> None:
        self._pop_mark()

    def constant(self, size: int) -> None:
        self.stream.skip(size)
        self.stack.append(OPAQUE)

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.stream.read(struct.calcsize(form)))[0])

    def integer(self, form: str) -> None:
        self.stack.append(self.number(form))

    def long(self, form: str) -> None:
        size = self.number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        self.stack.append(int.from_bytes(self.stream.read(size), "little", signed=True) if size <= 8 else OPAQUE)
        if size > 8:
            self.stream.skip(size)

    def text(self, form: str, encoding: str) -> None:
        size = self.number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        if size > _MAX_TEXT:
            self.constant(size)
            return
        self.stack.append(self.stream.read(size).decode(encoding, "surrogatepass"))

    def old_text(self, form: str) -> None:
        size = self.number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        if size > _MAX_TEXT:
            self.constant(size)
            return
        data = self.stream.read(size)
        self.stack.append(data.decode() if data.isascii() else OPAQUE)

    def byte_text(self, form: str) -> None:
        size = self.number(form)
        if size < 0:
            raise Malformed("A length is negative.")
        self.constant(size)

    def line_constant(self) -> None:
        self.stream.line()
        self.stack.append(OPAQUE)

    def line_integer(self) -> None:
        line = self.stream.line()
        if line in (b"00", b"01"):
            self.stack.append(line == b"01")
        else:
            self.stack.append(int(line) if len(line) <= 20 else OPAQUE)

    def line_text(self) -> None:
        line = self.stream.line()
        self.stack.append(str(line, "raw-unicode-escape") if len(line) <= _MAX_TEXT else OPAQUE)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def put(self, index: int) -> None:
        if index < 0:
            raise Malformed("A memo index is negative.")
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        value = self.memo[index]
        if type(value) is Wrapper:
            raise Malformed("An array is used in an unusual way.")
        self.stack.append(value)

    def mark(self) -> None:
        self._marks.append(self.stack)
        self.stack = []

    def pop_operation(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._pop_mark()

    def make_tuple(self, size: int | None) -> None:
        if size is None:
            items = self._pop_mark()
        else:
            if len(self.stack) < size:
                raise Malformed("The stack is empty.")
            items = self.stack[len(self.stack) - size :]
            del self.stack[len(self.stack) - size :]
        self._absorb(*items)
        self.stack.append(tuple(items))

    def make_list(self) -> None:
        self._absorb(*self._pop_mark())
        self.stack.append(OPAQUE)

    def append(self) -> None:
        self._absorb(self._pop())
        self.stack[-1]

    def appends(self) -> None:
        self._absorb(*self._pop_mark())
        self.stack[-1]

    def make_dict(self) -> None:
        items = self._pop_mark()
        self.stack.append(Dict())
        self._fill(items)

    def setitem(self) -> None:
        value = self._pop()
        self._fill([self._pop(), value])

    def setitems(self) -> None:
        self._fill(self._pop_mark())

    def _fill(self, items: list[Any]) -> None:
        self._absorb(*items)
        target = self.stack[-1]
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

    def line_global(self) -> None:
        module, name = self.stream.line().decode(), self.stream.line().decode()
        self.stack.append(self._name(module, name))

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise Malformed("It computes the name of what it loads.")
        self.stack.append(self._name(module, name))

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

    def reduce(self) -> None:
        arguments = self._pop()
        self.stack.append(self._call(self._pop(), arguments))

    def newobj(self) -> None:
        arguments, cls = self._pop(), self._pop()
        if type(cls) is Name and cls.pair == _WRAPPER and arguments == ():
            self.stack.append(Wrapper())
        else:
            self.stack.append(self._call(cls, arguments))

    def newobj_ex(self) -> None:
        keywords, arguments, cls = self._pop(), self._pop(), self._pop()
        self._absorb(keywords)
        self.stack.append(self._call(cls, arguments))

    def obj(self) -> None:
        items = self._pop_mark()
        self._absorb(*items[1:])
        self.stack.append(self._call(items[0], ()))

    def inst(self) -> None:
        module, name = self.stream.line().decode(), self.stream.line().decode()
        self._absorb(*self._pop_mark())
        self.stack.append(self._call(self._name(module, name), ()))

    def build(self) -> None:
        state, target = self._pop(), self.stack[-1]
        self._absorb(state)
        if type(target) is Dtype:
            target.set_state(state)
        elif type(target) is Wrapper:
            self.stack[-1] = Made(Name("numpy", "ndarray"))
            self._array(state)
        elif type(target) is not Made:
            raise Malformed("It changes something that it did not make.")

    def _array(self, state: Any) -> None:
        if self._frame_end is not None and self.stream.tell() != self._frame_end:
            # Python's unpickler holds the rest of a frame back while joblib reads the array from behind it.
            raise Malformed("An array lies inside a frame.")
        self._frame_end = None
        self.arrays += 1
        layout = arrays.layout(state)
        if layout.objects:
            if self._depth >= _MAX_NESTED:
                raise Malformed("Object arrays are nested too deeply.")
            Walk(self.stream, self._report, self._operations, allow_arrays=False, depth=self._depth + 1).walk()
            return
        if layout.padded:
            self.stream.skip(self.stream.read(1)[0])
        self.stream.skip(layout.size)

    def set_protocol(self) -> None:
        self._protocol = self.stream.read(1)[0]
        if self._protocol > 5:
            raise Malformed(f"Its protocol is {self._protocol}.")

    def frame(self) -> None:
        if self._frame_end is not None:
            raise Malformed("A frame begins inside a frame.")
        size = self.number("<Q")
        self._frame_end = self.stream.tell() + size

    def stop(self) -> None:
        value = self._pop()
        self._absorb(value)
        self._result.append(value)

    def refuse(self, what: str) -> None:
        raise Malformed(f"It uses {what}.")
