"""Pickles that would run code, made at run time and never stored. Each would create the canary file when loaded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np

Sample = tuple[str, str, bytes]  # name, file ending, content


class Call:
    """Pickled as a call of `function(*arguments)`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


def text(value: str) -> bytes:
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def binary_text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def call(module: str, name: str, argument: str, protocol: int = 4) -> bytes:
    """A pickle that calls module.name(argument), without importing the module here."""
    return b"\x80" + bytes([protocol]) + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


# What is called with a shell command, with Python source, with a path, and with anything at all.
COMMANDS = """
    os:system posix:system os:popen subprocess:Popen subprocess:getoutput subprocess:call subprocess:check_output
    subprocess:run pty:spawn nt:system platform:popen numpy.distutils.exec_command:exec_command
    distutils.spawn:spawn
"""
SOURCES = """
    builtins:eval builtins:exec builtins:compile runpy:_run_code codeop:compile_command timeit:timeit cProfile:run
    profile:run pdb:run bdb:Bdb trace:Trace doctest:debug_script numpy.testing._private.utils:runstring
    numpy.f2py.crackfortran:myeval pandas:eval pandas.core.computation.eval:eval
"""
PATHS = """
    builtins:open io:open io:FileIO _io:FileIO runpy:run_path logging.config:fileConfig sqlite3:connect dbm:open
    shelve:open tarfile:open zipfile:ZipFile zipimport:zipimporter pathlib:Path.touch venv:create numpy:load
    numpy:fromfile scipy.io:loadmat pandas:read_pickle pandas.io.pickle:read_pickle joblib:load
    joblib.numpy_pickle:load torch:load
"""
OTHERS = """
    builtins:__import__ importlib:import_module importlib.util:find_spec numpy.core:_ufunc_reconstruct
    numpy._core:_ufunc_reconstruct cloudpickle.cloudpickle:subimport builtins:getattr builtins:map builtins:apply
    builtins:vars builtins:globals builtins:breakpoint builtins:input pickle:loads _pickle:loads marshal:loads
    types:CodeType types:FunctionType code:interact ctypes:CDLL ctypes.util:find_library socket:create_connection
    shutil:copyfile urllib.request:urlopen http.client:HTTPConnection ftplib:FTP smtplib:SMTP asyncio:run
    multiprocessing.util:spawnv_passfds threading:Thread sys:exit sys:setprofile sys:modules operator:attrgetter
    operator:methodcaller functools:reduce functools:partialmethod itertools:accumulate inspect:getattr_static
    tempfile:mktemp signal:alarm atexit:register gc:get_objects site:main ensurepip:bootstrap pydoc:pipepager
    lib2to3.pgen2.grammar:Grammar.loads sklearn.datasets:fetch_openml sklearn.externals.array_api_compat:x
    dill._dill:loads setuptools:setup pip:main __main__:anything mymodel.net:Net shutil:rmtree webbrowser:open
"""


def reduce_gadgets(canary: str) -> list[Sample]:
    given = {COMMANDS: f"touch {canary}", SOURCES: f"open({canary!r}, 'w')", PATHS: canary, OTHERS: "os"}
    found: list[Sample] = []
    for names, argument in given.items():
        for pair in names.split():
            module, name = pair.split(":")
            found.append((f"call {module}.{name}", ".pkl", call(module, name, argument)))
    return found


