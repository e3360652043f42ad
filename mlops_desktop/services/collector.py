"""One round over the live deployments: what they counted since the last round goes into the database.

A deployment that doesn't answer leaves a gap and does not keep the others waiting long. What was fetched is
acknowledged to the deployment only by the next round, after it was committed: nothing is lost when we are killed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_desktop.domain.deployments import Deployment, DeploymentState, Usage
from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.domain.events import ChunksRecorded
from mlops_desktop.services.answers import ChunkAnswer, PredictionAnswer, read_chunks, read_predictions
from mlops_desktop.store import monitoring as store
from mlops_desktop.store import predictions as prediction_store

if TYPE_CHECKING:
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.profiles import Profiles

log = logging.getLogger(__name__)
FETCHERS = 8
HOUSEKEEPING_SECONDS = 60.0


@dataclass(slots=True)
class Progress:
    """Where collecting from one deployment stands; lost with the process and then read from the database."""

    boot: str = ""
    chunk: int = 0  # sequences begin at 1
    prediction: int = 0
    answered_at: float | None = None
    skew: float = 0.0
    dropped: int = 0  # predictions that the deployment could not keep until we came
    rejected: int = 0  # chunks that did not fit the profile
    boots: int = 0  # starts of the program that were seen
    failures: int = 0  # rounds in a row without an answer


@dataclass(frozen=True, slots=True)
class _Fetched:
    chunks: ChunkAnswer
    predictions: PredictionAnswer


@dataclass(slots=True)
class Collector:
    """`fetch(deployment, path)` asks one deployment; `usage()` is what the engine says of all of them."""

    parts: Parts
    profiles: Profiles
    fetch: Callable[[str, str], bytes]
    usage: Callable[[], Mapping[str, Usage]]
    progress: dict[str, Progress] = field(default_factory=dict)
    _cleaned_at: float = 0.0
    _rolled_at: float | None = None

    def round(self, deployments: Sequence[Deployment]) -> None:
        """Collect once; records everything in one transaction."""
        running = [d for d in deployments if d.state is DeploymentState.RUNNING]
        for gone in self.progress.keys() - {d.id for d in deployments}:
            del self.progress[gone]
        fetched = dict(zip((d.id for d in running), self._fetch_all(running), strict=True))
        now = self._now()
        usage = self._usage()
        samples = [self._sample(d, fetched[d.id], usage.get(d.id), now) for d in running]
        found = [(identifier, answer) for identifier, answer in fetched.items() if answer is not None]
        if samples:
            with self.parts.database.write() as tx:
                for _, answer in found:
                    store.insert_chunks(tx, answer.chunks.chunks)
                    prediction_store.insert_predictions(tx, answer.predictions.predictions)
                store.insert_usage(tx, [s for s in samples if s is not None])
                if recorded := tuple(identifier for identifier, answer in found if answer.chunks.chunks):
                    tx.record(ChunksRecorded(recorded), "")
        # Only now, after the commit: the next round acknowledges up to here.
        for identifier, answer in found:
            self._advance(self.progress[identifier], answer, now)
        self._keep_house(now)

    def _fetch_all(self, deployments: Sequence[Deployment]) -> list[_Fetched | None]:
        for deployment in deployments:
            if deployment.id not in self.progress:
                self.progress[deployment.id] = self._remembered(deployment.id)
        if len(deployments) < 2:
            return [self._fetch(d) for d in deployments]
        with ThreadPoolExecutor(min(FETCHERS, len(deployments)), "collector") as pool:
            return list(pool.map(self._fetch, deployments))

    def _fetch(self, deployment: Deployment) -> _Fetched | None:
        """Both answers of one deployment, or None; a program that doesn't answer is asked less often."""
        progress = self.progress[deployment.id]
        if progress.failures and _skips(progress.failures):
            progress.failures += 1
            return None
        try:
            query = f"?after={progress.chunk}&boot={progress.boot}"
            began = self._now()
            body = self.fetch(deployment.id, f"/_monitor/chunks{query}")
            received = (began + self._now()) / 2
            before = None if progress.answered_at is None else (progress.boot, progress.answered_at)
            chunks = read_chunks(body, deployment.id, received, self.profiles.bins(deployment), before)
            query = f"?after={progress.prediction}&boot={progress.boot}"
            body = self.fetch(deployment.id, f"/_monitor/predictions{query}")
            predictions = read_predictions(body, deployment.id, self._now(), chunks.skew)
        except WorkstationError as error:
            if not progress.failures:
                log.warning("no numbers from %s (%s): %s", deployment.label, deployment.id, error)
            progress.failures += 1
            return None
        progress.failures = 0
        return _Fetched(chunks, predictions)

    def _remembered(self, deployment: str) -> Progress:
        last = store.last_chunk(self.parts.database.read(), deployment)
        return Progress() if last is None else Progress(boot=last[0], chunk=last[1])

    def _advance(self, progress: Progress, answer: _Fetched, now: float) -> None:
        chunks, predictions = answer.chunks, answer.predictions
        if chunks.boot != progress.boot:
            progress.boot, progress.chunk, progress.prediction = chunks.boot, 0, 0
            progress.dropped = 0
            progress.boots += 1
        progress.chunk = max([progress.chunk, *(c.sequence for c in chunks.chunks)])
        # A restart between the two requests: its predictions come with the next round, under the new boot.
        if predictions.boot == chunks.boot:
            progress.prediction = max(progress.prediction, predictions.last_sequence)
            if predictions.dropped > progress.dropped:
                log.warning("%d predictions were dropped before they were collected", predictions.dropped)
            progress.dropped = predictions.dropped
        progress.rejected += chunks.rejected
        progress.skew = chunks.skew
        progress.answered_at = now

    def _usage(self) -> Mapping[str, Usage]:
        try:
            return self.usage()
        except WorkstationError as error:
            log.debug("no usage: %s", error)
            return {}

    def _sample(
        self, deployment: Deployment, fetched: _Fetched | None, usage: Usage | None, now: float
    ) -> store.UsageSample | None:
        if fetched is None and usage is None:
            return None
        cpu = None if usage is None else usage.cpu_percent
        memory = None if usage is None else usage.memory_bytes
        return store.UsageSample(deployment.id, now, cpu, memory, fetched is not None)

    def _keep_house(self, now: float) -> None:
        """Roll up and forget once a minute, in a transaction of its own."""
        if abs(now - self._cleaned_at) < HOUSEKEEPING_SECONDS:
            return
        self._cleaned_at = now
        with self.parts.database.write() as tx:
            if store.roll_up(tx, now, self._rolled_at):
                self._rolled_at = now
            store.forget_old(tx, now)
            prediction_store.forget_old(tx, now)

    def _now(self) -> float:
        return self.parts.clock().timestamp()


def _skips(failures: int) -> bool:
    """After n failures only every 2nd, 4th, ... 16th round asks again, so that a dead one costs little time."""
    return failures > 2 and failures % min(16, 2 ** (failures // 8 + 1)) != 0
