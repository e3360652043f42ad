"""The report's two charts as SVG: what the model was worth and how far the temperature drifted, over flight time."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from mlops_desktop.domain.errors import WorkstationError
from mlops_desktop.tour.stage import Tour
from mlops_desktop.tour.steps import ENVIRONMENT, MODEL

STEP_SECONDS = 2.0
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 860, 240, 52, 30, 14, 16


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time (epoch seconds), with its 95 % interval where it has one."""

    at: float
    value: float
    low: float = math.nan
    high: float = math.nan


def charts(tour: Tour) -> list[str]:
    """SVG texts; those for which there are no points are left out."""
    if tour.replay is None or not tour.replay.days:
        return []
    days, marks = tour.replay.days, sorted(tour.marks.items(), key=lambda mark: mark[1])
    start, end = days[0][0], days[-1][0] + 1
    deployments = tour.workspace.delivery.deployments(model=MODEL, environment=ENVIRONMENT)
    worth: list[Point] = []
    distance: list[Point] = []
    try:
        for p in tour.workspace.monitoring.performance(MODEL, ENVIRONMENT, start, end, STEP_SECONDS, metric="roc_auc"):
            if math.isfinite(p.value):
                worth.append(Point((p.start + p.end) / 2, p.value, p.low, p.high))
        for deployment in deployments:
            for report in tour.workspace.monitoring.drift_history(deployment.id, start, end):
                found = [f for f in report.features if f.feature == "temp" and f.rows]
                distance += [Point((report.start + report.end) / 2, f.distance) for f in found]
        references = {
            f"version {d.version} on held-out flights": float(
                tour.workspace.monitoring.performance_reference(d.id).get("roc_auc", math.nan)
            )
            for d in reversed(deployments)
        }
    except WorkstationError:
        return []  # the figures of the steps stand without a chart
    drawn = []
    if len(worth) > 1:
        drawn.append(chart("ROC AUC of the answers, from their true outcomes", worth, days, marks, references))
    if len(distance) > 1:
        distance.sort(key=lambda p: p.at)
        drawn.append(chart("KS distance of the temperature from the training data", distance, days, marks, {}, low=0.0))
    return drawn


def chart(
    title: str,
    points: Sequence[Point],
    days: Sequence[tuple[float, date]],
    marks: Sequence[tuple[str, float]],
    references: dict[str, float],
    low: float | None = None,
) -> str:
    """One line over flight days, with marks for what people did and dashed references."""
    values = [v for p in points for v in (p.value, p.low, p.high) if math.isfinite(v)]
    values += [v for v in references.values() if math.isfinite(v)]
    bottom = low if low is not None else min(values) - 0.02
    top = max(max(values) + 0.02, bottom + 0.05)
    start, end = points[0].at, max(points[-1].at, points[0].at + 1)
    moments = [at for at, _ in days]

    def x(at: float) -> float:
        return LEFT + (min(max(at, start), end) - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (top - value) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    def day(at: float) -> date:
        return days[max(0, bisect.bisect_right(moments, at) - 1)][1]

    parts = []
    for i in range(5):
        value = bottom + (top - bottom) * i / 4
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for i in range(6):
        at = start + (end - start) * i / 5
        anchor = "start" if i == 0 else "end" if i == 5 else "middle"
        parts.append(f'<text x="{x(at):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{day(at):%d %b}</text>')
    banded = [p for p in points if math.isfinite(p.low) and math.isfinite(p.high)]
    if len(banded) > 1:
        outline = [(p.at, p.high) for p in banded] + [(p.at, p.low) for p in reversed(banded)]
        parts.append(f'<polygon class="band" points="{" ".join(f"{x(a):.1f},{y(v):.1f}" for a, v in outline)}"/>')
    for name, value in references.items():
        if math.isfinite(value):
            parts.append(
                f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
                f'<text x="{WIDTH - RIGHT}" y="{y(value) - 4:.1f}" text-anchor="end">{escape(name)}</text>'
            )
    for name, at in marks:
        if start <= at <= end:
            parts.append(
                f'<line class="mark" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
                f'<text x="{x(at) + 4:.1f}" y="{HEIGHT - BOTTOM - 6}">{escape(name)}</text>'
            )
    line = " ".join(f"{x(p.at):.1f},{y(p.value):.1f}" for p in points)
    parts.append(f'<polyline class="line" points="{line}"/>')
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )
