"""What is wrong with our own tables: in themselves, among each other, and against the library.

What version 2 does to its tables meanwhile is no fault of ours: a model or a place in the queue
that is gone was taken away by somebody who may do so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from adapters.sqlite.database import Row, Transaction, readable
from adapters.sqlite.schema import JOURNAL_TABLES, statements
from engine.facts.findings import Fault, FaultKind, FaultPage, Finding
from engine.facts.repairs import Recount, Remedy, RestoreJournal
from engine.facts.states import ModelState
from engine.facts.status import RunKind, RunState

SELECT_SCHEMA = r"""
SELECT name, sql FROM sqlite_master
WHERE type IN ('table', 'index', 'trigger') AND name LIKE 'migration\_%' ESCAPE '\'
"""
STATES = ", ".join(f"'{state}'" for state in ModelState)
KINDS = ", ".join(f"'{kind}'" for kind in RunKind)
STATUSES = ", ".join(f"'{status}'" for status in RunState)
UNFINISHED = ", ".join(f"'{status}'" for status in RunState if status.unfinished)
HEX = "length({0}) = 64 AND {0} NOT GLOB '*[^0-9a-f]*'"

TRUE_COUNTS = """
SELECT run_id, state AS name, count(*) AS n FROM migration_items GROUP BY 1, 2
UNION ALL
SELECT promotion_id, state, count(*) FROM migration_items
WHERE promotion_id IS NOT NULL AND promotion_id <> run_id GROUP BY 1, 2
UNION ALL
SELECT coalesce(promotion_id, run_id), 'work', count(*) FROM migration_items
WHERE work IS NOT NULL AND state <> 'failed' GROUP BY 1
UNION ALL
SELECT run_id, 'warnings', count(*) FROM migration_warnings GROUP BY 1
"""
COUNTED = f"name IN ({STATES}, 'work', 'warnings')"
"""A run counts the items that it recorded and those that it promotes."""
SELECT_WRONG_COUNTS = f"""
SELECT run_id, name, sum(counted), sum(n) FROM (
    SELECT run_id, name, 0 AS counted, n FROM ({TRUE_COUNTS})
    UNION ALL
    SELECT run_id, name, n, CASE WHEN {COUNTED} THEN 0 ELSE n END FROM migration_counts
) WHERE run_id > ? GROUP BY run_id, name
HAVING sum(counted) <> sum(n) OR sum(counted) < 0 OR typeof(sum(counted)) <> 'integer'
ORDER BY run_id LIMIT ?
"""
SELECT_WRONG_RUNS = f"""
SELECT * FROM (
    SELECT r.id, r.kind, CASE
        WHEN r.kind NOT IN ({KINDS}) THEN 'there is no such kind of run'
        WHEN r.status NOT IN ({STATUSES}) THEN 'it is ' || r.status || ', which no run can be'
        WHEN r.status IN ({UNFINISHED}) AND r.finished_at IS NOT NULL
            THEN 'it is ' || r.status || ', and has an end'
        WHEN r.status NOT IN ({UNFINISHED}) AND r.finished_at IS NULL
            THEN 'it is ' || r.status || ', and has no end'
        WHEN r.status LIKE 'completed%' AND NOT r.intake_done
            THEN 'it is ' || r.status || ', and its source was not read to the end'
        WHEN r.status LIKE 'completed%' AND EXISTS (
                SELECT 1 FROM migration_items i
                WHERE i.work IS NOT NULL AND i.state <> 'failed'
                  AND coalesce(i.promotion_id, i.run_id) = r.id)
            THEN 'it is ' || r.status || ', and items of it have work'
    END AS wrong FROM migration_runs r WHERE r.id > ?
) WHERE wrong IS NOT NULL ORDER BY id LIMIT ?
"""
SELECT_WRONG_ITEMS = f"""
SELECT * FROM (
    SELECT i.id, i.path, CASE
        WHEN i.state NOT IN ({STATES}) THEN 'there is no state ' || i.state
        WHEN (i.state = 'failed') <> (i.failed_in IS NOT NULL)
            THEN 'it is ' || i.state || ', and tells otherwise where it failed'
        WHEN i.sha256 <> '' AND NOT ({HEX.format("i.sha256")}) THEN 'its hash is none'
        WHEN i.state = 'promoted' AND i.sha256 = '' THEN 'it is promoted, and has no hash'
        WHEN i.state = 'promoted' AND (i.work IS NOT NULL OR i.candidate IS NOT NULL
                                       OR i.in_hand <> 0 OR i.pending_id IS NOT NULL)
            THEN 'it is promoted, and something is left to be done'
        WHEN i.state NOT IN ('promoted', 'failed') AND i.work IS NULL AND i.pending_id IS NULL
            THEN 'it is ' || i.state || ', has no work and no place in the queue'
        WHEN i.work IN ('previews', 'promotion') AND i.sha256 = ''
            THEN 'its work needs a hash, and it has none'
        WHEN i.work IN ('hash', 'promotion') AND i.promotion_id IS NULL
            THEN 'its work is that of a promotion, and it is in none'
        WHEN i.work IN ('previews', 'originals') AND i.candidate IS NULL
            THEN 'what it becomes is gone'
        WHEN i.in_hand <> 0 AND i.work IS NULL THEN 'it is in hand, and has no work'
    END AS wrong FROM migration_items i WHERE i.id > ?
) WHERE wrong IS NOT NULL ORDER BY id LIMIT ?
"""
SELECT_WRONG_HISTORY = """
SELECT h.item_id, i.path, CASE
    WHEN i.id IS NULL THEN 'there is a history, and no item'
    WHEN max(h.broken) THEN 'its history has a gap'
    ELSE 'it is ' || i.state || ', and its history ends otherwise'
