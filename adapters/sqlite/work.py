"""How the work of a run is counted: items that need something more, and images to be carried."""

from __future__ import annotations

from adapters.sqlite.database import Transaction

# A row's own images lie with its item; those of a model in the queue, with the model.
IMAGES = """
coalesce(CASE WHEN json_valid(i.candidate) THEN json_array_length(i.candidate, '$.images') END,
         CASE WHEN json_valid(q.meta_json) THEN json_array_length(q.meta_json, '$.images') END, 0)
"""
SELECT_IMAGES = f"""
SELECT {IMAGES} AS images FROM migration_items i
LEFT JOIN pending_import q ON q.id = i.pending_id AND q.path = i.path
WHERE i.id = ?
"""
COUNT_IMAGES = f"""
INSERT INTO migration_counts (run_id, name, n)
SELECT w.run_id, 'images_left', sum({IMAGES}) AS images
FROM migration_counts w
JOIN migration_items i ON coalesce(i.promotion_id, i.run_id) = w.run_id
LEFT JOIN pending_import q ON q.id = i.pending_id AND q.path = i.path
WHERE w.name = 'work' AND w.n > 0 AND i.work IS NOT NULL AND i.state <> 'failed'
  AND NOT EXISTS (SELECT 1 FROM migration_counts c
                  WHERE c.run_id = w.run_id AND c.name = 'images_left')
GROUP BY w.run_id HAVING images > 0
"""


def count_work(tx: Transaction, run_id: int, items: int, images: int) -> None:
    """Move the work of a run."""
    tx.count(run_id, "work", items)
    tx.count(run_id, "images_left", images)


def images_left(tx: Transaction, item_id: int) -> int:
    """How many images an item with work has to be carried."""
    row = tx.first(SELECT_IMAGES, item_id)
    return int(row["images"]) if row else 0


def count_images(tx: Transaction) -> None:
    """Count the images that are to be carried where nobody has: an earlier version did not."""
    tx.execute(COUNT_IMAGES)
