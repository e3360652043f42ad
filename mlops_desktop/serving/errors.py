"""What can go wrong in the serving program: at the start (it refuses to serve) and in a request (a typed answer)."""

from __future__ import annotations


class CannotServe(Exception):
    """The bundle can't be served; one sentence for the deployment's log, and the program ends with code 1."""


class RequestError(Exception):
    """A request that gets no prediction; the message is one sentence for the caller."""

    status = 400
    code = "BAD_REQUEST"  # MLflow's error_code

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status


class InvalidRequest(RequestError):
    """The body is not of the form that the protocol or the model's signature asks for; names the field if it can."""


class TooLarge(RequestError):
    """The body is above the limit."""

    status = 413
    code = "REQUEST_LIMIT_EXCEEDED"


class Overloaded(RequestError):
    """More requests are waiting than the program is willing to hold; the caller should come again."""

    status = 503
    code = "TEMPORARILY_UNAVAILABLE"


class TookTooLong(RequestError):
    """The request waited longer than the time limit."""

    status = 504
    code = "DEADLINE_EXCEEDED"


class ModelFailed(RequestError):
    """The model itself raised an error on input that fits its signature."""

    status = 500
    code = "INTERNAL_ERROR"
