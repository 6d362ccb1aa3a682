"""Which sidecars belong to which models of a folder, by their names.

A sidecar's name is the model's stem and a suffix of its manager, and nothing else: `P.json` is not
that of `P.vae.safetensors`, whose stem is `P.vae`. Two models of one stem share their sidecars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from adapters.sources.facts import Origin, Told, stem_of
from adapters.sources.sidecars import civitai, lora_manager, stability_matrix, swarm, webui
from engine.facts.source import Notice

MODEL_SUFFIXES = frozenset(
    {".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl"}
)
"""What a model file is called, in any case."""

READERS: dict[str, tuple[Origin, Callable[[str, bytes], Told]]] = {
    lora_manager.SUFFIX: (Origin.LORA_MANAGER, lora_manager.read),
    swarm.SUFFIX: (Origin.SWARM, swarm.read),
    stability_matrix.SUFFIX: (Origin.STABILITY_MATRIX, stability_matrix.read),
    civitai.SUFFIX: (Origin.CIVITAI, civitai.read),
}
"""Sidecars of one manager alone, by their suffix."""

WEBUI_SUFFIXES = (webui.TEXT_SUFFIXES[1], webui.SUFFIX, webui.TEXT_SUFFIXES[0])
SUFFIXES = (*READERS, *WEBUI_SUFFIXES)
"""Every suffix of a sidecar, such that none before it is the end of one behind it."""

_FORKS = "._"
"""How the files begin in which macOS keeps what other disks cannot; they are no models."""


class Family(msgspec.Struct, frozen=True):
    """The models of one stem in one folder, and the sidecars that they share, by suffix."""

    stem: str
    models: tuple[str, ...]
    sidecars: dict[str, str] = {}


class Gathering(msgspec.Struct, frozen=True):
    """A folder's files, sorted out. `orphans` are sidecars without a model; `doubtful` are JSON
    files without one, which are sidecars only if the webui wrote them."""

    families: tuple[Family, ...] = ()
    orphans: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def is_model(name: str) -> bool:
    """Whether a file of this name is a model."""
    stem = stem_of(name)
    return name[len(stem) :].lower() in MODEL_SUFFIXES and not name.startswith(_FORKS)


def gathered(names: Iterable[str]) -> Gathering:
    """The models of a folder with their sidecars, by name, from the names of all its files."""
    models: dict[str, list[str]] = {}
    others = []
    for name in sorted(names):
        if is_model(name):
            models.setdefault(stem_of(name), []).append(name)
        elif name.endswith(SUFFIXES) and not name.startswith(_FORKS):
            others.append(name)
    sidecars: dict[str, dict[str, str]] = {stem: {} for stem in models}
    orphans, doubtful = [], []
    for name in others:
        fitting = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
        owned = next((end for end in fitting if name.removesuffix(end) in models), None)
        if owned is not None:
            sidecars[name.removesuffix(owned)][owned] = name
        elif fitting[0] in READERS:
            orphans.append(name)
        elif fitting[0] == webui.SUFFIX:
            doubtful.append(name)
    families = (
        Family(stem, tuple(found), sidecars[stem]) for stem, found in sorted(models.items())
    )
    return Gathering(tuple(families), tuple(orphans), tuple(doubtful))


def read(family: Family, content: Callable[[str], bytes]) -> tuple[Told, ...]:
    """What the sidecars of a family tell; `content` reads the file of a name, or raises `OSError`.

    A sidecar that cannot be read costs a notice.
    """
    told = [
        _read(origin, name, content, reader)
        for suffix, (origin, reader) in READERS.items()
        if (name := family.sidecars.get(suffix))
    ]
    return (*told, *_read_webui(family, content))


def _read(
    origin: Origin,
    name: str,
    content: Callable[[str], bytes],
    reader: Callable[[str, bytes], Told],
) -> Told:
    try:
        return reader(name, content(name))
    except OSError as error:
        detail = f"{name}: it cannot be read: {error.strerror}."
        return Told(origin, name, notices=(Notice("sidecar_damaged", detail),))


def _read_webui(family: Family, content: Callable[[str], bytes]) -> list[Told]:
    """The webui's JSON, and a text file where it has one: the first of the two names."""
    settings = family.sidecars.get(webui.SUFFIX)
    text = next(filter(None, map(family.sidecars.get, webui.TEXT_SUFFIXES)), None)

    def with_text(name: str, data: bytes) -> Told:
        return webui.read_with_text(name, data, content(text)) if text else webui.read(name, data)

    if settings:
        return [_read(Origin.WEBUI, settings, content, with_text)]
    return [_read(Origin.WEBUI, text, content, webui.read_text)] if text else []
