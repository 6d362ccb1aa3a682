"""How rows of the legacy `models` table are mapped, however awkward their cells."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.hikaze1 import metadata
from adapters.sources.hikaze1.mapping import RowMapping, recorded
from adapters.sources.untrusted_sqlite.cells import BrokenText, Cell, LostCell, text
from engine.facts.records import Prompts
from engine.facts.source import ImageRef, Notice, SourceModel

COLUMNS = (
    "id",
    "path",
    "name",
    "type",
    "size_bytes",
    "hash_hex",
    "created_at",
    "meta_json",
    "extra_json",
)
HASH = "0123456789abcdef" * 4
PLAIN: dict[str, Cell] = {
    "id": 7,
    "path": "/models/lora/a.safetensors",
    "name": "a",
    "type": "lora",
    "size_bytes": 12,
    "hash_hex": HASH,
    "created_at": 1700000000000,
    "meta_json": None,
    "extra_json": None,
}


def mapped(tags: tuple[str, ...] = (), **cells: Cell) -> SourceModel:
    values = PLAIN | cells
    row = (7, None, *(values[column] for column in COLUMNS))
    return RowMapping(COLUMNS).model(row, tags)


def described(extra: object) -> SourceModel:
    return mapped(extra_json=extra if isinstance(extra, str) else json.dumps(extra))


def named(model: SourceModel) -> tuple[str, ...]:
    return tuple(image.name for image in model.images)


def codes(model: SourceModel) -> list[str]:
    return [warning.code for warning in model.warnings]


def strings(value: Any) -> list[str]:
    """Every text in a model, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [found for item in value for found in strings(item)]
    if isinstance(value, msgspec.Struct):
        return strings(msgspec.structs.astuple(value))
    return []


def test_a_plain_row_carries_over_without_warnings() -> None:
    extra = {
        "description": "d",
        "community_links": "https://example.org",
        "prompts": {"positive": "p", "negative": "n"},
        "images": ["/media/one.png", "/media/two.jpg"],
        "params": {"weight": 0.8},
    }

    model = mapped(("style", "日本語"), extra_json=json.dumps(extra))

    assert model == SourceModel(
        key="7",
        verbatim=model.verbatim,
        path="/models/lora/a.safetensors",
        name="a",
        type="lora",
        size_bytes=12,
        created_at=1700000000000,
        sha256=HASH,
        description="d",
        community_links="https://example.org",
        prompts=Prompts("p", "n"),
        images=(ImageRef("one.png"), ImageRef("two.jpg")),
        tags=("style", "日本語"),
        number=7,
    )


def test_verbatim_holds_every_column_as_it_was_and_the_tags() -> None:
    model = mapped(("style",), name=b"\xff\x00", size_bytes=1.5, created_at=math.inf, type="é")

    assert json.loads(model.verbatim) == PLAIN | {
        "name": {"hex": "ff00"},
        "size_bytes": 1.5,
        "created_at": "inf",
        "type": "é",
        "tags": ["style"],
    }


def test_a_column_called_tags_does_not_hide_the_tags_in_verbatim() -> None:
    model = RowMapping(["path", "Tags"]).model((1, None, "/a", "mine"), ("style",))

    assert json.loads(model.verbatim) == {"path": "/a", "tags column": "mine", "tags": ["style"]}


def test_missing_columns_are_read_as_null() -> None:
    model = RowMapping(["PATH"]).model((1, None, "/a"))

    assert model == SourceModel(key="1", verbatim=b'{"PATH":"/a","tags":[]}', path="/a", number=1)


@pytest.mark.parametrize(
    ("cell", "kept", "reason"),
    [
        (None, "", "is NULL"),
        ("", "", "is empty"),
        (" \t", " \t", "is empty"),
        ("/a\0b", "/a\ufffdb", "holds a NUL character"),
        (BrokenText(b"/a\xff"), "/a\ufffd", "is no valid UTF-8"),
        (b"/a", "/a", "is no text"),
        (5, "5", "is no text"),
        (LostCell("on a damaged page"), "", "is on a damaged page"),
    ],
)
def test_a_row_without_a_usable_path_has_a_defect(cell: Cell, kept: str, reason: str) -> None:
    model = mapped(path=cell)

    assert model.defect is not None
    assert model.defect.code == "row_invalid"
    assert model.defect.message.startswith(f"Row 7 of models has no usable path: it {reason}")
    assert "migrate again" in model.defect.message
    assert (model.path, model.name) == (kept, "a")


