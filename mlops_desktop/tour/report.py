"""The tour on one page: `index.html` with the figures and pictures of every step, and `figures.json` beside it.

The page stands alone: no script, no font, nothing from elsewhere; it follows the reader's choice of light or dark.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path

from mlops_desktop import __version__
from mlops_desktop.domain.errors import StorageError
from mlops_desktop.tour.scenario import Outcome


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one screen: a file in the report's folder."""

    title: str
    file: str


@dataclass(slots=True)
class Report:
    """Collects outcomes as they come; `write` may be called after each, so that a broken tour leaves a page too."""

    folder: Path
    outcomes: list[tuple[Outcome, tuple[Picture, ...]]] = field(default_factory=list)
    charts: Sequence[str] = ()
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def page(self) -> Path:
        return self.folder / "index.html"

    @property
    def failed(self) -> bool:
        return any(outcome.error for outcome, _ in self.outcomes)

    def prepare(self) -> None:
        """Make the folder; StorageError if that can't be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The folder {self.folder} can't be made: {error.strerror}.", "Name another with --report."
            ) from None

    def add(self, outcome: Outcome, pictures: Sequence[Picture] = ()) -> None:
        self.outcomes.append((outcome, tuple(pictures)))

    def write(self) -> Path:
        """Write both files and return the page."""
        figures = [
            {
                "step": o.step.id,
                "seconds": round(o.seconds, 2),
                "error": o.error,
                "figures": [{"name": f.name, "value": f.value, "unit": f.unit} for f in o.figures],
                "pictures": [p.file for p in pictures],
            }
            for o, pictures in self.outcomes
        ]
        try:
            (self.folder / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False), "utf-8")
            self.page.write_text(self._html(), "utf-8")
        except OSError as error:
            raise StorageError(f"The report can't be written: {error.strerror}.", "Free some space.") from None
        return self.page

    def _html(self) -> str:
        template = files("mlops_desktop.tour").joinpath("report.html").read_text("utf-8")
        total = sum(o.seconds for o, _ in self.outcomes)
        done = "stopped at a step that failed" if self.failed else f"{len(self.outcomes)} steps in {total:.0f} seconds"
        values = {
            "summary": f"{done}, {self.began.astimezone():%d %B %Y, %H:%M}",
            "machine": f"MLOps Desktop {__version__}, Python {platform.python_version()}, {platform.system()}",
            "contents": "".join(
                f'<li><a href="#{o.step.id}">{escape(o.step.title)}</a></li>' for o, _ in self.outcomes
            ),
            "charts": "".join(self.charts),
            "steps": "".join(_step(i, o, p) for i, (o, p) in enumerate(self.outcomes, start=1)),
        }
        for name, value in values.items():
            # The charts and steps were built from escaped texts; the rest is escaped here.
            template = template.replace(
                "{{" + name + "}}", value if name in {"contents", "charts", "steps"} else escape(value)
            )
        return template


def _step(number: int, outcome: Outcome, pictures: Sequence[Picture]) -> str:
    step = outcome.step
    figures = "".join(f"<div><dt>{escape(f.name)}</dt><dd>{escape(f.text)}</dd></div>" for f in outcome.figures)
    shown = "".join(
        f'<figure><a href="{escape(p.file)}"><img loading="lazy" src="{escape(p.file)}" alt="{escape(p.title)}"></a>'
        f"<figcaption>{escape(p.title)}</figcaption></figure>"
        for p in pictures
    )
    error = f'<p class="error"><strong>Failed.</strong> {escape(outcome.error)}</p>' if outcome.error else ""
    return (
        f'<section id="{step.id}"><h2><span>{number}</span>{escape(step.title)}<small>{outcome.seconds:.1f} s</small>'
        f"</h2><p>{escape(f'{step.explanation} {step.why}'.strip())}</p>{error}<dl>{figures}</dl>"
        f'<p class="hand"><strong>By hand:</strong> {escape(step.by_hand)}</p>'
        f'<div class="pictures">{shown}</div></section>'
    )
