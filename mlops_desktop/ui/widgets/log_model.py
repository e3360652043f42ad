"""Lines of a log under the steps they belong to; a folded step shows its header only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
RowRole = int(Qt.ItemDataRole.UserRole) + 1


class StepState(Enum):
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line; `at` in seconds since the beginning, or None. Lines without a step stand by themselves."""

    text: str
    step: str = ""
    at: float | None = None


@dataclass(slots=True)
class Step:
    name: str
    began: float | None
    ended: float | None = None
    state: StepState = StepState.RUNNING
    folded: bool = False
    by_hand: bool = False  # the person folded or unfolded it: leave it so
    lines: list[LogEntry] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        return None if self.began is None or self.ended is None else self.ended - self.began


class LogModel(QAbstractListModel):
    """Rows are (step, line); line -1 is the step's header."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps: list[Step] = []
        self._rows: list[tuple[int, int]] = []

    def clear(self) -> None:
        self.beginResetModel()
        self.steps, self._rows = [], []
        self.endResetModel()

    def append(self, entries: Iterable[LogEntry]) -> int:
        """Add lines at the end; a new step folds the one before it. Returns how many lines came."""
        new_rows: list[tuple[int, int]] = []
        count, refold = 0, False
        for entry in entries:
            count += 1
            if not self.steps or self.steps[-1].name != entry.step:
                refold |= self._finish_last(entry.at)
                self.steps.append(Step(entry.step, entry.at))
                if entry.step:
                    new_rows.append((len(self.steps) - 1, -1))
            step = self.steps[-1]
            step.lines.append(entry)
            step.ended = entry.at if entry.at is not None else step.ended
            if entry.text.strip().casefold() in {"cached", "---> using cache", "using cache"}:
                step.state = StepState.CACHED
            if not step.folded:
                new_rows.append((len(self.steps) - 1, len(step.lines) - 1))
        if refold:
            self._rearrange()
        elif new_rows:
            self.beginInsertRows(ROOT, len(self._rows), len(self._rows) + len(new_rows) - 1)
            self._rows += new_rows
            self.endInsertRows()
        return count

    def finish(self, failed: bool, at: float | None = None) -> None:
        """No more lines come: the last step is done, or it is the one that failed and stays open."""
        if self.steps:
            last = self.steps[-1]
            last.ended = at if at is not None else last.ended
            last.state = (
                StepState.FAILED if failed else (last.state if last.state is StepState.CACHED else StepState.DONE)
            )
            if failed:
                last.folded = False
            self._rearrange()

    def toggle(self, step: int) -> None:
        self.steps[step].folded = not self.steps[step].folded
        self.steps[step].by_hand = True
        self._rearrange()

    def fold_all(self, folded: bool) -> None:
        for step in self.steps:
            step.folded = folded and bool(step.name)
            step.by_hand = True
        self._rearrange()

    def row(self, index: int) -> tuple[int, int]:
        return self._rows[index]

    def text_of(self, index: int) -> str:
        step, line = self._rows[index]
        return self.steps[step].name if line < 0 else self.steps[step].lines[line].text

    def everything(self) -> str:
        lines: list[str] = []
        for step in self.steps:
            lines += ([f"== {step.name}"] if step.name else []) + [line.text for line in step.lines]
        return "\n".join(lines)

    def find(self, words: str) -> Sequence[tuple[int, int]]:
        """Every line with the words, without regard to case, folded or not."""
        wanted = words.casefold()
        return [
            (s, n)
            for s, step in enumerate(self.steps)
            for n, line in enumerate(step.lines)
            if wanted in line.text.casefold()
        ]

    def reveal(self, step: int, line: int) -> int:
        """Unfold what hides a line; returns its row."""
        if self.steps[step].folded:
            self.toggle(step)
        return self._rows.index((step, line))

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not 0 <= index.row() < len(self._rows):
            return None
        if role == RowRole:
            return self._rows[index.row()]
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            step, line = self._rows[index.row()]
            if line < 0:
                one = self.steps[step]
                return f"{one.name}, {one.state.value}, {'folded' if one.folded else 'unfolded'}"
            return self.steps[step].lines[line].text
        return None

    def _finish_last(self, at: float | None) -> bool:
        if not self.steps:
            return False
        last = self.steps[-1]
        last.ended = at if at is not None else last.ended
        if last.state is StepState.RUNNING:
            last.state = StepState.DONE
        if last.name and not last.by_hand and not last.folded:
            last.folded = True
            return True
        return False

    def _rearrange(self) -> None:
        self.beginResetModel()
        rows: list[tuple[int, int]] = []
        for index, step in enumerate(self.steps):
            if step.name:
                rows.append((index, -1))
            if not step.folded:
                rows += [(index, n) for n in range(len(step.lines))]
        self._rows = rows
        self.endResetModel()
