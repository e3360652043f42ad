"""Drift of 1,000,000 rows x 30 numeric columns on one core, and of a time range from stored chunks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mlops_desktop.analysis.tables import judge_columns
from mlops_desktop.domain.monitoring import Chunk
from mlops_desktop.runtime.event_bus import EventBus
from mlops_desktop.services.verdicts import judge_chunks
from mlops_desktop.serving.bins import Profile, count_numbers, number_bins
from mlops_desktop.serving.chunks import LATENCY_BINS
from mlops_desktop.store.database import Database
from mlops_desktop.store.monitoring import chunks_between, insert_chunks

ROWS, COLUMNS = 1_000_000, 30
REFERENCE_ROWS = 50_000
SECONDS = 300


def run() -> Iterable[dict[str, Any]]:
    """Ratios are to one `np.sort` of the same columns in the same run."""
    rng = np.random.default_rng(1)
    profile = Profile(REFERENCE_ROWS, {f"x{i}": number_bins(rng.normal(size=REFERENCE_ROWS)) for i in range(COLUMNS)})
    data = {name: rng.normal(0.05, 1, ROWS) for name in profile.features}
    yield from raw_rows(profile, data)
    data.clear()
    with tempfile.TemporaryDirectory() as folder:
        yield from stored_chunks(profile, rng, Path(folder))


def raw_rows(profile: Profile, data: dict[str, Any]) -> Iterable[dict[str, Any]]:
    sorting = best(lambda: [np.sort(column) for column in data.values()])
    whole = best(lambda: judge_columns(profile, data))
    yield figure("drift of 1M x 30 numbers", whole, "s", sorting, "one np.sort of the same data")
    counting = best(lambda: [count_numbers(profile.features[n], c) for n, c in data.items()], 1)
    a_value = 1e9 / ROWS / COLUMNS
    yield figure("counting a value as serving does", counting * a_value, "ns", sorting * a_value, "np.sort, a value")


def stored_chunks(profile: Profile, rng: np.random.Generator, folder: Path) -> Iterable[dict[str, Any]]:
    """Five minutes as 300 chunks of a second, as they are kept in their first hour, then as five roll-ups."""
    database = Database.create(folder / "registry.db", EventBus())
    try:
        with database.write() as tx:
            for identifier in ("seconds", "minutes"):
                add_deployment(tx.db, identifier)
            insert_chunks(tx, [chunk(profile, rng, "seconds", i, 1, 40) for i in range(SECONDS)])
            insert_chunks(tx, [chunk(profile, rng, "minutes", i, 60, 2400) for i in range(5)])
        for identifier in ("seconds", "minutes"):
            reader = database.read()
            taken = best(lambda r=reader, i=identifier: judge_chunks(profile, chunks_between(r, [i], 0, 1e9)))
            name = f"drift of 5 minutes x 30 from stored {identifier}"
            yield figure(name, taken * 1000, "ms", 10.0, "limit")
        size = database.read().execute("SELECT AVG(LENGTH(body)) FROM chunks WHERE deployment = 'seconds'")
        yield figure("a stored chunk, a feature", size.fetchone()[0] / COLUMNS, "bytes", 190.0, "limit")
    finally:
        database.close()


def add_deployment(db: Any, identifier: str) -> None:
    """A row for the chunks to belong to."""
    db.execute(
        "INSERT OR IGNORE INTO models (id, name, task, owner, created_at, updated_at) VALUES (1, 'm', '', '', 0, 0)"
    )
    db.execute(
        "INSERT OR IGNORE INTO versions (id, model_id, number, format, digest, signature, inspection, registered_by,"
        " created_at) VALUES (1, 1, 1, 'onnx', '', '{}', '{}', '', 0)"
    )
    db.execute(
        "INSERT INTO deployments (id, version_id, environment, engine, state, limits, created_by, created_at)"
        " VALUES (?, 1, 'production', 'process', 'running', '{}', '', 0)",
        [identifier],
    )


def chunk(profile: Profile, rng: np.random.Generator, deployment: str, sequence: int, seconds: int, rows: int) -> Chunk:
    features = {name: count_numbers(bins, rng.normal(size=rows)).to_dict() for name, bins in profile.features.items()}
    latency = {"counts": [0] * LATENCY_BINS, "sum": 0.1}
    start = float(sequence * seconds)
    body = {"sequence": sequence, "start": start, "end": start + seconds, "requests": rows, "rows": rows}
    body |= {"errors": {}, "latency": latency, "features": features, "predictions": {}}
    return Chunk(deployment, "boot", sequence, start, start + seconds, rows, rows, 0, body)


def best(function: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return min(taken)


def figure(name: str, value: float, unit: str, against: float, what: str) -> dict[str, Any]:
    return {
        "figure": name,
        "value": value,
        "unit": unit,
        "against": f"{what}: {against:.3g} {unit}",
        "ratio": value / against,
    }
