"""Check runs: one row a run, its results as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.checks import CheckResult, CheckRun, Verdict
from mlops_desktop.store.rows import Row, first, insert, moment, readable, seconds_of, to_json
from mlops_desktop.store.versions import id_of

if TYPE_CHECKING:
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

_RUNS = """
SELECT c.*, m.name AS model, v.number FROM check_runs c
  JOIN versions v ON v.id = c.version_id JOIN models m ON m.id = v.model_id
"""


def insert_run(tx: Transaction, run: CheckRun) -> int:
    """Add the run (its `id` is ignored); returns its id."""
    row = {
        "version_id": id_of(tx.db, run.model, run.version),
        "environment": run.environment,
        "version_digest": run.version_digest,
        "results": to_json([_result_dict(result) for result in run.results]),
        "started_at": seconds_of(run.started_at),
        "seconds": run.seconds,
        "run_by": run.run_by,
    }
    return insert(tx.db, "check_runs", row)


def run_of(db: Sql, run_id: int) -> CheckRun | None:
    row = first(db, _RUNS + " WHERE c.id = :id", {"id": run_id})
    return None if row is None else _run(row)


def runs_of(db: Sql, model: str, number: int, environment: str = "") -> list[CheckRun]:
    """Newest first."""
    sql = _RUNS + " WHERE m.name = :model AND v.number = :number"
    if environment:
        sql += " AND c.environment = :environment"
    values = {"model": model, "number": number} | ({"environment": environment} if environment else {})
    return [_run(row) for row in db.query(sql + " ORDER BY c.id DESC", values)]


def _run(row: Row) -> CheckRun:
    with readable(f"check run {row['id']}"):
        return CheckRun(
            row["id"],
            row["model"],
            row["number"],
            row["environment"],
            row["version_digest"],
            tuple(_result(data) for data in json.loads(row["results"])),
            moment(row["started_at"]),
            row["seconds"],
            row["run_by"],
        )


def _result_dict(result: CheckResult) -> dict[str, Any]:
    return {
        "check": result.check,
        "verdict": result.verdict.value,
        "summary": result.summary,
        "figures": dict(result.figures),
        "evidence": list(result.evidence),
    }


def _result(data: dict[str, Any]) -> CheckResult:
    return CheckResult(
        data["check"], Verdict(data["verdict"]), data["summary"], data["figures"], tuple(data["evidence"])
    )
