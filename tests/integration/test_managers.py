"""What each model of another manager's library becomes, held against the table beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.facts.previews import media_type
from tests.integration.sources import (
    KINDS,
    as_expected,
    codes,
    content,
    opened,
    read,
    settled,
    tables,
)
from tests.managers.all import LIBRARIES
from tests.managers.making import Library

every_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


@every_library
def test_each_model_becomes_what_the_table_says(library: Library, tmp_path: Path) -> None:
    library.make(tmp_path / "old")
    ref = settled(tmp_path / "old" / library.location, kind=library.kind)

    models, notices = read(ref, tmp_path / "scratch")

    found = tuple(as_expected(model) for model in models)
    assert tables(found) == tables(library.expected)
    assert codes(notices) == list(library.notices)
    assert ref.layout == library.layout


@every_library
def test_each_picture_can_be_read_and_is_one(library: Library, tmp_path: Path) -> None:
    library.make(tmp_path / "old")
    ref = settled(tmp_path / "old" / library.location, kind=library.kind)

    models, _ = read(ref, tmp_path / "scratch")

    pictures = [data for model in models for data in content(ref, model)]
    assert len(pictures) == sum(len(row.images) for row in library.expected) > 0
    assert all(media_type(data) for data in pictures)


@every_library
def test_it_is_read_alike_in_chunks_and_after_any_interruption(
    library: Library, tmp_path: Path
) -> None:
    library.make(tmp_path / "old")
    ref = settled(tmp_path / "old" / library.location, kind=library.kind)
    with opened(ref, tmp_path / "scratch") as source:
        whole = list(source.chunks("", 1000))
        single = list(source.chunks("", 1))
        rows = source.rows

    assert rows == len(library.expected)
    models = [model for chunk in whole for model in chunk.models]
    notices = [notice for chunk in whole for notice in chunk.warnings]
    assert [model for chunk in single for model in chunk.models] == models
    assert all(chunk.cursor for chunk in single)
    for place, chunk in enumerate(single):
        with opened(ref, tmp_path / "scratch") as source:
            rest = list(source.chunks(chunk.cursor, 1000))
        told = [notice for before in single[: place + 1] for notice in before.warnings]
        seen = [model for before in single[: place + 1] for model in before.models]
        assert [*seen, *(model for after in rest for model in after.models)] == models
        assert [*told, *(notice for after in rest for notice in after.warnings)] == notices


@every_library
def test_nothing_is_written(library: Library, tmp_path: Path) -> None:
    library.make(tmp_path / "old")
    ref = settled(tmp_path / "old" / library.location, kind=library.kind)
    before = states(tmp_path / "old")

    fingerprint = KINDS[ref.kind].fingerprint(ref)
    read(ref, tmp_path / "scratch")

    assert KINDS[ref.kind].fingerprint(ref) == fingerprint
    assert states(tmp_path / "old") == before != {}


def states(folder: Path) -> dict[str, tuple[int, int]]:
    found = ((path, path.stat()) for path in folder.rglob("*"))
    return {str(path): (state.st_size, state.st_mtime_ns) for path, state in found}
