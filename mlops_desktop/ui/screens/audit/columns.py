"""The table of the trail, and the words for its kinds of events."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from mlops_desktop.domain.audit import AuditEvent
from mlops_desktop.ui.widgets.columns import Column, Kind
from mlops_desktop.ui.words import ago, exactly

# Shown as the actor when no person did it.
SYSTEM = "mlops-desktop"
KINDS = (
    "AccountChanged",
    "AccountCreated",
    "AccountKeyReplaced",
    "AccountRolesChanged",
    "ActionDenied",
    "AlertAcknowledged",
    "AlertOpened",
    "AlertResolved",
    "AlertSnoozed",
    "AlertWoken",
    "ChecksFinished",
    "DeploymentFailedEvent",
    "DeploymentRunning",
    "DeploymentStarted",
    "DeploymentStateNoticed",
    "DeploymentStopped",
    "LabelsReceived",
    "ModelChanged",
    "ModelCreated",
    "PolicyChanged",
    "PromotionClosed",
    "PromotionRequested",
    "PromotionReviewed",
    "RuleChanged",
    "SettingsChanged",
    "SignInFailed",
    "SignedIn",
    "SignedOut",
    "TrafficSwitched",
    "VersionFoundDamaged",
    "VersionFoundIntact",
    "VersionRegistered",
    "WorkspaceCreated",
)


def words_of(event: str) -> str:
    """“TrafficSwitched” as a person reads it: “Traffic switched”."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", event.removesuffix("Event")).capitalize()
    return words.replace("Sign in", "Sign-in")


def moment_of(event: AuditEvent) -> datetime:
    return datetime.fromisoformat(event.at)


def sentence_of(event: AuditEvent) -> str:
    """What happened, as a sentence of its own; one that begins with a name keeps the name's letters."""
    if event.sentence.startswith(event.subject):
        return event.sentence
    return event.sentence[:1].upper() + event.sentence[1:]


def json_of(event: AuditEvent) -> str:
    """What is written down, to read and to copy."""
    shown = {
        "sequence": event.sequence,
        "at": event.at,
        "actor": event.actor,
        "event": event.event,
        "subject": event.subject,
        "sentence": event.sentence,
        "details": event.details,
        "hash": event.hash,
    }
    return json.dumps(shown, indent=2, ensure_ascii=False, default=str)


AUDIT_COLUMNS = (
    Column("sequence", "No", lambda e: f"{e.sequence:,}", value=lambda e: e.sequence, kind=Kind.NUMBER, width=64),
    Column(
        "at",
        "When",
        lambda e: ago(moment_of(e), datetime.now(UTC)),
        value=moment_of,
        tool_tip=lambda e: exactly(moment_of(e)),
        muted=True,
        width=104,
    ),
    Column("actor", "Who", lambda e: e.actor, width=124, strong=True),
    Column("sentence", "What", sentence_of, stretch=True),
    Column("subject", "Subject", lambda e: e.subject, width=156, muted=True),
    Column("event", "Kind", lambda e: words_of(e.event), width=160, muted=True, hidden=True),
    Column(
        "exactly",
        "Date and time",
        lambda e: exactly(moment_of(e)),
        value=moment_of,
        width=160,
        muted=True,
        hidden=True,
    ),
    Column("hash", "Hash", lambda e: e.hash[:16], value=lambda e: e.hash, kind=Kind.MONO, width=140, hidden=True),
)
