"""What a deployment answers to the collector, checked and put on the collector's clock.

The program beside a model is not trusted: an answer of another form is refused whole (InvalidInput), never half read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.monitoring import Chunk, Prediction

MAX_BYTES = 256 * 2**20
MAX_SKEW = 2.0  # seconds; less is the network's delay
CHUNK_SLACK = 2.0  # seconds that a chunk may have been open before the round that could not yet see it
MAX_ID, MAX_OUTCOME = 100, 200
_COUNT_LIMIT = 2**53


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """Closed chunks of one boot; `skew` is how far the deployment's clock is ahead, in seconds."""

    boot: str
    skew: float
    chunks: tuple[Chunk, ...]
    rejected: int  # chunks whose counts don't fit the profile's bins


@dataclass(frozen=True, slots=True)
class PredictionAnswer:
    boot: str
    last_sequence: int
    predictions: tuple[Prediction, ...]
    dropped: int


def read_chunks(
    body: bytes,
    deployment: str,
    received: float,
    bins: Mapping[str, Mapping[str, int]],
    before: tuple[str, float] | None = None,
) -> ChunkAnswer:
    """Parse an answer of `/_monitor/chunks`.

    `bins` gives the number of bins of each column in "features" and "predictions"; other columns are left out.
    `received` is the collector's clock; `before` boot and time of the last round that was answered: what the same boot
    tells only now ended after that.
    """
    data = _object(body)
    try:
        boot, container_now = _boot(data["boot"]), _finite(data["now"])
        skew = container_now - received
        shift = skew if abs(skew) > MAX_SKEW else 0.0
        earliest = before[1] if before is not None and before[0] == boot else None
        accepted: list[Chunk] = []
        rejected = 0
        for raw in data["chunks"]:
            end = min(_finite(raw["end"]) - shift, received)
            length = min(max(_finite(raw["end"]) - _finite(raw["start"]), 0.001), 7 * 86_400.0)
            if earliest is not None:
                # The deployment's clock was set between two rounds: only the rounds' own times can be right.
                end = max(end, min(earliest - CHUNK_SLACK, received))
                length = min(length, max(end - earliest + 2 * CHUNK_SLACK, 0.001))
            chunk = _chunk(raw, deployment, boot, end - length, end, bins)
            if chunk is None:
                rejected += 1
            else:
                accepted.append(chunk)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _unreadable(deployment, error) from None
    return ChunkAnswer(boot, skew, tuple(accepted), rejected)


def read_predictions(body: bytes, deployment: str, received: float, skew: float) -> PredictionAnswer:
    """Parse an answer of `/_monitor/predictions`; times are put on the collector's clock by `skew`."""
    data = _object(body)
    shift = skew if abs(skew) > MAX_SKEW else 0.0
    try:
        predictions: list[Prediction] = []
        last = 0
        for sequence, request, row, at, score, outcome in data["predictions"]:
            last = max(last, int(sequence))
            identifier = f"{request}:{int(row)}"
            if len(identifier) > MAX_ID or not identifier.isprintable():
                continue
            value = float(score) if isinstance(score, int | float) else math.nan
            text = "" if outcome is None else str(outcome)[:MAX_OUTCOME]
            predictions.append(Prediction(identifier, deployment, min(_finite(at) - shift, received), value, text))
        return PredictionAnswer(_boot(data["boot"]), last, tuple(predictions), int(data.get("dropped", 0)))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _unreadable(deployment, error) from None


def _chunk(
    raw: Mapping[str, Any],
    deployment: str,
    boot: str,
    start: float,
    end: float,
    bins: Mapping[str, Mapping[str, int]],
) -> Chunk | None:
    from mlops_desktop.serving.chunks import LATENCY_BINS

    requests, rows = _count(raw["requests"]), _count(raw["rows"])
    errors = {str(status)[:3]: _count(count) for status, count in raw["errors"].items()}
    latency = [_count(c) for c in raw["latency"]["counts"]]
    sections: dict[str, Any] = {}
    for section in ("features", "predictions"):
        columns = {name: raw[section][name] for name in bins.get(section, {}) if name in raw[section]}
        if any(len(column["counts"]) != bins[section][name] for name, column in columns.items()):
            return None
        sections[section] = {name: _column(column) for name, column in columns.items()}
    if len(latency) != LATENCY_BINS:
        return None
    sequence = _count(raw["sequence"])
    body = {
        "sequence": sequence,
        "start": start,
        "end": end,
        "requests": requests,
        "rows": rows,
        "errors": errors,
        "latency": {"counts": latency, "sum": _finite(raw["latency"]["sum"])},
        **sections,
    }
    return Chunk(deployment, boot, sequence, start, end, requests, rows, min(sum(errors.values()), requests), body)


def _column(raw: Mapping[str, Any]) -> dict[str, Any]:
    column: dict[str, Any] = {"counts": [_count(c) for c in raw["counts"]], "nulls": _count(raw["nulls"])}
    if "sum" in raw:
        column["invalid"] = _count(raw["invalid"])
        column["min"], column["max"] = _optional(raw["min"]), _optional(raw["max"])
        column["sum"], column["sum_squares"] = _finite(raw["sum"]), _finite(raw["sum_squares"])
    return column


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BYTES:
        raise InvalidInput("The deployment's answer to the collector is too long.")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise InvalidInput("The deployment's answer to the collector is no JSON object.", "Look at its log.")
    return data


def _boot(value: Any) -> str:
    """It goes into the next request's address, so it must be as plain as the serving program makes it."""
    if not isinstance(value, str) or not (value.isascii() and value.isalnum()) or len(value) > 64:
        raise ValueError(f"{str(value)[:80]!r} is no boot id")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _COUNT_LIMIT:
        raise ValueError(f"{value!r} is no count")
    return value


def _finite(value: Any) -> float:
    number = float(value)
    if isinstance(value, str) or not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number


def _optional(value: Any) -> float | None:
    return None if value is None else _finite(value)


def _unreadable(deployment: str, error: Exception) -> InvalidInput:
    return InvalidInput(f"The collector can't read what deployment {deployment} answers: {error}.", "Look at its log.")
