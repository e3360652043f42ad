"""Reads the figures of the live charts. A sliding stretch is kept, so that each second reads only what is new."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mlops_desktop.domain.alerts import Alert, AlertRule, AlertState, Comparator
from mlops_desktop.domain.deployments import Release, ReleaseKind
from mlops_desktop.domain.monitoring import Series
from mlops_desktop.ui.screens.monitoring.stretches import Target

if TYPE_CHECKING:
    from mlops_desktop.workspace import Workspace

FIGURES = ("request_rate", "error_rate", "p50_ms", "p95_ms", "p99_ms", "cpu_percent", "memory_bytes")
OVERLAP = 15.0  # seconds that are read again, and the whole step in which they begin: what came late belongs there
ANEW = 1_800.0  # seconds after which everything is read again, as numbers may have come very late
SILENT = 6.0  # seconds without an answer before it is said
FEW, ALONE_SHARE = 60, 0.2
HELD = 2  # steps
Points = dict[str, Series]


@dataclass(frozen=True, slots=True)
class LivePicture:
    """Figures by name over a stretch; `silent_since` when the newest part of it holds nothing."""

    start: float
    end: float
    figures: Mapping[str, Series]
    requests: float
    silent_since: float | None
    gaps: tuple[tuple[float, float], ...]


class SlidingSeries:
    """`read` may be called on any thread; it keeps the points of one target and width at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._known: tuple[tuple[object, float], Points, float, float] | None = None

    def read(self, target: Target, start: float, end: float, *, sliding: bool) -> LivePicture:
        """The figures from `start` to `end`; `sliding` when the next call will ask for nearly the same stretch."""
        monitoring, key = self._workspace.monitoring, target.key
        if not sliding:
            return picture(_by_name(monitoring.series(key, FIGURES, start, end)), start, end, now=None)
        with self._lock:
            subject = (key, round(end - start, 1))
            known = self._known
            if known is not None and known[0] == subject and known[2] <= end <= known[3] + ANEW:
                _, points, last, read_at = known
                step = step_of_points(points)
                begin = math.floor((min(last, end) - OVERLAP) / step) * step
                new = _by_name(monitoring.series(key, FIGURES, max(begin, start), end, step))
                points = {name: joined(points[name], new[name], start) for name in new}
            else:
                # A moment less than the whole: what is older than an hour is kept by the minute only.
                points = _by_name(monitoring.series(key, FIGURES, start + (end - start) * 0.001, end))
                read_at = end
            self._known = (subject, points, end, read_at)
        return picture(points, start, end, now=end)


def _by_name(series: Sequence[Series]) -> Points:
    return {one.name: one for one in series}


def step_of_points(points: Points) -> float:
    times = points["request_rate"].times
    return times[1] - times[0] if len(times) > 1 else 1.0


def joined(old: Series, new: Series, start: float) -> Series:
    """The old points from `start` up to where the new ones begin, then the new ones."""
    if not new.times:
        return old
    first, last = bisect_left(old.times, start), bisect_left(old.times, new.times[0] - 1e-6)
    return Series(new.name, new.unit, old.times[first:last] + new.times, old.values[first:last] + new.values)


def picture(points: Points, start: float, end: float, now: float | None) -> LivePicture:
    """What the charts show; `now` is given when the stretch ends in the present."""
    rate = points["request_rate"]
    step = step_of_points(points)
    finite = [at for at, value in zip(rate.times, rate.values, strict=True) if math.isfinite(value)]
    gaps = tuple((a + step / 2, b - step / 2) for a, b in pairwise(finite) if b - a > 2.5 * step)
    silent = None
    if now is not None and finite and now - finite[-1] - step / 2 > max(SILENT, 1.5 * step):
        silent = finite[-1] + step / 2
    requests = sum(value * step for value in rate.values if math.isfinite(value))
    ended = {name: trimmed(one, end - max(SILENT, 3 * step)) for name, one in points.items()}
    return LivePicture(start, end, ended, requests, silent, gaps)


