"""Commands about alerts: the list, ack, rules."""

from __future__ import annotations

import click

from mlops_desktop.cli.context import Here, pass_here, told_only
from mlops_desktop.cli.output import cell, table
from mlops_desktop.domain.alerts import FIGURES, AlertState
from mlops_desktop.domain.errors import EngineUnavailable


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice([s.value for s in AlertState]), help="Only those in this state.")
@click.pass_context
def alerts(context: click.Context, state: str | None) -> None:
    """List alerts; see also `alerts ack` and `alerts rules`."""
    if context.invoked_subcommand is not None:
        return
    here: Here = context.ensure_object(Here)
    with told_only(here.output, EngineUnavailable):
        here.workspace.monitoring.collect()
    found = here.workspace.alerts.alerts(state=AlertState(state) if state else None)
    here.output.show(
        found,
        lambda: table(
            ["id", "severity", "state", "model", "in", "since", "what", "acknowledged by"],
            [
                (a.id, a.severity, a.state, a.model, a.environment, a.opened_at, a.sentence, a.acknowledged_by)
                for a in found
            ],
            "No alerts.",
        ),
    )


@alerts.command()
@click.argument("identifier", metavar="ID", type=int)
@click.option("--comment", default="", help="What was decided.")
@pass_here
def ack(here: Here, identifier: int, comment: str) -> None:
    """Say that you have seen alert ID and look after it."""
    session = here.session
    here.workspace.alerts.acknowledge(session, identifier, comment)
    found = next((a for a in here.workspace.alerts.alerts() if a.id == identifier), None)
    here.output.show(found, f"Acknowledged alert {identifier}.")


@alerts.command()
@click.option("--model", help="Only those of this model.")
@pass_here
def rules(here: Here, model: str | None) -> None:
    """List the rules that open alerts."""
    found = here.workspace.alerts.rules(model)
    here.output.show(
        found,
        lambda: table(
            ["id", "model", "in", "when", "for", "severity", "enabled"],
            [
                (
                    r.id,
                    r.model,
                    r.environment,
                    f"{FIGURES.get(r.figure, (r.figure, ''))[0]} {r.comparator.value} {cell(r.threshold)}",
                    f"{r.for_seconds:g} s",
                    r.severity,
                    r.enabled,
                )
                for r in found
            ],
            "No rules yet; they are made with a model's first deployment.",
        ),
    )
