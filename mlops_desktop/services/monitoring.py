"""What the deployments do: collect it, show it live and over time, compare it with the reference, join labels."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.alerts import AlertRule, Reading, Trial
from mlops_desktop.domain.deployments import Deployment, DeploymentState
from mlops_desktop.domain.errors import InvalidInput, NotFound
from mlops_desktop.domain.monitoring import (
    DriftReport,
    DriftState,
    LabelReport,
    Live,
    PerformancePoint,
    Series,
)
from mlops_desktop.services.collector import Collector
from mlops_desktop.services.labels import apply_labels, read_label_file
from mlops_desktop.services.profiles import Profiles
from mlops_desktop.services.readings import LIVE_SECONDS, Readings
from mlops_desktop.services.realised import Realised
from mlops_desktop.services.verdicts import Verdicts
from mlops_desktop.store import models as model_store
from mlops_desktop.store import monitoring as store

if TYPE_CHECKING:
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.alerts import AlertsService
    from mlops_desktop.services.delivery import DeliveryService
    from mlops_desktop.services.parts import Parts

Target = str | tuple[str, str]  # a deployment's id, or model and environment


class MonitoringService:
    """`collect` is called by a ticker (or by a command, once); everything else reads the database."""

    def __init__(
        self, parts: Parts, accounts: AccountsService, delivery: DeliveryService, alerts: AlertsService
    ) -> None:
        self._parts = parts
        self._accounts = accounts
        self._delivery = delivery
        self._alerts = alerts
        self._profiles = Profiles(parts)
        self._collector = Collector(parts, self._profiles, delivery.fetch, delivery.usage)
        self._verdicts = Verdicts(parts, self._profiles)
        self._realised = Realised(parts, self._profiles)
        self._readings = Readings(parts, self._verdicts, self._realised)
        self._collecting = threading.Lock()

    # The collector's round

    def collect(self) -> None:
        """One round: fetch and record, close drift chunks that are due, hold the alert rules against the figures."""
        with self._collecting:
            deployments = self._delivery.deployments(live_only=True)
            self._collector.round(deployments)
            now = self._now()
            running = [d for d in deployments if d.state is DeploymentState.RUNNING]
            for deployment in running:
                self._verdicts.close_due(deployment, now)
            for deployment in running:
                self._alerts.ensure_default_rules(deployment.model, deployment.environment)
            watched = self._watched(deployments)
            self._alerts.evaluate(watched, {d.id: self._readings.of(d, now) for d in watched}, now)

    def figures(self, deployment: Deployment) -> dict[str, float | None]:
        """The present value of every figure that a rule may watch; None where it is not known."""
        return {name: reading.value for name, reading in self.readings(deployment).items()}

    def readings(self, deployment: Deployment) -> dict[str, Reading]:
        """The same with words, and with the periods of figures that come by periods."""
        return self._readings.of(deployment, self._now())

    def _watched(self, live: Sequence[Deployment]) -> list[Deployment]:
        """What rules are held against: what carries traffic, and what failed where nothing took over.

        Of a deployment that failed nothing else would tell: it carries no traffic and is not live any more.
        """
        carrying = [d for d in live if d.weight > 0]
        served = {(d.model, d.environment) for d in carrying}
        failed = []
        for model, environment in {(r.model, r.environment) for r in self._alerts.rules()} - served:
            ended = [d for d in self._delivery.deployments(model=model, environment=environment) if d.stopped_at]
            last = max(ended, key=lambda d: d.stopped_at or d.created_at, default=None)
            if last is not None and last.state is DeploymentState.FAILED and last.ready_at is not None:
                failed.append(last)
        return carrying + failed

    # What can be asked

    def live(self) -> list[Live]:
        """Latest figures of every running deployment, over the last ten seconds; NaN where nothing is known."""
        from mlops_desktop.services.figures import quantiles_ms

        now, database = self._now(), self._parts.database.read()
        found = []
        for deployment in self._delivery.deployments(live_only=True):
            samples = store.usage_between(database, [deployment.id], now - LIVE_SECONDS, now)
            chunks = store.chunks_between(database, [deployment.id], now - LIVE_SECONDS, now)
            answered = bool(chunks) or any(s.answered for s in samples)
            measured = [s for s in samples if s.memory_bytes is not None]
            quantiles = quantiles_ms(chunks)
            report = self._verdicts.fresh(deployment, now)
            progress = self._collector.progress.get(deployment.id)
            figures = {}
            if progress is not None:
                figures = {
                    "clock_skew_seconds": progress.skew,
                    "dropped_predictions": float(progress.dropped),
                    "rejected_chunks": float(progress.rejected),
                    "restarts": float(max(0, progress.boots - 1)),
                }
            found.append(
                Live(
                    deployment=deployment.id,
                    at=max([s.at for s in samples] + [c.end for c in chunks], default=now),
                    requests_per_second=sum(c.requests for c in chunks) / LIVE_SECONDS if answered else math.nan,
                    errors_per_second=sum(c.errors for c in chunks) / LIVE_SECONDS if answered else math.nan,
                    p50_ms=quantiles["p50_ms"],
                    p95_ms=quantiles["p95_ms"],
                    p99_ms=quantiles["p99_ms"],
                    cpu_percent=_or_nan(measured[-1].cpu_percent if measured else None),
                    memory_bytes=int(measured[-1].memory_bytes or 0) if measured else 0,
                    drift=report.state if report else DriftState.UNKNOWN,
                    figures=figures,
                )
            )
        return found

    def series(
        self, target: Target, figures: Sequence[str], start: float, end: float, step: float | None = None
    ) -> list[Series]:
        """Figures of a deployment, or of all of a model's in an environment together.

        At most 600 points without `step`. Without traffic zero where the collector was answered, else NaN: a gap.
        """
        from mlops_desktop.services import figures as computed

        computed.check_figures(figures)
        _check_range(start, end)
        if step is not None and not (math.isfinite(step) and step > 0 and (end - start) / step <= 100_000):
            raise InvalidInput("The step must be positive and give at most 100,000 points.")
        deployments = self._deployments(target)
        ids, now = [d.id for d in deployments], self._now()
        seconds = self._parts.settings.collect_seconds
        step = step or computed.choose_step(start, end, now, seconds)
        database = self._parts.database.read()
        # A chunk or an answer just outside the range still tells of its first and last step.
        margin = max(step, 5 * seconds)
        read = store.latencies_between if computed.QUANTILES.keys() & set(figures) else store.traffic_between
        chunks = read(database, ids, start - margin, end + margin)
        samples = store.usage_between(database, ids, start - margin, end + margin)
        limits = {d.id: d.limits for d in deployments}
        return computed.series(figures, chunks, samples, limits, start, end, step, now, seconds)

    def drift(
        self,
        model: str,
        environment: str | None = None,
        *,
        deployment: str | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> DriftReport:
        """How far inputs and predictions are from the reference; without a range over the newest closed chunk.

        Without a deployment it is the one that carries traffic, else the newest. NotFound if there is none.
        """
        return self._verdicts.report(self._one(model, environment, deployment), start, end)

    def drift_history(self, deployment: str, start: float, end: float) -> list[DriftReport]:
        """One report without bins for each closed drift chunk of the range, oldest first: the heat map's columns."""
        _check_range(start, end)
        return self._verdicts.reports(self._delivery.deployment(deployment), start, end)

    def performance(
        self,
        model: str,
        environment: str,
        start: float,
        end: float,
        step: float | None = None,
        metric: str | None = None,
    ) -> list[PerformancePoint]:
        """Realised performance by the time of prediction, one point a step; NaN before labels came."""
        _check_range(start, end)
        deployments = self._deployments((model, environment))
        step = step or self._parts.settings.performance_chunk_seconds
        return self._realised.points(deployments, start, end, step, metric)

    def performance_of(self, deployment: str) -> list[PerformancePoint]:
        """Every metric over the whole life of one deployment."""
        return self._realised.of(self._delivery.deployment(deployment))

    def performance_reference(self, deployment: str) -> Mapping[str, float]:
        """What the version reached on held-out data when it was trained: the line to compare with."""
        return self._realised.reference(self._delivery.deployment(deployment))

    def figure_history(self, deployment: str, figure: str, start: float, end: float) -> Series:
        """A figure that rules may watch, over the past of one deployment; NaN where it was not known."""
        _check_range(start, end)
        return self._readings.history(self._delivery.deployment(deployment), figure, start, end)

    def try_rule(self, rule: AlertRule, start: float, end: float) -> Trial:
        """What a rule, saved or not, would have done in the past of what carries the traffic, else the newest."""
        _check_range(start, end)
        return self._readings.trial(rule, self._one(rule.model, rule.environment, None), start, end)

    # What people send

    def send_labels(self, session: Session, model: str, rows: Iterable[tuple[str, str]]) -> LabelReport:
        """Join true outcomes, pairs of prediction id and label, to the predictions of `model`."""
        account = self._accounts.authorise(session, Action.SEND_LABELS)
        if model_store.model_of(self._parts.database.read(), model) is None:
            raise NotFound(f"There is no model “{model[:80]}”.", "The command `models` lists them.")
        report = apply_labels(self._parts, account.name, model, rows)
        self._realised.forget()
        return report

    def send_labels_file(self, session: Session, path: Path) -> LabelReport:
        """The same from a CSV file with the columns prediction_id and label, of any models."""
        account = self._accounts.authorise(session, Action.SEND_LABELS)
        report = apply_labels(self._parts, account.name, None, read_label_file(path))
        self._realised.forget()
        return report

    def _deployments(self, target: Target) -> list[Deployment]:
        if isinstance(target, str):
            return [self._delivery.deployment(target)]
        model, environment = target
        return self._delivery.deployments(model=model, environment=environment)

    def _one(self, model: str, environment: str | None, deployment: str | None) -> Deployment:
        if deployment is not None:
            return self._delivery.deployment(deployment)
        found = self._delivery.deployments(model=model, environment=environment)
        if not found:
            where = f" in {environment}" if environment else ""
            raise NotFound(f"{model} was never deployed{where}.", "Deploy it first.")
        return next((d for d in found if d.current), found[0])

    def _now(self) -> float:
        return self._parts.clock().timestamp()


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _check_range(start: float, end: float) -> None:
    if not (math.isfinite(start) and math.isfinite(end)) or start >= end:
        raise InvalidInput("The time range must begin before it ends.")
