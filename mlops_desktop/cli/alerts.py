"""Commands about alerts: the list, one of them, ack, snooze, wake; rules, set, add, preview."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click

from mlops_desktop.cli.context import Here, pass_here, told_only
from mlops_desktop.cli.monitoring import seconds_of
from mlops_desktop.cli.output import cell, facts, table
from mlops_desktop.domain.alerts import FIGURES, Alert, AlertRule, AlertState, Comparator, Severity
from mlops_desktop.domain.errors import EngineUnavailable, InvalidInput, NotFound

SEVERITIES = click.Choice([s.value for s in Severity])


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice([s.value for s in AlertState]), help="Only those in this state.")
@click.pass_context
def alerts(context: click.Context, state: str | None) -> None:
    """List alerts; see also `alerts ack` and `alerts rules`."""
    if context.invoked_subcommand is not None:
        return
    here: Here = context.ensure_object(Here)
    _look(here)
    found = here.workspace.alerts.alerts(state=AlertState(state) if state else None)
    now = datetime.now(UTC)
    here.output.show(
        found,
        lambda: table(
            ["id", "severity", "state", "model", "in", "since", "what", "acknowledged by"],
            [
                (a.id, a.severity, _state(a, now), a.model, a.environment, a.opened_at, a.sentence, a.acknowledged_by)
                for a in found
            ],
            "No alerts.",
        ),
    )


@alerts.command("show")
@click.argument("identifier", metavar="ID", type=int)
@pass_here
def show_alert(here: Here, identifier: int) -> None:
    """Show alert ID and what happened to it."""
    alert, events = here.workspace.alerts.alert(identifier), here.workspace.alerts.timeline(identifier)

    def text() -> str:
        head = facts(
            [
                ("what", alert.sentence),
                ("severity", alert.severity),
                ("state", _state(alert, datetime.now(UTC))),
                ("deployment", alert.deployment),
                ("opened", alert.opened_at),
                ("resolved", alert.resolved_at),
                ("acknowledged by", alert.acknowledged_by),
                ("comment", alert.comment),
            ]
        )
        rows = [(datetime.fromisoformat(e.at), e.actor, e.sentence) for e in events]
        return f"{head}\n\n{table(['when', 'who', 'what'], rows)}"

    here.output.show({"alert": alert, "timeline": events}, text)


@alerts.command()
@click.argument("identifier", metavar="ID", type=int)
@click.option("--comment", default="", help="What was decided.")
@pass_here
def ack(here: Here, identifier: int, comment: str) -> None:
    """Say that you have seen alert ID and look after it."""
    found = here.workspace.alerts.acknowledge(here.session, identifier, comment)
    here.output.show(found, f"Acknowledged alert {identifier}.")


@alerts.command()
@click.argument("identifier", metavar="ID", type=int)
@click.option("--for", "duration", metavar="TIME", default="30m", show_default=True, help="30m, 4h, 1d ...")
@click.option("--comment", default="", help="Why.")
@pass_here
def snooze(here: Here, identifier: int, duration: str, comment: str) -> None:
    """Be reminded of alert ID later; it stays open."""
    until = datetime.now(UTC) + timedelta(seconds=min(seconds_of(duration), 1e9))
    found = here.workspace.alerts.snooze(here.session, identifier, until, comment)
    here.output.show(found, f"Alert {identifier} is put off until {cell(until)}.")


@alerts.command()
@click.argument("identifier", metavar="ID", type=int)
@pass_here
def wake(here: Here, identifier: int) -> None:
    """Be reminded of alert ID again at once."""
    found = here.workspace.alerts.wake(here.session, identifier)
    here.output.show(found, f"Alert {identifier} is no longer put off.")


@alerts.command()
@click.option("--model", help="Only those of this model.")
@pass_here
def rules(here: Here, model: str | None) -> None:
    """List the rules that open alerts, and what each says at present."""
    _look(here)
    found = here.workspace.alerts.rules(model)
    said = {c.rule: c for c in here.workspace.alerts.conditions()}
    conditions = [said[r.id] for r in found if r.id in said]

    def row(rule: AlertRule) -> tuple[object, ...]:
        condition = said.get(rule.id)
        state = "off" if not rule.enabled else condition.state if condition else "no deployment"
        value = condition.value if condition else None
        limit = f"{FIGURES.get(rule.figure, (rule.figure, ''))[0]} {rule.comparator.value} {cell(rule.threshold)}"
        return rule.id, rule.model, rule.environment, limit, f"{rule.for_seconds:g} s", rule.severity, state, value

    headers = ["id", "model", "in", "when", "for", "severity", "state", "now"]
    empty = "No rules yet; they are made with a model's first deployment."
    here.output.show({"rules": found, "conditions": conditions}, lambda: table(headers, [row(r) for r in found], empty))


@alerts.command("set")
@click.argument("identifier", metavar="RULE", type=int)
@click.option("--threshold", type=float, help="The limit.")
@click.option("--for", "duration", metavar="TIME", help="How long it must last: 0s, 30s, 5m ...")
@click.option("--severity", type=SEVERITIES, help="How bad it is.")
@click.option("--on/--off", "enabled", default=None, help="Whether it is evaluated.")
@pass_here
def set_rule(
    here: Here,
    identifier: int,
    threshold: float | None,
    duration: str | None,
    severity: str | None,
    enabled: bool | None,
) -> None:
    """Change rule RULE, a number of `alerts rules`."""
    rule = _rule(here, identifier)
    changed = replace(
        rule,
        threshold=rule.threshold if threshold is None else threshold,
        for_seconds=rule.for_seconds if duration is None else seconds_of(duration),
        severity=rule.severity if severity is None else Severity(severity),
        enabled=rule.enabled if enabled is None else enabled,
    )
    if changed == rule:
        raise InvalidInput("Nothing was to be changed.", "Give --threshold, --for, --severity, --on or --off.")
    saved = here.workspace.alerts.set_rule(here.session, changed)
    here.output.show(saved, f"Changed rule {saved.id}.")


@alerts.command()
@click.argument("model")
@click.option("--in", "environment", default="production", show_default=True, help="Where.")
@click.option("--figure", type=click.Choice(list(FIGURES)), required=True, help="What is watched.")
@click.option("--above", type=float, help="Fires above this.")
@click.option("--below", type=float, help="Fires below this.")
@click.option("--for", "duration", metavar="TIME", default="30s", show_default=True, help="How long it must last.")
@click.option("--severity", type=SEVERITIES, default="warning", show_default=True, help="How bad it is.")
@pass_here
def add(
    here: Here,
    model: str,
    environment: str,
    figure: str,
    above: float | None,
    below: float | None,
    duration: str,
    severity: str,
) -> None:
    """Add a rule for MODEL."""
    if (above is None) == (below is None):
        raise InvalidInput("Give either --above or --below.", "Exactly one limit is needed.")
    here.workspace.registry.model(model)
    comparator, limit = (Comparator.ABOVE, above) if above is not None else (Comparator.BELOW, below)
    assert limit is not None  # noqa: S101 - one of the two is given
    rule = AlertRule(0, model, environment, figure, comparator, limit, seconds_of(duration), Severity(severity))
    saved = here.workspace.alerts.set_rule(here.session, rule)
    here.output.show(saved, f"Added rule {saved.id}.")


@alerts.command()
@click.argument("identifier", metavar="RULE", type=int)
@click.option("--threshold", type=float, help="Try this limit instead.")
@click.option("--since", metavar="TIME", default="1d", show_default=True, help="How far back.")
@pass_here
def preview(here: Here, identifier: int, threshold: float | None, since: str) -> None:
    """Show how often rule RULE would have fired."""
    rule, end = _rule(here, identifier), time.time()
    rule = rule if threshold is None else replace(rule, threshold=threshold)
    trial = here.workspace.monitoring.try_rule(rule, end - seconds_of(since), end)

    def text() -> str:
        times = len(trial.firings)
        often = "would have fired once" if times == 1 else f"would have fired {times} times"
        head = f"{rule.model}@{trial.version} {often if times else 'would not have fired'} in the last {since}."
        rows = [(_moment(opened), _moment(over)) for opened, over in trial.firings]
        return f"{head}\n\n{table(['from', 'to'], rows)}" if rows else head

    here.output.show(trial, text)


def _look(here: Here) -> None:
    """Collect once, unless a window does so all the time."""
    with told_only(here.output, EngineUnavailable):
        here.workspace.refresh()


def _rule(here: Here, identifier: int) -> AlertRule:
    found = next((r for r in here.workspace.alerts.rules() if r.id == identifier), None)
    if found is None:
        raise NotFound(f"There is no rule {identifier}.", "The command `alerts rules` lists them.")
    return found


def _state(alert: Alert, now: datetime) -> str:
    if alert.snoozed(now):
        return f"{alert.state.value}, put off until {cell(alert.snoozed_until)}"
    return alert.state.value


def _moment(at: float | None) -> object:
    return "still" if at is None else datetime.fromtimestamp(at, UTC)