@pytest.mark.parametrize(
    "path", ["C:\\models\\a.safetensors", "\\\\server\\share\\a", "/a", "relative/a", "/模型 🎨"]
)
def test_paths_of_every_system_are_kept_as_they_are(path: str) -> None:
    assert (mapped(path=path).path, mapped(path=path).defect) == (path, None)


@pytest.mark.parametrize("cell", ["", None, "  ", HASH, HASH.upper(), f" {HASH.upper()}\n"])
def test_hashes_are_lower_cased_and_absent_ones_are_empty(cell: Cell) -> None:
    model = mapped(hash_hex=cell)

    assert model.sha256 == (HASH if cell and str(cell).strip() else "")
    assert model.warnings == ()


@pytest.mark.parametrize(
    "cell", ["ABCDEF", HASH + "0", "g" * 64, HASH.encode(), 12, 1.5, BrokenText(b"\xff"), "x" * 999]
)
def test_a_malformed_hash_is_none_and_a_warning_shows_it_shortened(cell: Cell) -> None:
    model = mapped(hash_hex=cell)

    assert (model.sha256, codes(model)) == ("", ["invalid_hash"])
    assert len(model.warnings[0].detail) < 200


@pytest.mark.parametrize(
    ("cell", "size", "warned"),
    [
        (None, None, []),
        (0, 0, []),
        (5.0, 5, []),
        (-1, None, ["field_invalid"]),
        (1.5, None, ["field_invalid"]),
        (math.inf, None, ["field_invalid"]),
        (1e300, None, ["field_invalid"]),
        ("12", None, ["field_invalid"]),
        (b"12", None, ["field_invalid"]),
        (LostCell("lost"), None, ["cell_unreadable"]),
    ],
)
def test_sizes_are_whole_numbers_or_unknown(
    cell: Cell, size: int | None, warned: list[str]
) -> None:
    model = mapped(size_bytes=cell)

    assert (model.size_bytes, codes(model)) == (size, warned)


@pytest.mark.parametrize(
    ("cell", "time", "warned"),
    [
        (None, 0, []),
        (-5, -5, []),
        (5.0, 5, []),
        (5.5, 0, ["field_invalid"]),
        ("yesterday", 0, ["field_invalid"]),
        (LostCell("lost"), 0, ["cell_unreadable"]),
    ],
)
def test_times_are_whole_numbers_or_zero(cell: Cell, time: int, warned: list[str]) -> None:
    model = mapped(created_at=cell)

    assert (model.created_at, codes(model)) == (time, warned)


@pytest.mark.parametrize("field", ["name", "type"])
@pytest.mark.parametrize(
    ("cell", "kept", "warned"),
    [
        (None, "", []),
        (5, "5", ["field_invalid"]),
        (1.5, "1.5", ["field_invalid"]),
        (b"ab\xff", "ab\ufffd", ["field_invalid"]),
        (BrokenText(b"ab\xff"), "ab\ufffd", ["invalid_text"]),
        (BrokenText(b"a\0b\xff"), "a\ufffdb\ufffd", ["invalid_text"]),
        (b"a\0b", "a\ufffdb", ["field_invalid"]),
        ("a\0b", "a\ufffdb", ["invalid_text"]),
        (LostCell("lost"), "", ["cell_unreadable"]),
    ],
)
def test_text_that_cannot_be_kept_as_it_is_is_mended_with_a_warning(
    field: str, cell: Cell, kept: str, warned: list[str]
) -> None:
    model = mapped(name=cell) if field == "name" else mapped(type=cell)

    assert (getattr(model, field), codes(model)) == (kept, warned)
    assert all(warning.detail.startswith(f"{field}:") for warning in model.warnings)


@pytest.mark.parametrize("cell", [None, "", " \n", "null", " null ", "{}"])
def test_absent_metadata_is_empty_without_a_warning(cell: Cell) -> None:
    model = mapped(extra_json=cell)

    assert (model.description, model.prompts, model.images) == ("", Prompts(), ())
    assert model.warnings == ()


