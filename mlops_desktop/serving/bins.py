"""Reference bins: how training data are summarised, and how live values are counted on the same bins.

Used by the client (makes the profile), by the serving program (counts requests) and by analysis (compares). Pure numpy.
Bins are half open: value x falls into bin `searchsorted(edges, x, side="right")`, so `len(edges) + 1` bins; the first
holds what lies below the training minimum, the last what lies above its maximum. Counts add up exactly over time.

What counts as missing is one rule for both sides: for numbers None and NaN; for categories None, NaN and the empty text
(an ONNX model can't tell a missing text from an empty one). Infinite numbers are "invalid": counted, never binned.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

QUANTILES = 64
MAX_CATEGORIES = 100
LARGEST = float(np.finfo(np.float64).max)

FloatArray: TypeAlias = NDArray[np.float64]
CountArray: TypeAlias = NDArray[np.int64]


class ProfileError(ValueError):
    """The reference profile is not of the form that is needed; the message says what is wrong."""


@dataclass(frozen=True)
class NumberBins:
    """Edges of one numeric column, and how the training values fell on them.

    `deciles` are indices into `edges`: cutting only there gives about ten bins, none of them empty in training
    (what the population stability index needs). `minimum`, `maximum` are None when every value was missing.
    """

    edges: tuple[float, ...]
    deciles: tuple[int, ...]
    counts: tuple[int, ...]
    nulls: int = 0
    minimum: float | None = None
    maximum: float | None = None
    sum: float = 0.0
    sum_squares: float = 0.0

    @cached_property
    def edge_array(self) -> FloatArray:
        return np.asarray(self.edges, dtype=np.float64)

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) + 1

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "number",
            "edges": list(self.edges),
            "deciles": list(self.deciles),
            "counts": list(self.counts),
            "nulls": self.nulls,
            "min": self.minimum,
            "max": self.maximum,
            "sum": self.sum,
            "sum_squares": self.sum_squares,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NumberBins:
        """Read what `to_dict` wrote; ProfileError if it is something else."""
        try:
            bins = cls(
                tuple(float(e) for e in data["edges"]),
                tuple(int(i) for i in data["deciles"]),
                tuple(int(c) for c in data["counts"]),
                int(data.get("nulls", 0)),
                _optional(data.get("min")),
                _optional(data.get("max")),
                float(data.get("sum", 0.0)),
                float(data.get("sum_squares", 0.0)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProfileError(f"the bins of a number can't be read ({error!r})") from None
        edges = bins.edge_array
        if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise ProfileError("the edges of a number must be finite and rising")
        if len(bins.counts) != bins.size or min(bins.counts) < 0:
            raise ProfileError(f"{len(bins.edges)} edges need {bins.size} counts, there are {len(bins.counts)}")
        if any(not 0 <= i < len(bins.edges) for i in bins.deciles):
            raise ProfileError("a decile points at no edge")
        return bins


@dataclass(frozen=True)
class CategoryBins:
    """The most frequent categories of one column; the last count is that of every other category."""

    categories: tuple[str, ...]
    counts: tuple[int, ...]
    nulls: int = 0

    @cached_property
    def index(self) -> dict[str, int]:
        return {category: i for i, category in enumerate(self.categories)}

    @property
    def size(self) -> int:
        """Number of bins, "other" included."""
        return len(self.categories) + 1

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "category",
            "categories": list(self.categories),
            "counts": list(self.counts),
            "nulls": self.nulls,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CategoryBins:
        """Read what `to_dict` wrote; ProfileError if it is something else."""
        try:
            bins = cls(
                tuple(str(c) for c in data["categories"]),
                tuple(int(c) for c in data["counts"]),
                int(data.get("nulls", 0)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProfileError(f"the categories can't be read ({error!r})") from None
        if len(bins.counts) != bins.size or min(bins.counts) < 0 or len(bins.index) != len(bins.categories):
            raise ProfileError(f"{len(bins.categories)} categories need {bins.size} counts and distinct names")
        return bins


Bins: TypeAlias = NumberBins | CategoryBins


@dataclass(frozen=True)
class NumberCounts:
    """Values of one numeric column counted on its reference bins."""

    counts: CountArray
    nulls: int
    invalid: int
    minimum: float | None
    maximum: float | None
    sum: float
    sum_squares: float

    def to_dict(self) -> dict[str, Any]:
        """The form that a chunk carries."""
        return {
            "counts": self.counts.tolist(),
            "nulls": self.nulls,
            "invalid": self.invalid,
            "min": self.minimum,
            "max": self.maximum,
            "sum": self.sum,
            "sum_squares": self.sum_squares,
        }


@dataclass(frozen=True)
class CategoryCounts:
    """Values of one category column counted on its reference categories."""

    counts: CountArray
    nulls: int

    def to_dict(self) -> dict[str, Any]:
        """The form that a chunk carries."""
        return {"counts": self.counts.tolist(), "nulls": self.nulls}


def as_numbers(values: Any) -> FloatArray:
    """Numbers as float64, missing ones as NaN. Cast to the column's own type before: a float32 0.1 is not 0.1."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        array = np.array([math.nan if _missing(v) else v for v in array.ravel().tolist()], dtype=np.float64)
    return array.astype(np.float64, copy=False).ravel()


