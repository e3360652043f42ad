"""Parts of the tour's panel: the list of chapters, who acts, the flights, figures, and what went wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from mlops_desktop.tour.replay import REAL_TIME, Progress
from mlops_desktop.tour.stage import Figures
from mlops_desktop.ui.error_reporter import problem_of
from mlops_desktop.ui.theme import BODY, XS, M, S, font, mono_font, set_role
from mlops_desktop.ui.tour.story import Standing
from mlops_desktop.ui.widgets.buttons import Button, IconButton
from mlops_desktop.ui.widgets.cards import Line
from mlops_desktop.ui.widgets.plain_label import ElidedLabel, IconLabel, PlainLabel

LOOKS = {
    Standing.LATER: ("circle", "muted"),
    Standing.NEXT: ("circle", "muted"),
    Standing.NOW: ("circle-dot", "accent"),
    Standing.WORKING: ("loader-circle", "accent"),
    Standing.DONE: ("circle-check", "ok"),
    Standing.SKIPPED: ("circle-minus", "muted"),
    Standing.FAILED: ("circle-x", "critical"),
}
LONG = {"address", "engine"}  # figures that need a line of their own
# What the speed is called, in days of flights a second.
SPEEDS = (
    ("real time", REAL_TIME),
    ("a minute a second", 1 / 1440),
    ("an hour a second", 1 / 24),
    ("6 hours a second", 0.25),
    ("a day a second", 1.0),
    ("3 days a second", 3.0),
    ("10 days a second", 10.0),
)


class ChapterRow(QWidget):
    """An icon, the chapter's title, and the word of its standing."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._icon = IconLabel("circle", "muted", 14)
        self._name = ElidedLabel(title)
        self._word = PlainLabel("", "caption")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(S)
        layout.addWidget(self._icon)
        layout.addWidget(self._name, 1)
        layout.addWidget(self._word)

    def show_standing(self, standing: Standing, *, is_open: bool) -> None:
        self._icon.show_icon(*LOOKS[standing])
        self._word.setText("" if standing is Standing.LATER else standing.value)
        set_role(self._name, "strong" if is_open else "muted")
        self.setAccessibleName(f"{self._title}: {standing.value}")


