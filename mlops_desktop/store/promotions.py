"""Promotions and their signed reviews."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.promotions import Decision, Pinned, Promotion, PromotionState, Review
from mlops_desktop.store.rows import Row, first, insert, moment, moment_or_none, readable, seconds_of, to_json, update
from mlops_desktop.store.versions import id_of

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

_PROMOTIONS = """
SELECT p.*, m.name AS model, v.number FROM promotions p
  JOIN versions v ON v.id = p.version_id JOIN models m ON m.id = v.model_id
"""


def insert_promotion(
    tx: Transaction,
    *,
    model: str,
    number: int,
    environment: str,
    requested_by: str,
    reason: str,
    pinned: Pinned,
    check_run: int | None,
) -> int:
    """Add a pending request; returns its id."""
    return insert(
        tx.db,
        "promotions",
        {
            "version_id": id_of(tx.db, model, number),
            "environment": environment,
            "requested_by": requested_by,
            "reason": reason,
            "pinned": to_json(pinned_dict(pinned)),
            "state": PromotionState.PENDING.value,
            "check_run": check_run,
            "created_at": tx.now,
        },
    )


def set_state(tx: Transaction, promotion: int, state: PromotionState) -> None:
    decided = None if state is PromotionState.PENDING else tx.now
    update(tx.db, "promotions", {"id": promotion}, {"state": state.value, "decided_at": decided})


def put_review(tx: Transaction, review: Review) -> None:
    """Add the review, in place of an earlier one of the same reviewer."""
    key = {"promotion": review.promotion, "reviewer": review.reviewer}
    tx.db.execute("DELETE FROM reviews WHERE promotion = :promotion AND reviewer = :reviewer", key)
    insert(
        tx.db,
        "reviews",
        {
            **key,
            "decision": review.decision.value,
            "comment": review.comment,
            "signed_at": seconds_of(review.signed_at),
            "signature": review.signature,
        },
    )


def promotion_of(db: Sql, promotion: int) -> Promotion | None:
    row = first(db, _PROMOTIONS + " WHERE p.id = :id", {"id": promotion})
    return None if row is None else _promotion(db, row)


def promotions_of(
    db: Sql,
    *,
    state: PromotionState | None = None,
    model: str = "",
    number: int | None = None,
    environment: str = "",
    only_open: bool = False,
) -> list[Promotion]:
    """Newest first."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    wanted = {"p.state": state.value if state else "", "m.name": model, "p.environment": environment}
    for i, (column, value) in enumerate(wanted.items()):
        if value:
            conditions.append(f"{column} = :value{i}")
            values[f"value{i}"] = value
    if number is not None:
        conditions.append("v.number = :number")
        values["number"] = number
    if only_open:
        conditions.append("p.state IN ('pending', 'approved')")
    where = " AND ".join(conditions) or "1"
    rows = list(db.query(f"{_PROMOTIONS} WHERE {where} ORDER BY p.id DESC", values))
    return [_promotion(db, row) for row in rows]


def pinned_dict(pinned: Pinned) -> dict[str, Any]:
    return {name: getattr(pinned, name) for name in pinned.__slots__}


def _promotion(db: Sql, row: Row) -> Promotion:
    with readable(f"request {row['id']}"):
        reviews = db.query(
            "SELECT * FROM reviews WHERE promotion = :id ORDER BY signed_at, reviewer", {"id": row["id"]}
        )
        return Promotion(
            row["id"],
            row["model"],
            row["number"],
            row["environment"],
            row["requested_by"],
            row["reason"],
            Pinned(**json.loads(row["pinned"])),
            PromotionState(row["state"]),
            moment(row["created_at"]),
            moment_or_none(row["decided_at"]),
            row["check_run"],
            tuple(_review(review) for review in reviews),
        )


def _review(row: Row) -> Review:
    return Review(
        row["promotion"],
        row["reviewer"],
        Decision(row["decision"]),
        row["comment"],
        moment(row["signed_at"]),
        row["signature"],
    )
