"""What stands for a value on the abstract stack of the pickle walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

_MAX_KEYS = 64


class _Opaque:
    """A value whose content does not matter."""


OPAQUE: Final = _Opaque()


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that was looked up."""

    module: str
    name: str

    @property
    def pair(self) -> tuple[str, str]:
        return (self.module, self.name)


@dataclass(frozen=True, slots=True)
class Made:
    """What a call of `name` returned."""

    name: Name


@dataclass(slots=True, eq=False)
class Dict:
    """A dictionary; its text keys are kept while they are few (`complete` says whether all are)."""

    items: dict[str, Any] = field(default_factory=dict)
    complete: bool = True

    def put(self, key: str, value: Any) -> None:
        if len(self.items) < _MAX_KEYS or key in self.items:
            self.items[key] = value
        else:
            self.complete = False


@dataclass(slots=True, eq=False)
class Dtype:
    """A numpy.dtype: the arguments of its call and, after BUILD, its state."""

    arguments: Any
    state: Any = None
    changed: int = 0

    def set_state(self, state: Any) -> None:
        self.state = state
        self.changed += 1


class Wrapper:
    """joblib's NumpyArrayWrapper, before its state: the array's bytes follow the BUILD."""
