"""What became of each id of a promotion.

Imports little: `last_status` needs it.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Protocol

from engine.facts.promotion_report import (
    UNFINISHED,
    Conflict,
    ExistingSide,
    Outcome,
    PendingSide,
    PromotionReport,
    Refusal,
)

SELECT_PROMOTION = """
SELECT pending_id, path, outcome, code, detail, existing_sha256, existing_path
FROM migration_promotions WHERE run_id = ? ORDER BY place
"""

NOT_FINISHED = "It was not finished: the run was interrupted."


class Rows(Protocol):
    """Whatever can be asked for rows."""

    def fetch(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        ...


def promotion(tx: Rows, run_id: int) -> PromotionReport:
    """What became of every id of a promotion so far, in the order given."""
    rows = tx.fetch(SELECT_PROMOTION, run_id)
    report = PromotionReport(len(rows), [], [], [], [], [])
    for row in rows:
        pending_id = row["pending_id"]
        match row["outcome"]:
            case Outcome.SUCCESS:
                report.success.append(pending_id)
            case Outcome.CONFLICT:
                existing = ExistingSide(row["existing_sha256"], row["existing_path"])
                report.conflict.append(Conflict(PendingSide(pending_id, row["path"]), existing))
            case Outcome.IGNORED:
                report.ignored.append(pending_id)
            case Outcome.DELETED:
                report.deleted.append(pending_id)
            case Outcome.FAILED:
                report.failed.append(Refusal(pending_id, row["detail"], row["code"]))
            case _:
                report.failed.append(Refusal(pending_id, NOT_FINISHED, UNFINISHED))
    return report
