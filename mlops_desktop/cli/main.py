"""The command line: one group, its options, and how errors end.

Exit codes: 0 done; 1 refused or failed, with one line on standard error; 2 wrong usage; 130 cancelled with Ctrl+C.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import click

from mlops_desktop import __version__
from mlops_desktop.cli.context import Here, Windows, log_file, start_log
from mlops_desktop.cli.output import error_line
from mlops_desktop.domain.errors import JobCancelled, WorkstationError

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130


# In the order of the work. The module is imported when its command is called, so that `--help` is immediate.
COMMANDS = {
    "init": ("workspaces", "Make a workspace; you become its admin."),
    "accounts": ("accounts", "List and make accounts, give roles, change passwords."),
    "register": ("models", "Register a model file or folder as a new version."),
    "models": ("models", "List the models."),
    "versions": ("models", "List the versions of a model."),
    "show": ("models", "Show everything that is known of a version."),
    "compare": ("models", "Compare two versions."),
    "check": ("promotions", "Run the checks that an environment demands."),
    "request": ("promotions", "Ask for a version to serve in an environment."),
    "requests": ("promotions", "List requests, or show one for its review."),
    "approve": ("promotions", "Approve a request that somebody else made."),
    "reject": ("promotions", "Reject a request with a reason."),
    "withdraw": ("promotions", "Take back a request of your own."),
    "deploy": ("delivery", "Build, start and switch an approved version."),
    "rollback": ("delivery", "Give the traffic back to the version before."),
    "stop": ("delivery", "Stop a deployment or all of a model."),
    "start": ("delivery", "Start a stopped deployment again."),
    "status": ("delivery", "Show the engine, the addresses and the deployments."),
    "logs": ("delivery", "Show what a deployment or its build wrote."),
    "predict": ("delivery", "Send the rows of a file to a stable address."),
    "labels": ("monitoring", "Send the true outcomes of earlier predictions."),
    "drift": ("monitoring", "Show how far the inputs are from the training data."),
    "metrics": ("monitoring", "Show rates, latency, use and realised performance."),
    "alerts": ("alerts", "List and acknowledge alerts, list their rules."),
    "audit": ("audit", "List, verify and export who did what, when."),
    "tour": ("tour", "Walk through the whole job on real flights."),
}


class LazyCommands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mlops_desktop.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyCommands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the workspace [MLOPS_DESKTOP_WORKSPACE, else the one opened last].",
)
@click.option("--user", metavar="NAME", help="Who you are [MLOPS_DESKTOP_USER, else your login name].")
@click.option("--json", is_flag=True, help="Write one JSON document instead of text.")
@click.option(
    "--progress/--no-progress", default=None, help="Tell on standard error what a slow command does [in a terminal]."
)
@click.version_option(__version__, prog_name="mlops-desktop")
@click.pass_context
def cli(
    context: click.Context, workspace: Path | None, user: str | None, json: bool, progress: bool | None
) -> int | None:
    """Carry a model from training into production and watch it there.

    Without a command the window opens. The password comes from MLOPS_DESKTOP_PASSWORD or is asked for.
    """
    windows: Windows | None = context.obj
    if context.invoked_subcommand is None:
        if windows is None or json:
            raise click.UsageError("Missing command.")
        if user:
            os.environ["MLOPS_DESKTOP_USER"] = user  # where the window looks for it
        return windows.open(workspace)
    told = sys.stderr.isatty() if progress is None else progress
    here = Here(workspace, user, json=json, progress=told, windows=windows)
    context.obj = here
    context.call_on_close(here.close)
    start_log()
    return None


def main(arguments: Sequence[str] | None = None, windows: Windows | None = None) -> int:
    """Run one command and return its exit code. Anything unforeseen goes through `report_bug`."""
    sys.excepthook = report_bug
    try:
        outcome = cli.main(arguments, prog_name="mlops-desktop", standalone_mode=False, obj=windows)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, JobCancelled):
        click.echo("Cancelled.", err=True)
        return CANCELLED
    except WorkstationError as error:
        click.echo(error_line(error.message, error.hint), err=True)
        return FAILED
    except BrokenPipeError:
        # `mlops-desktop versions … | head`: the reader has seen enough. Python would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return outcome if isinstance(outcome, int) else DONE


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """One line that says it is a bug of this program, and the traceback in the log file. Python exits with 1."""
    import logging

    logging.getLogger(__name__).critical("unforeseen", exc_info=(kind, error, trace))
    line = error_line(f"This is a bug in MLOps Desktop: {kind.__name__}: {error}.", f"The details are in {log_file()}")
    click.echo(line, err=True)
