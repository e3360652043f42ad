"""What the tour does in each of its steps, through the same calls as the window and the command line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

from mlops_desktop.domain.errors import NotAllowed, StorageError
from mlops_desktop.domain.monitoring import LabelReport
from mlops_desktop.domain.promotions import Decision, PromotionState
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import party
from mlops_desktop.tour.replay import Progress, Replay
from mlops_desktop.tour.stage import Figure, Figures, Tour
from mlops_desktop.tour.training import train_and_register

MODEL = "flight-delay"
ENVIRONMENT = "production"
FIRST_DAY = date(2013, 3, 1)
AFTER_SECONDS = 6  # so that the chart shows what the roll-back brought
WATCH_SECONDS = 20  # even when alerts come sooner: a chart needs some points
QUIET_SPEED = 0.5  # days of flights a second while versions change


def make_workspace(tour: Tour, context: JobContext) -> Figures:
    began = time.monotonic()
    context.progress(None, "Making the workspace and three accounts")
    if tour.opened is None:
        tour.opened, tour.sessions = party.make_workspace(tour.folder, tour.team)
    tour.workspace.start_background()
    status = tour.workspace.delivery.engine_status()
    engine = f"{status.kind.value} {status.version}" if status.available else status.message
    for person in tour.team.values():
        context.log(f"{person.name} ({person.does}), password {person.password}", "People")
    return (
        Figure("made in", time.monotonic() - began, "s"),
        Figure("people", len(tour.team)),
        Figure("engine", engine.strip()),
    )


def train(tour: Tour, context: JobContext) -> Figures:
    began = time.monotonic()
    registered = tour.workspace.registry.count_versions(MODEL)
    if registered < 2:
        train_and_register(tour.folder, tour.person("scientist"), context, already=registered)
    first, second = (tour.workspace.registry.version(MODEL, n) for n in (1, 2))
    return (
        Figure("training and registering", time.monotonic() - began, "s"),
        Figure("ROC AUC of version 1", first.metrics["roc_auc"]),
        Figure("ROC AUC of version 2", second.metrics["roc_auc"]),
        Figure("served as", f"{first.format.value}, {second.format.value}"),
        Figure("greatest difference to scikit-learn", second.conversion.max_difference if second.conversion else "–"),
    )


def check(tour: Tour, context: JobContext) -> Figures:
    run = tour.workspace.checks.run_checks(tour.session("scientist"), MODEL, 1, ENVIRONMENT, context)
    passed = sum(r.verdict.value in {"pass", "warn"} for r in run.results)
    return (Figure("checks passed", f"{passed} of {len(run.results)}"), Figure("took", run.seconds, "s"))


def promote(tour: Tour, number: int, reason: str, comment: str, context: JobContext) -> Figures:
    """Request by the scientist, an attempt of the scientist to approve it, approval by the reviewer.

    What somebody did by hand before isn't done again.
    """
    promotions = tour.workspace.promotions
    began = time.monotonic()
    standing = [p for p in promotions.promotions(model=MODEL) if (p.version, p.environment) == (number, ENVIRONMENT)]
    promotion = next((p for p in standing if p.state.open or p.state is PromotionState.DEPLOYED), None)
    if promotion is None:
        promotion = promotions.request(tour.session("scientist"), MODEL, number, ENVIRONMENT, reason, context)
    requested = time.monotonic() - began
    own = "not tried"
    if promotion.state is PromotionState.PENDING:
        scientist, reviewer = tour.person("scientist"), tour.person("reviewer")
        try:
            promotions.review(tour.session("scientist"), promotion.id, Decision.APPROVE, "mine", scientist.password)
            own = "possible"
        except NotAllowed as error:
            own = "refused"
            context.log(str(error), "The requester tries to approve")
        session = tour.session("reviewer")
        promotion = promotions.review(session, promotion.id, Decision.APPROVE, comment, reviewer.password)
    return (
        Figure("checked and requested", requested, "s"),
        Figure("approval by the requester", own),
        Figure("approved by", ", ".join(r.reviewer for r in promotion.reviews)),
        Figure("state", promotion.state.value),
    )


def promote_first(tour: Tour, context: JobContext) -> Figures:
    return promote(
        tour,
        1,
        "First version: tells late flights from others better than chance.",
        "Looked at the checks and the held-out figures.",
        context,
    )


def deploy(tour: Tour, number: int, context: JobContext) -> Figures:
    began = time.monotonic()
    delivery = tour.workspace.delivery
    current = next((d for d in delivery.deployments(model=MODEL, environment=ENVIRONMENT) if d.current), None)
    if current is not None and current.version == number:
        deployment = current  # somebody did it by hand
    else:
        deployment = delivery.deploy(tour.session("engineer"), MODEL, number, ENVIRONMENT, context=context)
        tour.marks[f"version {number} deployed"] = time.time()
    steps = tuple(Figure(name, seconds, "s") for name, seconds in deployment.seconds.items())
    return (Figure("from approval to traffic", time.monotonic() - began, "s"), *steps)


def deploy_first(tour: Tour, context: JobContext) -> Figures:
    figures = deploy(tour, 1, context)
    endpoint = tour.workspace.delivery.endpoint(MODEL, ENVIRONMENT)
    return (*figures, Figure("address", endpoint.url))


def send_flights(tour: Tour, context: JobContext) -> Figures:
    from mlops_desktop.tour import flights

    if tour.replay is not None and tour.replay.alive:
        return traffic_figures(tour)
    context.progress(None, "Reading the flights from March on")
    spring = flights.load().between(FIRST_DAY, date(2014, 1, 1))
    workspace, scientist = tour.workspace, tour.session("scientist")
    address = workspace.delivery.endpoint(MODEL, ENVIRONMENT).url

    def send_labels(rows: Sequence[tuple[str, str]]) -> LabelReport:
        return workspace.monitoring.send_labels(scientist, MODEL, rows)

    tour.replay = Replay(spring, address, send_labels, days_per_second=tour.speed, again=tour.again, suffix=tour.run)
    tour.marks["first flight"] = time.time()
    tour.replay.start()
    tour.wait_for("Flights are on their way", lambda: tour.progress.labels > 2000, 20, context)
    return traffic_figures(tour)


def traffic_figures(tour: Tour) -> Figures:
    progress = tour.progress
    live = next((one for one in tour.workspace.monitoring.live() if one.requests_per_second > 0), None)
    return (
        Figure("day of the flights", f"{progress.day:%d %B}" if progress.day else "–"),
        Figure("flights answered", float(progress.flights)),
        Figure("requests answered", float(progress.answered)),
        Figure("requests failed", float(progress.failed)),
        Figure("outcomes sent", float(progress.labels)),
        Figure("95 % of answers within", live.p95_ms if live else "–", "ms" if live else ""),
    )


def release_second(tour: Tour, context: JobContext) -> Figures:
    replay = tour.flights
    before = replay.progress
    speed, quiet = replay.speed, min(replay.speed, QUIET_SPEED)
    replay.speed = quiet
    replay.resume()
    try:
        promote(
            tour,
            2,
            "Better on held-out flights than version 1 on the same data.",
            "ROC AUC rises on the same held-out flights; the checks pass.",
            context,
        )
        deployed = deploy(tour, 2, context)
        tour.wait_for("Version 2 answers", lambda: replay.progress.answered > before.answered + 20, 10, context)
    finally:
        if replay.speed == quiet:  # else somebody chose another meanwhile
            replay.speed = speed
    after = replay.progress
    return (
        *deployed,
        Figure("requests during the change", float(after.answered + after.failed - before.answered - before.failed)),
        Figure("of them lost", float(after.failed - before.failed)),
    )


def seasons_were_noticed(tour: Tour) -> bool:
    """Whether alerts about the inputs and about the performance of version 2 are open."""
    found = {a.figure for a in tour.workspace.alerts.alerts() if a.version == 2}
    return {"drifted_features", "performance_loss"} <= found


def watch(tour: Tour, context: JobContext) -> Figures:
    workspace = tour.workspace
    tour.flights.resume()
    began = time.monotonic()
    tour.wait_for(
        "Waiting for the seasons to change",
        lambda: time.monotonic() - began > WATCH_SECONDS and seasons_were_noticed(tour),
        75,
        context,
    )
    report = workspace.monitoring.drift(MODEL, ENVIRONMENT)
    temperature = next((f for f in report.features if f.feature == "temp"), None)
    deployment = next(d for d in workspace.delivery.deployments(model=MODEL, environment=ENVIRONMENT) if d.current)
    reference = workspace.monitoring.performance_reference(deployment.id)
    realised = {p.metric: p for p in workspace.monitoring.performance_of(deployment.id)}
    alerts = workspace.alerts.alerts()
    progress = tour.progress
    figures = [
        Figure("day of the flights", f"{progress.day:%d %B}" if progress.day else "–"),
        Figure("drift", report.state.value),
        Figure("features that drifted", float(sum(f.state.value == "drift" for f in report.features))),
    ]
    if temperature is not None:
        figures.append(Figure("KS distance of temperature", temperature.distance))
    if "roc_auc" in reference:
        figures.append(Figure("ROC AUC on held-out flights", float(reference["roc_auc"])))
    if (point := realised.get("roc_auc")) is not None:
        figures.append(Figure("ROC AUC realised", point.value))
        figures.append(Figure("outcomes known", f"{point.coverage:.0%}"))
    figures.append(Figure("alerts", float(len(alerts))))
    for alert in alerts[:3]:
        context.log(alert.sentence, "Alerts")
    return tuple(figures)


def roll_back(tour: Tour, context: JobContext) -> Figures:
    before = tour.progress
    tour.flights.resume()
    began = time.monotonic()
    release = tour.workspace.delivery.roll_back(
        tour.session("engineer"),
        MODEL,
        ENVIRONMENT,
        reason="Version 2 does worse than its reference.",
        context=context,
    )
    took = time.monotonic() - began
    tour.marks["rolled back"] = time.time()
    tour.wait_for(
        "Version 1 answers again",
        lambda: time.monotonic() - began > AFTER_SECONDS and tour.progress.answered > before.answered + 50,
        15,
        context,
    )
    after = tour.progress
    return (
        Figure("serves again", f"version {release.version}"),
        Figure("took", took, "s"),
        Figure("requests meanwhile", float(after.answered + after.failed - before.answered - before.failed)),
        Figure("of them lost", float(after.failed - before.failed)),
    )


def audit(tour: Tour, context: JobContext) -> Figures:
    context.progress(None, "Sending the last outcomes")
    progress = tour.replay.stop() if tour.replay is not None else Progress()
    began = time.monotonic()
    state = tour.workspace.audit.verify()
    if not state.intact:
        raise StorageError(f"The audit trail is broken: {state.problem}.")
    return (
        Figure("chain", "intact"),
        Figure("entries", float(state.entries)),
        Figure("verified in", (time.monotonic() - began) * 1000, "ms"),
        Figure("flights answered in all", float(progress.flights)),
        Figure("requests lost in all", float(progress.failed)),
    )
