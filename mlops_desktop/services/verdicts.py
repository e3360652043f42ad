"""Close drift chunks: when enough traffic time and rows came together, judge them and remember the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.deployments import Deployment
from mlops_desktop.domain.monitoring import Chunk, DriftReport, DriftState, FeatureDrift
from mlops_desktop.store import monitoring as store

if TYPE_CHECKING:
    from mlops_desktop.analysis.drift import Judged
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.profiles import Profiles
    from mlops_desktop.serving.bins import Profile

PATIENCE = 12  # a chunk that still has too few rows after so many times its length is closed as unknown
REMEMBERED = 12  # chunks that are read to find the last three that were known
_NUMBERS = ("rows", "psi", "distance", "p_value", "limit", "importance", "null_share")


@dataclass(slots=True)
class Verdicts:
    parts: Parts
    profiles: Profiles

    def close_due(self, deployment: Deployment, now: float) -> bool:
        """Judge the deployment's open stretch of traffic if it is due; whether it was."""
        from mlops_desktop.analysis.significance import MIN_ROWS

        profile = self.profiles.of(deployment)
        if profile is None or not (profile.features or profile.predictions):
            return False
        # Asked each time, not remembered: the command line may have closed a chunk meanwhile.
        database = self.parts.database
        after = store.last_verdict_end(database.read(), deployment.id) or 0.0
        traffic = store.traffic_since(database.read(), deployment.id, after)
        if traffic is None:
            return False
        (start, end, rows), seconds = traffic, self.parts.settings.drift_chunk_seconds
        if now - start < seconds or (rows < MIN_ROWS and now - start < PATIENCE * seconds):
            return False
        chunks = store.chunks_between(database.read(), [deployment.id], after, end)
        self._close(deployment, profile, chunks, start, end)
        return True

    def _close(
        self, deployment: Deployment, profile: Profile, chunks: Sequence[Chunk], start: float, end: float
    ) -> None:
        from mlops_desktop.analysis.drift import with_state
        from mlops_desktop.analysis.significance import MEMORY, Observation, next_state

        history = _by_feature(store.latest_verdicts(self.parts.database.read(), deployment.id, REMEMBERED))
        verdicts = []
        for judged in judge_chunks(profile, chunks):
            past = history.get(judged.drift.feature, [])
            known = [v for v in past if v.breached is not None]
            previous = DriftState(known[-1].state) if known else DriftState.OK
            seen = [Observation(v.breached, float(v.body.get("strength") or 0.0)) for v in past]
            seen.append(Observation(judged.breached, judged.strength))
            state = next_state(previous, seen)
            recent = [o for o in seen if o.breached is not None][-MEMORY:]
            drift = with_state(judged.drift, state, sum(bool(o.breached) for o in recent))
            body = _to_body(drift) | {"strength": judged.strength}
            verdicts.append(
                store.StoredVerdict(deployment.id, start, end, drift.feature, judged.breached, state.value, body)
            )
        with self.parts.database.write() as tx:
            store.insert_verdicts(tx, verdicts)

    def reports(self, deployment: Deployment, start: float, end: float) -> list[DriftReport]:
        """One report for each closed drift chunk in the range, oldest first; without bins."""
        verdicts = store.verdicts_between(self.parts.database.read(), deployment.id, start, end)
        return _reports(deployment, verdicts)

    def latest(self, deployment: Deployment) -> DriftReport | None:
        """The newest closed drift chunk."""
        reports = _reports(deployment, store.latest_verdicts(self.parts.database.read(), deployment.id))
        return reports[-1] if reports else None

    def fresh(self, deployment: Deployment, now: float) -> DriftReport | None:
        """The newest closed chunk, unless it is so long ago that it says nothing of the present."""
        report = self.latest(deployment)
        stale = PATIENCE * self.parts.settings.drift_chunk_seconds
        return None if report is None or now - report.end > stale else report

    def report(self, deployment: Deployment, start: float | None, end: float | None) -> DriftReport:
        """All figures over a range, with bins; without a range over the newest closed chunk.

        The states are the worst that the range's closed chunks had; if none closed in it, a breach is a suspicion.
        """
        from mlops_desktop.analysis.drift import with_state, worst_first

        latest = self.latest(deployment)
        if start is None and end is None and latest is not None:
            start, end = latest.start, latest.end
        begin = 0.0 if start is None else start
        finish = self.parts.clock().timestamp() if end is None else end
        # A chunk belongs to a range by its end: the first one of the range must not lose its own first second.
        chunks = store.chunks_between(self.parts.database.read(), [deployment.id], begin, finish)
        profile = self.profiles.of(deployment)
        states: dict[str, list[FeatureDrift]] = {}
        for closed in self.reports(deployment, begin, finish):
            for feature in closed.features:
                states.setdefault(feature.feature, []).append(feature)
        features = []
        for judged in judge_chunks(profile, chunks) if profile is not None else ():
            drift = judged.drift
            if closed_ones := states.get(drift.feature):
                worst = min(closed_ones, key=lambda f: _RANK[f.state])
                drift = replace(with_state(drift, worst.state), sentence=drift.sentence)
                if len(closed_ones) == 1:
                    drift = replace(drift, sentence=worst.sentence)
            features.append(drift)
        rows = sum(c.rows for c in chunks)
        begin = chunks[0].start if chunks else begin
        return DriftReport(
            deployment.model, deployment.version, deployment.id, begin, finish, rows, worst_first(features)
        )


