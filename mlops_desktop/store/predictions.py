"""Answered rows and the true outcomes that are joined to them by prediction id.

A label may come before its prediction was collected: it waits in a row of the deployment `WAITING`.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.monitoring import Prediction
from mlops_desktop.store.rows import first

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

WAITING = "?"  # no deployment's id
PREDICTION_DAYS = 30.0
WAITING_DAYS = 1.0
_LOOK_UP_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a prediction when a label arrives for it; `model` is None while it waits."""

    id: str
    model: str | None
    task: str | None
    label: str | None


# A prediction id is given once: a second prediction of that id is ignored, except that it fills a waiting label's row.
_INSERT = """
INSERT INTO predictions (id, deployment, at, score, outcome) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET deployment = excluded.deployment, at = excluded.at, score = excluded.score,
    outcome = excluded.outcome WHERE predictions.deployment = '?'
"""
_KNOWN = """
SELECT p.id, p.label, m.name AS model, m.task FROM predictions p
  LEFT JOIN deployments d ON d.id = p.deployment
  LEFT JOIN versions v ON v.id = d.version_id LEFT JOIN models m ON m.id = v.model_id
 WHERE p.id IN (SELECT value FROM json_each(:ids))
"""
_LABELLED = """
SELECT at, score, outcome, label, labelled_at FROM predictions
 WHERE deployment IN (SELECT value FROM json_each(:deployments)) AND at >= :start AND at < :end AND label IS NOT NULL
 ORDER BY at
"""
_COUNT = """
SELECT CAST((at - :start) / :step AS INTEGER) AS slot, COUNT(*) AS number FROM predictions
 WHERE deployment IN (SELECT value FROM json_each(:deployments)) AND at >= :start AND at < :end GROUP BY slot
"""
_COUNT_LABELLED = _COUNT.replace(" GROUP BY", " AND label IS NOT NULL GROUP BY")


def insert_predictions(tx: Transaction, predictions: Sequence[Prediction]) -> None:
    """Add answered rows; known ids keep what they have. A score that is no number becomes NULL."""
    tx.db.executemany(
        _INSERT,
        [(p.id, p.deployment, p.at, p.score if math.isfinite(p.score) else None, p.outcome) for p in predictions],
    )


def known_predictions(db: Sql, ids: Iterable[str]) -> dict[str, Known]:
    """Those of the ids for which there is a row."""
    wanted = list(ids)
    known: dict[str, Known] = {}
    for begin in range(0, len(wanted), _LOOK_UP_AT_ONCE):
        part = json.dumps(wanted[begin : begin + _LOOK_UP_AT_ONCE])
        for row in db.query(_KNOWN, {"ids": part}):
            known[row["id"]] = Known(row["id"], row["model"], row["task"], row["label"])
    return known


def set_labels(tx: Transaction, labels: Mapping[str, str], at: float) -> None:
    """Give predictions their true outcome; a later one replaces an earlier one."""
    tx.db.executemany(
        "UPDATE predictions SET label = ?, labelled_at = ? WHERE id = ?",
        [(label, at, identifier) for identifier, label in labels.items()],
    )


def keep_early_labels(tx: Transaction, labels: Mapping[str, str], at: float) -> None:
    """Keep labels of predictions that are not known (yet)."""
    tx.db.executemany(
        "INSERT INTO predictions (id, deployment, at, label, labelled_at) VALUES (?, '?', ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET label = excluded.label, labelled_at = excluded.labelled_at",
        [(identifier, at, label, at) for identifier, label in labels.items()],
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """Predictions with their true outcomes in order of time, a column each: there are hundreds of thousands."""

    at: Sequence[float] = ()
    score: Sequence[float] = ()  # NaN where there is none
    outcome: Sequence[str] = ()
    label: Sequence[str] = ()
    labelled_at: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.at)

    def slots(self, wanted: Iterable[int], start: float, step: float) -> dict[int, Labelled]:
        """Those in each wanted stretch of `step` seconds from `start`, counted as `count_between` does."""

        def slot_of(at: float) -> int:
            return int((at - start) / step)

        found = {}
        for slot in wanted:
            part = slice(bisect_left(self.at, slot, key=slot_of), bisect_left(self.at, slot + 1, key=slot_of))
            found[slot] = Labelled(
                self.at[part], self.score[part], self.outcome[part], self.label[part], self.labelled_at[part]
            )
        return found


def labelled_between(db: Sql, deployments: Iterable[str], start: float, end: float) -> Labelled:
    """Predictions made from `start` to before `end` whose outcome is known."""
    values: dict[str, Any] = {"deployments": json.dumps(list(deployments)), "start": start, "end": end}
    rows = list(db.tuples(_LABELLED, values))
    if not rows:
        return Labelled()
    at, scores, outcomes, labels, labelled_at = zip(*rows, strict=True)
    return Labelled(at, [math.nan if s is None else s for s in scores], outcomes, labels, labelled_at)


def count_between(db: Sql, deployments: Iterable[str], start: float, end: float, step: float) -> dict[int, int]:
    """Number of predictions in each stretch of `step` seconds from `start`."""
    values = {"deployments": json.dumps(list(deployments)), "start": start, "end": end, "step": step}
    return {row["slot"]: row["number"] for row in db.query(_COUNT, values)}


def count_labelled_between(
    db: Sql, deployments: Iterable[str], start: float, end: float, step: float
) -> dict[int, int]:
    """Number of predictions whose outcome is known in each stretch of `step` seconds from `start`."""
    values = {"deployments": json.dumps(list(deployments)), "start": start, "end": end, "step": step}
    return {row["slot"]: row["number"] for row in db.query(_COUNT_LABELLED, values)}


def last_label_at(db: Sql, deployment: str, start: float, end: float) -> float | None:
    """When the newest label of the predictions of a stretch arrived."""
    row = first(
        db,
        "SELECT MAX(labelled_at) AS at FROM predictions"
        " WHERE deployment = :deployment AND at >= :start AND at < :end AND label IS NOT NULL",
        {"deployment": deployment, "start": start, "end": end},
    )
    return None if row is None else row["at"]


def newest_labelled(db: Sql, deployment: str) -> float | None:
    """When the newest prediction with a known outcome was made."""
    row = first(
        db,
        "SELECT MAX(at) AS at FROM predictions WHERE deployment = :deployment AND label IS NOT NULL",
        {"deployment": deployment},
    )
    return None if row is None else row["at"]


def first_and_last(db: Sql, deployment: str) -> tuple[float, float] | None:
    """When the first and the last kept prediction was made."""
    row = first(
        db,
        "SELECT MIN(at) AS first, MAX(at) AS last FROM predictions WHERE deployment = :deployment",
        {"deployment": deployment},
    )
    return None if row is None or row["first"] is None else (row["first"], row["last"])


def forget_old(tx: Transaction, now: float) -> None:
    """Delete predictions older than their retention, and labels whose prediction never came."""
    tx.db.execute("DELETE FROM predictions WHERE at < :cutoff", {"cutoff": now - PREDICTION_DAYS * 86_400})
    tx.db.execute(
        "DELETE FROM predictions WHERE deployment = :waiting AND at < :cutoff",
        {"waiting": WAITING, "cutoff": now - WAITING_DAYS * 86_400},
    )
