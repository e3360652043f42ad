"""What the whole tour amounts to in a few figures, read from the workspace: it holds whoever took the steps."""

from __future__ import annotations

from mlops_desktop.domain.deployments import ReleaseKind
from mlops_desktop.tour.replay import Progress
from mlops_desktop.tour.stage import Figure, Figures, Tour
from mlops_desktop.tour.steps import ENVIRONMENT, MODEL


def summary(tour: Tour) -> Figures:
    """Reads the workspace, so not on the GUI thread; what never happened is left out."""
    progress = tour.replay.progress if tour.replay is not None else Progress()
    releases = tour.workspace.delivery.releases(MODEL, ENVIRONMENT)
    back = next((r for r in releases if r.kind is ReleaseKind.ROLL_BACK), None)
    figures = [
        Figure("Flights answered", float(progress.flights)),
        Figure("Requests lost", float(progress.failed)),
        Figure("True outcomes", float(progress.labels)),
        Figure("Releases", float(len(releases))),
    ]
    if back is not None:
        figures.insert(0, Figure("Rolled back in", back.seconds * 1000, "ms"))
    alerts = tour.workspace.alerts.alerts()
    figures.append(Figure("Alerts", float(len(alerts))))
    last = tour.workspace.audit.events(limit=1)
    if last:
        figures.append(Figure("Audit entries", float(last[0].sequence)))
    return tuple(figures)
