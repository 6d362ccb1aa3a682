"""Pictures of models: how a row refers to one, and how it is opened again."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from adapters.regular import image_content, regular, stamp
from adapters.sources import documents, embedded
from adapters.sources.facts import Picture, stem_of
from adapters.sources.headers import reader as headers
from adapters.sources.reaching import Reach, Reaching
from adapters.sources.wording import keepable
from engine.facts.files import FolderFacts
from engine.facts.previews import UnusableImage
from engine.facts.refusals import NO_FILE
from engine.facts.source import ImageRef


class Spot(msgspec.Struct, frozen=True, array_like=True):
    """Where a picture lies: a file in a folder, and the place in it where it is not all of it."""

    folder: str
    file: str
    place: str = ""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Spot)


def placed(folder: str, model: str, picture: Picture) -> ImageRef:
    """How a row refers to a picture: a file beside the model, or one inside a file."""
    name = f"{stem_of(model)}.{picture.place}" if picture.place else picture.file
    path = os.path.join(folder, os.path.dirname(picture.file))  # noqa: PTH118, PTH120  text
    spot = Spot(path, os.path.basename(picture.file), picture.place)  # noqa: PTH119  text
    return ImageRef(name, _ENCODER.encode(spot).decode())


def spot_of(ref: ImageRef) -> Spot:
    """Where the picture lies that a row refers to."""
    return _DECODER.decode(ref.place)


class PlacedPictures:
    """Implements `engine.ports.source.SourceImages` for files below the roots of a source."""

    def __init__(self, reaching: Reaching, within: Sequence[str], location: str) -> None:
        self._reaching = reaching
        self._within = within
        self._location = location

    @property
    def where(self) -> str:
        """A row refers to its pictures by whole paths: nowhere else in particular."""
        return ""

    def facts(self) -> FolderFacts:
        """The location itself: pictures lie all over it."""
        found = Path(self._location)
        return FolderFacts(self._location, found.is_dir(), found.is_dir(), "")

    def sizes(self, refs: Sequence[ImageRef]) -> list[int | None]:
        """The size in bytes of each picture; of one inside a file, that is not looked up."""
        with self._reaching(self._within) as reach:
            return [_size(reach, spot_of(ref)) for ref in refs]

    def stamps(self, refs: Sequence[ImageRef]) -> list[str]:
        """What tells of the file of each picture whether it is another one than before."""
        with self._reaching(self._within) as reach:
            return [_stamp(reach, spot_of(ref)) for ref in refs]

    def read(self, ref: ImageRef) -> bytes:
        """The content of a picture. Raises `UnusableImage`, `StorageFailed`."""
        spot = spot_of(ref)
        with self._reaching(self._within) as reach:
            try:
                if spot.place:
                    return _inside(reach, spot)
                return _content(reach, spot)
            except FileNotFoundError as error:
                raise UnusableImage("image_missing", "there is no such file") from error
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise UnusableImage("image_unreadable", reason or str(error)) from error


def _size(reach: Reach, spot: Spot) -> int | None:
    found = _state(reach, spot)
    if found is None:
        return None
    return 0 if spot.place else found.st_size


def _stamp(reach: Reach, spot: Spot) -> str:
    found = _state(reach, spot)
    return NO_FILE if found is None else stamp(found)


def _state(reach: Reach, spot: Spot) -> os.stat_result | None:
    """What the system tells of the file of a picture, a link followed."""
    try:
        found = reach.look(spot.folder, spot.file)
        if not stat.S_ISLNK(found.st_mode):
            return found
        return reach.look(*os.path.split(reach.leads(spot.folder, spot.file)))
    except (OSError, ValueError):
        return None


def _content(reach: Reach, spot: Spot) -> bytes:
    descriptor = reach.open(spot.folder, spot.file)
    with os.fdopen(regular(descriptor), "rb") as file:
        return image_content(file)


def _inside(reach: Reach, spot: Spot) -> bytes:
    """The picture in a header or in a sidecar, as it is there now."""
    opened = partial(reach.open, spot.folder, spot.file)
    if headers.has_header(spot.file):
        found = headers.picture(spot.file, opened, spot.place)
    else:
        with os.fdopen(regular(opened()), "rb") as file:
            document = documents.read(file.read(documents.MAX_BYTES + 1))
        found = embedded.content(document.fields or {}, spot.place)
    if found is None:
        raise UnusableImage("image_missing", f"no picture is in {keepable(spot.file)} any more")
    return found
