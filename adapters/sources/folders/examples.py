"""LoRA Manager's folder of example pictures: one folder for each model, named by its hash."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from adapters.sources.beside import previews
from adapters.sources.beside.opening import placed
from adapters.sources.facts import Facts, Told
from adapters.sources.reaching import Reach
from engine.facts.source import ImageRef, Notice


class Examples:
    """Finds the example pictures of models; none where no folder of them was named."""

    def __init__(self, reach: Reach, folder: str, *, videos: bool) -> None:
        self._reach = reach
        self._videos = videos
        self._folder = folder
        self._shelves = [folder, *self._libraries(folder)] if folder else []

    def of(self, facts: Facts, told: Sequence[Told], notices: list[Notice]) -> list[ImageRef]:
        """The pictures in the folder of a hash that is told for the model."""
        hashes = dict.fromkeys(claim.sha256 for claim in facts.claims)
        for shelf in self._shelves:
            for sha256 in hashes:
                folder = os.path.join(shelf, sha256)  # noqa: PTH118  text
                names = self._names(folder)
                if names:
                    return self._refs(folder, names, told, notices)
        return []

    def _refs(
        self, folder: str, names: list[str], told: Sequence[Told], notices: list[Notice]
    ) -> list[ImageRef]:
        ids = [name for source in told for name in source.examples]
        found = previews.examples(names, ids)
        notices += [
            previews.skipped(picture) for picture in found if picture.video and not self._videos
        ]
        return [
            placed(folder, picture.file, picture)
            for picture in found
            if self._videos or not picture.video
        ]

    def _names(self, folder: str) -> list[str]:
        try:
            return [name for name, kind in self._reach.entries(folder) if kind == stat.S_IFREG]
        except (OSError, ValueError):
            return []

    def _libraries(self, folder: str) -> list[str]:
        """The folders of several libraries, where there are any."""
        try:
            entries = self._reach.entries(folder)
        except (OSError, ValueError):
            return []
        return sorted(
            os.path.join(folder, name)  # noqa: PTH118  text
            for name, kind in entries
            if kind == stat.S_IFDIR and len(name) != 64 and not name.startswith(("_", "."))
        )
