"""Sources opened as a migration opens them, for tests that look at their rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from adapters.files.named_folders import named_folders
from adapters.sources.folders.kind import Folders
from adapters.sources.invokeai.kind import InvokeAi
from engine.facts.files import Root
from engine.facts.source import HashClaims, Notice, SourceModel, SourceOptions, SourceRef
from engine.ports.source import Source, SourceKind
from tests.managers.making import Expected

KINDS: dict[str, SourceKind] = {
    "folders": Folders(named_folders),
    "invokeai": InvokeAi(named_folders),
}


def settled(
    location: Path,
    *roots: tuple[str, Path],
    kind: str = "folders",
    images: str = "",
    maps: tuple[str, ...] = (),
    hashes: HashClaims = HashClaims.VERIFY,
) -> SourceRef:
    named = tuple(Root(type_, str(folder)) for type_, folder in roots)
    options = SourceOptions(images=images, roots=named, map=maps, hashes=hashes)
    return KINDS[kind].settled(SourceRef(kind, str(location), options))


@contextmanager
def opened(ref: SourceRef, scratch: Path) -> Iterator[Source]:
    scratch.mkdir(exist_ok=True)
    with KINDS[ref.kind].open(ref, scratch) as source:
        yield source


def read(ref: SourceRef, scratch: Path) -> tuple[list[SourceModel], list[Notice]]:
    """All models, and all notices that belong to none."""
    with opened(ref, scratch) as source:
        _, notices = source.tags()
        chunks = list(source.chunks("", 1000))
    models = [model for chunk in chunks for model in chunk.models]
    return models, [*notices, *(notice for chunk in chunks for notice in chunk.warnings)]


def content(ref: SourceRef, model: SourceModel) -> list[bytes]:
    """What the pictures of a model hold."""
    images = KINDS[ref.kind].images(ref)
    return [images.read(image) for image in model.images]


def as_expected(model: SourceModel) -> Expected:
    """The model in the words of the tables in `tests.managers`."""
    return Expected(
        key=model.key,
        name=model.name,
        type=model.type,
        description=model.description,
        links=model.community_links,
        positive=model.prompts.positive,
        negative=model.prompts.negative,
        tags=model.tags,
        images=tuple(image.name for image in model.images),
        created_at=model.created_at,
        claimed_by=model.claimed_by,
        codes=tuple(notice.code for notice in model.warnings),
        defect=model.defect.code if model.defect else "",
    )


def codes(notices: list[Notice] | tuple[Notice, ...]) -> list[str]:
    return [notice.code for notice in notices]


def tables(expected: tuple[Expected, ...]) -> list[dict[str, object]]:
    """Expectations as plain values, which a failed comparison shows best."""
    return [msgspec.structs.asdict(row) for row in expected]
