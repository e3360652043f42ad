"""The three people of the tour, their passwords, and the folder in which they work."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Role, Session
from mlops_desktop.domain.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_desktop.workspace import Workspace

SETTINGS = {"gateway_port": 0, "drift_chunk_seconds": 6.0, "performance_chunk_seconds": 6.0}
WORDS = (
    "apron", "beacon", "cabin", "canvas", "captain", "cedar", "clover", "cobalt", "copper", "coral", "delta",
    "dune", "ember", "fabric", "ferry", "flint", "gable", "garnet", "glider", "granite", "hangar", "harbor",
    "hazel", "heron", "indigo", "ivory", "jetty", "juniper", "kayak", "lagoon", "lantern", "lattice", "ledger",
    "linen", "magnet", "maple", "marble", "meadow", "nectar", "nickel", "oasis", "ocean", "olive", "orbit",
    "otter", "parcel", "pebble", "pepper", "pilot", "pine", "quartz", "radar", "ribbon", "river", "runway",
    "saddle", "sail", "silver", "spruce", "sundial", "tarmac", "timber", "tundra", "velvet", "willow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the tour; the password is shown, so that every step can be taken by hand."""

    name: str
    full_name: str
    roles: frozenset[Role]
    does: str
    password: str


def new_password() -> str:
    """Four words and a number: about 37 bits from the operating system's source, enough for a week's workspace."""
    return "-".join([*(secrets.choice(WORDS) for _ in range(4)), str(secrets.randbelow(9000) + 1000)])


def people() -> dict[str, Person]:
    """By their part in the work: `engineer`, `scientist`, `reviewer`."""
    return {
        "engineer": Person(
            "mila",
            "Mila Novak",
            frozenset({Role.ADMIN, Role.ML_ENGINEER}),
            "ML engineer: made this workspace, deploys and watches",
            new_password(),
        ),
        "scientist": Person(
            "dan",
            "Dan Okafor",
            frozenset({Role.DATA_SCIENTIST}),
            "data scientist: trains, registers and asks for promotion",
            new_password(),
        ),
        "reviewer": Person(
            "rosa",
            "Rosa Lindqvist",
            frozenset({Role.REVIEWER}),
            "reviewer: approves or rejects with a reason",
            new_password(),
        ),
    }


def make_workspace(folder: Path, team: dict[str, Person]) -> tuple[Workspace, dict[str, Session]]:
    """Make the workspace with its three accounts, and sign everybody in.

    A tour lives minutes, not months: verdicts come every few seconds, and the port is any free one.
    """
    from mlops_desktop.workspace import create_workspace

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StorageError(f"The folder {folder} is not empty.", "Name a new folder for the tour.")
        (folder / "settings.json").write_text(json.dumps(SETTINGS, indent=1), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"The folder {folder} can't be used: {error.strerror}.", "Name another.") from None
    engineer = team["engineer"]
    workspace = create_workspace(
        folder,
        name="Flights of 2013",
        admin=engineer.name,
        full_name=engineer.full_name,
        password=engineer.password,
    )
    session = workspace.accounts.sign_in(engineer.name, engineer.password)
    workspace.accounts.set_roles(session, engineer.name, engineer.roles)
    sessions = {"engineer": session}
    for part in ("scientist", "reviewer"):
        person = team[part]
        workspace.accounts.create_account(session, person.name, person.full_name, person.password, person.roles)
        sessions[part] = workspace.accounts.sign_in(person.name, person.password)
    return workspace, sessions