class ChapterList(QWidget):
    """Every chapter in one line; `show_standings` in their order."""

    def __init__(self, titles: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Chapters of the tour")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.rows = [ChapterRow(title) for title in titles]
        for row in self.rows:
            layout.addWidget(row)

    def show_standings(self, standings: Sequence[Standing], open_row: int) -> None:
        for number, (row, standing) in enumerate(zip(self.rows, standings, strict=True)):
            row.show_standing(standing, is_open=number == open_row)


class Copyable(QFrame):
    """A line or a password to be used elsewhere, with its button."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._words = PlainLabel("", wrap=True, selectable=True)
        self._words.setFont(mono_font())
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._copy = IconButton("copy", f"Copy: {name}", clicked=self._on_copy)
        caption = PlainLabel(name, "caption")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(caption)
        words.addWidget(self._words)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(words, 1)
        layout.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignBottom)

    @property
    def text(self) -> str:
        return self._words.text().replace("\N{ZERO WIDTH SPACE}", "")

    def show_text(self, text: str) -> None:
        self._words.setText(breakable(text))
        self._words.setAccessibleName(f"{self._name}: {text}")

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)
        self._copy.show_icon("check")


class PersonRow(QWidget):
    """Who acts now, and the way to sit down as that person. `wanted` is emitted by its button."""

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = IconLabel("user", "accent")
        self._name = PlainLabel("", wrap=True)
        self._button = Button("Sit down", "log-in", "link", clicked=self.wanted.emit)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._name)
        words.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)

    def show_person(self, name: str, does: str, *, here: bool, can_sit_down: bool) -> None:
        """`here`: the window is this person's now."""
        first = name.partition(" ")[0]
        self._name.setText(f"{name} {does}.")
        self._button.setText(f"Sit down as {first}")
        self._button.setVisible(can_sit_down and not here)
        self.setAccessibleName(f"Who acts now: {name} {does}")


class FigureList(QWidget):
    """Names on the left, figures on the right."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spoken = name
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(M)
        self._grid.setVerticalSpacing(XS)
        self._grid.setColumnStretch(0, 1)
        self._labels: dict[str, PlainLabel] = {}
        self._all: list[QWidget] = []

    def show_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """(name, value); values change in place while the names stay."""
        if [name for name, _ in rows] != list(self._labels):
            self._build([name for name, _ in rows])
        for name, value in rows:
            shown = breakable(value) if name.lower() in LONG else value
            if self._labels[name].text() != shown:
                self._labels[name].setText(shown)
        self.setAccessibleName(f"{self._spoken}: " + ", ".join(f"{name} {value}" for name, value in rows))

    def show_figures(self, figures: Figures) -> None:
        self.show_rows([(_capital(f.name), f.text) for f in figures])

    def _build(self, names: Sequence[str]) -> None:
        for widget in self._all:
            widget.hide()
            widget.deleteLater()
        self._labels, self._all = {}, []
        for row, name in enumerate(names):
            title = PlainLabel(name, "muted", wrap=True)
            value = PlainLabel("", selectable=True)
            value.setFont(font(BODY, QFont.Weight.Medium, tabular=True))
            if name.lower() in LONG:
                value.setWordWrap(True)
                self._grid.addWidget(title, 2 * row, 0, 1, 2)
                self._grid.addWidget(value, 2 * row + 1, 0, 1, 2)
            else:
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
                self._grid.addWidget(title, 2 * row, 0, Qt.AlignmentFlag.AlignTop)
                self._grid.addWidget(value, 2 * row, 1)
            self._labels[name] = value
            self._all += [title, value]


class FlightsCard(QWidget):
    """What the replay does now, with its speed. `speed_wanted` in days a second; `paused` True to hold the flights."""

    speed_wanted = Signal(float)
    paused = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._held = False
        self._day = PlainLabel("", "strong")
        self.pause_button = IconButton("pause", "Hold the flights", clicked=lambda: self.paused.emit(not self._held))
        self._figures = FigureList("Flights")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(SPEEDS) - 1)
        self.slider.setPageStep(1)
        self.slider.setAccessibleName("Speed of the flights")
        self._speed = PlainLabel("", "caption")
        self.slider.valueChanged.connect(self._on_slider)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(IconLabel("plane"))
        head.addWidget(self._day, 1)
        head.addWidget(self.pause_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self._figures)
        layout.addWidget(self.slider)
        layout.addWidget(self._speed)

    def show_flights(self, progress: Progress, speed: float, *, held: bool, over: bool) -> None:
        """Called twice a second; nothing moves unless a figure did."""
        day = f"{progress.day.day} {progress.day:%B %Y}" if progress.day else "Not yet begun"
        self._day.setText(f"{day} – {'landed' if over else 'held'}" if over or held else day)
        self._figures.show_rows(
            [
                ("Flights sent", f"{progress.flights_sent:,}"),
                ("Answered", f"{progress.flights:,}"),
                ("Lost", f"{progress.flights_lost:,}"),
                ("True outcomes arrived", f"{progress.labels:,}"),
            ]
        )
        if held != self._held:
            self._held = held
            self.pause_button.show_icon("play" if held else "pause")
            self.pause_button.rename("Let the flights go on" if held else "Hold the flights")
        for part in (self.pause_button, self.slider, self._speed):
            part.setVisible(not over)
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(nearest(speed))
            self.slider.blockSignals(False)
            self._name_speed(nearest(speed))

    def _on_slider(self, value: int) -> None:
        self._name_speed(value)
        self.speed_wanted.emit(SPEEDS[value][1])

    def _name_speed(self, value: int) -> None:
        words, days = SPEEDS[value]
        times = round(days * 86400)
        self._speed.setText(f"Speed: {words}" + (f" ({times:,} times real time)" if times > 1 else ""))
        self.slider.setAccessibleDescription(self._speed.text())


class ProblemCard(QFrame):
    """What went wrong, in a narrow place: the sentence, the hint, Retry, Skip and the details to copy."""

    retry = Signal()
    skip = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "critical")
        self._details = ""
        self._message = PlainLabel("", "strong", wrap=True, selectable=True)
        self._hint = PlainLabel("", wrap=True, selectable=True)
        self.retry_button = Button("Retry", "rotate-cw", clicked=self.retry.emit)
        self.skip_button = Button("Skip", "", "plain", clicked=self.skip.emit)
        self._copy = IconButton("copy", "Copy details", clicked=self._on_copy)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(IconLabel("circle-alert", "critical"), 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._message, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(XS)
        buttons.addWidget(self.retry_button)
        buttons.addWidget(self.skip_button)
        buttons.addStretch(1)
        buttons.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(M, M, S, S)
        layout.setSpacing(S)
        layout.addLayout(head)
        layout.addWidget(self._hint)
        layout.addLayout(buttons)
        self.hide()

    def show_error(self, error: BaseException | None, *, can_skip: bool = True) -> None:
        """None hides it."""
        if error is not None:
            problem = problem_of(error)
            self._message.setText(problem.message)
            self._hint.setText(problem.hint)
            self._hint.setVisible(bool(problem.hint))
            self._details = problem.details
            self.skip_button.setVisible(can_skip)
            self.setAccessibleName(f"{problem.message} {problem.hint}".strip())
        self.setVisible(error is not None)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
        self._copy.show_icon("check")


class Section(QWidget):
    """A heading with what belongs to it, a line above; hidden as one."""

    def __init__(self, title: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.content = content
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        layout.addWidget(Line())
        layout.addSpacing(XS)
        self.title = PlainLabel(title, "field")
        layout.addWidget(self.title)
        layout.addWidget(content)


def breakable(text: str) -> str:
    """A path or an address has no spaces at which a line could break."""
    return text.replace("/", "/\N{ZERO WIDTH SPACE}").replace("/\N{ZERO WIDTH SPACE}/\N{ZERO WIDTH SPACE}", "//")


def nearest(speed: float) -> int:
    """Which of SPEEDS a speed is closest to, by its ratio."""
    return min(range(len(SPEEDS)), key=lambda i: abs(math.log(SPEEDS[i][1] / speed)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
