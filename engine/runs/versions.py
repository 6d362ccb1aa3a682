"""How a row that was edited in its source is told what it was when it was recorded before."""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec
from anyio import CapacityLimiter, to_thread

from engine.facts.assessment import AssessedRow
from engine.facts.source import SourceRef
from engine.facts.work import Carried, EarlierRow, candidate
from engine.ports.files import ModelFiles
from engine.ports.journal import Reader
from engine.ports.queries import EarlierRows
from engine.ports.source import SourceKind


class EarlierVersions:
    """The versions of a source's rows that were recorded before the ones being read."""

    def __init__(
        self,
        run_id: int,
        source: SourceRef,
        kind: SourceKind,
        reader: Reader,
        models: ModelFiles,
        io: CapacityLimiter,
    ) -> None:
        self._run_id = run_id
        self._from = source
        self._kind = kind
        self._reader = reader
        self._models = models
        self._io = io

    async def told(self, rows: list[AssessedRow], known: Container[str]) -> list[AssessedRow]:
        """The rows, those of a known key with the version before."""
        keys = [row.model.key for row in rows if row.model.key in known]
        if not keys:
            return rows
        earlier = await self._reader.ask(EarlierRows(self._run_id, keys))
        return await to_thread.run_sync(self._told, rows, earlier, limiter=self._io)

    def _told(
        self, rows: list[AssessedRow], earlier: Mapping[str, EarlierRow]
    ) -> list[AssessedRow]:
        """In a thread."""
        return [
            self._one(row, earlier[row.model.key]) if row.model.key in earlier else row
            for row in rows
        ]

    def _one(self, row: AssessedRow, before: EarlierRow) -> AssessedRow:
        source = self._from
        if before.options is not None:
            source = msgspec.structs.replace(source, options=before.options)
        recorded = self._kind.recorded(source, row.model.key, before.verbatim)
        if recorded is None or recorded.defect is not None:
            if not before.removed:
                return row
            recorded = row.model  # its edits are not known, and not asked for
        old, new = self._models.sizes([recorded.path, row.model.path])
        carried = Carried(
            row=candidate(recorded),
            sha256=before.sha256,
            claimed=recorded.sha256 != "",
            number=before.number,
            removed=before.removed,
            shared=before.shared,
            old_there=old is not None,
            new_there=new is not None,
        )
        return msgspec.structs.replace(row, carried=carried)
