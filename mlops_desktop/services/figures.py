"""Series and latest figures from chunks and usage samples.

"No traffic" is zero only where the collector was answered at that time; everywhere else there is a gap (NaN).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.monitoring import Chunk, Series
from mlops_desktop.serving.chunks import LATENCY_BINS, latency_quantile
from mlops_desktop.store.monitoring import ROLL_UPS, Traffic, UsageSample

if TYPE_CHECKING:
    from mlops_desktop.domain.deployments import Limits

Floats = NDArray[np.float64]

UNITS = {
    "request_rate": "1/s",
    "row_rate": "1/s",
    "error_rate": "%",
    "p50_ms": "ms",
    "p95_ms": "ms",
    "p99_ms": "ms",
    "cpu_percent": "%",
    "memory_bytes": "bytes",
    "memory_percent": "%",
}
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
MAX_POINTS = 600
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
GRACE_ROUNDS = 3  # rounds that may be missed before the time between two answers counts as a gap
MIN_REQUESTS = 5  # fewer give no rate of errors and no quantile to alert on


def choose_step(start: float, end: float, now: float, collect_seconds: float) -> float:
    """The finest step that gives at most MAX_POINTS and is no finer than what is kept of that time."""
    finest = max([collect_seconds, *(width for age, width in ROLL_UPS if now - start > age)])
    wanted = max((end - start) / MAX_POINTS, finest)
    return float(next((s for s in STEPS if s >= wanted), math.ceil(wanted / 86400) * 86400))


def check_figures(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in UNITS]
    if unknown:
        raise InvalidInput(f"There is no figure {unknown[0]!r}.", f"Figures are {', '.join(UNITS)}.")


def series(
    names: Sequence[str],
    chunks: Sequence[Chunk | Traffic],
    samples: Sequence[UsageSample],
    limits: Mapping[str, Limits],
    start: float,
    end: float,
    step: float,
    now: float,
    collect_seconds: float,
) -> list[Series]:
    """Points at the middle of each step from `start` to `end`; bodies are needed only for latencies."""
    first = math.floor(start / step) * step
    steps = max(1, math.ceil((end - first) / step - 1e-9))
    edges: Floats = np.arange(steps + 1, dtype=np.float64) * step + first
    requests, rows, errors = (np.zeros(steps) for _ in range(3))
    latency = np.zeros((steps, LATENCY_BINS)) if QUANTILES.keys() & set(names) else None
    for chunk in chunks:
        counts = (
            None
            if latency is None
            else np.asarray(chunk.body["latency"]["counts"] if isinstance(chunk, Chunk) else chunk.latency)
        )
        for slot, share in _spread(chunk.start, chunk.end, first, step, steps):
            requests[slot] += share * chunk.requests
            rows[slot] += share * chunk.rows
            errors[slot] += share * chunk.errors
            if latency is not None and counts is not None and counts.size:
                latency[slot] += share * counts
    watched = coverage(samples, edges, now, collect_seconds)
    known = _known_until(chunks, samples, collect_seconds)
    quiet = np.where((watched >= 0.5 * step) & (edges[:-1] < known), 0.0, np.nan)
    seconds = _known_seconds(known, edges, now, collect_seconds)
    values: dict[str, Floats] = {
        "request_rate": np.where(requests > 0, requests / seconds, quiet),
        "row_rate": np.where(requests > 0, rows / seconds, quiet),
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        values["error_rate"] = np.where(requests > 0, 100 * errors / requests, np.nan)
    for name in QUANTILES.keys() & set(names):
        assert latency is not None  # noqa: S101 - made above for exactly these names
        values[name] = np.array([1000 * latency_quantile(row.tolist(), QUANTILES[name]) for row in latency])
    values |= _usage(samples, limits, edges)
    times = tuple((edges[:-1] + step / 2).tolist())
    return [Series(name, UNITS[name], times, tuple(values[name].tolist())) for name in names]


def coverage(samples: Sequence[UsageSample], edges: Floats, now: float, collect_seconds: float) -> Floats:
    """Seconds of each stretch between two edges in which some deployment answered the collector.

    The time between two answers counts when they are at most GRACE_ROUNDS rounds apart (or a roll-up's width).
    """
    covered = np.zeros(edges.size - 1)
    by_deployment: dict[str, list[UsageSample]] = {}
    for sample in samples:
        by_deployment.setdefault(sample.deployment, []).append(sample)
    for ones in by_deployment.values():
        at = np.array([s.at for s in ones])
        answered = np.array([s.answered for s in ones])
        before = np.concatenate([[at[0] - collect_seconds], at[:-1]])
        grace = np.full(at.size, max(GRACE_ROUNDS * collect_seconds, collect_seconds + 2))
        for age, width in ROLL_UPS:
            grace[now - at > age - width] = 1.5 * width
        # The first answer after a break speaks only for its own round.
        good = answered & np.concatenate([[True], answered[:-1]]) & (at - before <= grace)
        spoken = np.where(good, at - before, np.where(answered, collect_seconds, 0.0))
        points = np.stack([at - spoken, at], axis=1).ravel()
        cumulated = np.concatenate([[0.0], np.cumsum(spoken)])
        levels = np.stack([cumulated[:-1], cumulated[1:]], axis=1).ravel()
        covered = np.maximum(covered, np.diff(np.interp(edges, np.maximum.accumulate(points), levels)))
    return covered


def _known_until(chunks: Sequence[Chunk | Traffic], samples: Sequence[UsageSample], collect_seconds: float) -> float:
    """The moment up to which everything has been told; infinity where nothing has.

    While requests come, that is the end of the newest chunk: the next one is still open. After some silence it is the
    newest answer, less the round in which a chunk may still have been open.
    """
    newest = max((c.end for c in chunks), default=-math.inf)
    told = max((s.at - collect_seconds for s in samples if s.answered), default=-math.inf)
    known = newest if told - newest <= 1.5 * collect_seconds else told
    return known if math.isfinite(known) else math.inf


def _known_seconds(known: float, edges: Floats, now: float, collect_seconds: float) -> Floats:
    """How much of each step the figures can tell of: all of it, but for the step that is not over yet.

    Without this a line would fall at its right end, and rise again when the step is full.
    """
    step = float(edges[1] - edges[0])
    seconds = np.clip(known - edges[:-1], min(collect_seconds, step), step)
    open_still = (edges[1:] > now - GRACE_ROUNDS * collect_seconds) & (known > edges[:-1])
    return np.where(open_still, seconds, step)


def merged_latency(chunks: Sequence[Chunk]) -> list[int]:
    counts = np.zeros(LATENCY_BINS, dtype=np.int64)
    for chunk in chunks:
        counts += np.asarray(chunk.body["latency"]["counts"], dtype=np.int64)
    return [int(c) for c in counts]


def quantiles_ms(chunks: Sequence[Chunk]) -> dict[str, float]:
    """p50, p95, p99 in milliseconds; NaN without a request."""
    counts = merged_latency(chunks)
    return {name: 1000 * latency_quantile(counts, q) for name, q in QUANTILES.items()}


def _spread(start: float, end: float, first: float, step: float, steps: int) -> list[tuple[int, float]]:
    """The steps that a chunk touches, with its share in each.

    Chunks of a second don't begin with the clock's seconds: given whole to the step of their middle, a steady traffic
    would jump up and down between steps of a second.
    """
    if end <= start:
        slot = math.floor(((start + end) / 2 - first) / step)
        return [(slot, 1.0)] if 0 <= slot < steps else []
    low, high = max(0, math.floor((start - first) / step)), min(steps - 1, math.floor((end - first) / step))
    shares = []
    for slot in range(low, high + 1):
        left = first + slot * step
        overlap = min(end, left + step) - max(start, left)
        if overlap > 0:
            shares.append((slot, overlap / (end - start)))
    return shares


def _usage(samples: Sequence[UsageSample], limits: Mapping[str, Limits], edges: Floats) -> dict[str, Floats]:
    """CPU and memory: means over each step, added up over deployments."""
    steps = edges.size - 1
    step = float(edges[1] - edges[0])
    totals: dict[str, Floats] = {name: np.zeros(steps) for name in ("cpu_percent", "memory_bytes", "limit")}
    known = np.zeros(steps, dtype=bool)
    for deployment in {s.deployment for s in samples}:
        ones = [s for s in samples if s.deployment == deployment and s.memory_bytes is not None]
        slots = np.floor((np.array([s.at for s in ones]) - edges[0]) / step).astype(int)
        inside = (slots >= 0) & (slots < steps)
        number = np.bincount(slots[inside], minlength=steps)
        seen = number > 0
        limit = limits[deployment].memory_mb * 2**20 if deployment in limits else math.nan
        for name, raw in (
            ("cpu_percent", [s.cpu_percent or 0.0 for s in ones]),
            ("memory_bytes", [float(s.memory_bytes or 0) for s in ones]),
            ("limit", [float(limit)] * len(ones)),
        ):
            summed = np.bincount(slots[inside], weights=np.array(raw)[inside], minlength=steps)
            totals[name][seen] += summed[seen] / number[seen]
        known |= seen
    values: dict[str, Any] = {n: np.where(known, totals[n], np.nan) for n in ("cpu_percent", "memory_bytes")}
    with np.errstate(invalid="ignore", divide="ignore"):
        values["memory_percent"] = np.where(known, 100 * totals["memory_bytes"] / totals["limit"], np.nan)
    return values
