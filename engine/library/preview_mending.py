"""How the preview sets of one model are mended: tiers made again, sets counted.

A tier is made of the image that was carried, where that still lies in its place and gives the
tiers that are left, so that it is what it was, also where an earlier repair was interrupted; else
of the high tier, which is at least as large. What can be decoded is never replaced: somebody may
have put it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

import anyio
import msgspec
from anyio import CapacityLimiter, to_thread

from engine.actors.writer import Commits
from engine.errors import UnknownSourceKind
from engine.facts.origins import ImageOrigin
from engine.facts.preview_names import set_names
from engine.facts.previews import UnusableImage, image_digest
from engine.ports.changes import CountSets
from engine.ports.journal import Reader
from engine.ports.mending import MendingFiles
from engine.ports.previews import PreviewCodec
from engine.ports.queries import ActiveModel, CarriedFrom, UnderWay
from engine.ports.source import SourceKind, kind_of
from engine.ports.verification import StoredFiles

T = TypeVar("T")

Tiers = tuple[bytes, ...]


class SetState(StrEnum):
    """How a preview set stands after it was looked at, and mended where it could be."""

    WHOLE = "whole"
    MENDED = "mended"
    LOST = "lost"
    """Nothing of it is there, and nothing to make it of."""
    DAMAGED = "damaged"


GOOD = {SetState.WHOLE, SetState.MENDED}


class MendedSets(msgspec.Struct, frozen=True):
    """What became of a model's sets, by number; `count` is how many it has now, None where that
    cannot be told before the damaged ones are settled."""

    states: dict[int, SetState]
    count: int | None


class _Found(msgspec.Struct):
    """A set as it lies on disk: the content of each tier, and whether it can be decoded."""

    content: list[bytes | None]
    usable: list[bool]


class PreviewMending:
    """Mends the sets of models, or tells what would become of them where nobody may write."""

    def __init__(
        self,
        *,
        reader: Reader,
        stored: StoredFiles,
        sources: Mapping[str, SourceKind],
        codec: PreviewCodec,
        limiter: CapacityLimiter,
        files: MendingFiles | None = None,
        writer: Commits | None = None,
    ) -> None:
        self._reader = reader
        self._stored = stored
        self._sources = sources
        self._codec = codec
        self._limiter = limiter
        self._files = files
        self._writer = writer

    async def mend(self, sha256: str) -> MendedSets:
        """The sets of a model, one after the other; the caller holds the lock of its hash."""
        model = await self._reader.ask(ActiveModel(sha256))
        under_way = await self._reader.ask(UnderWay([sha256]))
        if model is None or under_way:
            return MendedSets({}, None)
        counted = model.meta_json.images_count
        states = {seq: await self._mend_set(sha256, seq) for seq in range(counted)}
        count = await self._count(sha256, states)
        if count is not None and count != counted and self._writer is not None:
            change = CountSets(sha256, counted, count)
            if not await self._writer.commit(change):
                count = None
        return MendedSets(states, count)

    async def _count(self, sha256: str, states: dict[int, SetState]) -> int | None:
        """How many sets there are: those that were counted and are there, and those that follow,
        which are mended as well."""
        whole = [seq for seq, state in states.items() if state in GOOD]
        count = len(whole)
        gone = {seq for seq, state in states.items() if state is SetState.LOST and seq >= count}
        if whole != [*range(count)] or len(gone) + count != len(states):
            return None
        while not gone and await self._thread(self._is_complete, sha256, count):
            states[count] = await self._mend_set(sha256, count)
            if states[count] not in GOOD:
                return None
            count += 1
        return count

    def _is_complete(self, sha256: str, seq: int) -> bool:
        return all(self._stored.has_preview(name) for name in set_names(sha256, seq))

    async def _mend_set(self, sha256: str, seq: int) -> SetState:
        found = await self._thread(self._look, sha256, seq)
        if all(found.usable):
            return SetState.WHOLE
        tiers = await self._from_origin(sha256, found)
        if tiers is None and found.usable[0] and found.content[0] is not None:
            tiers = await self._thread(self._encode, found.content[0])
        if tiers is None:
            gone = all(content is None for content in found.content)
            return SetState.LOST if gone else SetState.DAMAGED
        put = True
        for name, data, content, usable in zip(
            set_names(sha256, seq), tiers, found.content, found.usable, strict=True
        ):
            if not usable and self._files is not None:
                put = put and await self._finished(self._files.put_preview, name, data, content)
        return SetState.MENDED if put else SetState.DAMAGED

    def _look(self, sha256: str, seq: int) -> _Found:
        found = _Found([], [])
        for name in set_names(sha256, seq):
            content, usable = None, False
            try:
                content = self._stored.preview(name)
                if content is not None:
                    self._codec.check(content)
                    usable = True
            except UnusableImage:
                pass
            found.content.append(content)
            found.usable.append(usable)
        return found

    async def _from_origin(self, sha256: str, found: _Found) -> Tiers | None:
        """The tiers of the image that a set was made of, told by those that are left of it.

        Where none is left, the image is the one that no other set was made of.
        """
        for origin in await self._reader.ask(CarriedFrom(sha256)):
            tiers = await self._thread(self._encode_origin, origin)
            if tiers is None:
                continue
            left = [
                content == tier
                for content, usable, tier in zip(found.content, found.usable, tiers, strict=True)
                if usable
            ]
            if all(left) if left else not await self._thread(self._is_there, sha256, tiers):
                return tiers
        return None

    def _is_there(self, sha256: str, tiers: Tiers) -> bool:
        """Whether any set of a model has one of these tiers."""
        seq = 0
        while True:
            names = set_names(sha256, seq)
            if not any(self._stored.has_preview(name) for name in names):
                return False
            if any(
                self._stored.preview(name) == tier for name, tier in zip(names, tiers, strict=True)
            ):
                return True
            seq += 1

    def _encode_origin(self, origin: ImageOrigin) -> Tiers | None:
        try:
            images = kind_of(self._sources, origin.source).images(origin.source)
            data = images.read(origin.image)
        except (UnusableImage, UnknownSourceKind):
            return None
        return self._encode(data) if image_digest(data) == origin.digest else None

    def _encode(self, data: bytes) -> Tiers | None:
        try:
            self._codec.pixels(data)
            return self._codec.encode(data, lambda: None)
        except UnusableImage:
            return None

    async def _thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._limiter)

    async def _finished(self, function: Callable[..., T], *arguments: object) -> T:
        """In a thread, to its end, whatever becomes of the caller."""
        with anyio.CancelScope(shield=True):
            result = await self._thread(function, *arguments)
        return result
