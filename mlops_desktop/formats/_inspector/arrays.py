"""How many bytes an array takes in a joblib file, from the state of its wrapper; anything unusual is Malformed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mlops_desktop.formats._inspector.report import Malformed
from mlops_desktop.formats._inspector.values import Dict, Dtype, Name

_KEYS = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap"})
_ALIGNMENT = "numpy_array_alignment_bytes"
_CODE = re.compile(r"([<>|=]?)([biufcmMOSUV?])(\d{0,9})")
_FIXED = {"b": {1}, "i": {1, 2, 4, 8}, "u": {1, 2, 4, 8}, "f": {2, 4, 8, 16}, "c": {8, 16, 32}, "m": {8}, "M": {8}}
_SUBCLASSES = frozenset({("numpy", "ndarray"), ("numpy", "memmap")})
_MAX_DEPTH = 8
_HAS_OBJECT = 1  # numpy's NPY_ITEM_HASOBJECT
_OBJECT_FLAGS = 63


@dataclass(frozen=True)
class Layout:
    """What follows the wrapper: a nested pickle when the array holds objects, else padding and `size` bytes."""

    size: int
    objects: bool
    padded: bool


def layout(state: Any) -> Layout:
    """The layout that joblib will assume for a wrapper with this state."""
    if type(state) is not Dict or not state.complete or not _KEYS <= state.items.keys() <= _KEYS | {_ALIGNMENT}:
        raise Malformed("An array has an unusual description.")
    items = state.items
    subclass, shape, dtype = items["subclass"], items["shape"], items["dtype"]
    if type(subclass) is not Name or subclass.pair not in _SUBCLASSES or items["order"] not in ("C", "F"):
        raise Malformed("An array has an unusual description.")
    if type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape) or len(shape) > 64:
        raise Malformed("An array has an unusual shape.")
    alignment = items.get(_ALIGNMENT)
    if alignment is not None and (type(alignment) is not int or not 0 < alignment <= 255):
        raise Malformed("An array has an unusual alignment.")
    itemsize, objects = _item(dtype, 0)
    count = 1
    for n in shape:
        count *= n
    if count * max(itemsize, 1) >= 1 << 62:
        raise Malformed("An array is impossibly large.")
    # joblib reads item by item sizes of at least one byte; an item without bytes can't come from it.
    if itemsize == 0 and not objects:
        raise Malformed("An array has items without bytes.")
    return Layout(count * itemsize, objects, alignment is not None)


def _item(dtype: Any, depth: int) -> tuple[int, bool]:
    """Size of an item in bytes, and whether it holds Python objects."""
    if type(dtype) is not Dtype or depth > _MAX_DEPTH or dtype.changed > 1:
        raise Malformed("An array has an unusual type.")
    arguments = dtype.arguments
    if type(arguments) is not tuple or not 1 <= len(arguments) <= 3 or type(arguments[0]) is not str:
        raise Malformed("An array has an unusual type.")
    found = _CODE.fullmatch(arguments[0])
    if found is None:
        raise Malformed("An array has an unusual type.")
    kind, number = found[2], int(found[3] or 0)
    if kind == "O":
        if not _plain_state(dtype.state, _OBJECT_FLAGS):
            raise Malformed("An array has an unusual type.")
        return 8, True
    if kind == "?":
        kind, number = "b", 1
    if kind in _FIXED:
        if number not in _FIXED[kind] or not _plain_state(dtype.state, 0):
            raise Malformed("An array has an unusual type.")
        return number, False
    size = number * 4 if kind == "U" else number
    return _flexible(dtype.state, kind, size, depth)


def _plain_state(state: Any, flags: int) -> bool:
    """(version, byte order, None, None, None, -1, -1, flags[, metadata of times]): no subarray, no fields."""
    return (
        type(state) is tuple
        and len(state) in (8, 9)
        and state[2:5] == (None, None, None)
        and state[5:8] == (-1, -1, flags)  # numpy believes the flags, so they must say what the type says
    )


def _flexible(state: Any, kind: str, size: int, depth: int) -> tuple[int, bool]:
    if type(state) is not tuple or len(state) < 8 or type(state[5]) is not int or state[5] != size:
        raise Malformed("An array has an unusual type.")
    size, objects = _structured(state, kind, size, depth)
    if type(state[7]) is not int or bool(state[7] & _HAS_OBJECT) != objects:
        raise Malformed("An array has an unusual type.")
    return size, objects


def _structured(state: tuple[Any, ...], kind: str, size: int, depth: int) -> tuple[int, bool]:
    subarray, field_names, fields = state[2:5]
    if kind != "V":
        if (subarray, field_names, fields) != (None, None, None):
            raise Malformed("An array has an unusual type.")
        return size, False
    if subarray is not None:
        if type(subarray) is not tuple or not subarray:
            raise Malformed("An array has an unusual type.")
        return size, _item(subarray[0], depth + 1)[1]
    if fields is None:
        return size, False
    if type(fields) is not Dict or not fields.complete or type(field_names) is not tuple:
        raise Malformed("An array has an unusual type.")
    objects = False
    for description in fields.items.values():
        if type(description) is not tuple or len(description) < 2:
            raise Malformed("An array has an unusual type.")
        objects = _item(description[0], depth + 1)[1] or objects
    return size, objects
