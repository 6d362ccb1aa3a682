"""What a migration would find: the source read as a migration reads it, and the room it takes.

Asked while somebody types a path, so most questions are answered by the file system alone; the
source is read once for each state that it is in, by one reader at a time and for a few seconds.
Nothing is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import anyio
import msgspec
from anyio import CapacityLimiter, from_thread, to_thread

from engine.errors import (
    LibraryMisplaced,
    NothingRecognised,
    ReshelveError,
    SeveralKinds,
    SourceIsLibrary,
    SourceMissing,
    SourceUnreadable,
    StorageFailed,
)
from engine.facts.files import FolderFacts
from engine.facts.requests import ImportRequest
from engine.facts.source import Defect, SourceModel, SourceRef, SourceStamp
from engine.facts.survey import DatabaseSurvey, ImagesSurvey, SpaceSurvey, Survey
from engine.ports.files import LibraryFiles
from engine.ports.place import LibraryPlace
from engine.ports.source import Images, SourceImages, SourceKind
from engine.runs.recognition import Tally, settled

SURVEY_SECONDS = 5.0
"""How long a source is read; of a larger one is told what is known by then."""

CHUNK_ROWS = 1000

CHUNK_IMAGES = 1000
"""How many images are looked at between two looks at the clock."""

JOURNAL_SHARE = 4.0
"""What the library's database takes for each byte of the source's: records, journal, and each row
as it was. Measured on large sources and rounded up."""

PREVIEW_SHARE = 0.4
"""What the three tiers take for each byte of their originals. PNG files of two megapixels come to
about 0.2, and JPEG files of one to about 0.4."""


REFUSALS = (
    SourceMissing,
    SourceUnreadable,
    NothingRecognised,
    SeveralKinds,
    SourceIsLibrary,
    LibraryMisplaced,
)
"""Why there is nothing to survey, to be told as part of the answer."""


class _OutOfTime(Exception):
    """The seconds of a survey are over."""


class _Tally:
    """What was seen of a source; sizes in bytes."""

    def __init__(self) -> None:
        self.found = True
        self.readable: bool | None = None
        self.complete = False
        self.error: Defect | None = None
        self.rows: int | None = None
        self.hashed = 0
        self.unhashed = 0
        self.images = 0
        self.missing = 0
        self.source_bytes = 0
        self.preview_sources = 0
        self.originals = 0
        self.seen = Tally()

    @property
    def bytes_needed(self) -> int:
        """By a migration of the whole source, going by the rows seen."""
        seen = self.hashed + self.unhashed
        unseen = max(1.0, (self.rows or 0) / seen) if seen else 1.0
        images = self.preview_sources * PREVIEW_SHARE + self.originals
        return int(self.source_bytes * (1 + JOURNAL_SHARE) + images * unseen)


class Surveyor:
    """Looks at sources before a migration begins."""

    def __init__(
        self,
        kinds: Mapping[str, SourceKind],
        library: LibraryFiles,
        place: LibraryPlace,
        io: CapacityLimiter,
    ) -> None:
        self._kinds = kinds
        self._place = place
        self._library = library
        self._io = io
        self._turn = anyio.Lock()
        self._last: tuple[tuple[object, ...], _Tally] | None = None

    async def look(self, request: ImportRequest) -> Survey:
        """What a migration of this request would find now.

        Raises `UnknownSourceKind`, `OptionRefused`, `FolderRefused`, `StorageFailed`.
        """
        try:
            request = await to_thread.run_sync(
                settled, self._kinds, request, self._place, limiter=self._io
            )
        except REFUSALS as error:
            return await to_thread.run_sync(self._refused, request, error, limiter=self._io)
        source = request.source
        kind = self._kinds[source.kind]
        images = kind.images(source)
        try:
            stamp = await to_thread.run_sync(kind.stamp, source, limiter=self._io)
        except (SourceMissing, SourceUnreadable) as error:
            tally = _failed(error)
        else:
            async with self._turn:
                tally = await self._tally(kind, source, images, stamp)
        return await to_thread.run_sync(self._told, source, images, tally, limiter=self._io)

    def _refused(self, request: ImportRequest, error: ReshelveError) -> Survey:
        """In a thread: what is told of a source of which not even the kind is known."""
        source = request.source
        nowhere = FolderFacts(source.options.images, found=False, readable=False, stamp="")
        survey = self._survey(source, nowhere, _failed(error))
        if not isinstance(error, SeveralKinds):
            return survey
        found = [
            Tally().found(msgspec.structs.replace(source, kind=kind), complete=False)
            for kind in error.kinds
        ]
        return msgspec.structs.replace(survey, found=found)

    async def _tally(
        self, kind: SourceKind, source: SourceRef, images: SourceImages, stamp: SourceStamp
    ) -> _Tally:
        """What was seen of this state of the source, read anew only where it is another one."""
        facts = await to_thread.run_sync(images.facts, limiter=self._io)
        state = (source, images.where, stamp.stamp, facts.stamp)
        if self._last is None or self._last[0] != state:
            tally = await to_thread.run_sync(
                self._read, kind, source, images, stamp, limiter=self._io
            )
            self._last = (state, tally)
        return self._last[1]

    def _read(
        self, kind: SourceKind, source: SourceRef, images: Images, stamp: SourceStamp
    ) -> _Tally:
        """In a thread."""
        tally = _Tally()
        tally.source_bytes = stamp.bytes
        checkpoint = _deadline(SURVEY_SECONDS)
        try:
            if self._library.free_bytes() > stamp.bytes:
                self._count(tally, kind, source, images, checkpoint)
        except (_OutOfTime, StorageFailed):
            pass
        except (SourceMissing, SourceUnreadable) as error:
            tally.readable, tally.error = False, Defect(error.code, str(error))
        return tally

    def _count(
        self,
        tally: _Tally,
        kind: SourceKind,
        ref: SourceRef,
        images: Images,
        checkpoint: Callable[[], None],
    ) -> None:
        try:
            with (
                self._library.spare_folder() as scratch,
                kind.open(ref, scratch, checkpoint) as source,
            ):
                tally.rows, tally.readable = source.rows, True
                tally.seen.contents = source.contents
                for chunk in source.chunks("", CHUNK_ROWS):
                    sizes = _sizes(chunk.models, images, checkpoint)
                    for model in chunk.models:
                        _add(tally, model, list(islice(sizes, len(model.images))))
                        checkpoint()
                tally.complete = True
        except SourceUnreadable:
            checkpoint()  # it was this that ended the reading, where it raises again
            raise

    def _told(self, source: SourceRef, images: SourceImages, tally: _Tally) -> Survey:
        """In a thread."""
        return self._survey(source, images.facts(), tally)

    def _survey(self, source: SourceRef, folder: FolderFacts, tally: _Tally) -> Survey:
        free, needed = self._library.free_bytes(), tally.bytes_needed
        return Survey(
            database=DatabaseSurvey(
                path=source.location,
                found=tally.found,
                readable=tally.readable,
                rows=tally.rows,
                hashed=tally.hashed,
                unhashed=tally.unhashed,
                images=tally.images,
                complete=tally.complete,
                error=tally.error,
            ),
            images=ImagesSurvey(
                path=folder.path,
                found=folder.found,
                readable=folder.readable,
                missing=tally.missing if tally.readable else None,
            ),
            space=SpaceSurvey(needed, free, enough=free >= needed),
            can_start=tally.found and tally.readable is not False and free >= needed,
            location=source.location,
            found=[tally.seen.found(source, complete=tally.complete)] if tally.readable else [],
        )


def _failed(error: ReshelveError) -> _Tally:
    """What is told of a source that cannot be opened."""
    tally = _Tally()
    tally.found, tally.readable = not isinstance(error, SourceMissing), False
    tally.error = Defect(error.code, str(error))
    return tally


def _sizes(
    models: list[SourceModel], images: Images, checkpoint: Callable[[], None]
) -> Iterator[int | None]:
    """The sizes of all images of these models, one after the other."""
    refs = (ref for model in models for ref in model.images)
    while some := list(islice(refs, CHUNK_IMAGES)):
        yield from images.sizes(some)
        checkpoint()


def _add(tally: _Tally, model: SourceModel, sizes: list[int | None]) -> None:
    tally.seen.add(model)
    present = sum(size for size in sizes if size is not None)
    tally.images += len(sizes)
    tally.missing += sizes.count(None)
    if model.sha256 and model.defect is None:
        tally.hashed += 1
        tally.preview_sources += present
    else:
        tally.unhashed += 1
        tally.originals += present


def _deadline(seconds: float) -> Callable[[], None]:
    """A checkpoint that ends a survey in time, and at once where the service stops."""
    ends = time.monotonic() + seconds

    def checkpoint() -> None:
        from_thread.check_cancelled()
        if time.monotonic() >= ends:
            raise _OutOfTime

    return checkpoint