END
FROM (
    SELECT item_id, to_state, from_state IS NOT lag(to_state) OVER steps AS broken,
           lead(id) OVER steps IS NULL AS last
    FROM migration_history WHERE item_id > ?1 WINDOW steps AS (PARTITION BY item_id ORDER BY id)
) h LEFT JOIN migration_items i ON i.id = h.item_id
WHERE h.broken OR (h.last AND i.state <> h.to_state)
   OR (i.id IS NULL AND h.item_id NOT IN (SELECT item_id FROM migration_discarded))
GROUP BY h.item_id ORDER BY h.item_id LIMIT ?2
"""
SELECT_LOST_ITEMS = """
SELECT id, path, wrong FROM (
    SELECT i.id, i.path, 'it has no history' AS wrong FROM migration_items i
    WHERE i.id NOT IN (SELECT item_id FROM migration_history)
    UNION ALL
    SELECT i.id, i.path, 'its row of the source is not kept' FROM migration_items i
    LEFT JOIN migration_rows v ON v.item_id = i.id
    WHERE i.source_id IS NOT NULL AND i.digest IS NOT NULL AND v.item_id IS NULL
    UNION ALL
    SELECT v.item_id, '', 'its row of the source is kept, and there is no item'
    FROM migration_rows v LEFT JOIN migration_items i ON i.id = v.item_id
    WHERE i.id IS NULL AND v.item_id NOT IN (SELECT item_id FROM migration_discarded)
      AND v.item_id NOT IN (SELECT item_id FROM migration_history)
    UNION ALL
    SELECT DISTINCT w.item_id, '', 'there are warnings, and no item'
    FROM migration_warnings w LEFT JOIN migration_items i ON i.id = w.item_id
    WHERE w.item_id IS NOT NULL AND i.id IS NULL
      AND w.item_id NOT IN (SELECT item_id FROM migration_discarded)
      AND w.item_id NOT IN (SELECT item_id FROM migration_history)
) WHERE id > ? ORDER BY id LIMIT ?
"""
SELECT_WRONG_PROMOTIONS = """
SELECT * FROM (
    SELECT p.run_id, p.path, CASE
        WHEN p.outcome NOT IN ('success', 'conflict', 'ignored', 'deleted', 'failed')
            THEN 'there is no outcome ' || p.outcome
        WHEN p.outcome = 'success' AND i.state IS NOT 'promoted'
            THEN 'it is told as a success, and the item is ' || coalesce(i.state, 'gone')
        WHEN p.outcome = 'deleted' AND d.item_id IS NULL
            THEN 'it is told as deleted, and was not'
        WHEN p.outcome IS NULL AND i.id IS NULL AND d.item_id IS NULL
            THEN 'its item is gone before it was decided'
        WHEN p.outcome IS NULL AND i.promotion_id = p.run_id AND i.work IS NULL
                AND i.state <> 'failed'
            THEN 'it was not decided, and nothing is left to be done'
    END AS wrong
    FROM migration_promotions p LEFT JOIN migration_items i ON i.id = p.item_id
    LEFT JOIN migration_discarded d ON d.item_id = p.item_id
    WHERE p.run_id > ?
) WHERE wrong IS NOT NULL ORDER BY run_id LIMIT ?
"""
SELECT_REFERENCES = "SELECT rowid, parent FROM pragma_foreign_key_check(?) LIMIT ?"

_CREATED = re.compile(r"CREATE (TABLE|INDEX|TRIGGER) (\w+)")
_ON = re.compile(r" ON (\w+)")
_SPACE = re.compile(r"\s*([(),])\s*|\s+")


def journal_faults(tx: Transaction, kind: FaultKind, after: int, limit: int) -> FaultPage:
    """What is wrong of a kind, ascending by number; nothing where there is no journal at all."""
    there = {name: _plain(sql) for name, sql in tx.fetch(SELECT_SCHEMA)}
    if not there:
        return FaultPage([], None)
    if kind is FaultKind.JOURNAL_TABLES:
        return FaultPage(list(_schema(there)), None)
    if any(there.get(name) != sql for what, name, sql in _declared() if what == "TABLE"):
        return FaultPage([], None)  # told already; the rest cannot be asked for
    if kind is FaultKind.JOURNAL_REFERENCES:
        return FaultPage(list(_references(tx, limit)), None)
    sql, told = READ[kind]
    rows = tx.fetch(sql, after, limit)
    return FaultPage([told(row) for row in rows], rows[-1][0] if len(rows) == limit else None)


@cache
def _declared() -> tuple[tuple[str, str, str], ...]:
    """What our tables, indexes and triggers are: (kind, name, words)."""
    return tuple(
        (found[1], found[2], _plain(statement.rstrip(";")))
        for statement in statements(JOURNAL_TABLES)
        if (found := _CREATED.match(statement))
    )


def _plain(sql: str) -> str:
    """Its words alone: neither spaces nor quotes count."""
    return _SPACE.sub(r"\1 ", sql).replace('"', "").strip()


def _schema(there: dict[str, str]) -> Iterator[Finding]:
    for kind, name, sql in _declared():
        table = _ON.search(sql)
        if there.get(name) == sql or (table and table[1] not in there):
            continue  # with a table go its indexes and triggers
        told = "is gone" if name not in there else "is not as reshelve made it"
        remedy = None if kind == "TABLE" else RestoreJournal()
        yield _wrong(name, f"the {kind.lower()} {told}", remedy)


def _references(tx: Transaction, limit: int) -> Iterator[Finding]:
    for kind, name, _ in _declared():
        for rowid, parent in tx.fetch(SELECT_REFERENCES, name, limit) if kind == "TABLE" else ():
            row = "a row" if rowid is None else f"row {rowid}"
            yield _wrong(name, f"{row} belongs to something of {parent} that is gone", None)


def _count(row: Row) -> Finding:
    run_id, name, counted, true = row
    detail = f"it counts {counted} {name}, and there are {true}"
    return _wrong(f"run {run_id}", detail, Recount(run_id) if counted != true else None)


def _run(row: Row) -> Finding:
    return _wrong(f"run {row[0]}", row[2], None)


def _item(row: Row) -> Finding:
    place = readable(row[1]) if row[1] else f"item {row[0]}"
    return _wrong(place, f"item {row[0]}: {row[2]}", None)


def _promotion(row: Row) -> Finding:
    return _wrong(readable(row[1]), f"promotion {row[0]}: {row[2]}", None)


def _wrong(place: str, detail: str, remedy: Remedy | None) -> Finding:
    return Finding(Fault("journal_wrong", place, detail), remedy)


READ: dict[FaultKind, tuple[str, Callable[[Row], Finding]]] = {
    FaultKind.JOURNAL_COUNTS: (SELECT_WRONG_COUNTS, _count),
    FaultKind.JOURNAL_RUNS: (SELECT_WRONG_RUNS, _run),
    FaultKind.JOURNAL_ITEMS: (SELECT_WRONG_ITEMS, _item),
    FaultKind.JOURNAL_HISTORY: (SELECT_WRONG_HISTORY, _item),
    FaultKind.JOURNAL_LOSSES: (SELECT_LOST_ITEMS, _item),
    FaultKind.JOURNAL_PROMOTIONS: (SELECT_WRONG_PROMOTIONS, _promotion),
}
