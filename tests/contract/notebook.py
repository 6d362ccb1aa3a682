"""A manager of another kind, kept for the tests: what a source is beside Hikaze's, in one file.

Somebody notes models in `notebook.jsonl`, one a line, by names of their own. Pictures lie beside
the model, in an album (`--images`), and one after the other in `roll.bin`.

`python -m tests.contract.notebook FOLDER LIBRARY NAME` migrates until the picture or the row of
that name is read, and is killed there.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec

from adapters.composition import Reshelve
from adapters.files.images import DiskImages
from engine.errors import SourceMissing
from engine.facts.files import FolderFacts, ImageFolder
from engine.facts.previews import UnusableImage
from engine.facts.recognition import Contents, Likeness
from engine.facts.requests import ImportRequest
from engine.facts.source import (
    Defect,
    ImageRef,
    Notice,
    SourceChunk,
    SourceModel,
    SourceOptions,
    SourceRef,
    SourceStamp,
    SourceTag,
)
from engine.ports.files import ImageFiles
from engine.ports.source import Known, Source, SourceImages, SourceKind, never, nothing_known

KIND = "notebook"
NOTES, ROLL = "notebook.jsonl", "roll.bin"
LINES_AT_ONCE = 2

Watch = Callable[[str], None]
"""Told the name of each row and picture before it is read."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model: `file` as below the notebook's folder; `pictures` are (name, place), and a place
    is `beside`, `album`, or `roll START LENGTH`."""

    called: str
    file: str
    sha256: str = ""
    pictures: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()


class Notebook:
    """Opens notebooks: a `SourceKind`."""

    def __init__(self, files: ImageFiles, watch: Watch = lambda _: None) -> None:
        self._files = files
        self._watch = watch

    @property
    def looked_for(self) -> str:
        return f"{NOTES}, a notebook"

    def recognised(self, location: Path) -> Likeness:
        return Likeness.SURE if (location / NOTES).is_file() else Likeness.NONE

    def settled(self, source: SourceRef) -> SourceRef:
        source.require_known("images")
        if source.options.images:
            return source
        album = str(Path(source.location) / "album")
        return msgspec.structs.replace(source, options=SourceOptions(images=album))

    def home(self, source: SourceRef) -> str:
        return ""

    def fingerprint(self, source: SourceRef) -> str:
        return hashlib.sha256(_notes(source).read_bytes()).hexdigest()

    def stamp(self, source: SourceRef) -> SourceStamp:
        found = _notes(source).stat()
        return SourceStamp(found.st_size, f"{found.st_mtime_ns}")

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        lines = _notes(source).read_bytes().splitlines()
        yield Pages(Path(source.location), lines, checkpoint, self._watch)

    def recorded(self, source: SourceRef, key: str, verbatim: bytes) -> SourceModel | None:
        (page,) = Pages(Path(source.location), [verbatim], never, self._watch).chunks("", 1)
        return page.models[0]

    def images(self, source: SourceRef) -> SourceImages:
        return Pictures(self._files, source, self._watch)


def _notes(source: SourceRef) -> Path:
    path = Path(source.location) / NOTES
    if not path.is_file():
        raise SourceMissing(str(path))
    return path


class Pages:
    """An open notebook: a `Source`. A cursor is the name of the line that was read last."""

    def __init__(
        self, folder: Path, lines: list[bytes], checkpoint: Callable[[], None], watch: Watch
    ) -> None:
        self._folder = folder
        self._lines = lines
        self._checkpoint = checkpoint
        self._watch = watch

    @property
    def rows(self) -> int:
        return len(self._lines)

    @property
    def contents(self) -> Contents:
        return Contents()

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        return [], []

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        models = [self._model(number, line) for number, line in enumerate(self._lines, start=1)]
        begin = next((n for n, model in enumerate(models, 1) if model.key == after), 0)
        for start in range(begin, len(models), min(size, LINES_AT_ONCE)):
            some = models[start : start + min(size, LINES_AT_ONCE)]
            for model in some:
                self._checkpoint()
                self._watch(model.key)
            yield SourceChunk(some, some[-1].key)

    def _model(self, number: int, raw: bytes) -> SourceModel:
        try:
            line = msgspec.json.decode(raw, type=Line)
        except msgspec.MsgspecError:
            torn = Defect("row_invalid", f"Line {number} cannot be read. Mend it, then try again.")
            text = msgspec.json.encode(raw.decode(errors="replace"))
            return SourceModel(f"line {number}", text, "", defect=torn)
        path = self._folder / line.file
        return SourceModel(
            key=line.called,
            verbatim=raw,
            path=str(path),
            name=line.called,
            sha256=line.sha256,
            images=tuple(
                ImageRef(name, f"beside {Path(line.file).parent}" if place == "beside" else place)
                for name, place in line.pictures
            ),
            tags=line.tags,
        )


class Pictures:
    """The pictures of a notebook: `SourceImages`."""

    def __init__(self, files: ImageFiles, source: SourceRef, watch: Watch) -> None:
        self._files = files
        self._folder = source.location
        self._album = source.options.images
        self._watch = watch

    @property
    def where(self) -> str:
        return self._album

    def facts(self) -> FolderFacts:
        return self._files.in_folder(self._in(self._album)).facts()

    def sizes(self, refs: Sequence[ImageRef]) -> list[int | None]:
        return [self._size(ref) for ref in refs]

    def stamps(self, refs: Sequence[ImageRef]) -> list[str]:
        return [self._stamp(ref) for ref in refs]

    def read(self, ref: ImageRef) -> bytes:
        self._watch(ref.name)
        match ref.place.split(" ", 2):
            case ["beside", _] | ["album"]:
                return self._holder(ref).read(ref)
            case ["roll", start, length]:
                roll = self._in(self._folder)
                return self._files.read_part(roll, ROLL, int(start), int(length))
        raise UnusableImage("image_unreadable", f"there is no place {ref.place!r}")

    def _holder(self, ref: ImageRef) -> SourceImages:
        """The folder that an image lies in, or the file that it is a part of."""
        place, *where = ref.place.split(" ", 1)
        folders = {"beside": Path(self._folder, *where), "album": Path(self._album)}
        return self._files.in_folder(self._in(str(folders.get(place, self._folder))))

    def _stamp(self, ref: ImageRef) -> str:
        (stamp,) = self._holder(ref).stamps([ImageRef(ROLL) if "roll" in ref.place else ref])
        return stamp

    def _in(self, path: str) -> ImageFolder:
        return ImageFolder(path, (self._folder, self._album))

    def _size(self, ref: ImageRef) -> int | None:
        try:
            return len(self.read(ref))
        except UnusableImage:
            return None


class Composition(Reshelve):
    """The program with one more kind of source: all that there is to add."""

    def __init__(self, watch: Watch = lambda _: None) -> None:
        self._watch = watch

    def sources(self) -> Mapping[str, SourceKind]:
        return {**super().sources(), KIND: Notebook(DiskImages(), self._watch)}


def request(folder: Path, album: Path | str = "") -> ImportRequest:
    """Stage 1 of the notebook in a folder, merging."""
    return ImportRequest(SourceRef(KIND, str(folder), SourceOptions(images=str(album))))


async def _migrate(folder: Path, library: Path, last: str) -> None:
    def watch(name: str) -> None:
        if name == last:
            os.kill(os.getpid(), signal.SIGKILL)

    async with Composition(watch).service(library, 1) as service:
        await service.import_legacy(request(folder))


if __name__ == "__main__":
    anyio.run(_migrate, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