def number_bins(values: Any) -> NumberBins:
    """The bins of one numeric training column, with its values counted on them.

    Edges: minimum, 64 quantiles, deciles, Doane's histogram edges, the next number above the maximum; a heavy atom `a`
    (at least a 64th of the values and at least two) gets the edges `a` and the next number above it.
    """
    numbers = as_numbers(values)
    finite = np.sort(numbers[np.isfinite(numbers)])
    if not finite.size:
        return NumberBins((), (), (0,), int(np.isnan(numbers).sum()))
    # Quantiles that are training values, not means of two: 1.5 between two whole numbers would be an edge for nothing.
    cuts = np.quantile(finite, np.linspace(0, 1, QUANTILES + 1), method="inverted_cdf")
    deciles = np.quantile(finite, np.arange(1, 10) / 10, method="inverted_cdf")
    distinct, frequency = np.unique(finite, return_counts=True)
    atoms = distinct[frequency >= max(2.0, finite.size / QUANTILES)]
    with np.errstate(over="ignore"):
        above = np.nextafter(np.append(atoms, finite[-1]), np.inf)
        decile_cuts = np.concatenate([deciles, np.nextafter(np.intersect1d(deciles, atoms), np.inf)])
    edges = np.concatenate([cuts, deciles, _doane(finite), atoms, above])
    edges = np.unique(edges[np.isfinite(edges)] + 0.0)  # + 0.0: no edge is written as -0.0
    counted = _bin(edges, finite)
    decile_cuts = decile_cuts[np.isfinite(decile_cuts)]
    low, high = float(finite[0]), float(finite[-1])
    return NumberBins(
        tuple(edges.tolist()),
        _filled_cuts(np.unique(np.searchsorted(edges, decile_cuts)), counted),
        tuple(counted.tolist()),
        int(np.isnan(numbers).sum()),
        low,
        high,
        *_sums(finite),
    )


def category_bins(values: Iterable[Any]) -> CategoryBins:
    """The categories of one training column: the 100 most frequent, ties in order of their text."""
    frequency, nulls = _texts(values)
    ranked = sorted(frequency.items(), key=lambda item: (-item[1], item[0]))
    kept, rest = ranked[:MAX_CATEGORIES], ranked[MAX_CATEGORIES:]
    counts = [count for _, count in kept] + [sum(count for _, count in rest)]
    return CategoryBins(tuple(name for name, _ in kept), tuple(counts), nulls)


def count_numbers(bins: NumberBins, values: Any) -> NumberCounts:
    """Count live values of a numeric column; costs some 40 ns a value."""
    numbers = as_numbers(values)
    with np.errstate(all="ignore"):
        usual = bool(np.isfinite(numbers.sum()))  # one pass; NaN and infinity show in the sum
    finite = numbers if usual else numbers[np.isfinite(numbers)]
    nulls = int(np.isnan(numbers).sum()) if finite.size != numbers.size else 0
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    counts = _bin(bins.edge_array, finite)
    return NumberCounts(counts, nulls, numbers.size - finite.size - nulls, low, high, *_sums(finite))


def count_categories(bins: CategoryBins, values: Iterable[Any]) -> CategoryCounts:
    """Count live values of a category column; an unknown category is counted as "other"."""
    frequency, nulls = _texts(values)
    counts = np.zeros(bins.size, dtype=np.int64)
    index, other = bins.index, len(bins.categories)
    for text, count in frequency.items():
        counts[index.get(text, other)] += count
    return CategoryCounts(counts, nulls)


def category_text(value: Any) -> str:
    """The text under which a value is counted as a category: Python's own text of it (True, 1, 1.0, EWR)."""
    return value if isinstance(value, str) else str(value.item() if isinstance(value, np.generic) else value)


