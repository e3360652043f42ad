"""A state as an icon and a word, never as a colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from mlops_desktop.domain.alerts import AlertState, Severity
from mlops_desktop.domain.checks import Verdict
from mlops_desktop.domain.deployments import DeploymentState
from mlops_desktop.domain.monitoring import DriftState
from mlops_desktop.domain.promotions import PromotionState
from mlops_desktop.domain.registry import InspectionVerdict
from mlops_desktop.ui.theme import Tone, set_role
from mlops_desktop.ui.widgets.plain_label import IconLabel, PlainLabel


@dataclass(frozen=True, slots=True)
class Badge:
    """What a state looks like: a word, an icon's name and the meaning of its colour."""

    word: str
    icon: str
    tone: Tone


# By class and value: members of different StrEnums are equal when their text is.
_BADGES: dict[tuple[type, str], Badge] = {
    (type(state), str(state)): badge
    for state, badge in (
        (Verdict.PASS, Badge("Pass", "circle-check", Tone.OK)),
        (Verdict.WARN, Badge("Warning", "triangle-alert", Tone.WARNING)),
        (Verdict.FAIL, Badge("Fail", "circle-x", Tone.CRITICAL)),
        (Verdict.ERROR, Badge("Error", "circle-alert", Tone.CRITICAL)),
        (DeploymentState.STARTING, Badge("Starting", "loader-circle", Tone.ACCENT)),
        (DeploymentState.RUNNING, Badge("Running", "circle-check", Tone.OK)),
        (DeploymentState.STOPPING, Badge("Stopping", "loader-circle", Tone.UNKNOWN)),
        (DeploymentState.STOPPED, Badge("Stopped", "circle-stop", Tone.UNKNOWN)),
        (DeploymentState.FAILED, Badge("Failed", "circle-x", Tone.CRITICAL)),
        (DeploymentState.UNKNOWN, Badge("Unknown", "circle-question-mark", Tone.UNKNOWN)),
        (DriftState.OK, Badge("No drift", "circle-check", Tone.OK)),
        (DriftState.SUSPECTED, Badge("Suspected", "triangle-alert", Tone.WARNING)),
        (DriftState.DRIFT, Badge("Drift", "trending-up", Tone.CRITICAL)),
        (DriftState.UNKNOWN, Badge("Unknown", "circle-question-mark", Tone.UNKNOWN)),
        (PromotionState.PENDING, Badge("Waiting", "clock", Tone.ACCENT)),
        (PromotionState.APPROVED, Badge("Approved", "circle-check", Tone.OK)),
        (PromotionState.REJECTED, Badge("Rejected", "circle-x", Tone.CRITICAL)),
        (PromotionState.WITHDRAWN, Badge("Withdrawn", "circle-minus", Tone.UNKNOWN)),
        (PromotionState.VOID, Badge("Void", "ban", Tone.WARNING)),
        (PromotionState.EXPIRED, Badge("Expired", "hourglass", Tone.WARNING)),
        (PromotionState.DEPLOYED, Badge("Deployed", "rocket", Tone.OK)),
        (Severity.INFO, Badge("Info", "info", Tone.ACCENT)),
        (Severity.WARNING, Badge("Warning", "triangle-alert", Tone.WARNING)),
        (Severity.CRITICAL, Badge("Critical", "circle-alert", Tone.CRITICAL)),
        (AlertState.FIRING, Badge("Firing", "bell-ring", Tone.CRITICAL)),
        (AlertState.ACKNOWLEDGED, Badge("Acknowledged", "eye", Tone.WARNING)),
        (AlertState.RESOLVED, Badge("Resolved", "circle-check", Tone.OK)),
        (InspectionVerdict.ALLOW, Badge("Allowed", "shield-check", Tone.OK)),
        (InspectionVerdict.REVIEW, Badge("Review", "shield-alert", Tone.WARNING)),
        (InspectionVerdict.REJECT, Badge("Refused", "ban", Tone.CRITICAL)),
    )
}
NOTHING = Badge("None", "circle-dashed", Tone.UNKNOWN)


def badge_of(state: StrEnum) -> Badge:
    """The badge of a domain state."""
    return _BADGES.get((type(state), str(state)), NOTHING)


class StateBadge(QFrame):
    """A rounded pill: `StateBadge(badge_of(deployment.state))`, later `show_badge`."""

    def __init__(self, badge: Badge = NOTHING, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = IconLabel(badge.icon, badge.tone.value, 14)
        self._word = PlainLabel(badge.word)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(7, 2, 9, 2)
        layout.setSpacing(5)
        layout.addWidget(self._icon)
        layout.addWidget(self._word)
        self.setFixedHeight(24)
        self._badge = badge
        self.show_badge(badge)

    @property
    def badge(self) -> Badge:
        return self._badge

    def show_badge(self, badge: Badge) -> None:
        self._badge = badge
        self._word.setText(badge.word)
        self._icon.show_icon(badge.icon, badge.tone.value)
        self.setAccessibleName(badge.word)
        set_role(self, f"badge-{badge.tone.value}")
