"""A library that two programs write: what is made in it, and which pictures lie there."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from PIL import Image

from adapters.composition import Reshelve
from adapters.pillow.codec import PillowCodec
from engine.facts.findings import Fault
from tests.beside.version_2 import Version2, tiers_of
from tests.waiting_library import TIERS, Legacy, query, sha_of

MODEL = sha_of(b"same")


class Shelves:
    """A legacy library, the new one, and version 2 on the new one."""

    def __init__(self, folder: Path) -> None:
        self.legacy = Legacy(folder / "legacy")
        self.library = folder / "library"
        self.version_2 = Version2(self.library)

    @property
    def images(self) -> Path:
        """The image folder that both programs write."""
        return self.library / "images"

    def count(self, sha256: str = MODEL) -> int:
        """The count of pictures in a model's record."""
        ((text,),) = query(self.library, "SELECT meta_json FROM models WHERE sha256 = ?", sha256)
        found: int = json.loads(text)["images_count"]
        return found

    def pictures(self, sha256: str = MODEL) -> list[str]:
        """The colours of a model's complete sets, in the order of their numbers."""
        numbers = {int(path.name.split("_")[1]) for path in self.images.glob(f"{sha256}_*.webp")}
        return [
            colour_of((self.images / f"{sha256}_{seq}_high.webp").read_bytes())
            for seq in sorted(numbers)
            if all((self.images / f"{sha256}_{seq}_{tier}.webp").is_file() for tier in TIERS)
        ]

    def warnings(self) -> list[str]:
        """The codes of all warnings there are."""
        return [row[0] for row in query(self.library, "SELECT code FROM migration_warnings")]


def painted(colour: str) -> bytes:
    """A PNG of one colour."""
    stream = BytesIO()
    Image.new("RGB", (6, 4), colour).save(stream, "PNG")
    return stream.getvalue()


COLOURS = ("red", "lime", "blue", "yellow", "cyan", "magenta", "white", "black", "gray", "orange")


def colour_of(preview: bytes) -> str:
    """The colour of a preview, whoever made it."""
    return _known()[preview]


def _known() -> dict[bytes, str]:
    if not _previews:
        for colour in COLOURS:
            picture = painted(colour)
            _previews[PillowCodec().encode(picture, lambda: None)[0]] = colour
            _previews[tiers_of(picture)["high"]] = colour
    return _previews


_previews: dict[bytes, str] = {}


async def problems(library: Path) -> list[Fault]:
    """What verification says of a library."""
    async with Reshelve().verification(library, None, 1) as verification:
        return [fault async for fault in verification.faults()]
