"""What counts as a difference of two versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from mlops_desktop.domain.registry import (
    Column,
    Format,
    Inspection,
    InspectionVerdict,
    Lineage,
    ModelVersion,
    Signature,
    Task,
    compare,
)

ONE = ModelVersion(
    model="delay",
    number=1,
    task=Task.CLASSIFICATION,
    format=Format.ONNX,
    digest="aa",
    files=(),
    signature=Signature((Column("x", "float", shape=(-1, 2)),)),
    metrics={"auc": 0.7},
    params={"C": "1"},
    tags={"team": "blue"},
    description="",
    lineage=Lineage(code_commit="c0ffee" * 7, source="train.py", source_digest="11" * 32),
    inspection=Inspection(InspectionVerdict.ALLOW),
    conversion=None,
    registered_by="ada",
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
)


def changed(left: ModelVersion, right: ModelVersion) -> list[tuple[str, str]]:
    return [(d.section, d.name) for d in compare(left, right).differences if d.changed]


def test_the_same_facts_do_not_differ() -> None:
    assert changed(ONE, replace(ONE, number=2)) == []


def test_every_kind_of_fact_is_compared() -> None:
    lineage = replace(ONE.lineage, code_dirty=True, source_digest="22" * 32, parent=1, trained_by="rob")
    other = replace(
        ONE, tags={"team": "red"}, signature=Signature((Column("x", "float", shape=(-1, 3)),)), lineage=lineage
    )
    assert changed(ONE, other) == [
        ("tags", "team"),
        ("schema", "input x"),
        ("lineage", "code commit"),
        ("lineage", "continues"),
        ("lineage", "source digest"),
        ("lineage", "trained by"),
    ]
