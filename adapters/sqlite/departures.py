"""Where models are that waited when the journal last looked: other programs take from the queue,
and give its numbers again.

Who only reads the library goes by what is told here; its owner takes it over into the journal.
Imports little: `last_status` needs it.
"""

from __future__ import annotations

import msgspec

from adapters.sqlite import summary
from adapters.sqlite.summary import Rows
from engine.facts.progress import share
from engine.facts.states import ModelState
from engine.facts.status import Counts, RunStatus

# A path that was no text was replaced when the item was made: there its number has to suffice.
WAITS = """
EXISTS (SELECT 1 FROM pending_import q
        WHERE q.path = i.path OR (q.id = i.pending_id AND instr(i.path, char(65533)) > 0))
"""
"""Whether the model of an item `i` is in the queue, under whatever number."""

HELD = """
(i.in_hand = 1 OR coalesce(i.work, '') IN ('originals', 'previews')
 OR (i.work IS NOT NULL AND i.state <> 'failed' AND EXISTS (
        SELECT 1 FROM migration_runs r
        WHERE r.id = coalesce(i.promotion_id, i.run_id) AND r.status = 'running')))
"""
"""Whether a worker will tell what becomes of an item: its model may be in the queue no more, or
not yet."""

LEFT = f"(i.pending_id IS NOT NULL AND NOT {WAITS} AND NOT {HELD})"
"""Whether the model of an item waited and does not any more."""

ACTIVE_AS = """
coalesce(
    (SELECT m.sha256 FROM models m WHERE m.sha256 = i.sha256),
    (SELECT m.sha256 FROM migration_hashes h JOIN models m ON m.sha256 = h.sha256
     WHERE h.path = i.path),
    (SELECT m.sha256 FROM models m WHERE m.path = i.path ORDER BY m.rowid DESC LIMIT 1))
"""
"""The hash under which the model of an item is active; NULL where it is not."""

DISCARDED = "discarded"
"""What is told in place of a state of an item whose model somebody removed."""

STANDING = f"""
CASE WHEN NOT {LEFT} THEN i.state WHEN {ACTIVE_AS} IS NULL THEN '{DISCARDED}' ELSE 'promoted' END
"""
"""The state of an item, had the journal been told of everything."""

COUNT_LEFT = f"""
SELECT state, standing, sum(work) AS work, count(*) AS n FROM (
    SELECT i.state, {STANDING} AS standing,
           i.work IS NOT NULL AND i.state <> 'failed'
           AND coalesce(i.promotion_id, i.run_id) = ?1 AS work
    FROM migration_items i
    WHERE i.pending_id IS NOT NULL AND (i.run_id = ?1 OR i.promotion_id = ?1) AND {LEFT}
) GROUP BY state, standing
"""


def status_of(rows: Rows, run_id: int | None) -> RunStatus:
    """The status of a run, all of one moment, for who does not own the library."""
    rows.fetch("BEGIN")
    try:
        return without_departed(rows, summary.status(rows, run_id))
    finally:
        rows.fetch("COMMIT")


def without_departed(rows: Rows, status: RunStatus) -> RunStatus:
    """The status of a run, with what other programs did since the journal was written."""
    if status.run is None:
        return status
    counts = msgspec.structs.asdict(status.counts)
    work = status.work
    for state, standing, of_work, number in rows.fetch(COUNT_LEFT, status.run.id):
        counts[state] -= number
        work -= of_work
        if standing == ModelState.PROMOTED:
            counts[standing] += number
        else:
            counts["total"] -= number
    found = msgspec.structs.replace(status, counts=Counts(**counts), work=work)
    return msgspec.structs.replace(found, share=share(found))
