"""What goes into an image: names, Dockerfile texts and build contexts. Pure: it talks to no engine.

Three images stand on one another, each named by the hash of what it contains, so that whether it has to be built is one
look-up by name (the classic builder's cache misses unchanged pip layers):

    base → deps (virtual env) → serving (the serving program, compiled) → model (the bundle: all that a version adds)

Texts of people and of model files never become an instruction: requirements, names and labels have to match a grammar,
and travel as files of the context or as parameters of the engine's interface (case E14).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from mlops_desktop.domain.errors import InvalidArtifact, InvalidInput
from mlops_desktop.engines.engine import ImageSpec

LABEL_PREFIX = "io.mlops-desktop."
STAGE_LABEL = LABEL_PREFIX + "stage"  # marks what only a build needs and may be removed after it
USER = 65534  # nobody, in image, socket folder and gateway alike

# The lists that the serving program keeps of what it needs, by format.
REQUIREMENT_LISTS: Mapping[str, tuple[str, ...]] = {
    "onnx": ("base", "onnx"),
    "skops": ("base", "sklearn"),
    "sklearn-pickle": ("base", "sklearn"),
    "mlflow": ("base", "sklearn"),
}

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?:\[[A-Za-z0-9][A-Za-z0-9._,-]*\])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*"
)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_OWN_LINE = re.compile(rf"{_NAME.pattern}(?:(?:>=|<|==|!=)[0-9][0-9.]*,?)*")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9.-]{0,62}")
MAX_LABEL = 1000

# Test suites and onnxruntime's tools for making models: 30 MB of an ONNX image that serving never imports.
_SLIM = (
    "import pathlib,shutil\n"
    "site=next(pathlib.Path('/opt/venv/lib').glob('python3*/site-packages'))\n"
    "found=[p for n in ('numpy','scipy','sklearn','pandas','onnxruntime') for p in (site/n).rglob('tests')]\n"
    "found+=[site/'onnxruntime'/n for n in ('transformers','tools','quantization','datasets')]\n"
    "for p in found: shutil.rmtree(p,ignore_errors=True)"
)
_HEALTH = (
    "import os,socket\n"
    "s=socket.socket(socket.AF_UNIX);s.settimeout(4);s.connect(os.environ['MLOPS_SOCKET'])\n"
    "s.sendall(b'GET /v2/health/live HTTP/1.1\\r\\nhost: health\\r\\nconnection: close\\r\\n\\r\\n')\n"
    "raise SystemExit(b' 200 ' not in s.recv(64))"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One image to be made when `name` does not exist: a Dockerfile, files of the context, labels."""

    title: str  # for the person who reads the log
    name: str
    dockerfile: str
    files: tuple[tuple[str, Path | bytes], ...]  # path in the context -> content
    labels: Mapping[str, str]

    def context(self, out: IO[bytes]) -> None:
        """Write the build context as a tar that is the same for the same content."""
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, "Dockerfile", self.dockerfile.encode())
            for name, content in self.files:
                _add(tar, name, content)


@dataclass(frozen=True, slots=True)
class BuildAccess:
    """How pip gets out of a build: certificates of the company's proxy, the company's index. Never in the result."""

    ca_bundle: bytes | None = None
    pip_index: str = ""


def check_image_name(name: str) -> str:
    """Return `name` when it is an image reference by Docker's grammar; else InvalidInput."""
    if len(name) <= 255 and _IMAGE.fullmatch(name):
        return name
    raise InvalidInput(
        f"“{_shown(name)}” is no image name.", "Write it like python:3.11-slim or host:5000/team/base:1."
    )


def check_requirement(line: str) -> str:
    """Return `line` when it is `name==version`, maybe with extras; options, addresses and paths are refused."""
    if len(line) <= 200 and _REQUIREMENT.fullmatch(line):
        return line
    raise InvalidInput(
        f"The requirement “{_shown(line)}” can't be used in an image.",
        "Give each package with its exact version, like numpy==2.1.0, one a line.",
    )


def check_line(line: str) -> str:
    """A line of `requirements_of`: as check_requirement, or a name with the ranges of our own lists."""
    return line if _OWN_LINE.fullmatch(line) else check_requirement(line)


def check_stage(stage: str) -> str:
    """The name of a build: our own, but it stands in a Dockerfile."""
    if not re.fullmatch(r"[a-z0-9]{1,40}", stage):
        raise InvalidInput("A build's name has lower-case letters and digits.")
    return stage


