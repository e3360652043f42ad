"""E14: nothing that a person or a model file says becomes an instruction of a build."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import InvalidArtifact, InvalidInput
from mlops_desktop.engines import images
from mlops_desktop.engines.builder import PACKAGE
from mlops_desktop.engines.engine import ImageSpec

HOSTILE = [
    "a\nRUN id",
    "a\r\nRUN id",
    "`id`",
    "$(id)",
    "${HOME}",
    "a b",
    "a;id",
    "a|id",
    "a\\",
    "a\x00b",
    "",
    "é",
    "a\u2028b",
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m.onnx").write_bytes(b"model")
    (tmp_path / "serving.json").write_text(json.dumps({"format": "onnx"}))
    return tmp_path


@pytest.mark.parametrize(
    "name", ["python:3.11-slim", "host:5000/team/base:1.0", "a/b_c__d--e.f", "python@sha256:" + "a" * 64]
)
def test_image_names_that_docker_knows(name: str) -> None:
    assert images.check_image_name(name) == name


@pytest.mark.parametrize(
    "name",
    [*HOSTILE, "Python:3", "python:", ":3", "a//b", "python AS x", "python@sha256:1", "--platform=x python", "a" * 300],
)
def test_e14_other_image_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        images.check_image_name(name)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("line", ["numpy==2.1.0", "scikit-learn==1.6.1", "uvicorn[standard]==0.35", "a==1!2.0+local.1"])
def test_pinned_requirements(line: str) -> None:
    assert images.check_requirement(line) == line


@pytest.mark.parametrize(
    "line",
    [
        *HOSTILE,
        *(f"numpy=={text}" for text in HOSTILE),
        "numpy",
        "numpy>=2",
        "--index-url=http://evil",
        "--extra-index-url http://evil",
        "-e git+https://evil/x",
        "-r other.txt",
        "git+https://evil/x",
        "numpy @ http://evil/numpy.whl",
        "./numpy.whl",
        "/etc/passwd",
        "numpy==1.0 --hash=sha256:0",
        "numpy==1.0 ; python_version>'3'",
        "numpy==1.*",
    ],
)
def test_e14_other_requirements_are_refused(line: str) -> None:
    with pytest.raises(InvalidInput):
        images.check_requirement(line)


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x00", "x" * 2000, "a\u202eb"])
def test_e14_label_values_are_one_line(text: str) -> None:
    with pytest.raises(InvalidInput):
        images.check_labels({"model": text})


@pytest.mark.parametrize("key", ["", "A", "a b", "a=b", "a\n", "-a"])
def test_e14_label_keys_have_a_grammar(key: str) -> None:
    with pytest.raises(InvalidInput):
        images.check_labels({key: "x"})


@pytest.mark.parametrize(
    "index", ["x", "http://", "ftp://a", "http://a\n[global]", "http://a b", "http://a'", "javascript:1"]
)
def test_e14_the_index_is_one_address(index: str) -> None:
    with pytest.raises(InvalidInput):
        images.check_index(index)


def test_no_label_or_version_reaches_a_dockerfile(bundle: Path) -> None:
    spec = ImageSpec("m@1 `id` $(id)", "m", bundle, labels={"note": "RUN evil `id` ${X}"})
    base = images.dependency_layer("base:1", "sha256:0", ("numpy==1.0",), images.BuildAccess())
    serving = images.serving_layer(base, PACKAGE)
    model = images.model_image(serving, spec)
    for layer in (base, serving):
        assert "evil" not in layer.dockerfile
        assert "numpy==" not in layer.dockerfile
    assert images.check_image_name(model.name)
    assert model.labels["io.mlops-desktop.note"] == "RUN evil `id` ${X}"


def test_an_index_with_a_password_and_certificates_stay_in_the_first_stage() -> None:
    access = images.BuildAccess(b"PEM", "https://user:secret@host/simple")
    layer = images.dependency_layer("base:1", "sha256:0", ("numpy==1.0",), access)
    assert "secret" not in layer.dockerfile
    assert "secret" not in json.dumps(dict(layer.labels)) + layer.name
    first, second = layer.dockerfile.split("FROM base:1\n")
    assert "build/" in first
    assert "build/" not in second
    with pytest.raises(InvalidInput):
        images.dependency_layer("base:1", "sha256:0", (), access, "a\nRUN id")
    # Nor does the way out change what the image is.
    assert (
        layer.name == images.dependency_layer("base:1", "sha256:0", ("numpy==1.0",), images.BuildAccess(), "other").name
    )


def test_names_follow_the_content(bundle: Path) -> None:
    def name(base: str = "sha256:0", lines: tuple[str, ...] = ("numpy==1.0",), spec: ImageSpec | None = None) -> str:
        dependencies = images.dependency_layer("base:1", base, lines, images.BuildAccess())
        serving = images.serving_layer(dependencies, PACKAGE)
        return images.model_image(serving, spec or ImageSpec("m@1", "m", bundle)).name

    first = name()
    assert first.startswith("mlops-desktop/model:m-1-")
    assert name() == first
    assert name(base="sha256:1") != first
    assert name(lines=("numpy==1.1",)) != first
    assert name(spec=ImageSpec("m@2", "m", bundle)) != first
    (bundle / "model" / "m.onnx").write_bytes(b"other")
    assert name() != first


def test_a_context_is_the_same_for_the_same_content(bundle: Path) -> None:
    dependencies = images.dependency_layer("base:1", "sha256:0", ("numpy==1.0",), images.BuildAccess())
    model = images.model_image(images.serving_layer(dependencies, PACKAGE), ImageSpec("m@1", "m", bundle))
    contexts = []
    for moment in (1, 2_000_000_000):
        import os

        os.utime(bundle / "serving.json", (moment, moment))
        out = io.BytesIO()
        model.context(out)
        contexts.append(out.getvalue())
    assert contexts[0] == contexts[1]
    with tarfile.open(fileobj=io.BytesIO(contexts[0])) as tar:
        assert tar.getnames() == ["bundle/model/m.onnx", "bundle/serving.json"]
        assert {(m.uid, m.mode, m.mtime) for m in tar} == {(0, 0o644, 0)}


def test_an_onnx_version_takes_no_training_packages_along(bundle: Path) -> None:
    spec = ImageSpec("m@1", "m", bundle, ("scikit-learn==1.6.1", "pandas==2.2.0", "numpy==2.1.3"))
    lines = images.requirements_of(spec, PACKAGE)
    assert "numpy==2.1.3" in lines
    names = {line.partition("==")[0] for line in lines}
    assert names == {"httptools", "numpy", "onnxruntime", "orjson", "uvicorn", "uvloop"}
    assert all("==" in line for line in lines)


def test_a_python_version_brings_its_own_pins(bundle: Path) -> None:
    (bundle / "serving.json").write_text(json.dumps({"format": "skops"}))
    lines = images.requirements_of(ImageSpec("m@1", "m", bundle, ("Scikit_Learn==1.5.0", "pandas")), PACKAGE)
    assert "Scikit_Learn==1.5.0" in lines
    assert sum(images.canonical(line).startswith("scikit-learn") for line in lines) == 1
    assert not any(line.startswith("onnxruntime") for line in lines)
    for line in lines:
        images.check_line(line)


def test_two_pins_of_one_package_are_refused(bundle: Path) -> None:
    with pytest.raises(InvalidInput, match="numpy"):
        images.requirements_of(ImageSpec("m@1", "m", bundle, ("numpy==1.0", "NumPy==2.0")), PACKAGE)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "exe"}', '{"format": 1}', "\x00"])
def test_a_bundle_without_a_known_format_is_refused(bundle: Path, content: str) -> None:
    (bundle / "serving.json").write_text(content)
    with pytest.raises(InvalidArtifact):
        images.bundle_format(bundle)


def test_a_link_in_a_bundle_is_refused(bundle: Path) -> None:
    (bundle / "model" / "link").symlink_to("/etc/passwd")
    dependencies = images.dependency_layer("base:1", "sha256:0", (), images.BuildAccess())
    with pytest.raises(InvalidArtifact, match="link"):
        images.model_image(images.serving_layer(dependencies, PACKAGE), ImageSpec("m@1", "m", bundle))
