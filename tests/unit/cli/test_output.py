"""How values become text and JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_desktop.cli.output import Output, cell, error_line, facts, plain, shortened, size, table, to_plain
from mlops_desktop.domain.accounts import Account, Role
from mlops_desktop.domain.checks import CheckResult, CheckRun, Verdict
from mlops_desktop.domain.monitoring import DriftReport, DriftState, FeatureDrift

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_every_kind_of_value_has_a_json_form() -> None:
    account = Account("ada", "Ada", frozenset({Role.REVIEWER, Role.ADMIN}), NOON)

    document = to_plain({"account": account, "path": Path("/a"), "nan": math.nan, "bytes": b"\x01", "pair": (1, 2.5)})

    json.dumps(document, allow_nan=False)
    assert document["account"]["roles"] == ["admin", "reviewer"]
    assert document["account"]["created_at"] == "2026-03-01T12:00:00+00:00"
    assert document["account"]["last_seen"] is None
    assert (document["path"], document["nan"], document["bytes"], document["pair"]) == ("/a", None, "01", [1, 2.5])


def test_what_a_program_would_have_to_work_out_is_given() -> None:
    run = CheckRun(1, "m", 1, "production", "d", (CheckResult("a", Verdict.FAIL, "No."),), NOON, 0.1, "ada")
    feature = FeatureDrift("temp", "number", DriftState.DRIFT, 300, 0.4, 0.3, 0.0, 0.1, 0.5, 0.0, "Warmer.")
    report = DriftReport("m", 1, "d", 0.0, 1.0, 300, (feature,))

    assert to_plain(run)["passed"] is False
    assert to_plain(report)["state"] == "drift"
    assert to_plain(feature)["state"] == "drift"


def test_an_unknown_kind_of_value_is_a_bug_not_a_guess() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        to_plain(object())


@dataclass(frozen=True, slots=True)
class _Row:
    name: str


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\u202eb", "a\x00b", "\ud800", "zero\u200bwidth"])
def test_text_of_others_can_not_steer_the_terminal(text: str) -> None:
    for shown in (plain(text), cell(text), error_line(text), table(["a"], [[text]]), facts([("a", text)])):
        assert "\\u" in shown
        shown.encode()
        assert not any(c in shown for c in "\x1b\u202e\x00\u200b")


def test_a_table_is_aligned_and_numbers_are_flush_right() -> None:
    text = table(["name", "rows"], [("a", 5), ("longer", 12345)])

    assert text.splitlines() == ["NAME     ROWS", "a           5", "longer  12345"]


def test_wide_characters_keep_the_columns() -> None:
    lines = table(["name", "x"], [("日本", "a"), ("abcd", "b")]).splitlines()
    assert lines[1] == "日本  a"
    assert lines[2] == "abcd  b"


def test_one_cell_is_one_line() -> None:
    assert cell("a\n  b\tc") == "a b c"
    assert cell({"b": 1, "a": 0.5}) == "b 1, a 0.5"
    assert cell(frozenset({"y", "x"})) == "x, y"
    assert (cell(None), cell(""), cell(math.nan), cell(True), cell(False)) == ("–", "–", "–", "yes", "no")
    assert (cell(0.123456), cell(0.0), cell(1.5e-7), cell(123456.0)) == ("0.1235", "0", "1.500e-07", "1.235e+05")
    assert shortened("a" * 100, 10) == "a" * 9 + "…"


def test_an_empty_table_says_so_and_facts_leave_out_the_unknown() -> None:
    assert table(["a"], [], "Nothing.") == "Nothing."
    assert facts([("name", "x"), ("seed", None), ("longer", 0)]) == "name    x\nlonger  0"


def test_an_error_is_one_line() -> None:
    assert error_line("It\nfailed.", "Try\tagain.") == "Error: It failed. Try again."


def test_sizes() -> None:
    assert [size(n) for n in (0, 1023, 1024, 5 * 2**20, 3 * 2**30)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 GiB",
    ]


def test_json_goes_to_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True)
    output.note("by the way")
    output.show(_Row("ä\x1b"), "text for people")

    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "ä\x1b"}
    assert "\x1b" not in captured.out
    assert captured.err == "by the way\n"
