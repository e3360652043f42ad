"""Names, texts, labels and digests: one rule each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mlops_desktop.domain.accounts import PERMISSIONS, Action, Role, parse_roles
from mlops_desktop.domain.audit import GENESIS, AuditEntry, link_hash, verify_chain
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_name, check_text, suggest_name
from mlops_desktop.domain.registry import (
    ArtifactFile,
    Column,
    FileRole,
    Format,
    Inspection,
    InspectionVerdict,
    Lineage,
    ModelVersion,
    Signature,
    Task,
    canonical_json,
    parse_label,
    record_digest,
    version_digest,
)

SIGNATURE = Signature((Column("a", "double"),))
FILE = ArtifactFile("model.onnx", "ab" * 32, 10, FileRole.MODEL)
VERSION = ModelVersion(
    "delay",
    1,
    Task.CLASSIFICATION,
    Format.ONNX,
    "digest",
    (FILE,),
    SIGNATURE,
    {"roc_auc": 0.7},
    {"C": "1"},
    {"team": "blue"},
    "first",
    Lineage(seed=3),
    Inspection(InspectionVerdict.ALLOW),
    None,
    "ada",
    datetime(2026, 3, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("name", ["a", "flight-delay", "a.b_c-1", "0", "x" * 63, "console", "com10"])
def test_e09_names_that_are_fine(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["Flight Delay", "Ärger!", "../../etc", "CON", "", "日本", "x" * 200, "-a"])
def test_e09_a_refusal_suggests_a_name_that_is_fine(name: str) -> None:
    with pytest.raises(InvalidInput, match="for example"):
        check_name(name)
    assert check_name(suggest_name(name))


def test_texts_are_composed_and_bounded() -> None:
    assert check_text("e\u0301\nline\ttab", "note") == "\u00e9\nline\ttab"
    for text in ("a\u0000b", "a\u200bb", "a\u202eb", "\ud800", "x" * 10_001):
        with pytest.raises(InvalidInput):
            check_text(text, "note")


@pytest.mark.parametrize(
    "label", ["delay", "@1", "delay@", "delay@0", "delay@-1", "delay@1.0", "delay@²", "d@" + "9" * 10]
)
def test_labels_that_name_nothing(label: str) -> None:
    with pytest.raises(InvalidInput, match="names no version"):
        parse_label(label)


def test_what_a_version_serves_decides_its_digest() -> None:
    digest = version_digest(Format.ONNX, [FILE], SIGNATURE)
    other_signature = Signature((Column("a", "double", required=False),))
    assert (
        len(
            {
                digest,
                version_digest(Format.SKOPS, [FILE], SIGNATURE),
                version_digest(Format.ONNX, [replace(FILE, digest="cd" * 32)], SIGNATURE),
                version_digest(Format.ONNX, [replace(FILE, path="other.onnx")], SIGNATURE),
                version_digest(Format.ONNX, [FILE], other_signature),
            }
        )
        == 5
    )
    second = replace(FILE, path="b")
    assert version_digest(Format.ONNX, [FILE, second], SIGNATURE) == version_digest(
        Format.ONNX, [second, FILE], SIGNATURE
    )


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"number": 2},
        {"task": Task.REGRESSION},
        {"metrics": {"roc_auc": 0.71}},
        {"params": {}},
        {"tags": {"team": "red"}},
        {"description": "second"},
        {"lineage": Lineage(seed=3, trained_by="eve")},
        {"inspection": Inspection(InspectionVerdict.REVIEW)},
        {"registered_by": "eve"},
    ],
)
def test_every_fact_is_in_the_record_digest(change: dict[str, object]) -> None:
    assert record_digest(replace(VERSION, **change)) != record_digest(VERSION)
    assert record_digest(replace(VERSION, damaged=True)) == record_digest(VERSION)


def test_canonical_json_has_one_form() -> None:
    assert canonical_json({"b": 1, "a": ["ü", 0.1]}) == '{"a":["ü",0.1],"b":1}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))


def test_every_action_has_a_role_and_the_viewer_only_looks() -> None:
    assert PERMISSIONS.keys() == set(Action)
    assert {action for action, roles in PERMISSIONS.items() if Role.VIEWER in roles} == {Action.VIEW}
    assert parse_roles(["viewer", Role.ADMIN]) == {Role.VIEWER, Role.ADMIN}


def chain(bodies: list[bytes]) -> list[AuditEntry]:
    entries, previous = [], GENESIS
    for sequence, body in enumerate(bodies, start=1):
        digest = link_hash(sequence, previous, body)
        entries.append(AuditEntry(sequence, body, previous, digest))
        previous = digest
    return entries


def test_d01_the_chain_names_the_first_link_that_does_not_hold() -> None:
    entries = chain([b"one", b"two", b"three", b"four"])
    assert verify_chain(entries).intact
    assert verify_chain([]).intact
    swapped = [entries[0], entries[2], entries[1], entries[3]]
    edited = [*entries[:2], replace(entries[2], body=b"3"), entries[3]]
    removed = [*entries[:1], *entries[2:]]
    for broken, place in ((swapped, 2), (edited, 3), (removed, 2)):
        assert verify_chain(broken).broken_at == place
    assert verify_chain(entries[:2]).intact, "a cut tail is what a chain alone can't see"
