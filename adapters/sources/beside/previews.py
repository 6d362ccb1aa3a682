"""Which pictures are a model's: those beside it by each manager's own rules, and those within."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from adapters.sources.facts import ModelFile, Origin, Picture, Told
from adapters.sources.wording import keepable, shown
from engine.facts.source import Notice

VIDEOS = frozenset({".mp4", ".webm", ".mov", ".avi", ".mkv", ".m4v"})
PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".jxl", ".bmp", ".tif", ".tiff"}
)


class Rule(msgspec.Struct, frozen=True):
    """How a manager looks for the picture of a model: what follows the stem, in its order."""

    endings: tuple[str, ...]
    in_any_case: bool = False


_PLAIN_OR_PREVIEW = tuple(
    f"{middle}{suffix}"
    for suffix in (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
    for middle in ("", ".preview")
)
RULES = {
    Origin.LORA_MANAGER: Rule(
        (
            *(".webp", ".preview.webp", ".preview.png", ".preview.jpeg", ".preview.jpg"),
            *(".preview.mp4", ".png", ".jpeg", ".jpg", ".mp4", ".gif", ".webm", ".avif", ".jxl"),
            ".example.0.jpeg",
        ),
        in_any_case=True,
    ),
    Origin.WEBUI: Rule(_PLAIN_OR_PREVIEW, in_any_case=True),
    Origin.SWARM: Rule(
        (
            *(".jpg", ".png", ".preview.png", ".preview.jpg", ".jpeg", ".preview.jpeg"),
            *(".thumb.jpg", ".thumb.png"),
        )
    ),
    Origin.STABILITY_MATRIX: Rule(
        (".preview.png", ".preview.jpg", ".preview.jpeg", ".preview.webp")
    ),
    Origin.CIVITAI: Rule(_PLAIN_OR_PREVIEW, in_any_case=True),
    Origin.HEADER: Rule(
        tuple(
            f"{middle}{suffix}"
            for suffix in (*sorted(PICTURES), *sorted(VIDEOS))
            for middle in ("", ".preview")
        ),
        in_any_case=True,
    ),
}
"""By manager. The last rule is that of ComfyUI and of whoever keeps none: any picture or video."""

_EXAMPLE = re.compile(r"(.+)\.example\.([0-9]{1,9})(\.[^.]+)", re.DOTALL)
_MANAGERS_EXAMPLE = re.compile(r"image_([0-9]{1,9})\.|custom_([^.]+)\.")


class Listing:
    """The names of a folder's pictures and videos, to be found by name, by stem, in any case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._in_lower_case: dict[str, str] = {}
        self._examples: dict[str, list[tuple[int, str]]] = {}
        for name in sorted(filter(is_picture, names)):
            self._names.add(name)
            self._in_lower_case.setdefault(name.lower(), name)
            if example := _EXAMPLE.fullmatch(name):
                self._examples.setdefault(example[1], []).append((int(example[2]), name))

    def found(self, name: str, *, in_any_case: bool) -> str | None:
        """The file of this name, else one whose name differs in case alone where that counts."""
        if name in self._names:
            return name
        return self._in_lower_case.get(name.lower()) if in_any_case else None

    def examples(self, stem: str) -> list[str]:
        """The files `<stem>.example.<n>.<suffix>`, by n."""
        return [name for _, name in sorted(self._examples.get(stem, []))]


def is_picture(name: str) -> bool:
    """Whether a file of this name is a picture or a video."""
    return _suffix(name) in PICTURES | VIDEOS


def is_video(name: str) -> bool:
    """Whether a file of this name is a video."""
    return _suffix(name) in VIDEOS


def pictures(
    file: ModelFile, told: Sequence[Told], listing: Listing, layout: Origin | None = None
) -> tuple[Picture, ...]:
    """The pictures of a model, the best first, each once.

    First those of the managers that have a sidecar here, in their order, then those of the
    manager whose folders these are, then of all others; last those in the file's own header.
    """
    by_origin = {source.origin: source for source in told}
    speaking = [origin for origin in RULES if origin in by_origin and origin != Origin.HEADER]
    order = dict.fromkeys([*speaking, *([layout] if layout in RULES else []), *RULES])
    found: dict[Picture, None] = {}
    for origin in order:
        for picture in _of(origin, by_origin.get(origin), file, listing):
            found.setdefault(picture)
    return tuple(found)


def missing(told: Sequence[Told], listing: Listing) -> tuple[Notice, ...]:
    """Which pictures are named and not there; to be asked where a model has no picture."""
    return tuple(
        Notice("image_missing", f"{source.file}: it names {shown(name)}, which is no file here.")
        for source in told
        for name in source.named
        if listing.found(name, in_any_case=True) is None
    )


def skipped(video: Picture) -> Notice:
    """That a video is left out, and how its picture can be had."""
    return Notice(
        "video_skipped",
        f"{keepable(video.file)}: it is a video, and pictures are made of images alone.",
    )


def examples(names: Iterable[str], ids: Sequence[str]) -> tuple[Picture, ...]:
    """The pictures of a folder of LoRA Manager's examples: those of the model's page by number,
    then the user's own in the order of `ids`."""
    rank = {name: place for place, name in enumerate(ids)}
    keyed = []
    for name in filter(is_picture, names):
        match = _MANAGERS_EXAMPLE.match(name)
        if match and match[1]:
            keyed.append((0, int(match[1]), name))
        elif match:
            keyed.append((1, rank.get(match[2], len(rank)), name))
    return tuple(Picture(name, video=is_video(name)) for _, _, name in sorted(keyed))


def _of(origin: Origin, told: Told | None, file: ModelFile, listing: Listing) -> Iterator[Picture]:
    """The pictures that one manager would show for a model, or store with it."""
    rule = RULES[origin]
    within = [Picture(told.file, place) for place in told.embedded] if told else []
    if origin != Origin.HEADER:
        yield from within
    named = [listing.found(name, in_any_case=True) for name in told.named] if told else []
    beside = [
        listing.found(f"{file.stem}{ending}", in_any_case=rule.in_any_case)
        for ending in rule.endings
    ]
    examples = listing.examples(file.stem) if origin == Origin.CIVITAI else []
    # Only LoRA Manager's sidecar says which picture it shows; others name what they have stored.
    names = [*named, *beside] if origin == Origin.LORA_MANAGER else [*beside, *named, *examples]
    for name in filter(None, names):
        yield Picture(name, video=is_video(name))
    if origin == Origin.HEADER:
        yield from within


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""
