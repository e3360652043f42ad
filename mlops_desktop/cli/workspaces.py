"""The command that makes a workspace: init."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_desktop.cli.context import Here, pass_here
from mlops_desktop.domain.errors import InvalidInput


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--name", default="", help="Name of the workspace; the folder's when left out.")
@click.option("--full-name", default="", help="Your name as it is shown.")
@pass_here
def init(here: Here, folder: Path | None, name: str, full_name: str) -> None:
    """Make a workspace in FOLDER (or --workspace); you become its admin with a password of your choice."""
    if folder is None:
        if not here.chosen:
            raise InvalidInput("No folder was named for the workspace.", "Write: mlops-desktop init FOLDER")
        folder = here.folder
    from mlops_desktop.domain.names import suggest_name
    from mlops_desktop.workspace import create_workspace

    folder = folder.absolute()
    admin = here.user
    password = here.new_password(admin)
    workspace = create_workspace(
        folder, name=name or suggest_name(folder.name), admin=admin, full_name=full_name or admin, password=password
    )
    try:
        value = {"path": workspace.path, "name": workspace.name, "admin": admin}
        here.output.show(value, f"Made the workspace {workspace.name} in {folder}; {admin} is its admin.")
    finally:
        workspace.close()
