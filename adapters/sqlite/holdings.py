"""How much a library holds, in one query.

Imports little: `last_status` needs it.
"""

from __future__ import annotations

from adapters.sqlite.summary import Rows
from engine.facts.status import Holdings

COUNT_HELD = """
SELECT (SELECT count(*) FROM models) AS models,
       (SELECT count(*) FROM pending_import) AS pending,
       (SELECT count(*) FROM pending_import q CROSS JOIN models m ON m.sha256 = q.sha256
        WHERE q.sha256 <> '') AS conflicts,
       (SELECT count(*) FROM migration_items WHERE state = 'failed') AS failed,
       (SELECT coalesce(sum(n), 0) FROM migration_counts WHERE name = 'warnings') AS warnings
"""


def held(rows: Rows) -> Holdings:
    """The numbers of the library as a whole, of one moment."""
    row = rows.first(COUNT_HELD)
    return Holdings(*row) if row else Holdings()
