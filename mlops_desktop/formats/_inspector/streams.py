"""Forward-only reading of a raw or compressed file, with a limit on what comes out."""

from __future__ import annotations

import bz2
import io
import lzma
import mmap
import zlib
from collections.abc import Callable
from typing import Protocol, cast

from mlops_desktop.formats._inspector.report import Malformed, NotAModel

MAX_UNPACKED = 2 << 30
_CHUNK = 1 << 16
_MAX_LINE = 1 << 24
_LZMA_MEMORY = 256 << 20


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class Stream:
    """Reads in order; positions count from the start of the unpacked content."""

    def __init__(self, file: mmap.mmap | io.BufferedReader, compression: str) -> None:
        self._file = file
        self._raw = file if isinstance(file, mmap.mmap) else None
        self.compression = compression
        self.tell: Callable[[], int] = file.tell

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes; Malformed when the content ends before."""
        data = self._file.read(size) if size <= MAX_UNPACKED else b""
        if len(data) != size:
            raise Malformed("It ends in the middle.")
        return data

    def line(self) -> bytes:
        """Up to the next line feed, without it."""
        data = self._file.readline() if self._raw is not None else self._file.readline(_MAX_LINE)  # type: ignore[call-arg]
        if not data.endswith(b"\n"):
            raise Malformed("It ends in the middle of a line.")
        return data[:-1]

    def skip(self, size: int) -> None:
        """Pass over `size` bytes without holding them."""
        if self._raw is not None:
            if size > len(self._raw) - self._raw.tell():
                raise Malformed("It ends in the middle.")
            self._raw.seek(size, io.SEEK_CUR)
            return
        while size > 0:
            size -= len(self.read(min(size, 1 << 20)))

    def at_end(self) -> bool:
        return not self._file.read(1)


def open_stream(content: mmap.mmap) -> Stream:
    """The content of a pickle or joblib file, unpacked on the way by what its first bytes say (as joblib decides)."""
    start = content[:6]
    if start.startswith(b"\x78"):
        return _unpacking(content, "zlib", lambda: cast(_Decompressor, _Zlib(zlib.MAX_WBITS)))
    if start.startswith(b"\x1f\x8b"):
        return _unpacking(content, "gzip", lambda: cast(_Decompressor, _Zlib(zlib.MAX_WBITS | 16)))
    if start.startswith(b"BZ"):
        return _unpacking(content, "bz2", bz2.BZ2Decompressor)
    if start.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return _unpacking(content, "lzma", lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY))
    if start.startswith(b"\x04\x22\x4d\x18"):
        raise NotAModel(
            "This joblib file is compressed with LZ4, which can't be inspected.", "Save it with compress=0 or zlib."
        )
    content.seek(0)
    return Stream(content, "")


class _Zlib:
    """zlib's decompressor with the interface of the other two."""

    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


class _Unpacked(io.RawIOBase):
    def __init__(self, content: mmap.mmap, new: Callable[[], _Decompressor]) -> None:
        self._content = content
        self._position = 0
        self._decompressor = new()
        self._produced = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True  # lets BufferedReader say its position; nobody seeks

    def tell(self) -> int:
        return self._produced

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        while not self._decompressor.eof:
            data = b""
            if self._decompressor.needs_input:
                data = self._content[self._position : self._position + _CHUNK]
                self._position += len(data)
            try:
                unpacked = self._decompressor.decompress(data, len(view))
            except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError) as error:
                raise Malformed(f"It can't be unpacked: {error}.") from None
            if unpacked:
                self._produced += len(unpacked)
                if self._produced > MAX_UNPACKED:
                    raise Malformed(f"It unpacks to more than {MAX_UNPACKED >> 30} GiB.")
                view[: len(unpacked)] = unpacked
                return len(unpacked)
            if not data and self._decompressor.needs_input:
                raise Malformed("It can't be unpacked: the end is missing.")
        return 0


def _unpacking(content: mmap.mmap, name: str, new: Callable[[], _Decompressor]) -> Stream:
    return Stream(io.BufferedReader(_Unpacked(content, new), 1 << 16), name)
