"""How our own tables came to be as they are: numbered steps, from those of version 1 to the newest.

A library says which version its tables have (`migration_meta`, `journal_version`). Whoever owns a
library of an older version takes the steps it lacks, all in one transaction that also notes the
new number: killed at any moment, they are either done or not begun. A reader never changes a
library: it says what to do about one of another version.

To change the tables:

1. Change `adapters/sqlite/schema.py`: a new library gets its tables from there.
2. Add a module here, named for what it changes, with one function `change(tx)`. It does to a
   library of the version before what you did to `schema.py`, and carries its rows along.
3. Add its name at the end of `STEPS`. Its place there is its number: nothing else is counted.

    '''Source keys are text, as a source may name its rows as it likes.'''

    def change(tx: Transaction) -> None:
        tx.execute("ALTER TABLE migration_runs ADD COLUMN kind_of_source TEXT")
        rebuild(tx, "migration_items", ITEMS, source_key="CAST(source_key AS TEXT)")

What a step needs to know:

- It is written once, and never changed when it is out: so it spells out its SQL, and takes nothing
  from `schema.py` or the engine, which go on changing.
- Indexes and triggers are no step's business. Triggers are gone while steps are taken, so that a
  state can be set as it should be and no history is written; in the end all of both are as
  `schema.py` has them.
- References are not enforced meanwhile, so a table can be dropped and made anew: `tables.rebuild`.
- `ALTER TABLE … ADD COLUMN` puts a column behind the others; in `schema.py` it has to stand there.
- A library can be large: a statement over all rows is fine, a loop over them in Python is slow.

`tests/contract/test_migrations.py` holds libraries that older versions wrote against a new one:
the same schema, and the same end. It needs nothing for a new step; what a library of a version
holds besides can be frozen with `python -m tests.contract.frozen.making`.

Imports little: `last_status` needs it.
"""

from __future__ import annotations

STEPS: tuple[str, ...] = ("written_sets", "refused_images", "kinds_of_sources", "claimed_hashes")
"""The modules that hold the steps: to version 2, to version 3, and so on."""


def newest() -> int:
    """The version of the tables that this code reads and writes."""
    return 1 + len(STEPS)
