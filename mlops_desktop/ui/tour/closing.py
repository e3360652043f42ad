"""Stops what a tour that is not to be kept has started: its jobs, its flights, what serves, the gateway."""

from __future__ import annotations

import contextlib
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as TooLong

from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.tour.stage import Tour

JOB_SECONDS = 60.0  # a build that is cancelled tidies up first


def stop_everything(tour: Tour) -> None:
    """While the workspace is open; takes seconds, so not while anybody watches. The engine's errors are raised."""
    from mlops_desktop.workspace import forget

    cancel_jobs(tour)
    tour.stop_serving()
    forget(tour.folder)  # nobody should be offered what is about to be removed


def cancel_jobs(tour: Tour) -> None:
    """Cancel every job of the workspace and wait for it, so that none starts anything later."""
    if tour.opened is None:
        return
    jobs = [job for job in tour.workspace.jobs.jobs() if not job.state.finished]
    for job in jobs:
        job.context.cancel()
    for job in jobs:
        with contextlib.suppress(WorkstationError, CancelledError, TooLong):
            job.future.exception(JOB_SECONDS)