_RANK = {DriftState.DRIFT: 0, DriftState.SUSPECTED: 1, DriftState.OK: 2, DriftState.UNKNOWN: 3}


def judge_chunks(profile: Profile, chunks: Sequence[Chunk]) -> list[Judged]:
    """Merge and compare; no chunks make every feature unknown."""
    from mlops_desktop.analysis.drift import judge
    from mlops_desktop.serving.chunks import merge

    if not chunks:
        return judge(profile, {}, {})
    merged = merge([c.body for c in chunks])
    return judge(profile, merged["features"], merged["predictions"])


def _by_feature(verdicts: Sequence[store.StoredVerdict]) -> dict[str, list[store.StoredVerdict]]:
    found: dict[str, list[store.StoredVerdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.feature, []).append(verdict)
    return found


def _reports(deployment: Deployment, verdicts: Sequence[store.StoredVerdict]) -> list[DriftReport]:
    from mlops_desktop.analysis.drift import worst_first

    chunks: dict[tuple[float, float], list[FeatureDrift]] = {}
    for verdict in verdicts:
        chunks.setdefault((verdict.start, verdict.end), []).append(_from_body(verdict))
    return [
        DriftReport(
            deployment.model,
            deployment.version,
            deployment.id,
            start,
            end,
            max((f.rows for f in features), default=0),
            worst_first(features),
        )
        for (start, end), features in chunks.items()
    ]


def _to_body(drift: FeatureDrift) -> dict[str, Any]:
    figures = {name: _plain(getattr(drift, name)) for name in _NUMBERS}
    return figures | {"kind": drift.kind, "sentence": drift.sentence}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON knows neither NaN nor infinity


def _from_body(verdict: store.StoredVerdict) -> FeatureDrift:
    body: Mapping[str, Any] = verdict.body
    numbers = {name: math.nan if body.get(name) is None else float(body[name]) for name in _NUMBERS}
    return FeatureDrift(
        feature=verdict.feature,
        kind=str(body.get("kind", "")),
        state=DriftState(verdict.state),
        rows=int(body.get("rows") or 0),
        psi=numbers["psi"],
        distance=numbers["distance"],
        p_value=numbers["p_value"],
        limit=numbers["limit"],
        importance=numbers["importance"],
        null_share=numbers["null_share"],
        sentence=str(body.get("sentence", "")),
    )
