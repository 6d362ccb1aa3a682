"""How active models are looked through: one pass over all of them, whatever is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from adapters.sqlite.catalogue import OTHERS, summaries_of
from adapters.sqlite.database import Row, Transaction, readable
from engine.facts.catalogue import TagCount
from engine.facts.search import FoundModels, ModelSearch, Order, Pictures

OF_TYPE = "coalesce(m.type, '') = ?"
OF_NO_TYPE = f"coalesce(m.type, '') IN ('', '{OTHERS}')"
OF_TAG = """
m.sha256 IN (SELECT l.model_hash FROM model_tags l JOIN tags t ON t.id = l.tag_id WHERE t.name = ?)
"""
HAS_PICTURES = """
CASE WHEN json_valid(m.meta_json) AND json_type(m.meta_json, '$.images_count') = 'integer'
     THEN json_extract(m.meta_json, '$.images_count') ELSE 0 END > 0
"""
HOLDS_WORDS = """
holds_words(?, CAST(m.name AS BLOB), CAST(m.path AS BLOB),
            (SELECT CAST(group_concat(t.name, char(10)) AS BLOB)
             FROM model_tags l JOIN tags t ON t.id = l.tag_id WHERE l.model_hash = m.sha256),
            CAST(m.meta_json AS BLOB), CAST(m.sha256 AS BLOB))
"""
BY_NAME = "shelf_rank(CAST(m.name AS BLOB), CAST(m.path AS BLOB)), m.sha256"
ORDERS = {
    Order.NAME: BY_NAME,
    Order.NEWEST: f"coalesce(m.created_at, 0) DESC, {BY_NAME}",
    Order.OLDEST: f"coalesce(m.created_at, 0), {BY_NAME}",
    Order.LARGEST: f"coalesce(m.size_bytes, 0) DESC, {BY_NAME}",
    Order.SMALLEST: f"coalesce(m.size_bytes, 0), {BY_NAME}",
}
SELECT_TAG_COUNTS = """
SELECT t.id, t.name, coalesce(a.n, 0) AS models, coalesce(p.n, 0) AS pending FROM tags t
LEFT JOIN (SELECT tag_id, count(*) AS n FROM model_tags GROUP BY tag_id) a ON a.tag_id = t.id
LEFT JOIN (SELECT tag_id, count(*) AS n FROM pending_model_tags GROUP BY tag_id) p
       ON p.tag_id = t.id
ORDER BY t.name, t.id
"""


def found_models(tx: Transaction, search: ModelSearch, offset: int, limit: int) -> FoundModels:
    """Some of the models that are wanted, in order, and how many there are."""
    # Counted on the way: looking for words in every model takes longer than all else.
    rows = _rows(tx, "m.sha256, count(*) OVER () AS total", search, offset, limit)
    if not rows and offset == 0:
        return FoundModels([], 0)
    total = rows[0]["total"] if rows else _count(tx, search)
    return FoundModels(summaries_of(tx, [row["sha256"] for row in rows]), total)


def found_paths(
    tx: Transaction, search: ModelSearch, offset: int, limit: int
) -> list[tuple[str, str]]:
    """(sha256, path) of some of the models that are wanted, in order; paths as they are stored."""
    rows = _rows(tx, "m.sha256, m.path", search, offset, limit)
    return [(row["sha256"], row["path"]) for row in rows]


def tag_counts(tx: Transaction) -> list[TagCount]:
    """All tags by name, with how many models have each."""
    return [
        TagCount(row["id"], readable(row["name"]), row["models"], row["pending"])
        for row in tx.fetch(SELECT_TAG_COUNTS)
    ]


def _count(tx: Transaction, search: ModelSearch) -> int:
    conditions, values = _conditions(search)
    row = tx.first(f"SELECT count(*) AS n FROM models m WHERE {conditions}", *values)
    return int(row["n"]) if row else 0


def _rows(tx: Transaction, columns: str, search: ModelSearch, offset: int, limit: int) -> list[Row]:
    conditions, values = _conditions(search)
    order = ORDERS[search.order]
    sql = f"SELECT {columns} FROM models m WHERE {conditions} ORDER BY {order} LIMIT ? OFFSET ?"
    return tx.fetch(sql, *values, limit, offset)


def _conditions(search: ModelSearch) -> tuple[str, list[Any]]:
    """The conditions of a search, cheapest first, and their values."""
    clauses = list(_clauses(search))
    conditions = " AND ".join(f"({condition.strip()})" for condition, _ in clauses) or "1"
    return conditions, [value for _, values in clauses for value in values]


def _clauses(search: ModelSearch) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if search.type == OTHERS:
        yield OF_NO_TYPE, ()
    elif search.type is not None:
        yield OF_TYPE, (search.type,)
    if search.tag is not None:
        yield OF_TAG, (search.tag,)
    if search.pictures is not None:
        wanted = search.pictures is Pictures.WITH
        yield (HAS_PICTURES if wanted else f"NOT ({HAS_PICTURES})"), ()
    if search.words:
        yield HOLDS_WORDS, (msgspec.json.encode(search.words).decode(),)
