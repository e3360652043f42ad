"""What is known of every figure that a rule may watch: now, with words for people, and over the past."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_desktop.domain.alerts import BY_PERIODS, FIGURES, AlertRule, Reading, Trial, would_fire
from mlops_desktop.domain.deployments import Deployment, DeploymentState
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.monitoring import DriftReport, DriftState, FeatureDrift, Series
from mlops_desktop.store import monitoring as store

if TYPE_CHECKING:
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.realised import Realised
    from mlops_desktop.services.verdicts import Verdicts

LIVE_SECONDS = 10.0
SLOW_SECONDS = 60.0  # looked back when the last ten seconds had too few requests for a rate of errors
QUIET_SECONDS = 10.0  # without an answer for so long, whether requests come is not known either
HISTORY_POINTS = 400
WORDS = 5  # features named in an alert
_SILENT = "the deployment does not answer the collector"
_FEW = "too few requests"
_DRIFT = "no stretch of traffic has been long enough yet"


@dataclass(slots=True)
class Readings:
    parts: Parts
    verdicts: Verdicts
    realised: Realised

    def of(self, deployment: Deployment, now: float) -> dict[str, Reading]:
        """Every figure at the moment `now`."""
        from mlops_desktop.services.figures import MIN_REQUESTS, quantiles_ms

        silence = self._silence(deployment, now)
        if deployment.state is DeploymentState.FAILED:
            gone = {name: Reading(None, "the deployment failed") for name in FIGURES}
            return gone | {"no_data": silence}
        database = self.parts.database.read()
        samples = store.usage_between(database, [deployment.id], now - LIVE_SECONDS, now)
        chunks = store.chunks_between(database, [deployment.id], now - LIVE_SECONDS, now)
        requests = sum(c.requests for c in chunks)
        rate = requests / LIVE_SECONDS if any(s.answered for s in samples) else None
        if 0 < requests < MIN_REQUESTS:
            chunks = store.chunks_between(database, [deployment.id], now - SLOW_SECONDS, now)
            requests = sum(c.requests for c in chunks)
        enough = requests >= MIN_REQUESTS
        few = _SILENT if rate is None else _FEW
        measured = [s for s in samples if s.memory_bytes is not None]
        memory = measured[-1].memory_bytes if measured else None
        limit = deployment.limits.memory_mb * 2**20
        return {
            "error_rate": _known(100 * sum(c.errors for c in chunks) / requests if enough else None, few),
            "p95_ms": _known(quantiles_ms(chunks)["p95_ms"] if enough else None, few),
            "request_rate": _known(rate, _SILENT),
            "cpu_percent": _known(measured[-1].cpu_percent if measured else None, "the engine does not say"),
            "memory_percent": _known(None if memory is None else 100 * memory / limit, "the engine does not say"),
            **self._drift(deployment, now),
            "performance_loss": self.realised.reading(deployment, now),
            "no_data": silence,
            "no_requests": self._quiet(deployment, now, silence.value or 0.0),
        }

    def history(self, deployment: Deployment, figure: str, start: float, end: float) -> Series:
        """The figure over the past, as a rule would have seen it; NaN where it was not known."""
        if figure not in FIGURES:
            raise InvalidInput(f"There is no figure “{figure[:80]}”.", f"Figures are {', '.join(FIGURES)}.")
        unit = FIGURES[figure][1]
        if figure == "performance_loss":
            periods = self.realised.losses(deployment, start, end)
            return Series(figure, unit, tuple(p.end for p in periods), tuple(p.value for p in periods))
        if figure in {"drifted_features", "prediction_drift"}:
            reports = self.verdicts.reports(deployment, start, end)
            return Series(figure, unit, tuple(r.end for r in reports), tuple(drift_values(r)[figure] for r in reports))
        if figure in {"no_data", "no_requests"}:
            return self._waits(deployment, figure, start, end)
        return self._rates(deployment, figure, start, end)

    def trial(self, rule: AlertRule, deployment: Deployment, start: float, end: float) -> Trial:
        """What the rule would have done in the deployment's part of a range."""
        begun = (deployment.ready_at or deployment.created_at).timestamp()
        start = max(start, begun)
        if deployment.stopped_at is not None:
            end = min(end, deployment.stopped_at.timestamp())
        if start >= end:
            return Trial(deployment.id, deployment.version, start, start, (), (), ())
        past = self.history(deployment, rule.figure, start, end)
        allowances: list[float] = []
        if rule.figure in BY_PERIODS:
            allowances = [p.allowance for p in self.realised.losses(deployment, start, end)]
        fired = would_fire(rule, past.times, past.values, allowances)
        return Trial(deployment.id, deployment.version, start, end, past.times, past.values, tuple(fired))

    def _rates(self, deployment: Deployment, figure: str, start: float, end: float) -> Series:
        from mlops_desktop.services import figures as computed

        now, database = self.parts.clock().timestamp(), self.parts.database.read()
        seconds = self.parts.settings.collect_seconds
        step = max(computed.choose_step(start, end, now, seconds), min(LIVE_SECONDS, (end - start) / 60))
        read = store.latencies_between if figure in computed.QUANTILES else store.traffic_between
        chunks = read(database, [deployment.id], start - step, end + step)
        samples = store.usage_between(database, [deployment.id], start - step, end + step)
        limits = {deployment.id: deployment.limits}
        (series,) = computed.series([figure], chunks, samples, limits, start, end, step, now, seconds)
        return series

    def _waits(self, deployment: Deployment, figure: str, start: float, end: float) -> Series:
        """Seconds since the last answer, or the last request, at evenly spread moments."""
        database = self.parts.database.read()
        if figure == "no_data":
            samples = store.usage_between(database, [deployment.id], start, end)
            seen = [s.at for s in samples if s.answered]
            last = store.last_answer_at(database, deployment.id, start)
        else:
            last = store.last_traffic_at(database, deployment.id, start)
            seen = [c.end for c in store.traffic_between(database, [deployment.id], start, end)]
        step = max(1.0, (end - start) / HISTORY_POINTS)
        times: list[float] = []
        values: list[float] = []
        i = 0
        for number in range(int((end - start) / step) + 1):
            at = start + number * step
            while i < len(seen) and seen[i] <= at:
                last, i = seen[i], i + 1
            times.append(at)
            values.append(math.nan if last is None else at - last)
        return Series(figure, FIGURES[figure][1], tuple(times), tuple(values))

    def _silence(self, deployment: Deployment, now: float) -> Reading:
        if deployment.state is DeploymentState.FAILED:
            since = deployment.stopped_at or deployment.created_at
            why = deployment.message.rstrip(".") or "the program ended"
            return Reading(max(0.0, now - since.timestamp()), f"it failed: {why}")
        answered = store.last_answer_at(self.parts.database.read(), deployment.id)
        begun = (deployment.ready_at or deployment.created_at).timestamp()
        words = "the engine does not answer" if deployment.state is DeploymentState.UNKNOWN else _SILENT
        return Reading(max(0.0, now - max(answered or begun, begun)), words)

    def _quiet(self, deployment: Deployment, now: float, silent: float) -> Reading:
        if silent > QUIET_SECONDS:
            return Reading(None, _SILENT)
        last = store.last_traffic_at(self.parts.database.read(), deployment.id)
        if last is None:
            return Reading(None, "no request has come yet")
        return Reading(max(0.0, now - last), "there were some before")

    def _drift(self, deployment: Deployment, now: float) -> dict[str, Reading]:
        report = self.verdicts.fresh(deployment, now)
        if report is None:
            return {name: Reading(None, _DRIFT) for name in ("drifted_features", "prediction_drift")}
        drifted = [f for f in report.features if f.state is DriftState.DRIFT]
        features = [f.feature for f in drifted if f.kind != "prediction"]
        more = f" and {len(features) - WORDS} more" if len(features) > WORDS else ""
        predictions = [f.sentence.removesuffix(".") for f in drifted if f.kind == "prediction"]
        words = {"drifted_features": ", ".join(features[:WORDS]) + more, "prediction_drift": "; ".join(predictions[:1])}
        return {
            name: _known(value, words[name] if not math.isnan(value) else _DRIFT)
            for name, value in drift_values(report).items()
        }


def drift_values(report: DriftReport) -> dict[str, float]:
    """Number of drifted features, and whether predictions drifted; NaN where all are unknown."""
    known = [f for f in report.features if f.state is not DriftState.UNKNOWN]
    features = [f for f in known if f.kind != "prediction"]
    predictions = [f for f in known if f.kind == "prediction"]
    return {
        "drifted_features": float(_drifted(features)) if features else math.nan,
        "prediction_drift": float(_drifted(predictions) > 0) if predictions else math.nan,
    }


def _drifted(features: Sequence[FeatureDrift]) -> int:
    return sum(f.state is DriftState.DRIFT for f in features)


def _known(value: float | None, words: str = "") -> Reading:
    """`words` say why there is no value, or for drift what goes with it."""
    return Reading(None if value is None or math.isnan(value) else value, words)
