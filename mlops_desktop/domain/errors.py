"""The errors that a person may meet; anything else that is raised is a bug.

Each carries one sentence that says what happened and a hint that says what to do. The window shows them as a
banner, the command line as one line and exit code 1.
"""

from __future__ import annotations


class WorkstationError(Exception):
    """Base of every error written for a person."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(WorkstationError):
    """Something typed, or a data file, does not have the form that is needed."""


class NotFound(WorkstationError):
    """The named thing does not exist in this workspace."""


class Conflict(WorkstationError):
    """The action does not fit the present state, often because somebody was faster."""


class NotAllowed(WorkstationError):
    """The account's roles do not permit the action, or who is asking was not proved."""


class PolicyViolation(WorkstationError):
    """The environment's policy forbids the action: a check failed or an approval is missing or void."""


class InvalidArtifact(WorkstationError):
    """A model file is damaged, is no model, or is refused by static inspection."""


class EngineUnavailable(WorkstationError):
    """The engine that runs deployments does not answer."""


class DeploymentFailed(WorkstationError):
    """An image could not be built, or a deployment did not start or did not answer as it should."""


class StorageError(WorkstationError):
    """The workspace's files can't be read or written: full disk, damaged database, newer schema."""


class JobCancelled(WorkstationError):
    """A person cancelled the job; what it had begun was undone."""

    def __init__(self, message: str = "Cancelled.", hint: str = "") -> None:
        super().__init__(message, hint)
