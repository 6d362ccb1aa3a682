"""Which manager's folders lie at a location, and where in them its models are.

A layout's roots are the folders that the manager itself looks into, links followed: its own, and
those that its settings name. Nothing outside of them is opened, whatever lies in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters.sources import documents
from adapters.sources.facts import Origin
from adapters.sources.folders import model_paths, swarm_settings, types
from adapters.sources.reaching import settings
from adapters.sources.remapping import PathMap, is_absolute
from engine.facts.files import Root
from engine.facts.source import Notice


class Layout(msgspec.Struct, frozen=True):
    """A manager's folders. `sure` is whether they have a manager's marks: any folder may hold
    models. `unfit` are roots that are no folders that can be read."""

    name: str
    location: str
    origin: Origin | None = None
    roots: tuple[Root, ...] = ()
    unfit: tuple[Root, ...] = ()
    sure: bool = True
    notices: tuple[Notice, ...] = ()


class _Kind(NamedTuple):
    name: str
    origin: Origin | None


COMFYUI = _Kind("comfyui", None)
WEBUI = _Kind("webui", Origin.WEBUI)
MATRIX = _Kind("stability_matrix", Origin.STABILITY_MATRIX)
SWARM = _Kind("swarmui", Origin.SWARM)
FOLDER = "folder"

_MARKS = {"StableDiffusion": MATRIX, "Stable-diffusion": WEBUI, "Stable-Diffusion": SWARM}
"""How each manager calls the folder of its checkpoints; ComfyUI's names are in `types`."""

_NESTED = ("ComfyUI", "Data", "webui", "stable-diffusion-webui")
"""Folders that installers put a manager into, below the one that people know."""


def recognised(location: Path, paths: PathMap) -> Layout:
    """The layout at a folder. It is not `sure` where the folder has no marks of any."""
    for folder in (location, *(location / name for name in _NESTED)):
        if found := _installation(folder, paths):
            return _of(location, *found)
    with suppress(OSError):
        names = _folders(location)
        if kind := _kind_of(names):
            return _of(location, kind, _below(location, names, kind), [])
    named = types.named(location.name)
    plain = _of(location, _Kind(FOLDER, None), [Root(named, str(location))], [])
    return msgspec.structs.replace(plain, sure=False)


def with_roots(layout: Layout, named: Sequence[Root]) -> Layout:
    """The layout with the roots that a person named; what they say of a folder's type counts."""
    usable, unfit = _resolved([*named, *layout.roots])
    return msgspec.structs.replace(layout, roots=usable, unfit=(*layout.unfit, *unfit))


def outermost(roots: Iterable[Root]) -> list[str]:
    """The folders of which none lies in another."""
    kept: list[str] = []
    for folder in sorted({root.folder for root in roots}):
        if not any(Path(folder).is_relative_to(above) for above in kept):
            kept.append(folder)
    return kept


def _of(location: Path, kind: _Kind, roots: list[Root], notices: list[Notice]) -> Layout:
    usable, unfit = _resolved(roots)
    return Layout(kind.name, str(location), kind.origin, usable, unfit, notices=tuple(notices))


def _resolved(roots: Iterable[Root]) -> tuple[tuple[Root, ...], tuple[Root, ...]]:
    """The roots that are folders, links followed, each once; and those that are none."""
    usable: dict[str, Root] = {}
    unfit = []
    for root in roots:
        try:
            folder = str(Path(root.folder).resolve(strict=True))
            folder.encode()
            with os.scandir(folder):
                usable.setdefault(folder, Root(root.type, folder))
        except (OSError, ValueError, RuntimeError):
            unfit.append(root)
    return tuple(usable.values()), tuple(unfit)


def _installation(folder: Path, paths: PathMap) -> tuple[_Kind, list[Root], list[Notice]] | None:
    """The kind, the roots and what was wrong with settings, where a manager is installed here."""
    try:
        names = _folders(folder)
    except OSError:
        return None
    swarm = settings(folder.joinpath(*swarm_settings.PLACE))
    if swarm is not None:
        return SWARM, _swarm_roots(folder, swarm, paths), []
    models = next((folder / name for name in names if name.lower() == "models"), None)
    extra = settings(folder / model_paths.NAME)
    if models is None and extra is None:
        return None
    inner = _folders(models) if models else []
    kind = _kind_of(inner)
    if _is_comfyui(folder, names) or extra is not None:
        kind = COMFYUI
    elif (folder / "StabilityMatrix.db").is_file() or (folder / ".sm-portable").is_file():
        kind = MATRIX
    if kind is None:
        return None
    notices = [_linked()] if (folder / model_paths.NAME).is_symlink() else []
    roots = _below(models, inner, kind) if models else []
    if kind is WEBUI and "embeddings" in names:
        roots.append(Root("embeddings", str(folder / "embeddings")))
    if kind is MATRIX:
        roots += _override(folder, paths)
    if extra is not None:
        named, flaws = model_paths.read(extra, str(folder), paths)
        roots += named
        notices += flaws
    return kind, roots, notices


def _linked() -> Notice:
    detail = f"{model_paths.NAME}: it is a link, which is not followed; put the file itself there."
    return Notice("layout_damaged", detail)


def _is_comfyui(folder: Path, names: Sequence[str]) -> bool:
    return (folder / "main.py").is_file() and {"comfy", "custom_nodes"} & set(names) != set()


def _kind_of(names: Iterable[str]) -> _Kind | None:
    """Whose folder of models has folders of these names."""
    found = set(names)
    for mark, kind in _MARKS.items():
        if mark in found:
            return kind
    if found & types.COMFYUI:
        return COMFYUI
    known = [name for name in found if types.named(name)]
    return WEBUI if {"Lora", "LyCORIS"} & set(known) else None


def _below(models: Path, names: Sequence[str], kind: _Kind) -> list[Root]:
    """A folder of models and those in it; ComfyUI calls a type as its folder, whatever it is."""
    return [
        Root("", str(models)),
        *(
            Root(types.named(name) or (name if kind is COMFYUI else ""), str(models / name))
            for name in names
            if types.named(name) or (kind is COMFYUI and not name.startswith("."))
        ),
    ]


def _override(folder: Path, paths: PathMap) -> Iterator[Root]:
    """Where Stability Matrix was told to keep its models."""
    fields = documents.read(settings(folder / "settings.json") or b"").fields or {}
    written = fields.get("ModelDirectoryOverride")
    if isinstance(written, str) and is_absolute(written):
        models = Path(paths.translated(written))
        with suppress(OSError, ValueError):
            yield from _below(models, _folders(models), MATRIX)


def _swarm_roots(folder: Path, written: bytes, paths: PathMap) -> list[Root]:
    models, folders = swarm_settings.read(written)
    roots = []
    for model_root in models:
        top = folder / paths.translated(model_root)
        roots.append(Root("", str(top)))
        roots += [
            Root(kind, str(top / paths.translated(name)))
            for kind, names in folders.items()
            for name in names
            if is_absolute(name) or (top / name).is_dir()
        ]
    return roots


def _folders(folder: Path) -> list[str]:
    """The names of the folders in a folder, links to folders among them. Raises OSError."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if _is_folder(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
