"""Source rows for tests: as a reader yields them, and as the intake assesses them."""

from __future__ import annotations

from hashlib import sha256 as digest_of

from engine.facts.assessment import AssessedRow, assess, row_digest
from engine.facts.source import Defect, ImageRef, Notice, SourceModel

FOLDER = "/legacy/images"
BROKEN = Defect("row_unusable", "The row has no path. Give it one and migrate again.")


def sha(name: object) -> str:
    """A well-formed identity for whatever is named."""
    return digest_of(str(name).encode()).hexdigest()


def model(
    key: int,
    *,
    path: str = "",
    name: str = "",
    sha256: str = "",
    description: str = "",
    images: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    warnings: tuple[Notice, ...] = (),
    defect: Defect | None = None,
) -> SourceModel:
    """A row whose path and name say which it is, unless they are given."""
    return SourceModel(
        key=str(key),
        verbatim=f'{{"id":{key},"description":"{description}"}}'.encode(),
        path=path or f"/models/{key}.safetensors",
        name=name or f"model {key}",
        type="loras",
        size_bytes=10,
        created_at=1_000 + key % 1_000,
        sha256=sha256,
        description=description,
        images=tuple(map(ImageRef, images)),
        tags=tags,
        warnings=warnings,
        defect=defect,
        number=key,
    )


def assessed(found: SourceModel) -> AssessedRow:
    """The row as the intake assesses it when the file is as the row says."""
    return assess(found, row_digest(found.verbatim, FOLDER), found.size_bytes)


def row(
    key: int,
    *,
    path: str = "",
    name: str = "",
    sha256: str = "",
    description: str = "",
    images: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    defect: Defect | None = None,
) -> AssessedRow:
    """An assessed row; without `sha256` it is one that waits."""
    return assessed(
        model(
            key,
            path=path,
            name=name,
            sha256=sha256,
            description=description,
            images=images,
            tags=tags,
            defect=defect,
        )
    )