def protocol_tricks(canary: str) -> list[Sample]:
    command = f"touch {canary}"
    c = text(command)
    stack = {
        "protocol 0": f"cos\nsystem\n(S'{command}'\ntR.".encode(),
        "python 2 name": b"c__builtin__\neval\n(S'1'\ntR.",
        "python 2 module": b"ccommands\ngetoutput\n(S'x'\ntR.",
        "inst": f"(S'{command}'\nios\nsystem\n.".encode(),
        "obj": b"\x80\x02(cos\nsystem\n" + binary_text(command) + b"o.",
        "newobj": b"\x80\x02csubprocess\nPopen\n" + binary_text(command) + b"\x85\x81.",
        "newobj_ex": b"\x80\x04" + text("subprocess") + text("Popen") + b"\x93" + c + b"\x85}\x92.",
        "dotted name": call("numpy", "load.__globals__", "x"),
        "dotted into os": call("sklearn.utils._bunch", "Bunch.__init__.__globals__", "x"),
        "dotted module attribute": call("collections", "_sys.modules", "x"),
        "dotted class": call("numpy", "ndarray.tofile", canary),
        "name from memo": b"\x80\x04" + text("os") + b"\x94" + text("system") + b"\x940" + b"h\x01\x93" + c + b"\x85R.",
        "name by dup": b"\x80\x04" + text("posix") + text("system") + b"\x932" + b"0" + c + b"\x85R.",
        "module by BINUNICODE8": b"\x80\x04\x8d"
        + struct.pack("<Q", 2)
        + b"os"
        + text("system")
        + b"\x93"
        + c
        + b"\x85R.",
        "module by UNICODE": b"\x80\x04Vo\\u0073\n" + text("system") + b"\x93" + c + b"\x85R.",
        "module by SHORT_BINSTRING": b"\x80\x04U\x02os" + text("system") + b"\x93" + c + b"\x85R.",
        "module by STRING": b"\x80\x04S'os'\n" + text("system") + b"\x93" + c + b"\x85R.",
        "computed name": b"\x80\x04"
        + text("builtins")
        + text("str")
        + b"\x93"
        + text("os")
        + b"\x85R"
        + text("system")
        + b"\x93"
        + c
        + b"\x85R.",
        "computed function": b"\x80\x04" + text("collections") + text("OrderedDict") + b"\x93)R" + c + b"\x85R.",
        "persistent id": b"\x80\x04" + c + b"Q.",
        "extension": b"\x80\x02\x82\x01.",
        "buffer": b"\x80\x05\x97.",
        "state of a class": b"\x80\x04"
        + text("sklearn.utils._bunch")
        + text("Bunch")
        + b"\x93}"
        + text("x")
        + text("y")
        + b"sb.",
        "item of a class": b"\x80\x04"
        + text("sklearn.utils._bunch")
        + text("Bunch")
        + b"\x93"
        + text("x")
        + text("y")
        + b"s.",
        "second protocol": b"\x80\x04" + text("__builtin__") + text("eval") + b"\x80\x02\x93" + c + b"\x85R.",
        "after the frame": b"\x80\x04\x95" + struct.pack("<Q", 3) + call("os", "system", command)[2:],
        "frame in a frame": b"\x80\x04\x95"
        + struct.pack("<Q", 60)
        + b"\x95"
        + struct.pack("<Q", 40)
        + call("os", "system", command)[2:],
        "unhashed tail": pickle.dumps({"a": 1}) + call("os", "system", command),
        "unknown opcode": b"\x80\x04\xff.",
        "protocol 6": b"\x80\x06N.",
        "memo never written": b"\x80\x04h\x05.",
        "empty stack": b"\x80\x04R.",
        "cut off": call("os", "system", command)[:-3],
        "unicode digits of a module": call("ｏs", "system", command),
        "space in a name": b"\x80\x02cos system\nx\n" + binary_text(command) + b"\x85R.",
        "carriage return": b"\x80\x02cos\r\nsystem\r\n" + binary_text(command) + b"\x85R.",
    }
    return [(name, ".pkl", data) for name, data in stack.items()]