@pytest.mark.parametrize(
    "cell", ["{not json", "[]", '"text"', "5", "true", "{}{}", "[" * 100_000, '{"a":' * 101, 5, 1.5]
)
def test_metadata_that_is_no_object_is_a_warning(cell: Cell) -> None:
    model = mapped(extra_json=cell)

    assert codes(model) == ["metadata_unreadable"]
    assert len(model.warnings[0].detail) < 200


def test_an_object_nested_too_deep_is_a_warning_and_brackets_in_text_do_not_count() -> None:
    deep = '{"description": "d", "params": ' + "[" * 200 + "]" * 200 + "}"

    assert codes(described(deep)) == ["metadata_unreadable"]
    assert described({"description": '["{' * 200}).description == '["{' * 200


def test_metadata_in_a_blob_or_in_broken_text_is_read_with_a_warning() -> None:
    blob = mapped(extra_json=b'{"description": "d"}')
    broken = mapped(extra_json=BrokenText(b'{"description": "d\xff"}'))

    assert (blob.description, codes(blob)) == ("d", ["field_invalid"])
    assert (broken.description, codes(broken)) == ("d\ufffd", ["invalid_text"])


@pytest.mark.parametrize(
    ("value", "kept", "warned"),
    [
        ("text", "text", []),
        (None, "", []),
        (5, "5", ["field_invalid"]),
        (["a", {"b": None}], '["a", {"b": null}]', ["field_invalid"]),
        ("\ud800", "\ufffd", ["invalid_text"]),
        ("a\0b", "a\ufffdb", ["invalid_text"]),
        ("a\\u0000b", "a\\u0000b", []),
        ("\ud83c\udfa8", "🎨", []),
    ],
)
def test_text_in_metadata_is_text_or_the_json_of_what_it_is(
    value: object, kept: str, warned: list[str]
) -> None:
    assert described({"description": value}).description == kept
    assert codes(described({"description": value})) == warned
    assert described({"community_links": value}).community_links == kept
    assert described({"prompts": {"positive": value}}).prompts == Prompts(kept, "")


def test_a_nul_that_stands_in_metadata_unescaped_is_replaced_with_a_warning() -> None:
    model = mapped(extra_json='{"description": "a\0b"}')

    assert (model.description, codes(model)) == ("a\ufffdb", ["invalid_text"])


def test_half_a_surrogate_pair_in_a_key_of_no_interest_is_passed_over() -> None:
    model = described({"description": "d", "\ud800": "\udfff"})

    assert (model.description, model.warnings) == ("d", ())


def test_numbers_that_no_machine_holds_are_passed_over() -> None:
    huge = '{"params": ' + "9" * 10_000 + ', "weight": NaN, "z": 1e999, "description": "d"}'

    assert (described(huge).description, codes(described(huge))) == ("d", [])


def test_prompts_that_are_no_object_are_a_warning() -> None:
    assert codes(described({"prompts": None})) == []
    assert codes(described({"prompts": "p"})) == ["field_invalid"]


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert described('{"description": 5, "description": "b"}').description == "b"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("/media/a.png", "a.png"),
        ("/media/a.png?v=1/2", "a.png"),
        ("/media/a#1.png", "a#1.png"),
        ("a?b.png", "a?b.png"),
        ("C:\\images\\a.png", "a.png"),
        ("https://host/x/a.png?size=/big#top", "a.png"),
        ("HTTP://host/a.png", "a.png"),
        ("/media/模型 🎨.png", "模型 🎨.png"),
        ("/media/", None),
        ("", None),
        ("/media/..", None),
        ("..\\.", None),
        ("a\0.png", None),
        ("data:image/png;base64,AA/BB", None),
    ],
)
def test_only_the_base_name_of_an_image_counts(entry: str, name: str | None) -> None:
    assert metadata.base_name(entry) == name
    model = described({"images": [entry, "z.png"]})
    assert named(model) == (("z.png",) if name is None else (name, "z.png"))
    assert codes(model) == (["image_invalid"] if name is None else [])


