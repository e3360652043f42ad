"""Say what a file is by its first bytes, for the sentence that refuses it."""

from __future__ import annotations

_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, perhaps a Keras model"),
    (b"GGUF", "a GGUF language model"),
    (b"PAR1", "a Parquet table"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"SQLite format 3", "a SQLite database"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with “git lfs pull”"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with Zstandard"),
    (b"<?xml", "an XML document"),
    (b"<", "an HTML or XML document"),
    (b"%", "a text file"),
)


def looks_like(start: bytes, size: int) -> str:
    """A noun phrase with its article, such as “a text file”."""
    if start[257:262] == b"ustar":
        return "a TAR archive"
    if start[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if len(start) > 9 and int.from_bytes(start[:8], "little") < size and start[8:9] == b"{":
        return "a safetensors file: weights without a model"
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    text = _text(start)
    if text is None:
        return "a file of an unknown kind"
    line = text.lstrip().split("\n", 1)[0]
    if text.lstrip()[:1] in ("{", "["):
        return "a JSON document"
    if line.startswith(("import ", "from ", "def ", "class ", "#!")):
        return "a program text"
    if line.count(",") >= 1 or line.count(";") >= 1 or line.count("\t") >= 1:
        return "a table of text (CSV)"
    return "a text file"


def _text(start: bytes) -> str | None:
    for cut in range(4):  # the sample may end inside a character
        try:
            text = start[: len(start) - cut].decode()
        except UnicodeDecodeError:
            continue
        return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None
    return None
