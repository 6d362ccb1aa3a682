"""A tree of model files as an opened source: its rows in chunks, each chunk bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from adapters.sources.beside.matching import SUFFIXES
from adapters.sources.beside.previews import is_video
from adapters.sources.folders.layouts import Layout
from adapters.sources.folders.reading import Models, content
from adapters.sources.folders.tree import Folder, Place, Tree, keyed
from adapters.sources.moving import unused_mappings
from adapters.sources.reaching import Reach
from adapters.sources.remapping import PathMap
from adapters.sources.sidecars import webui
from engine.facts.recognition import Contents
from engine.facts.source import Notice, SourceChunk, SourceModel, SourceTag
from engine.ports.source import Known, nothing_known

CHUNK_BYTES = 2 * 1024 * 1024
"""A chunk ends early once its rows are this large: several are on their way at once."""

END = "\U0010ffff"
"""The cursor behind all rows."""

MAX_NAMED = 1_000
"""Sidecars without a model that are named of one folder; further ones are counted."""


class FolderLibrary:
    """Implements `engine.ports.source.Source`."""

    def __init__(
        self, tree: Tree, models: Models, reach: Reach, layout: Layout, paths: PathMap
    ) -> None:
        self._tree = tree
        self._models = models
        self._reach = reach
        self._layout = layout
        self._paths = paths

    @property
    def rows(self) -> int:
        """How many model files there are now."""
        return self._counted[0]

    @property
    def contents(self) -> Contents:
        """How many sidecars there are of each suffix, with a model or without, and videos."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[int, Contents]:
        rows, videos = 0, 0
        sidecars: Counter[str] = Counter()
        for folder in self._tree.folders():
            gathering = folder.gathering
            rows += sum(len(family.models) for family in gathering.families)
            for family in gathering.families:
                sidecars.update(family.sidecars.keys())
                videos += sum(map(is_video, folder.pictures.get(family.stem, ())))
            sidecars.update(_suffix_of(name) for name in gathering.orphans)
        return rows, Contents(dict(sorted(sidecars.items())), videos)

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        """No tags beside those of models; what is wrong with the layout as a whole."""
        unfit = [
            Notice("folder_unreadable", f"{root.folder} ({root.type}): no folder to be read.")
            for root in self._layout.unfit
        ]
        return [], [*self._layout.notices, *unfit]

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        """Rows in the order of their keys; those that are known as they are, are not read."""
        if size < 1:
            raise ValueError(f"a chunk holds at least one row, not {size}")
        if after == END:
            return
        waiting: list[Place] = []
        for place in self._tree.places(after):
            waiting.append(place)
            if len(waiting) >= size:
                yield from self._read(waiting, known)
                waiting = []
        yield from self._read(waiting, known)
        yield SourceChunk([], END, unused_mappings(self._paths))

    def _read(self, places: list[Place], known: Known) -> Iterator[SourceChunk]:
        """What lies at these places, in chunks of a bounded size."""
        versions = {place.key: self._models.version(place) for place in places if place.name}
        recorded = known(versions)
        models: list[SourceModel] = []
        notices: list[Notice] = []
        held = 0
        for place in places:
            if not place.name:
                notices += self._told(place.folder)
            elif place.key not in recorded:
                models.append(self._models.model(place, versions[place.key]))
                held += len(models[-1].verbatim)
            if held > CHUNK_BYTES or place is places[-1]:
                yield SourceChunk(models, place.key, notices)
                models, notices, held = [], [], 0

    def _told(self, folder: Folder) -> list[Notice]:
        """What is wrong with a folder, and which sidecars in it have no model."""
        gathering = folder.gathering
        orphans = list(gathering.orphans)
        orphans += [name for name in gathering.doubtful if self._is_sidecar(folder, name)]
        named = [
            Notice(
                "sidecar_orphaned",
                f"{folder.prefix}{keyed(name)}: there is no model of this name in its folder.",
            )
            for name in sorted(orphans)[:MAX_NAMED]
        ]
        if len(orphans) > MAX_NAMED:
            rest = f"{folder.prefix}: {len(orphans) - MAX_NAMED} more without a model."
            named.append(Notice("sidecar_orphaned", rest))
        return [*folder.notices, *named]

    def _is_sidecar(self, folder: Folder, name: str) -> bool:
        try:
            return webui.is_own(content(self._reach, folder.path, name))
        except (OSError, ValueError):
            return False


def _suffix_of(sidecar: str) -> str:
    return next(suffix for suffix in SUFFIXES if sidecar.endswith(suffix))