def nested(canary: str) -> list[Sample]:
    import os

    command = f"touch {canary}"
    evil = Call(os.system, command)
    objects = np.empty(2, dtype=object)
    objects[:] = [1.0, evil]
    deep = np.empty(1, dtype=object)
    deep[0] = objects
    found: list[Sample] = []
    for name, value in {
        "in a list": [1, evil],
        "in a dict": {"a": evil},
        "beside arrays": [np.arange(9.0), evil],
        "in an object array": objects,
        "in an array in an array": deep,
        "structured": [np.zeros(3, dtype=[("a", "f8"), ("b", "i4")]), evil],
    }.items():
        out = io.BytesIO()
        joblib.dump(value, out)
        found.append((f"joblib {name}", ".joblib", out.getvalue()))
        for level in range(3, 6):
            found.append((f"pickle {level} {name}", ".pkl", pickle.dumps(value, level)))
    raw = call("os", "system", command)
    packers: dict[str, Callable[[bytes], bytes]] = {
        "zlib": zlib.compress,
        "gzip": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    }
    found += [(f"packed by {name}", ".joblib", pack(raw)) for name, pack in packers.items()]
    for name in ("sklearn.pkl", "model.skops"):
        found.append((f"disguised as {name}", Path(name).suffix, raw))
    return found + wrapper_tricks(canary)


def wrapper_tricks(canary: str) -> list[Sample]:
    """joblib's array wrapper, described so that a walk that believes it would read past a call."""
    call_bytes = text("os") + text("system") + b"\x93" + text(f"touch {canary}") + b"\x85R"
    name = text("joblib.numpy_pickle") + text("NumpyArrayWrapper") + b"\x93"
    dtype = text("numpy") + text("dtype") + b"\x93" + text("u1") + b"\x89\x88\x87R"
    state = b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"

    def keys(shape: bytes, type_: bytes, align: bytes = b"") -> bytes:
        return (
            b"}("
            + text("subclass")
            + text("numpy")
            + text("ndarray")
            + b"\x93"
            + text("shape")
            + shape
            + text("order")
            + text("C")
            + text("dtype")
            + type_
            + text("allow_mmap")
            + b"\x89"
            + align
            + b"u"
        )

    size = b"K" + bytes([len(call_bytes)]) + b"\x85"
    hidden = keys(size, dtype + state)
    start = b"\x80\x04"
    structured = text("numpy") + text("dtype") + b"\x93" + text("V200") + b"\x89\x88\x87R"
    claims = b"(K\x03" + text("|") + b"NNNK\xc8K\x01K\x10tb"
    lying = b"(K\x03" + text("|") + b"NNNK\x01K\x01K\x10tb"
    objects = text("numpy") + text("dtype") + b"\x93" + text("O8") + b"\x89\x88\x87R" + state
    samples = {
        "array in a frame": start
        + b"\x95"
        + struct.pack("<Q", 400)
        + name
        + b")\x81"
        + hidden
        + b"b"
        + call_bytes
        + b".",
        "wrapper made by a call": start + name + b")R" + hidden + b"b" + call_bytes + b".",
        "wrapper from the memo": start + name + b")\x81\x94}bh\x00" + hidden + b"b" + call_bytes + b".",
        "wrapper in a list": start + b"]" + name + b")\x81a" + call_bytes + b".",
        "wrapper without a shape": start + name + b")\x81}b" + call_bytes + b".",
        "lying item size": start + name + b")\x81" + keys(b"K\x01\x85", structured + lying) + b"b" + call_bytes + b".",
        "lying flags": start + name + b")\x81" + keys(b"K\x0a\x85", objects) + b"b" + call_bytes + b".",
        "negative shape": start
        + name
        + b")\x81"
        + keys(b"J\xff\xff\xff\xff\x85", dtype + state)
        + b"b"
        + call_bytes
        + b".",
        "state twice": start
        + name
        + b")\x81"
        + keys(b"K\x01\x85", structured + claims + lying)
        + b"b"
        + call_bytes
        + b".",
        "aligned into a call": start
        + name
        + b")\x81"
        + keys(b"K\x00\x85", dtype + state, text("numpy_array_alignment_bytes") + b"K\x10")
        + b"b\x00"
        + call_bytes
        + b".",
    }
    return [(label, ".joblib", data) for label, data in samples.items()]


def all_samples(canary: str) -> list[Sample]:
    return reduce_gadgets(canary) + protocol_tricks(canary) + nested(canary)
