"""What a column of a table shows of a record, how it sorts and what it exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mlops_desktop.ui.widgets.badges import Badge

Record = Any  # a frozen domain value; its class is the screen's business


class Kind(Enum):
    TEXT = "text"
    NUMBER = "number"  # right-aligned, digits of one width
    MONO = "mono"  # digests, ids
    BADGE = "badge"  # icon and word
    SPARK = "spark"  # a small line


@dataclass(frozen=True, slots=True)
class Column:
    """`text` is what is read, copied and filtered; `value` what is sorted and exported (default: the text)."""

    key: str
    title: str
    text: Callable[[Record], str]
    value: Callable[[Record], Any] | None = None
    kind: Kind = Kind.TEXT
    badge: Callable[[Record], Badge | None] | None = None
    spark: Callable[[Record], Sequence[float]] | None = None
    width: int = 120
    stretch: bool = False  # takes the room that is left; one a table
    strong: bool = False
    muted: bool = False
    hidden: bool = False  # until the person shows it
    sortable: bool = True
    tool_tip: Callable[[Record], str] | None = None
    explanation: str = ""  # tool tip of the title

    def sort_key(self, record: Record) -> tuple[int, Any]:
        """Nothing sorts last, numbers before texts, texts without regard to case."""
        value = self.value(record) if self.value is not None else self.text(record)
        if value is None or value == "":
            return (2, "")
        if isinstance(value, str):
            return (1, value.casefold())
        return (0, value.timestamp() if hasattr(value, "timestamp") else value)

    def exported(self, record: Record) -> Any:
        return self.value(record) if self.value is not None else self.text(record)
