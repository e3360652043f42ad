"""Registering and reading versions: what is kept, what is refused, in which order lists come."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from mlops_desktop.domain.errors import Conflict, InvalidArtifact, InvalidInput, NotAllowed, NotFound
from mlops_desktop.domain.registry import FileRole, Format, InspectionVerdict, Task
from mlops_desktop.serving.bins import category_bins
from tests.unit.services.registry_kit import PASSWORD, SIGNATURE, Kit, lineage, model_file

EXAMPLES = {"columns": ["a", "b"], "rows": [[1.0, 2.0]], "predictions": [3.0], "scores": None}


def test_a_version_is_kept_with_everything(kit: Kit) -> None:
    version = kit.register(
        description="first",
        params={"C": "0.5"},
        tags={"team": "blue"},
        examples=EXAMPLES,
        requirements="scikit-learn==1.6\n",
        lineage=lineage(data={"train": "ab" * 32}, seed=3, trained_by="ada"),
        originals=[model_file(kit.files / "model.original", 9.0)],
    )
    assert (version.label, version.format, version.task) == ("delay@1", Format.ONNX, Task.CLASSIFICATION)
    assert [(f.path, f.role) for f in version.files] == [
        ("model.onnx", FileRole.MODEL),
        ("original/model.original", FileRole.ORIGINAL),
        ("reference/examples.json", FileRole.EXAMPLES),
        ("reference/requirements.txt", FileRole.REQUIREMENTS),
    ]
    assert version.inspection.verdict is InspectionVerdict.ALLOW
    registry = kit.reopen().registry
    assert registry.version("delay@1") == version
    assert json.loads(registry.read_file(version, FileRole.EXAMPLES)) == EXAMPLES
    assert registry.read_file(version, FileRole.MODEL) == (kit.files / "model.onnx").read_bytes()
    with pytest.raises(NotFound, match="no file for profile"):
        registry.read_file(version, FileRole.PROFILE)
    [summary] = registry.models()
    assert (summary.name, summary.latest, summary.key_metric, summary.key_metric_history) == (
        "delay",
        1,
        "roc_auc",
        (0.7,),
    )
    assert kit.workspace.audit.problems() == []


def test_numbers_have_no_gap_after_a_failure(kit: Kit) -> None:
    kit.register()
    with pytest.raises(InvalidInput, match="no version 7 to descend from"):
        kit.register(lineage=lineage(parent=7))
    assert kit.register(lineage=lineage(parent=1)).number == 2


def test_the_same_key_registers_once(kit: Kit) -> None:
    first = kit.register(idempotency_key="run-1")
    assert kit.register(idempotency_key="run-1", auc=0.9) == first
    with pytest.raises(Conflict, match=r"registered delay@1 already"):
        kit.register(model="other", idempotency_key="run-1")
    assert kit.workspace.registry.count_versions() == 1


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/b",
        "a\\b",
        ".",
        "..",
        "con",
        "x.",
        "x ",
        "a" * 64,
        "a\0b",
        "Churn",
        "ärger",
        "\u202eabc",
        "a\u200bb",
        "сhurn",
        "\ud800",
        "",
    ],
)
def test_e09_names_that_are_refused(kit: Kit, name: str) -> None:
    with pytest.raises(InvalidInput, match="can't be a model name"):
        kit.register(model=name)
    assert kit.workspace.registry.models() == []


def test_what_is_no_model_is_refused(kit: Kit, tmp_path: Path) -> None:
    registry, session = kit.workspace.registry, kit.session("ada")
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    empty = tmp_path / "folder"
    empty.mkdir()
    evil = tmp_path / "evil.pkl"
    evil.write_bytes(pickle.dumps(print) + b"")
    for path in (text, empty, tmp_path / "missing.onnx"):
        with pytest.raises(InvalidArtifact):
            registry.register_version(session, "delay", path, task=Task.CLASSIFICATION, signature=SIGNATURE)
    with pytest.raises(InvalidArtifact):
        registry.register_version(session, "delay", evil, task=Task.CLASSIFICATION, signature=SIGNATURE)
    assert registry.models() == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"metrics": {"auc": float("nan")}}, "no finite number"),
        ({"metrics": {"auc": 10**400}}, "no finite number"),
        ({"metrics": {"": 1.0}}, "empty"),
        ({"description": "a\u202eb"}, "invisible control character"),
        ({"params": {"a": "b" * 3000}}, "longer than"),
        ({"tags": {f"t{i}": "" for i in range(1001)}}, "more than 1,000 tags"),
        ({"examples": {"columns": ["a"], "rows": [[1, 2]]}}, "Row 1 of the examples"),
        ({"examples": {"columns": ["a"], "rows": [[1]], "predictions": [1, 2]}}, "not as many predictions"),
        ({"examples": b'{"columns": ["a"], "rows": [[NaN]]}'}, "NaN"),
        ({"examples": b'{"columns": ["a"], "rows": [[1e999]]}'}, "too large"),
        ({"examples": b'{"columns": ["a"], "columns": ["b"], "rows": [[1]]}'}, "given twice"),
        ({"examples": b"[" * 100_000}, "no JSON"),
        ({"profile": b"{}"}, "reference profile can't be used"),
        ({"requirements": "a\0b"}, "requirements"),
        ({"key_metric": "a\nb"}, "line break"),
    ],
)
def test_facts_that_can_not_be_right_are_refused(kit: Kit, facts: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        kit.register(**facts)
    assert kit.workspace.registry.models() == []


def test_a_new_model_needs_a_task_that_somebody_tells(kit: Kit) -> None:
    with pytest.raises(InvalidInput, match="does not say what it is for"):
        kit.register(task=None)
    kit.register(task=Task.REGRESSION)
    assert kit.register(task=None).task is Task.REGRESSION
    with pytest.raises(InvalidInput, match="is a model for regression"):
        kit.register(task=Task.CLASSIFICATION)
    with pytest.raises(NotFound, match="no model other"):
        kit.register(model="other", create_model=False)


def test_only_who_may_register_can(kit: Kit) -> None:
    with pytest.raises(NotAllowed, match="vic may not register"):
        kit.register("vic")
    [denied] = kit.workspace.audit.events(event="ActionDenied")
    assert (denied.actor, denied.sentence) == ("vic", "was refused: may not register versions")


def test_lists_page_search_and_sort(kit: Kit) -> None:
    for number, auc in enumerate((0.7, 0.9, 0.8), start=1):
        kit.clock.forward(minutes=1)
        kit.register(auc=auc, description=f"run {number} übung")
    kit.clock.forward(minutes=1)
    kit.register(model="churn", metrics={})
    registry = kit.workspace.registry

    def labels(**options: object) -> list[str]:
        return [v.label for v in registry.versions(**options)]

    assert labels() == ["churn@1", "delay@3", "delay@2", "delay@1"]
    assert labels(sort="oldest") == ["delay@1", "delay@2", "delay@3", "churn@1"]
    assert labels(sort="number") == ["churn@1", "delay@3", "delay@2", "delay@1"]
    assert labels(sort="metric:roc_auc") == ["delay@2", "delay@3", "delay@1", "churn@1"]
    for sort in ("newest", "oldest", "number", "metric:roc_auc"):
        paged, after = [], None
        while page := registry.versions(sort=sort, limit=1, after=after):
            paged += page
            after = page[-1]
        assert [v.label for v in paged] == labels(sort=sort), sort
        assert registry.summaries_of(registry.version_ids(sort=sort)) == paged
    assert labels(model="delay", search="run 2") == ["delay@2"]
    assert labels(search="UBUNG") == ["delay@3", "delay@2", "delay@1"]
    assert labels(search="chu") == ["churn@1"]
    assert registry.count_versions("delay") == 3
    with pytest.raises(InvalidInput, match="can't be sorted"):
        labels(sort="created_at; drop table versions")
    with pytest.raises(InvalidInput, match="can't be sorted"):
        labels(sort="metric")


@pytest.mark.parametrize(
    "search", ['x"; drop table versions;--', "%", "_", '"', "*", "NEAR(a b)", "a AND", "label:x", "^"]
)
def test_e11_searches_are_text(kit: Kit, search: str) -> None:
    kit.register(description="plain")
    registry = kit.workspace.registry
    assert registry.versions(search=search) == []
    assert registry.count_versions(search=search) == 0
    assert len(registry.versions(search="plain")) == 1


def test_compare_and_unknown_labels(kit: Kit) -> None:
    test_data = lineage(data={"test": "aa" * 32})
    kit.register(lineage=test_data)
    kit.register(auc=0.75, lineage=lineage(data={"test": "bb" * 32}))
    comparison = kit.workspace.registry.compare("delay@1", ("delay", 2))
    [auc] = [d for d in comparison.differences if d.name == "roc_auc"]
    assert auc.delta == pytest.approx(0.05)
    assert comparison.same_test_data is False
    for label, error in (("delay@3", NotFound), ("nobody@1", NotFound), ("delay", InvalidInput)):
        with pytest.raises(error):
            kit.workspace.registry.version(label)


def test_training_data_are_compared_by_their_profiles(kit: Kit) -> None:
    old, new = (
        {"schema": 1, "rows": 4, "features": {"a": category_bins(values).to_dict()}} for values in ("aab", "abb")
    )
    kit.register(profile=old)
    second = kit.register(auc=0.75, profile=new)
    kit.register(auc=0.8)
    registry = kit.workspace.registry
    [found] = registry.compare_training_data("delay@1", ("delay", 2))
    assert (found.feature, found.bins, found.left_shares) == ("a", ("a", "b"), pytest.approx((2 / 3, 1 / 3)))
    with pytest.raises(NotFound):
        registry.compare_training_data("delay@1", "delay@3")
    blob = kit.workspace._parts.artifacts.path(next(f.digest for f in second.files if f.role is FileRole.PROFILE))
    blob.chmod(0o600)
    blob.write_bytes(b"{}")
    with pytest.raises(InvalidArtifact):
        registry.compare_training_data("delay@1", "delay@2")


def test_a_row_of_the_list_tells_tags_verdict_and_test_data(kit: Kit) -> None:
    kit.register(tags={"team": "blue"}, lineage=lineage(data={"test": "ab" * 32}))
    kit.register(auc=0.8)
    bare, row = kit.workspace.registry.versions("delay")
    assert (row.tags, row.verdict, row.test_data) == ({"team": "blue"}, InspectionVerdict.ALLOW, "ab" * 32)
    assert (bare.tags, bare.test_data) == ({}, "")


def test_a13_a_damaged_file_is_found_marked_and_healed(kit: Kit) -> None:
    version = kit.register()
    blob = kit.workspace._parts.artifacts.path(version.files[0].digest)
    content = blob.read_bytes()
    blob.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    registry, session = kit.workspace.registry, kit.session("vic")
    assert registry.verify_artifacts(session, "delay", 1) == ["model.onnx"]
    assert registry.version("delay@1").damaged
    assert registry.versions()[0].damaged
    with pytest.raises(InvalidArtifact, match="damaged"):
        registry.read_file(version, FileRole.MODEL)
    with pytest.raises(InvalidArtifact):
        registry.export_files(version, kit.files / "out")
    blob.write_bytes(content)
    assert registry.verify_artifacts(session, "delay", 1) == []
    assert not registry.version("delay@1").damaged
    names = [e.event for e in kit.workspace.audit.events(subject="delay@1")]
    assert names == ["VersionFoundIntact", "VersionFoundDamaged", "VersionRegistered"]
    written = registry.export_files(version, kit.files / "again")
    assert [p.read_bytes() for p in written] == [content]
    with pytest.raises(Conflict, match="not empty"):
        registry.export_files(version, kit.files / "again")


def test_models_change(kit: Kit) -> None:
    kit.register(metrics={"roc_auc": 0.7, "loss": 0.4})
    registry = kit.workspace.registry
    model = registry.update_model(kit.session("eng"), "delay", description="late?", tags={"a": "b"}, key_metric="loss")
    assert (model.description, model.tags, registry.key_metric("delay")) == ("late?", {"a": "b"}, "loss")
    assert registry.models()[0].key_metric_history == (0.4,)
    assert registry.metric_names() == ["loss", "roc_auc"]
    with pytest.raises(NotFound):
        registry.update_model(kit.session("eng"), "nothing", description="")


def test_password_is_nowhere_in_the_files(kit: Kit) -> None:
    kit.register()
    kit.workspace.close()
    for path in kit.folder.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_files_without_a_version_go_after_a_day(kit: Kit) -> None:
    """A registration that ended between its files and its row."""
    version = kit.register()
    artifacts = kit.workspace._parts.artifacts
    orphan = artifacts.add_bytes(b"left over")
    assert kit.workspace.registry.remove_unused_files() == 0
    for digest in (orphan.digest, version.files[0].digest):
        os.utime(artifacts.path(digest), (0, 0))
    assert kit.workspace.registry.remove_unused_files() == orphan.size
    assert not artifacts.path(orphan.digest).exists()
    assert artifacts.verify(version.files[0].digest)
