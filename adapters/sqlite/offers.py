"""How refused images are kept, and offered again as items of another run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adapters.sqlite.database import Transaction
from adapters.sqlite.numbers import LAST_ITEM
from adapters.sqlite.runs import options_text
from adapters.sqlite.work import count_work
from engine.facts.refusals import KeptRefusal, RefusedImage
from engine.facts.source import ImageRef, SourceRef
from engine.facts.states import ModelState
from engine.facts.work import Candidate, Work
from engine.ports.changes import OfferAgain

KEEP = """
INSERT INTO migration_refused (item_id, name, place, stamp) VALUES (?, ?, ?, ?)
ON CONFLICT (item_id, name, place) DO UPDATE SET stamp = excluded.stamp
"""
# What a later version of its row names is that version's to tell.
SELECT_REFUSED = """
SELECT f.item_id, f.name, f.place, f.stamp
FROM migration_refused f
JOIN migration_items i ON i.id = f.item_id
JOIN migration_runs r ON r.id = i.run_id
JOIN migration_sources s ON s.id = i.source_id
WHERE s.kind = ?1 AND s.location = ?2 AND r.options = ?3
  AND (f.item_id, f.name, f.place) > (?4, ?5, ?6)
  AND i.state <> 'failed' AND i.work IS NULL
  AND NOT EXISTS (SELECT 1 FROM migration_items n
                  WHERE n.source_id = i.source_id AND n.source_key = i.source_key AND n.id > i.id)
ORDER BY f.item_id, f.name, f.place LIMIT ?7
"""
SELECT_PLACE = """
SELECT i.source_id, i.source_key, i.sha256, i.pending_id, m.path AS active, q.path AS waits
FROM migration_items i
LEFT JOIN models m ON m.sha256 = i.sha256 AND i.sha256 <> '' AND i.state = 'promoted'
LEFT JOIN pending_import q ON q.id = i.pending_id AND q.path = i.path
WHERE i.id = ?
"""
INSERT_OFFER = f"""
INSERT INTO migration_items
    (id, run_id, source_id, source_key, path, state, sha256, pending_id, work, candidate,
     updated_at)
VALUES ({LAST_ITEM} + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
FORGET = "DELETE FROM migration_refused WHERE item_id = ? AND name = ? AND place = ?"
FORGET_ALL = "DELETE FROM migration_refused WHERE item_id = ?"
PASS_ON = "UPDATE migration_refused SET item_id = ? WHERE item_id = ?"

_text = msgspec.json.Encoder()


def keep_refused(tx: Transaction, item_id: int, refused: Iterable[RefusedImage]) -> None:
    """Remember images that could not be carried."""
    tx.many(KEEP, [(item_id, each.image.name, each.image.place, each.stamp) for each in refused])


def refused_images(
    tx: Transaction, source: SourceRef, after: KeptRefusal, limit: int
) -> list[KeptRefusal]:
    """Images of a source, of which the same was said, that could not be carried."""
    rows = tx.fetch(
        SELECT_REFUSED,
        source.kind,
        source.location,
        options_text(source.options),
        after.item_id,
        after.image.name,
        after.image.place,
        limit,
    )
    return [
        KeptRefusal(row["item_id"], ImageRef(row["name"], row["place"]), row["stamp"])
        for row in rows
    ]


def offer_again(tx: Transaction, change: OfferAgain) -> None:
    """Make an item of each that has images to be carried again."""
    offered: dict[int, list[ImageRef]] = {}
    for refused in change.images:
        offered.setdefault(refused.item_id, []).append(refused.image)
    for item_id, images in offered.items():
        _offer(tx, change, item_id, images)


def _offer(tx: Transaction, change: OfferAgain, item_id: int, images: list[ImageRef]) -> None:
    row = tx.first(SELECT_PLACE, item_id)
    if row is None or (row["active"] is None and row["waits"] is None):
        tx.execute(FORGET_ALL, item_id)
        return
    path, state, work = row["active"], ModelState.IMPORTED, Work.PREVIEWS
    if path is None:
        path, state, work = row["waits"], ModelState.PENDING, Work.ORIGINALS
    candidate = Candidate(path, images=tuple(images))
    made = tx.insert(
        INSERT_OFFER,
        change.run_id,
        row["source_id"],
        row["source_key"],
        path,
        state,
        row["sha256"],
        row["pending_id"] if work is Work.ORIGINALS else None,
        work,
        _text.encode(candidate).decode(),
        change.at,
    )
    tx.many(FORGET, [(item_id, image.name, image.place) for image in images])
    # What is still refused is offered on behalf of the newest item of its row.
    tx.execute(PASS_ON, made, item_id)
    tx.count(change.run_id, state)
    count_work(tx, change.run_id, 1, len(images))
