"""Rows of JSON values become checked arrays, and the fast way says what the exact one says."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from mlops_desktop.serving.errors import CannotServe, InvalidRequest
from mlops_desktop.serving.frames import Frame, NotPlain, exact_frame, fast_frame
from mlops_desktop.serving.schema import Schema


def schema(*columns: tuple[str, str, bool]) -> Schema:
    return Schema.from_signature({"inputs": [{"name": n, "type": t, "required": r} for n, t, r in columns]})


FLOATS = schema(("a", "float", True), ("b", "float", True))
NULLABLE = schema(("a", "double", True), ("b", "double", False))
WHOLE = schema(("a", "long", True), ("b", "long", True))
MIXED = schema(
    ("text", "string", True),
    ("maybe", "string", False),
    ("small", "integer", True),
    ("count", "long", False),
    ("flag", "boolean", True),
    ("size", "float", False),
)
TENSOR = Schema.from_signature({"inputs": [{"name": "X", "type": "double", "shape": [-1, 3]}]})


def same(a: Frame, b: Frame) -> bool:
    if a.matrix is not None and b.matrix is not None:
        return a.matrix.dtype == b.matrix.dtype and np.array_equal(a.matrix, b.matrix, equal_nan=True)
    return all(
        x == y if isinstance(x, list) else x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        for x, y in zip(a.columns, b.columns, strict=True)
    )


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (FLOATS, [[1, 2.5], [3, -4.25]]),
        (NULLABLE, [[1.0, None], [2.0, 3.0]]),
        (WHOLE, [[1, 2**62]]),
        (TENSOR, [[1, 2, 3.5], [4, 5, 6]]),
        (MIXED, [["a", None, 1, 5, True, None], ["", "b", -2, 6, False, 1.5]]),
    ],
)
def test_plain_rows_take_the_fast_way(given: Schema, rows: list[list[Any]]) -> None:
    assert same(fast_frame(given, rows, None), exact_frame(given, rows, None))


def test_whatever_the_fast_way_takes_the_exact_way_takes_alike() -> None:
    """50,000 rows of everything that JSON can say; where the fast one answers, the exact one answers the same."""
    source = random.Random(11)
    values: list[Any] = [None, True, False, 0, 1, -7, 2.0, 2.5, 1e300, -1e300, 2**31, 2**40, 2**63, 2**64 - 1]
    values += ["", "1", "x", [], [1], {}, {"a": 1}, 1e-320, 3.4e38, 3.5e38, 10**30, -0.0]
    taken = 0
    for given in (FLOATS, NULLABLE, WHOLE, MIXED, TENSOR):
        for _ in range(10_000):
            rows = [[source.choice(values) for _ in range(given.width)] for _ in range(source.choice([1, 1, 2]))]
            try:
                fast = fast_frame(given, rows, None)
            except NotPlain:
                continue
            taken += 1
            assert same(fast, exact_frame(given, rows, None)), rows
    assert taken > 1000


@pytest.mark.parametrize(
    ("given", "row", "words"),
    [
        (FLOATS, [1.0, "2"], r"Row 0, field 'b': expected a number, got the text '2'"),
        (FLOATS, [1.0, None], r"field 'b': null is not allowed"),
        (FLOATS, [True, 1.0], r"field 'a': expected a number, got true"),
        (FLOATS, [1.0, [2]], r"field 'b': expected a number, got a list"),
        (FLOATS, [1.0, 1e300], r"field 'b': 1e\+300 is too large for the type float"),
        (FLOATS, [1.0], r"Row 0 has 1 values, the model takes 2: a, b"),
        (FLOATS, [1.0, 2.0, 3.0], r"Row 0 has 3 values"),
        (FLOATS, "ab", r"Row 0 must be a list of values, it is the text 'ab'"),
        (FLOATS, [1.0, float("inf")], r"field 'b': inf is too large"),
        (FLOATS, [1.0, float("nan")], r"field 'b': NaN is not allowed"),
        (WHOLE, [1, 2.5], r"field 'b': expected a whole number, got 2.5"),
        (WHOLE, [1, 2**63], r"field 'b': 9223372036854775808 is too large for the type long"),
        (WHOLE, [1, "2"], r"field 'b': expected a whole number, got the text '2'"),
        (MIXED, [1, "", 1, 1, True, 1], r"field 'text': expected a text, got 1"),
        (MIXED, ["a", "", 2**31, 1, True, 1], r"field 'small': 2147483648 is too large for the type integer"),
        (MIXED, ["a", "", 1, 1, 1, 1], r"field 'flag': expected true or false, got 1"),
        (TENSOR, [1.0, 2.0], r"Row 0 has 2 values, the model takes 3\."),
        (TENSOR, [1.0, 2.0, "x"], r"field 'X\[2\]': expected a number, got the text 'x'"),
        (schema(("t", "datetime", True)), ["soon"], r"field 't': expected a time like 2024"),
        (schema(("t", "binary", True)), ["%%"], r"field 't': expected a text in base64"),
    ],
)
def test_e13_the_field_is_named(given: Schema, row: Any, words: str) -> None:
    with pytest.raises(NotPlain):
        fast = fast_frame(given, [row], None)
        if given.uniform is not None and fast.matrix is not None and not np.isfinite(fast.matrix).all():
            raise NotPlain  # NaN and infinity never come through JSON or CSV; the exact way knows them all the same
    with pytest.raises(InvalidRequest, match=words):
        exact_frame(given, [row], None)


def test_whole_numbers_may_be_written_as_floats_and_be_missing() -> None:
    assert exact_frame(WHOLE, [[1.0, 2]], None).matrix.tolist() == [[1, 2]]  # type: ignore[union-attr]
    frame = exact_frame(MIXED, [["a", None, 1, None, True, 2]], None)
    assert np.isnan(frame.columns[3][0]) and frame.columns[1] == [None]


def test_times_are_utc() -> None:
    frame = exact_frame(schema(("t", "datetime", False)), [["2024-03-31T10:00:00+02:00"], ["2024-03-31"], [None]], None)
    assert frame.columns[0][0] == np.datetime64("2024-03-31T08:00:00", "ns")
    assert np.isnat(frame.columns[0][2])


def test_columns_in_another_order_and_absent_ones() -> None:
    assert FLOATS.arrange(["b", "a"]) == (1, 0)
    assert fast_frame(FLOATS, [[1, 2]], (1, 0)).matrix.tolist() == [[2, 1]]  # type: ignore[union-attr]
    assert NULLABLE.arrange(["a"]) == (0, -1)
    fast, exact = fast_frame(NULLABLE, [[5]], (0, -1)), exact_frame(NULLABLE, [[5]], (0, -1))
    assert same(fast, exact) and np.isnan(fast.matrix[0, 1])  # type: ignore[index]
    assert FLOATS.arrange(["x", "a", "b"]) == (1, 2)  # as MLflow: what the signature doesn't know is ignored


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["a"], "field 'b' is missing"),
        (["a", "B"], "field 'b' is missing; 'B' is not known"),
        (["a", "a", "b"], "'a' is given twice"),
    ],
)
def test_columns_that_do_not_fit(columns: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FLOATS.arrange(columns)


def test_a_misspelt_optional_column_is_not_taken_for_a_missing_one() -> None:
    with pytest.raises(ValueError, match="field 'bb' is not known; 'b' is absent"):
        NULLABLE.arrange(["a", "bb"])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "no signature"),
        ([{"name": "a", "type": "complex"}], "'complex'"),
        ([{"type": "float"}], "can't be read"),
        ([{"name": "a", "type": "float"}, {"name": "a", "type": "float"}], "same name"),
        ([{"name": "a", "type": "float", "shape": [-1, 3]}, {"name": "b", "type": "float"}], "one tensor"),
        ([{"name": "a", "type": "float", "shape": [-1, -1]}], "fixed row shape"),
    ],
)
def test_signatures_that_can_not_be_served(inputs: list[Any], words: str) -> None:
    with pytest.raises(CannotServe, match=words):
        Schema.from_signature({"inputs": inputs})
