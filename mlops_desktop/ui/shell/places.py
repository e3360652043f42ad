"""Which screen shows what an audit event is about."""

from __future__ import annotations

from typing import Any

from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.ui.navigator import Place

# News: event -> icon and the field of Colours that it is drawn in.
NOTABLE = {
    "AlertOpened": ("bell-ring", "critical"),
    "AlertResolved": ("circle-check", "ok"),
    "PromotionRequested": ("inbox", "accent"),
    "PromotionReviewed": ("shield-check", "accent"),
    "PromotionClosed": ("ban", "warning"),
    "DeploymentRunning": ("rocket", "ok"),
    "DeploymentFailedEvent": ("circle-x", "critical"),
    "DeploymentStateNoticed": ("circle-question-mark", "warning"),
    "TrafficSwitched": ("arrow-left-right", "accent"),
    "VersionRegistered": ("package", "accent"),
    "VersionFoundDamaged": ("file-warning", "critical"),
}


def place_of(event: AuditEvent) -> Place:
    """The place to open for an event; the audit trail itself when nothing shows it better."""
    details: dict[str, Any] = event.details
    if event.event.startswith("Alert"):
        return Place("alerts", {"alert": details.get("alert")})
    if event.event.startswith("Promotion"):
        return Place("inbox", {"promotion": details.get("promotion")})
    if event.event.startswith("Deployment") or event.event == "TrafficSwitched":
        return Place("deployments", {"deployment": details.get("deployment")})
    if "model" in details and "version" in details:
        tab = "checks" if event.event == "ChecksFinished" else "overview"
        return Place("version", {"model": details["model"], "version": details["version"], "tab": tab})
    if "model" in details:
        return Place("model", {"model": details["model"]})
    if "account" in details:
        return Place("team", {"account": details["account"]})
    return Place("audit", {"sequence": event.sequence})