@dataclass(frozen=True)
class Profile:
    """The reference profile of a version: its training data on bins, and how it performed on held-out data."""

    rows: int
    features: Mapping[str, Bins]
    predictions: Mapping[str, Bins] = field(default_factory=dict)  # "score", and "outcome" of a classification
    importance: Mapping[str, float] = field(default_factory=dict)  # feature -> share, sums to 1
    performance: Mapping[str, float] = field(default_factory=dict)  # metric -> held-out value of this version

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "rows": self.rows,
            "features": {name: bins.to_dict() for name, bins in self.features.items()},
            "predictions": {name: bins.to_dict() for name, bins in self.predictions.items()},
            "importance": dict(self.importance),
            "performance": dict(self.performance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Profile:
        """Read what `to_dict` wrote; ProfileError if it is something else."""
        if not isinstance(data, Mapping) or data.get("schema") != 1:
            raise ProfileError("it is no reference profile of schema 1")
        try:
            return cls(
                int(data["rows"]),
                {str(name): _bins(name, bins) for name, bins in data["features"].items()},
                {str(name): _bins(name, bins) for name, bins in (data.get("predictions") or {}).items()},
                {str(name): float(share) for name, share in (data.get("importance") or {}).items()},
                {str(name): float(value) for name, value in (data.get("performance") or {}).items()},
            )
        except ProfileError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProfileError(f"the reference profile can't be read ({error!r})") from None

    def to_json(self) -> bytes:
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes | str) -> Profile:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ProfileError(f"the reference profile is no JSON ({error})") from None
        return cls.from_dict(data)

    def write(self, path: Path) -> None:
        path.write_bytes(self.to_json())

    @classmethod
    def read(cls, path: Path) -> Profile:
        return cls.from_json(path.read_bytes())


def _bins(name: Any, data: Any) -> Bins:
    kind = data.get("kind") if isinstance(data, Mapping) else None
    try:
        if kind == "number":
            return NumberBins.from_dict(data)
        if kind == "category":
            return CategoryBins.from_dict(data)
    except ProfileError as error:
        raise ProfileError(f"{name}: {error}") from None
    raise ProfileError(f"{name}: the kind must be number or category")


def _bin(edges: FloatArray, values: FloatArray) -> CountArray:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=edges.size + 1)
    return counts.astype(np.int64, copy=False)


def _doane(values: FloatArray) -> FloatArray:
    """Edges of Doane's rule (Doane 1976, as in numpy); none where the range is too wide or too narrow for it."""
    with np.errstate(all="ignore"):
        if not np.isfinite(values[-1] - values[0]):
            return np.empty(0)
        try:
            return np.histogram_bin_edges(values, bins="doane")
        except ValueError:  # the range is only a few floating-point numbers wide
            return np.empty(0)


def _filled_cuts(cuts: NDArray[np.intp], counts: CountArray) -> tuple[int, ...]:
    """Those of the cuts (indices into the edges) between which there are training values."""
    kept: list[int] = []
    start = 0
    for cut in cuts.tolist():
        if counts[start : cut + 1].sum() and counts[cut + 1 :].sum():
            kept.append(cut)
            start = cut + 1
    return tuple(kept)


def _sums(values: FloatArray) -> tuple[float, float]:
    """Sum and sum of squares, held at the largest float instead of infinity, which JSON does not know."""
    with np.errstate(over="ignore", invalid="ignore"):
        total, squares = float(values.sum()), float(np.dot(values, values))
    return max(-LARGEST, min(LARGEST, total)) if total == total else 0.0, min(LARGEST, squares)


def _texts(values: Iterable[Any]) -> tuple[dict[str, int], int]:
    """How often each text occurs, and how many values are missing. Values are grouped before they are looked at."""
    if isinstance(values, np.ndarray):
        values = values.ravel().tolist()
    frequency: dict[str, int] = {}
    nulls = 0
    # The type is part of the group: 1, 1.0 and True are one key to Python.
    sequence: Sequence[Any] = values if isinstance(values, list) else list(values)
    same_type = not sequence or all(type(v) is str for v in sequence)
    groups = Counter(sequence).items() if same_type else _typed_groups(sequence)
    for value, count in groups:
        if _missing(value) or value == "":
            nulls += count
        else:
            text = category_text(value)
            frequency[text] = frequency.get(text, 0) + count
    return frequency, nulls


def _typed_groups(values: Sequence[Any]) -> Iterable[tuple[Any, int]]:
    return [(value, count) for (_, value), count in Counter(zip(map(type, values), values, strict=True)).items()]


def _missing(value: Any) -> bool:
    """None, NaN, and the missing values of pandas, whose comparisons have no truth value."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
