"""Commands about the audit trail: list, verify, export."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_desktop.cli.context import Here, pass_here
from mlops_desktop.cli.output import table
from mlops_desktop.domain.errors import StorageError


@click.group()
def audit() -> None:
    """Who did what to which subject, when."""


@audit.command("list")
@click.option("--subject", help="Only what is about this, for example flight-delay@2.")
@click.option("--actor", help="Only what this account did.")
@click.option("--event", help="Only events of this kind, for example VersionRegistered.")
@click.option("--search", default="", help="Only events whose text contains this.")
@click.option("--before", type=int, help="Only entries older than this number.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@pass_here
def list_events(
    here: Here, subject: str | None, actor: str | None, event: str | None, search: str, before: int | None, limit: int
) -> None:
    """List events, newest first."""
    found = here.workspace.audit.events(
        subject=subject, actor=actor, event=event, search=search, before=before, limit=limit
    )
    here.output.show(
        found,
        lambda: table(
            ["no", "at", "who", "what", "subject"],
            [(e.sequence, e.at[:19].replace("T", " "), e.actor, e.sentence, e.subject) for e in found],
            "No events match.",
        ),
    )


@audit.command()
@pass_here
def verify(here: Here) -> None:
    """Check every link of the hash chain. Exit code 1 if one does not hold."""
    state = here.workspace.audit.verify()
    here.output.show(
        state,
        f"The audit trail is intact: {state.entries:,} entries, head {state.head[:16]}." if state.intact else "",
    )
    if not state.intact:
        raise StorageError(f"The audit trail is broken: {state.problem}.", "Restore a backup, or ask who changed it.")


@audit.command()
@click.argument("path", type=click.Path(path_type=Path))
@pass_here
def export(here: Here, path: Path) -> None:
    """Write the whole trail to the file PATH."""
    here.workspace.audit.export(path)
    here.output.show({"path": path}, f"Wrote the audit trail to {path}.")