@pytest.mark.parametrize(
    ("images", "names", "warned"),
    [
        (None, (), []),
        ("/media/a.png", ("a.png",), []),
        (5, (), ["image_invalid"]),
        ({"a": 1}, (), ["image_invalid"]),
        (["a.png", 5, None, "b.png"], ("a.png", "b.png"), ["image_invalid", "image_invalid"]),
        (["/media/a.png", "x/a.png"], ("a.png",), ["image_duplicate"]),
        (["\ud800.png"], ("\ufffd.png",), []),
    ],
)
def test_images_of_any_shape_become_names_and_warnings(
    images: object, names: tuple[str, ...], warned: list[str]
) -> None:
    model = described({"images": images})

    assert (named(model), codes(model)) == (names, warned)


def test_the_warnings_of_a_row_are_bounded() -> None:
    model = described({"images": [""] * 50_000})

    assert len(model.warnings) == metadata.MAX_IMAGES + 1


def test_warnings_keep_the_order_of_the_fields_and_tags_come_last() -> None:
    row = (7, None, 7, "/a", 1, 2, "x", "y", "z", None, '{"images": 5, "prompts": 5}')

    model = RowMapping(COLUMNS).model(row, (), [Notice("tag_missing", "")])

    assert codes(model) == [
        *("field_invalid", "field_invalid", "field_invalid", "invalid_hash", "field_invalid"),
        *("field_invalid", "image_invalid", "tag_missing"),
    ]


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
any_extra = st.fixed_dictionaries(
    {},
    optional={
        "description": any_json,
        "community_links": any_json,
        "prompts": any_json | st.fixed_dictionaries({}, optional={"positive": any_json}),
        "images": any_json | st.lists(st.text(st.characters())),
        "params": any_json,
    },
)
any_cell = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(),
    st.binary().map(text),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.builds(LostCell, st.just("on a damaged page")),
    st.builds(json.dumps, any_extra | any_json),
)


@given(st.tuples(*[any_cell] * len(COLUMNS)), st.integers(-(2**63), 2**63 - 1))
def test_any_cells_give_exactly_one_model_that_can_be_stored(
    cells: tuple[Cell, ...], key: int
) -> None:
    mapping = RowMapping(COLUMNS)

    model = mapping.model((key, None, *cells), ("style",))

    assert model == mapping.model((key, None, *cells), ("style",))
    assert (model.key, model.number) == (str(key), key)
    assert all(found.encode() is not None and "\0" not in found for found in strings(model))
    assert msgspec.json.decode(msgspec.json.encode(model), type=SourceModel) == model
    assert set(json.loads(model.verbatim)) == {*COLUMNS, "tags"}
    assert (model.defect is None) == (isinstance(cells[1], str) and _usable(cells[1]))


@given(st.tuples(*[any_cell] * len(COLUMNS)), st.integers(-(2**63), 2**63 - 1))
def test_a_row_is_read_from_what_was_recorded_of_it(cells: tuple[Cell, ...], key: int) -> None:
    model = RowMapping(COLUMNS).model((key, None, *cells), ("style",))
    again = recorded(model.key, model.verbatim)
    assert again is not None
    for name in ("key", "name", "type", "description", "community_links", "prompts", "tags"):
        assert getattr(again, name) == getattr(model, name)
    assert (again.images, again.sha256, again.created_at) == (
        model.images,
        model.sha256,
        model.created_at,
    )
    assert again.path == model.path
    # A row that was refused was never carried: a number beyond JSON is text in what is recorded.
    assert again.defect is None or model.defect is not None


@pytest.mark.parametrize("verbatim", [b"", b"[]", b"not JSON", b'{"tags": 5}'])
def test_what_is_no_row_of_ours_tells_nothing(verbatim: bytes) -> None:
    assert recorded("1", verbatim) is None
    assert recorded("one", b"{}") is None


def _usable(path: str) -> bool:
    return bool(path.strip()) and "\0" not in path


@given(any_extra)
def test_the_quick_and_the_careful_reading_of_metadata_agree(extra: dict[str, object]) -> None:
    written = json.dumps(extra)
    quick: list[Notice] = []
    careful: list[Notice] = []

    assert metadata.read(written, quick) == metadata._read_carefully(written, careful)
    assert quick == careful
