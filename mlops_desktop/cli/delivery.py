"""Commands about what serves: deploy, rollback, stop, start, status, logs, predict."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import click

from mlops_desktop.cli.context import Here, data_file, pass_here, told_only
from mlops_desktop.cli.output import cell, facts, plain, size, table
from mlops_desktop.domain.deployments import Deployment, Limits
from mlops_desktop.domain.errors import EngineUnavailable, InvalidInput, NotFound
from mlops_desktop.domain.registry import parse_label

CONTENT_TYPES = {".json": "application/json", ".csv": "text/csv"}


@click.command()
@click.argument("version", metavar="MODEL@N")
@click.option("--to", "environment", required=True, help="Where it shall serve.")
@click.option("--memory", type=click.IntRange(min=64), metavar="MIB", help="Memory limit.")
@click.option("--cpus", type=click.FloatRange(min=0.1), metavar="N", help="Processor limit.")
@pass_here
def deploy(here: Here, version: str, environment: str, memory: int | None, cpus: float | None) -> None:
    """Build, start and switch an approved version; the one before stays ready for a roll-back."""
    model, number = parse_label(version)
    limits = Limits(memory_mb=memory or Limits().memory_mb, cpus=cpus or Limits().cpus)
    session = here.session
    deployed = here.run(
        f"Deploy {version} to {environment}",
        lambda context: here.workspace.delivery.deploy(
            session, model, number, environment, limits=limits, context=context
        ),
    )
    endpoint = here.workspace.delivery.endpoint(model, environment)
    took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in deployed.seconds.items())
    here.output.show(
        {"deployment": deployed, "endpoint": endpoint},
        f"{deployed.label} serves at {endpoint.url}" + (f" ({took})" if took else ""),
    )


@click.command()
@click.argument("model")
@click.option("--in", "environment", required=True, help="Where.")
@click.option("--reason", default="", help="Why, for the audit trail.")
@pass_here
def rollback(here: Here, model: str, environment: str, reason: str) -> None:
    """Give the traffic of MODEL back to the version that had it before."""
    session = here.session
    release = here.run(
        f"Roll {model} back in {environment}",
        lambda context: here.workspace.delivery.roll_back(session, model, environment, reason=reason, context=context),
    )
    here.output.show(
        release,
        f"{model}@{release.version} serves in {environment} again (before: {release.previous_version}; "
        f"{release.seconds:.2f} s).",
    )


@click.command()
@click.argument("what", metavar="MODEL|DEPLOYMENT")
@click.option("--in", "environment", help="With a model: where to stop all of its deployments.")
@click.option("--reason", default="", help="Why, for the audit trail.")
@pass_here
def stop(here: Here, what: str, environment: str | None, reason: str) -> None:
    """Stop a deployment, or with --in everything of a model; its address answers 503 from then on."""
    session, delivery = here.session, here.workspace.delivery
    if environment is not None:
        stopped = here.run(
            f"Stop {what} in {environment}",
            lambda _: delivery.stop_environment(session, what, environment, reason=reason),
        )
    else:
        stopped = [
            here.run(f"Stop {what}", lambda context: delivery.stop(session, what, reason=reason, context=context))
        ]
    here.output.show(stopped, "\n".join(f"Stopped {d.label} in {d.environment} ({d.id})." for d in stopped))


@click.command()
@click.argument("deployment")
@pass_here
def start(here: Here, deployment: str) -> None:
    """Start a stopped DEPLOYMENT again."""
    session = here.session
    started = here.run(
        f"Start {deployment}",
        lambda context: here.workspace.delivery.start(session, deployment, context=context),
    )
    here.output.show(started, f"{started.label} runs in {started.environment} ({started.id}).")


@click.command()
@click.option("--model", help="Only this model.")
@click.option("--all", "everything", is_flag=True, help="Also deployments that have ended.")
@pass_here
def status(here: Here, model: str | None, everything: bool) -> None:
    """Show the engine, the addresses and the deployments with their latest figures."""
    delivery = here.workspace.delivery
    engine = delivery.engine_status()
    if engine.available:
        with told_only(here.output, EngineUnavailable):
            here.workspace.refresh()
    deployments = delivery.deployments(model=model, live_only=not everything)
    endpoints = [e for e in delivery.endpoints() if model in (None, e.model)] if engine.available else []
    live = {one.deployment: one for one in here.workspace.monitoring.live()}

    def row(d: Deployment) -> tuple[object, ...]:
        now = live.get(d.id)
        figures: tuple[object, ...] = (None,) * 5
        if now is not None:
            cpu = None if math.isnan(now.cpu_percent) else f"{now.cpu_percent:.0f} %"
            memory = size(now.memory_bytes) if now.memory_bytes else None
            figures = (now.requests_per_second, now.p95_ms, now.drift, cpu, memory)
        return (d.label, d.environment, d.state, f"{d.weight} %", *figures, d.id, d.message)

    def text() -> str:
        head = [
            ("workspace", here.workspace.path),
            ("engine", f"{engine.kind.value} {engine.version}" if engine.available else engine.message),
            ("hint", engine.hint),
        ]
        head += [(f"{e.model} in {e.environment}", e.url) for e in endpoints]
        columns = ["version", "in", "state", "traffic", "req/s", "p95 ms", "drift", "cpu", "memory", "id", "message"]
        empty = "Nothing is deployed. Deploy with: mlops-desktop deploy MODEL@N --to ENV"
        return f"{facts(head)}\n\n{table(columns, map(row, deployments), empty)}"

    value = {
        "workspace": here.workspace.path,
        "engine": engine,
        "endpoints": endpoints,
        "deployments": deployments,
        "live": list(live.values()),
    }
    here.output.show(value, text)


@click.command()
@click.argument("what", metavar="MODEL|DEPLOYMENT")
@click.option("--in", "environment", help="With a model: where.")
@click.option("--tail", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Lines from the end.")
@click.option("--build", is_flag=True, help="The log of the build instead.")
@pass_here
def logs(here: Here, what: str, environment: str | None, tail: int, build: bool) -> None:
    """Show what a deployment wrote; with --in that which serves MODEL now."""
    delivery = here.workspace.delivery
    identifier = what
    if environment is not None:
        found = delivery.deployments(model=what, environment=environment)
        chosen = next((d for d in found if d.current), found[0] if found else None)
        if chosen is None:
            raise NotFound(f"{what} was never deployed to {environment}.", "The command `status --all` lists what was.")
        identifier = chosen.id
    if build:
        lines: list[Any] = delivery.build_log(identifier)[-tail:]
        here.output.show(lines, lambda: "\n".join(map(plain, lines)))
        return
    written = delivery.logs(identifier, tail)
    here.output.show(written, lambda: "\n".join(plain(line.text) for line in written))


@click.command()
@click.argument("model")
@click.option("--in", "environment", required=True, help="Where.")
@click.option("--input", "source", required=True, type=click.Path(path_type=Path), help="A .json or .csv file, or -.")
@pass_here
def predict(here: Here, model: str, environment: str, source: Path) -> None:
    """Send the rows of a file to the stable address of MODEL and show its answers.

    JSON is sent as it is (dataframe_split, dataframe_records, instances or inputs); a CSV file has the inputs' names in
    its first line.
    """
    if (content_type := CONTENT_TYPES.get(source.suffix.lower() if str(source) != "-" else ".json")) is None:
        raise InvalidInput(f"{source} is neither .json nor .csv.", "Give the file one of these endings.")
    payload = data_file(source)
    session = here.session
    if content_type == "text/csv" and (current := here.workspace.registry.current(model, environment)) is not None:
        _refuse_extra_columns(source, payload, {c.name for c in current.signature.inputs})
    body = here.workspace.delivery.predict(session, model, environment, payload, content_type)
    answer = json.loads(body)
    here.output.show(answer, lambda: _answer(answer))


def _refuse_extra_columns(source: Path, payload: bytes, inputs: set[str]) -> None:
    """The address leaves out what it does not know, as programs expect; a person's file is more likely wrong."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{source.name} is not UTF-8 text.", "Save it as CSV in UTF-8.") from None
    header = next(csv.reader(text.splitlines()), [])
    if extra := [name for name in header if name.strip() not in inputs]:
        raise InvalidInput(
            f"{source.name} has unexpected columns: {', '.join(extra)[:200]}.",
            f"The inputs are {', '.join(sorted(inputs))}.",
        )


def _answer(answer: Any) -> str:
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(predictions, list):
        return plain(json.dumps(answer, ensure_ascii=False, indent=2))
    request = answer.get("prediction_id", "")
    scores = answer.get("scores") or [None] * len(predictions)
    return table(
        ["prediction", "score", "prediction id"],
        [
            (cell(prediction), score, f"{request}:{i}" if request else None)
            for i, (prediction, score) in enumerate(zip(predictions, scores, strict=False))
        ],
        "The answer holds no predictions.",
    )
