"""What the serving program remembers of its work until the collector has taken it: chunks and answered rows.

Counting is done many rows at a time: the inference thread leaves checked frames and answers here, and they are counted
on the reference bins when some thousand rows have come together or the second is over. Memory is bounded whatever the
collector does: seconds that nobody took are merged in pairs, predictions that nobody took are dropped and counted.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.serving.bins import (
    Bins,
    CategoryBins,
    NumberBins,
    Profile,
    category_text,
    count_categories,
    count_numbers,
)
from mlops_desktop.serving.chunks import LATENCY_BINS, Chunk, count_latencies, merge, merge_counted
from mlops_desktop.serving.frames import Column, Frame
from mlops_desktop.serving.predictor import Answer
from mlops_desktop.serving.schema import Schema

_COUNT_AT_ROWS = 2048  # some 1 ms of counting for 30 features
_BLOCK_ROWS = 1024
_MOST_IN_ONE_ANSWER = 20_000

Counted = dict[str, list[dict[str, Any]]]


@dataclass(slots=True)
class _Block:
    """Up to a thousand answered rows, column by column; made into rows only when they are asked for."""

    first: int  # sequence of the first row
    requests: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.first + len(self.requests) - 1


@dataclass(slots=True)
class Totals:
    """Since the start of this process; what /metrics shows."""

    succeeded: int = 0
    failed: int = 0
    seconds: float = 0.0
    latency: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LATENCY_BINS, dtype=np.int64))


class Recorder:
    """Made for one process start (`boot`). `add_rows` belongs to the inference thread, all else to the event loop."""

    def __init__(
        self,
        schema: Schema,
        profile: Profile | None,
        *,
        classifies: bool,
        clock: Callable[[], float] = time.time,
        most_chunks: int = 600,
        most_predictions: int = 100_000,
    ) -> None:
        self.boot = secrets.token_hex(8)
        self._clock = clock
        self._most_chunks, self._most_predictions = most_chunks, most_predictions
        self._classifies = classifies
        self._lock = threading.Lock()
        self._features = feature_positions(schema, profile.features if profile else {})
        self._predictions = {n: b for n, b in (profile.predictions if profile else {}).items() if _known(n, b)}
        self._waiting: list[tuple[Frame, Answer]] = []  # frames not yet counted
        self._waiting_rows = 0
        self._rows = 0
        self._counted: tuple[Counted, Counted] = ({}, {})
        self._requests: list[tuple[float, int]] = []  # seconds and status of answered requests
        self._start = clock()
        self._sequence = 0
        self._closed: deque[Chunk] = deque()
        self._delivered = 0  # sequence of the last chunk that the collector was given
        self._blocks: deque[_Block] = deque()
        self._kept, self._next = 0, 1
        self._dropped = 0
        self.totals = Totals()

    def add_rows(self, frame: Frame, answer: Answer, requests: Sequence[tuple[str, int]]) -> None:
        """Take the rows of one call of the model; `requests` says whose they are: prediction id and number of rows."""
        at = self._clock()
        with self._lock:
            self._keep(answer, requests, at)
            self._waiting.append((frame, answer))
            self._waiting_rows += frame.rows
            self._rows += frame.rows
            if self._waiting_rows >= _COUNT_AT_ROWS:
                self._count()

    def add_request(self, seconds: float, status: int) -> None:
        """Take one answered request for predictions: how long it took and its HTTP status."""
        self._requests.append((seconds, status))

    def close_chunk(self) -> None:
        """End the open chunk, once a second; a second without requests leaves none."""
        now = self._clock()
        with self._lock:
            self._count()
            requests, self._requests = self._requests, []
            counted, self._counted = self._counted, ({}, {})
            rows, self._rows = self._rows, 0
        start, self._start = self._start, now
        if not requests and not rows:
            return
        self._sequence += 1
        seconds = [s for s, _ in requests]
        errors: dict[str, int] = {}
        for _, status in requests:
            if status >= 400:
                errors[str(status)] = errors.get(str(status), 0) + 1
        latency = count_latencies(seconds)
        chunk: Chunk = {
            "sequence": self._sequence,
            "start": min(start, now),  # the clock of a computer may be set back
            "end": now,
            "requests": len(requests),
            "rows": rows,
            "errors": errors,
            "latency": {"counts": latency, "sum": sum(seconds)},
            "features": {name: merge_counted(name, parts) for name, parts in counted[0].items()},
            "predictions": {name: merge_counted(name, parts) for name, parts in counted[1].items()},
        }
        failed = sum(errors.values())
        self.totals.failed += failed
        self.totals.succeeded += len(requests) - failed
        self.totals.seconds += chunk["latency"]["sum"]
        self.totals.latency += np.array(latency)
        self._closed.append(chunk)
        if len(self._closed) > self._most_chunks:
            self._merge_older()

    def chunks(self, after: int, boot: str) -> dict[str, Any]:
        """Closed chunks above `after`; what is not above it is forgotten if it was said of this boot."""
        if boot == self.boot:
            while self._closed and self._closed[0]["sequence"] <= after:
                self._closed.popleft()
        if self._closed:
            self._delivered = self._closed[-1]["sequence"]
        return {"boot": self.boot, "now": self._clock(), "chunks": list(self._closed)}

    def predictions(self, after: int, boot: str) -> dict[str, Any]:
        """Answered rows above `after`, at most 20,000; those not above it are forgotten if it was said of this boot."""
        with self._lock:
            known = after if boot == self.boot else 0
            while self._blocks and self._blocks[0].last <= known:
                self._kept -= len(self._blocks.popleft().requests)
            rows: list[list[Any]] = []
            for block in self._blocks:
                skip = max(0, known + 1 - block.first)
                stop = skip + _MOST_IN_ONE_ANSWER - len(rows)
                columns = (block.requests, block.rows, block.at, block.scores, block.outcomes)
                for offset, (request, row, at, score, outcome) in enumerate(
                    zip(*(c[skip:stop] for c in columns), strict=True), block.first + skip
                ):
                    text = category_text(outcome) if self._classifies else ""
                    rows.append([offset, request, row, at, score, text])
                if len(rows) >= _MOST_IN_ONE_ANSWER:
                    break
            return {"boot": self.boot, "predictions": rows, "dropped": self._dropped}

    def _keep(self, answer: Answer, requests: Sequence[tuple[str, int]], at: float) -> None:
        if not self._blocks or len(self._blocks[-1].requests) >= _BLOCK_ROWS:
            self._blocks.append(_Block(self._next))
        block, total = self._blocks[-1], len(answer.predictions)
        if len(requests) == total:  # the usual case: one row in each request
            block.requests.extend([id_ for id_, _ in requests])
            block.rows.extend([0] * total)
        else:
            for id_, rows in requests:
                block.requests.extend([id_] * rows)
                block.rows.extend(range(rows))
        block.at.extend([at] * total)
        block.scores.extend([None] * total if answer.scores is None else answer.scores.tolist())
        block.outcomes.extend(answer.predictions if self._classifies else [None] * total)
        self._next += total
        self._kept += total
        while self._kept > self._most_predictions and len(self._blocks) > 1:
            gone = len(self._blocks.popleft().requests)
            self._kept -= gone
            self._dropped += gone

    def _count(self) -> None:
        """Count the waiting frames on the reference bins; the lock is held."""
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        if not waiting:
            return
        features, predictions = self._counted
        by_matrix = [frame.matrix for frame, _ in waiting]
        if self._features and all(m is not None for m in by_matrix):
            whole = np.ascontiguousarray(np.concatenate([m for m in by_matrix if m is not None]).T)
            for name, position, bins in self._features:
                features.setdefault(name, []).append(_counts(bins, whole[position]))
        else:
            for name, position, bins in self._features:
                column = _joined([frame.column(position) for frame, _ in waiting])
                features.setdefault(name, []).append(_counts(bins, column))
        for name, bins in self._predictions.items():
            if name == "score":
                parts = [answer.scores for _, answer in waiting if answer.scores is not None]
                values: Any = np.concatenate(parts) if parts else np.empty(0)
            else:
                values = list(chain.from_iterable(answer.predictions for _, answer in waiting))
            predictions.setdefault(name, []).append(_counts(bins, values))

    def _merge_older(self) -> None:
        """Merge pairs of the older half. A chunk that was delivered is never merged with one that was not: the
        collector would take the pair for a new one and count the first twice.
        """
        chunks = list(self._closed)
        half = len(chunks) // 2
        merged: list[Chunk] = []
        position = 0
        while position < half:
            first, second = chunks[position], chunks[position + 1]
            if first["sequence"] <= self._delivered < second["sequence"]:
                merged.append(first)
                position += 1
            else:
                merged.append(merge([first, second]))
                position += 2
        self._closed = deque(merged + chunks[position:])


def feature_positions(schema: Schema, features: Mapping[str, Bins]) -> list[tuple[str, int, Bins]]:
    """Which feature of the profile is which value of a row; a tensor's features stand in the order of its values."""
    if schema.tail is not None:
        if len(features) != schema.width:
            return []
        return [(name, i, bins) for i, (name, bins) in enumerate(features.items()) if isinstance(bins, NumberBins)]
    found = []
    for name, bins in features.items():
        position = schema.index.get(name)
        if position is None:
            continue
        countable = schema.fields[position].kind in ("real", "whole", "boolean")
        if countable or (isinstance(bins, CategoryBins) and schema.fields[position].kind == "text"):
            found.append((name, position, bins))
    return found


def _known(name: str, bins: Bins) -> bool:
    return (name == "score" and isinstance(bins, NumberBins)) or (name == "outcome" and isinstance(bins, CategoryBins))


def _counts(bins: Bins, values: Any) -> dict[str, Any]:
    counted = count_numbers(bins, values) if isinstance(bins, NumberBins) else count_categories(bins, values)
    return counted.to_dict()


def _joined(columns: Sequence[Column]) -> Column:
    if len(columns) == 1:
        return columns[0]
    if isinstance(columns[0], list):
        return list(chain.from_iterable(columns))
    return np.concatenate(columns)
