"""Commands about what was seen: labels, drift, metrics."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from mlops_desktop.cli.context import Here, pass_here, told_only
from mlops_desktop.cli.output import size, table
from mlops_desktop.domain.errors import EngineUnavailable, InvalidInput
from mlops_desktop.domain.monitoring import DriftReport

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
POINTS = 20
FIGURES = ("request_rate", "error_rate", "p50_ms", "p95_ms", "p99_ms", "cpu_percent", "memory_bytes")


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@pass_here
def labels(here: Here, source: Path) -> None:
    """Send true outcomes: a CSV file with the columns prediction_id and label. Exit code 1 if none is known."""
    session, monitoring = here.session, here.workspace.monitoring
    with told_only(here.output, EngineUnavailable):
        monitoring.collect()  # a prediction that is still in its container would count as unknown
    report = monitoring.send_labels_file(session, source)
    here.output.show(
        report, f"Matched {report.matched:,} labels, replaced {report.replaced:,}, unknown {report.unknown:,}."
    )
    if report.unknown:
        first = ", ".join(report.unknown_ids)
        known = "1 label names a prediction" if report.unknown == 1 else f"{report.unknown:,} labels name predictions"
        sentence = f"{known} that nobody knows here: {first}"
        if not report.matched and not report.replaced:
            raise InvalidInput(sentence + ".", "Send the ids that came with the answers, REQUEST:ROW.")
        here.output.note(f"Note: {sentence}.")


@click.command()
@click.argument("model")
@click.option("--in", "environment", default="production", show_default=True, help="Where.")
@click.option("--deployment", help="This deployment instead of the current one.")
@click.option("--since", metavar="TIME", help="Only what came in the last 30m, 2h, 7d ...")
@pass_here
def drift(here: Here, model: str, environment: str, deployment: str | None, since: str | None) -> None:
    """Show how far inputs and predictions of MODEL are from the data it was trained on."""
    monitoring = here.workspace.monitoring
    here.workspace.registry.model(model)
    with told_only(here.output, EngineUnavailable):
        monitoring.collect()
    start = time.time() - seconds_of(since) if since else None
    report = monitoring.drift(model, environment, deployment=deployment, start=start)
    here.output.show(report, lambda: drift_table(report))


def drift_table(report: DriftReport) -> str:
    """Features, worst first."""
    ends = (f"{datetime.fromtimestamp(t, UTC).astimezone():%Y-%m-%d %H:%M:%S}" for t in (report.start, report.end))
    period = f" from {' to '.join(ends)}" if report.rows else " yet"
    return "\n".join(
        [
            f"{report.model}@{report.version}: {report.state.value}, {report.rows:,} rows{period}",
            "",
            table(
                ["feature", "state", "psi", "limit", "distance", "p", "nulls", "importance", "verdict"],
                [
                    (f.feature, f.state, f.psi, f.limit, f.distance, f.p_value, f.null_share, f.importance, f.sentence)
                    for f in report.features
                ],
                "This version has no reference profile, so there is nothing to compare with.",
            ),
        ]
    )


@click.command()
@click.argument("model")
@click.option("--in", "environment", default="production", show_default=True, help="Where.")
@click.option("--since", metavar="TIME", default="1h", show_default=True, help="How far back: 30m, 2h, 7d ...")
@pass_here
def metrics(here: Here, model: str, environment: str, since: str) -> None:
    """Show rates, latency and use of MODEL over time, and its realised performance where labels came."""
    monitoring = here.workspace.monitoring
    here.workspace.registry.model(model)
    with told_only(here.output, EngineUnavailable):
        monitoring.collect()
    end = time.time()
    start = end - seconds_of(since)
    step = max(1.0, (end - start) / POINTS)
    series = monitoring.series((model, environment), FIGURES, start, end, step)
    performance = monitoring.performance(model, environment, start, end, step)

    def text() -> str:
        by_name = {s.name: s for s in series}
        times = sorted({t for s in series for t in s.times})
        lookup = {name: dict(zip(s.times, s.values, strict=True)) for name, s in by_name.items()}
        rows = [(_clock(t), *(_figure(name, lookup[name].get(t)) for name in FIGURES if name in lookup)) for t in times]
        rows = [row for row in rows if any(value is not None for value in row[1:])]
        headers = ["time", *(by_name[name].name for name in FIGURES if name in by_name)]
        outcomes = [
            (_clock(p.start), p.metric, p.value, p.low, p.high, p.labels, f"{p.coverage:.0%}") for p in performance
        ]
        return "\n\n".join(
            [
                table(headers, rows, f"No requests in the last {since}."),
                table(["time", "metric", "value", "low", "high", "labels", "of all"], outcomes, "No labels yet."),
            ]
        )

    here.output.show({"series": series, "performance": performance}, text)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def _figure(name: str, value: float | None) -> object:
    if value is None or value != value:
        return None
    return size(int(value)) if name == "memory_bytes" else value


def seconds_of(text: str) -> float:
    """`90s`, `30m`, `2h` or `7d` in seconds; InvalidInput for anything else."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])", text.strip())
    if found is None:
        raise InvalidInput(f"“{text}” is no length of time.", "Write for example 30m, 2h or 7d.")
    return float(found[1]) * UNITS[found[2]]
