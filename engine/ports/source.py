"""What a source is: the port through which the models of another manager's library come in.

A source maps its own format onto `SourceModel`; the engine never sees a legacy column. Every row
yields exactly one `SourceModel`, however awkward: what could not be used is a notice, and a row
that can be no model at all carries a `defect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias

from engine.errors import UnknownSourceKind
from engine.facts.files import FolderFacts
from engine.facts.recognition import Contents, Likeness
from engine.facts.source import (
    ImageRef,
    Notice,
    SourceChunk,
    SourceModel,
    SourceRef,
    SourceStamp,
    SourceTag,
)


def never() -> None:
    """The checkpoint of whoever has all the time that it takes."""


Known: TypeAlias = Callable[[Mapping[str, bytes]], Set[str]]
"""Of rows, by key, in the version given: the keys of those that are recorded so already."""


def nothing_known(_versions: Mapping[str, bytes]) -> Set[str]:
    """For whoever wants all rows."""
    return frozenset()


class Source(Protocol):
    """An opened, immutable copy of a legacy library. Methods block; call them in a thread."""

    @property
    def rows(self) -> int:
        """How many rows there are, as well as the source can tell before reading them."""
        ...

    @property
    def contents(self) -> Contents:
        """What lies beside the rows, as well as the source can tell before reading them."""
        ...

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        """All tags by ascending id, linked or not, and what was wrong with the others."""
        ...

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        """Rows in an order that stays, at most `size` in a chunk, no key twice.

        A source that can tell a row's version without reading it leaves out those that are known.

        `after` is the cursor of a chunk that was read before, perhaps by another process from
        another copy: what follows that chunk is read. Empty, all is read.
        Rows on damaged pages are skipped and named in a chunk's warnings (`DAMAGE`).
        """
        ...


class Images(Protocol):
    """Opens images by their references. Methods block; call them in threads, several at once."""

    def sizes(self, refs: Sequence[ImageRef]) -> list[int | None]:
        """The size in bytes of each image, None where there is none within reach."""
        ...

    def stamps(self, refs: Sequence[ImageRef]) -> list[str]:
        """What tells of each image whether its file is another one than before; `NO_FILE` where
        there is none within reach."""
        ...

    def read(self, ref: ImageRef) -> bytes:
        """The content of an image, at most `MAX_IMAGE_BYTES`.

        Raises `UnusableImage`: `image_missing`, `image_unreadable` or `image_too_large`; and
        `StorageFailed` when the system has nothing left to open it with.
        """
        ...


class SourceImages(Images, Protocol):
    """The images that the rows of a source refer to; never written."""

    @property
    def where(self) -> str:
        """Names where images are looked for: another text wherever a reference may now lead to
        another image. Rows are recorded anew where it has changed."""
        ...

    def facts(self) -> FolderFacts:
        """What can be told of the folder that images lie in."""
        ...


class SourceKind(Protocol):
    """Opens one kind of source. Methods block; call them in a thread.

    All but `settled` take a reference that is settled, and raise `SourceMissing` or
    `SourceUnreadable` where nothing can be made of what lies there. None writes anything there.
    """

    @property
    def looked_for(self) -> str:
        """What marks a location as one of this kind, for a sentence."""
        ...

    def recognised(self, location: Path) -> Likeness:
        """Whether a location looks like one of this kind; at a glance, and without raising."""
        ...

    def settled(self, source: SourceRef) -> SourceRef:
        """The reference with all filled in that it leaves open, so that two ways to say the same
        are the same. Raises `OptionRefused` for what this kind does not know."""
        ...

    def home(self, source: SourceRef) -> str:
        """The folder that is its manager's own, where no library may lie; empty where there is
        none, as among folders of models."""
        ...

    def fingerprint(self, source: SourceRef) -> str:
        """A digest of everything that makes its rows: equal only where nothing changed."""
        ...

    def stamp(self, source: SourceRef) -> SourceStamp:
        """What can be told of it without reading it, at once."""
        ...

    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> AbstractContextManager[Source]:
        """Open its rows, of one moment where that can be had: `scratch` is an empty folder that a
        copy may go to.

        `checkpoint` is called now and then, also by the source's methods, and may raise to
        abandon the work: while copying, its error comes out; while reading, the error may be a
        `SourceUnreadable` as well. Raises `StorageFailed` when `scratch` cannot take the copy.
        """
        ...

    def recorded(self, source: SourceRef, key: str, verbatim: bytes) -> SourceModel | None:
        """A row that was read and recorded before, from what its model had as `verbatim`; None
        where that does not tell it. Touches no file."""
        ...

    def images(self, source: SourceRef) -> SourceImages:
        """What opens the images that its rows refer to, also those of rows read long ago. Touches
        no file yet."""
        ...


def kind_of(kinds: Mapping[str, SourceKind], source: SourceRef) -> SourceKind:
    """The kind that reads a source. Raises `UnknownSourceKind`."""
    kind = kinds.get(source.kind)
    if kind is None:
        raise UnknownSourceKind(source.kind, kinds)
    return kind
