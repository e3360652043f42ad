"""What an engine's failure means for a person: its texts and causes turned into our own errors."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_desktop.domain.errors import Conflict, DeploymentFailed, EngineUnavailable, StorageError


class EngineRefused(EngineUnavailable):
    """The engine answered with an error that is neither "not found" nor "conflict"; `explanation` is its own text."""

    def __init__(self, explanation: str, status: int) -> None:
        super().__init__(f"Docker refused: {explanation}", "Look at the engine's log, then try again.")
        self.explanation = explanation
        self.status = status


def unavailable(error: BaseException) -> EngineUnavailable:
    """Why the engine can't be reached, from the cause that docker-py has wrapped several times."""
    text = " ".join(f"{type(e).__name__} {e}" for e in _causes(error))
    if "PermissionError" in text or "Permission denied" in text:
        return EngineUnavailable(
            "Docker is running, but this user may not use it.", "Add the user to the group docker and sign in again."
        )
    if "FileNotFoundError" in text or "No such file" in text:
        return EngineUnavailable(
            "Docker is not installed or not started.",
            "Start Docker, or set engine to process to serve ONNX without it.",
        )
    if "timed out" in text.lower() or "Timeout" in text:
        return EngineUnavailable("Docker does not answer in time.", "Wait a moment or restart Docker, then try again.")
    return EngineUnavailable("Docker is not answering.", "Start Docker, then try again.")


def build_failure(explanation: str) -> StorageError | DeploymentFailed:
    """The error for what a build's message says went wrong."""
    if _no_space(explanation):
        return _out_of_space()
    return DeploymentFailed(f"The image could not be built: {explanation.strip()}", "Read the build log.")


def refusal(explanation: str, status: int) -> StorageError | Conflict | EngineRefused:
    """The error for an answer of the engine that is no success."""
    if _no_space(explanation):
        return _out_of_space()
    if status == 409 or "address already in use" in explanation or "port is already allocated" in explanation:
        return Conflict(f"Docker refused: {explanation}", "Refresh and try again.")
    return EngineRefused(explanation, status)


def _out_of_space() -> StorageError:
    return StorageError("Docker has no space left on its disk.", "Remove unused images or free space, then try again.")


def _no_space(text: str) -> bool:
    return "no space left on device" in text.lower() or "disk quota exceeded" in text.lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
