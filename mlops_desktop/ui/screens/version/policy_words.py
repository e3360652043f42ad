"""What a policy demands, in words: for the request, the checks and the goals."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_desktop.domain.metrics import keeps, limit_words, tolerated
from mlops_desktop.domain.policy import Policy
from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.ui.theme import Tone
from mlops_desktop.ui.widgets.badges import Badge
from mlops_desktop.ui.words import count

REACHED = Badge("Reached", "circle-check", Tone.OK)
MISSED = Badge("Missed", "circle-x", Tone.CRITICAL)
OPEN = Badge("Unknown", "circle-question-mark", Tone.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure that a policy demands, and whether the version has it."""

    badge: Badge
    text: str


def check_title(name: str) -> str:
    return name.replace("-", " ").capitalize()


def approvals_sentence(policy: Policy) -> str:
    """Who has to agree, and how long that holds."""
    if policy.reviewers == 0:
        who = "Nobody has to approve."
    elif policy.reviewers == 1:
        who = "One reviewer who did not train, register or request it has to approve."
    else:
        who = f"{policy.reviewers} reviewers who did not train, register or request it have to approve."
    return f"{who} An approval holds for {policy.approval_hours:g} hours."


def policy_sentence(policy: Policy) -> str:
    demanded = count(len(policy.required_checks), "check") if policy.required_checks else "no checks"
    approvals = count(policy.reviewers, "approval") if policy.reviewers else "no approval"
    return f"Policy {policy.version} of {policy.environment} demands {demanded} and {approvals}."


def goals_of(version: ModelVersion, policy: Policy, current: ModelVersion | None, *, comparable: bool) -> list[Goal]:
    """Limits first, then what may not be worse than in the version that answers there."""
    goals = []
    for name, limit in sorted(policy.thresholds.items()):
        mine, wanted = version.metrics.get(name), f"{name} {limit_words(name, limit)}"
        if mine is None:
            goals.append(Goal(MISSED, f"{wanted}: it is not known"))
        else:
            goals.append(Goal(REACHED if keeps(name, mine, limit) else MISSED, f"{wanted}: it is {mine:.4g}"))
    for name, tolerance in sorted(policy.tolerances.items()):
        old = current.metrics.get(name) if current is not None else None
        if current is None or old is None:
            continue
        mine = version.metrics.get(name)
        wanted = f"{name} at most {tolerance:g} worse than version {current.number}, which has {old:.4g}"
        if not comparable:
            goals.append(Goal(OPEN, f"{wanted}: measured on other test data"))
        elif mine is None:
            goals.append(Goal(MISSED, f"{wanted}: it is not known"))
        else:
            kept = tolerated(name, old, mine, tolerance)
            goals.append(Goal(REACHED if kept else MISSED, f"{wanted}: it is {mine:.4g}"))
    return goals