def trimmed(series: Series, since: float) -> Series:
    """Without the end that is not known yet, so that the legend shows the newest value; an old one is not that."""
    last = len(series.values)
    while last and not math.isfinite(series.values[last - 1]):
        last -= 1
    if not last or series.times[last - 1] < since:
        return series
    return replace(series, times=series.times[:last], values=series.values[:last])


def bridged(values: Sequence[float]) -> list[float]:
    """CPU and memory are asked for less often than a short step lasts: it holds until the next, if that is near."""
    filled, missing = list(values), 0
    for i, value in enumerate(values):
        if math.isfinite(value):
            if 0 < missing <= HELD and i > missing:
                filled[i - missing : i] = [values[i - missing - 1]] * missing
            missing = 0
        else:
            missing += 1
    return filled


def needs_dots(values: Sequence[float]) -> bool:
    """Whether values stand alone between gaps, which no line shows: few of many may, as dots hide a dense line."""
    known = [False, *(math.isfinite(v) for v in values), False]
    alone = sum(known[i] and not known[i - 1] and not known[i + 1] for i in range(1, len(known) - 1))
    return alone > 0 and (sum(known) <= FEW or alone >= ALONE_SHARE * sum(known))


@dataclass(frozen=True, slots=True)
class Happening:
    """A release or an alert on the time axis. `key` says what opens it: deployment:ID or alert:NUMBER."""

    key: str
    at: float
    short: str
    title: str
    text: str
    icon: str
    colour: str  # a Tone's value


def read_happenings(workspace: Workspace, target: Target) -> tuple[list[Happening], list[AlertRule]]:
    """Everything that happened to the pair, oldest first, and the rules that watch it."""
    pair = target.pair
    releases = workspace.delivery.releases(pair.model, pair.environment)
    alerts = [a for a in workspace.alerts.alerts() if (a.model, a.environment) == (pair.model, pair.environment)]
    rules = [r for r in workspace.alerts.rules(pair.model) if r.environment == pair.environment and r.enabled]
    found = [_of_release(r) for r in releases] + [_of_alert(a) for a in alerts]
    return sorted(found, key=lambda h: h.at), rules


def _of_release(release: Release) -> Happening:
    key = f"deployment:{release.deployment or release.previous or ''}"
    at, by = release.at.timestamp(), f"by {release.by}"
    before = f" after version {release.previous_version}" if release.previous_version else ""
    if release.kind is ReleaseKind.ROLL_BACK:
        title = f"Rolled back to version {release.version}"
        return Happening(key, at, f"back to v{release.version}", title, by + before, "undo-2", "warning")
    if release.version is None:
        return Happening(key, at, "stopped", "Traffic was stopped", by, "circle-stop", "unknown")
    title = f"Version {release.version} took over"
    return Happening(key, at, f"v{release.version}", title, by + before, "rocket", "accent")


def _of_alert(alert: Alert) -> Happening:
    colour = "critical" if alert.severity.value == "critical" else "warning"
    open_now = alert.state is not AlertState.RESOLVED
    words = f"Alert, {alert.severity.value}, {alert.state.value}"
    return Happening(
        f"alert:{alert.id}",
        alert.opened_at.timestamp(),
        "alert",
        alert.sentence,
        words,
        "bell-ring" if open_now else "bell",
        colour,
    )


def limit_of(rules: Sequence[AlertRule], figure: str, values: Sequence[float]) -> tuple[float, str] | None:
    """The rule's threshold, once the values come near it: a far one would flatten the line."""
    rule = next((r for r in rules if r.figure == figure and r.comparator is Comparator.ABOVE), None)
    greatest = max((v for v in values if math.isfinite(v)), default=0.0)
    if rule is None or rule.threshold <= 0 or greatest < 0.4 * rule.threshold:
        return None
    return rule.threshold, f"alert above {rule.threshold:g}"
