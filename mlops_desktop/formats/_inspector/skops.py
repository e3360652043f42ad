"""Read which types a skops file names, without loading it: a ZIP archive with schema.json."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from mlops_desktop.formats._inspector import names
from mlops_desktop.formats._inspector.report import ALLOW, REJECT, REVIEW, Malformed, NotAModel, Report, shown

MAX_MEMBERS = 20_000
MAX_UNPACKED = 1 << 30
MAX_RATIO = 200  # of what is larger than FREE_UNPACKED
FREE_UNPACKED = 16 << 20
MAX_SCHEMA = 64 << 20
# What skops itself writes; another loader may do anything.
_LOADERS = frozenset(
    {
        "BytearrayNode", "BytesNode", "CachedNode", "ConstructorFromReduceNode", "DTypeNode", "DefaultDictNode",
        "DictNode", "FunctionNode", "JsonNode", "ListNode", "LossNode", "MaskedArrayNode", "MethodNode", "NdArrayNode",
        "ObjectNode", "OperatorFuncNode", "PartialNode", "RandomGeneratorNode", "RandomStateNode", "ReduceNode",
        "SGDNode", "SetNode", "SliceNode", "SparseMatrixNode", "TreeNode", "TupleNode", "TypeNode",
    }
)  # fmt: skip
_PLAIN = frozenset({("builtins", "NoneType"), ("builtins", "ellipsis"), ("numpy", "ufunc"), ("builtins", "method")})
_NOT_SKOPS = (
    ("data.pkl", "a PyTorch archive"),
    ("config.json", "a Keras model (.keras)"),
    ("[Content_Types].xml", "an Office document"),
    ("META-INF/MANIFEST.MF", "a Java archive"),
    ("MLmodel", "an archive of an MLmodel folder: unpack it and register the folder"),
    ("saved_model.pb", "an archive of a TensorFlow model"),
)


def inspect_skops(file: BinaryIO, report: Report) -> None:
    """Judge the archive's names; NotAModel when it is another kind of archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = _check_members(archive)
            if "schema.json" not in members:
                raise NotAModel(f"This is {_kind(members)}, no model file.")
            schema = _load(archive, members["schema.json"])
            for node in _nodes(schema):
                _judge(node, report)
                _check_files(node, members)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RecursionError, RuntimeError) as error:
        report.note(REJECT, f"The archive can't be read: {shown(str(error))}.")
        return
    except Malformed as error:
        report.note(REJECT, str(error))
        return
    report.facts["estimator"] = _full_name(schema)
    for key in ("_skops_version", "protocol"):
        if isinstance(schema.get(key), (str, int)):
            report.facts["skops" if key == "_skops_version" else "skops protocol"] = shown(str(schema[key]))


def _check_members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    total = packed = 0
    if len(archive.infolist()) > MAX_MEMBERS:
        raise Malformed("The archive has too many files.")
    for info in archive.infolist():
        path = PurePosixPath(info.filename)
        if (
            info.orig_filename != info.filename
            or "\\" in info.filename
            or ":" in info.filename
            or path.is_absolute()
            or ".." in path.parts
        ):
            raise Malformed(f"The archive has a file outside its folder: {shown(info.filename)}.")
        if info.filename in members:
            raise Malformed(f"The archive has two files named {shown(info.filename)}.")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or info.flag_bits & 1:
            raise Malformed(f"The archive has an unusual entry: {shown(info.filename)}.")
        members[info.filename] = info
        total += info.file_size
        packed += info.compress_size
    if total > MAX_UNPACKED or (total > FREE_UNPACKED and total > MAX_RATIO * max(packed, 1)):
        raise Malformed(f"The archive unpacks to {total >> 20:,} MiB from {packed >> 10:,} KiB.")
    return members


def _kind(members: dict[str, zipfile.ZipInfo]) -> str:
    for name in members:
        for ending, kind in _NOT_SKOPS:
            if name == ending or name.endswith("/" + ending):
                return kind
    return "a ZIP archive without schema.json"


def _load(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> dict[str, Any]:
    if info.file_size > MAX_SCHEMA:
        raise Malformed("Its schema.json is too large.")
    with archive.open(info) as member:
        data = member.read(MAX_SCHEMA + 1)
    schema = json.loads(data, object_pairs_hook=_unique)
    if not isinstance(schema, dict) or not isinstance(schema.get("__loader__"), str):
        raise Malformed("Its schema.json is not that of a skops file.")
    return schema


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("Its schema.json has a key twice.")
    return result


def _nodes(schema: Any) -> list[dict[str, Any]]:
    """Every object of the JSON, without recursion."""
    found: list[dict[str, Any]] = []
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.append(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


def _full_name(node: dict[str, Any]) -> str:
    return shown(f"{node.get('__module__')}.{node.get('__class__')}")


def _judge(node: dict[str, Any], report: Report) -> None:
    loader = node.get("__loader__")
    if loader is not None and loader not in _LOADERS:
        report.note(REVIEW, f"It uses the loader {shown(str(loader))}, which is not known.")
    pairs = [(node.get("__module__"), node.get("__class__"))] if "__class__" in node or "__module__" in node else []
    content = node.get("content")
    if isinstance(content, dict) and "module_path" in content:  # FunctionNode, UfuncNode
        pairs.append((content.get("module_path"), content.get("function")))
    if loader == "FunctionNode" and pairs and pairs[0] == ("builtins", "function"):
        pairs = pairs[1:]
    for module, name in pairs:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Malformed("A type in its schema.json has no name.")
        if (module, name) in _PLAIN:
            continue
        verdict = names.judge(module, name)
        if verdict != ALLOW:
            report.note(verdict, names.sentence(module, name, verdict))
    if loader == "MethodNode":
        report.note(REVIEW, "It holds a method of an object.")


def _check_files(node: dict[str, Any], members: dict[str, zipfile.ZipInfo]) -> None:
    file = node.get("file")
    if isinstance(file, str) and "__loader__" in node and file not in members:
        raise Malformed(f"Its schema.json names the missing file {shown(file)}.")