def check_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels with the app's prefix; InvalidInput for odd keys and for control characters in values."""
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            raise InvalidInput(
                f"“{_shown(key)}” can't name a label.", "Use lower-case letters, digits, dots and dashes."
            )
        if len(value) > MAX_LABEL or not value.isprintable():
            raise InvalidInput(f"The label {key} is too long or has control characters.", "Use one line of text.")
    return {LABEL_PREFIX + key: value for key, value in sorted(labels.items())}


def check_index(index: str) -> str:
    """Return a package index's address when it is one http(s) or file address; else InvalidInput."""
    refused = InvalidInput("The setting pip_index is no address.", "Write it like https://packages.example.org/simple.")
    if not index.isascii() or not index.isprintable() or re.search(r"[\s\"'`\\]", index):
        raise refused
    try:
        parts = urlsplit(index)
    except ValueError:
        raise refused from None
    if parts.scheme not in {"http", "https", "file"} or not (parts.netloc or parts.scheme == "file"):
        raise refused
    return index


def bundle_format(bundle: Path) -> str:
    """The format that a bundle's serving.json names; InvalidArtifact when there is none."""
    try:
        found = json.loads((bundle / "serving.json").read_text())["format"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidArtifact(
            "The serving bundle is incomplete: serving.json can't be read.", "Deploy again."
        ) from None
    if found not in REQUIREMENT_LISTS:
        raise InvalidArtifact(f"No engine knows the format “{_shown(str(found))}”.", "Register the version again.")
    return str(found)


def requirements_of(spec: ImageSpec, package: Path) -> tuple[str, ...]:
    """Sorted lines of what a version's image needs: its own pins, and the serving program's where it has none.

    An ONNX version gets only what runs ONNX, whatever it was trained with. What the version does not pin gets the
    version that the running application has, so that both engines compute with the same code; failing that, the range
    that the serving program names.
    """
    form = bundle_format(spec.bundle)
    needed: dict[str, str] = {}
    for name in REQUIREMENT_LISTS[form]:
        needed |= _ranges(package / "serving" / "requirements" / f"{name}.txt")
    pinned: dict[str, str] = {}
    for line in spec.requirements:
        bare = _NAME.fullmatch(line)
        name = canonical(line if bare else check_requirement(line).partition("==")[0].partition("[")[0])
        if (form == "onnx" and name not in needed) or bare:
            if bare and form != "onnx":
                needed.setdefault(name, line)
            continue
        if pinned.setdefault(name, line) != line:
            raise InvalidInput(f"{name} is required in two versions.", "Register the version with one of them.")
    for name, text in needed.items():
        pinned.setdefault(name, _installed(name) or text)
    return tuple(pinned[name] for name in sorted(pinned))


def _ranges(file: Path) -> dict[str, str]:
    """Name and whole line of each requirement of one of our own lists."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return {canonical(re.split(r"[^A-Za-z0-9._-]", line)[0]): line for line in lines if line}


def canonical(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def dependency_layer(
    base: str, base_digest: str, requirements: Sequence[str], access: BuildAccess, stage: str = "build"
) -> Layer:
    """The virtual env. Certificates and index address stay in the first stage, which the engine removes.

    `stage` names this one build on what it leaves, so that two at once don't remove each other's.
    """
    check_image_name(base)
    lines = "".join(f"{check_line(r)}\n" for r in requirements)
    dockerfile = f"""FROM {base} AS build
COPY build/ /opt/build/
ENV PIP_CONFIG_FILE=/opt/build/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN ["python3", "-m", "venv", "/opt/build/venv"]
RUN ["python3", "-m", "venv", "--without-pip", "/opt/venv"]
RUN ["/opt/build/venv/bin/python", "-m", "pip", "--python", "/opt/venv/bin/python", "install", "--progress-bar=off", \
"--only-binary=:all:", "--requirement=/opt/build/requirements.txt"]
RUN {json.dumps(["/opt/build/venv/bin/python", "-c", _SLIM])}
FROM {base}
COPY --from=build /opt/venv /opt/venv
"""
    config = "[global]\n"
    files: list[tuple[str, Path | bytes]] = [("build/requirements.txt", lines.encode())]
    if access.ca_bundle:
        config += "cert = /opt/build/ca.pem\n"
        files.append(("build/ca.pem", access.ca_bundle))
    if access.pip_index:
        config += f"index-url = {check_index(access.pip_index)}\n"
    files.append(("build/pip.conf", config.encode()))
    key = _hash(base_digest, lines, dockerfile)
    dockerfile = dockerfile.replace("\n", f"\nLABEL {STAGE_LABEL}={check_stage(stage)}\n", 1)
    return Layer("Dependencies", f"mlops-desktop/deps:{key}", dockerfile, tuple(files), _oci("dependencies", key))


def serving_layer(dependencies: Layer, package: Path) -> Layer:
    """The serving program on top of its dependencies; `package` is the folder of the package mlops_desktop."""
    found = sorted(p for p in (package / "serving").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    paths = [package / "__init__.py", *found]
    files = tuple((f"app/mlops_desktop/{p.relative_to(package).as_posix()}", p) for p in paths)
    health = json.dumps(["/opt/venv/bin/python", "-S", "-E", "-c", _HEALTH])
    # unchecked-hash: without times in the .pyc files, and without a look at the source at start-up.
    compile_all = json.dumps(
        ["/opt/venv/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/app"]
    )
    dockerfile = f"""FROM {dependencies.name}
COPY app/ /opt/app/
RUN {compile_all}
WORKDIR /opt/app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER {USER}:{USER}
ENTRYPOINT ["/opt/venv/bin/python", "-m", "mlops_desktop.serving", "--bundle", "/opt/bundle"]
CMD ["--host", "127.0.0.1", "--port", "8080"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD {health}
"""
    key = _hash(dependencies.name, dockerfile, *(f"{name}:{_file_hash(p)}" for name, p in files))
    return Layer("Serving program", f"mlops-desktop/serving:{key}", dockerfile, files, _oci("serving", key))


@dataclass(frozen=True, slots=True)
class ModelImage:
    """What a version adds to the serving image: files, laid on top without a Dockerfile."""

    name: str
    files: tuple[tuple[str, Path], ...]  # path below /opt -> file
    labels: Mapping[str, str]

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for _, path in self.files)

    def context(self, out: IO[bytes]) -> None:
        """Write the tar to be unpacked in /opt."""
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, path in self.files:
                _add(tar, name, path)


def model_image(serving: Layer, spec: ImageSpec) -> ModelImage:
    """The image of a version. Its name holds model and version for people and a hash for certainty."""
    form = bundle_format(spec.bundle)
    number = spec.version.rpartition("@")[2]
    labels = check_labels({"model": spec.model, "version": number, "format": form, **spec.labels})
    paths = sorted(p for p in spec.bundle.rglob("*") if not p.is_dir() or p.is_symlink())
    if odd := next((p for p in paths if p.is_symlink() or not p.is_file()), None):
        raise InvalidArtifact(f"The bundle holds “{_shown(odd.name)}”, which is no plain file.", "Register it again.")
    files = tuple((f"bundle/{p.relative_to(spec.bundle).as_posix()}", p) for p in paths)
    key = _hash(serving.name, json.dumps(labels), *(f"{name}:{_file_hash(p)}" for name, p in files))
    tag = re.sub(r"[^a-z0-9_.-]", "-", f"{spec.model[:80]}-{number[:20]}").lstrip(".-") + f"-{key}"
    oci = _oci(f"{spec.model} {number}", key) | {"org.opencontainers.image.version": number}
    return ModelImage(f"mlops-desktop/model:{tag}", files, oci | labels)


def folder_tar(folders: Iterable[str], mode: int) -> bytes:
    """A tar with empty folders that belong to USER."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, USER, USER
            tar.addfile(info)
    return out.getvalue()


def file_tar(files: Mapping[str, bytes], mode: int) -> bytes:
    """A tar with files that belong to USER."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            _add(tar, name, content, mode, USER)
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes, mode: int = 0o644, owner: int = 0) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.uid, info.gid, info.mtime = mode, owner, owner, 0
    if isinstance(content, bytes):
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        return
    with content.open("rb") as source:
        info.size = content.stat().st_size
        tar.addfile(info, source)


def _installed(name: str) -> str:
    """The pinned line of what the running application has, or nothing."""
    try:
        return f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _oci(title: str, key: str) -> dict[str, str]:
    return {"org.opencontainers.image.title": title, LABEL_PREFIX + "content": key}


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _file_hash(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _shown(text: str) -> str:
    return text.encode("unicode_escape").decode()[:80]
