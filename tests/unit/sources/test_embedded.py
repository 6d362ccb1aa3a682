"""Pictures within headers and sidecars: found by their first bytes, given whole, never fetched."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.embedded import MAX_COVERS, content, places

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(101))


def data_url(picture: bytes, kind: str = "image/jpeg") -> str:
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"


@pytest.mark.parametrize(
    "written",
    [
        data_url(JPEG),
        data_url(JPEG, "application/octet-stream"),
        base64.b64encode(JPEG).decode(),
        data_url(JPEG).rstrip("="),
        f" {data_url(JPEG)}\n",
    ],
)
def test_a_thumbnail_is_found_and_given_whole(written: str) -> None:
    fields = {"modelspec.thumbnail": written}

    assert places(fields) == ("modelspec.thumbnail",)
    assert content(fields, "modelspec.thumbnail") == JPEG


def test_the_first_thumbnail_that_is_there_counts() -> None:
    fields = {"thumbnail": data_url(PNG), "modelspec.thumbnail": data_url(JPEG)}

    assert places(fields) == ("modelspec.thumbnail",)


def test_covers_follow_by_their_number() -> None:
    covers = [base64.b64encode(PNG).decode(), "no picture", base64.b64encode(JPEG).decode()]
    fields = {"ssmd_cover_images": json.dumps(covers), "thumbnail": data_url(JPEG)}

    assert places(fields) == ("thumbnail", "ssmd_cover_images/0", "ssmd_cover_images/2")
    assert content(fields, "ssmd_cover_images/2") == JPEG


@pytest.mark.parametrize(
    "written",
    [
        "https://e.org/a.jpg",
        "file:///etc/passwd",
        "imgs/model_placeholder.jpg",
        "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode(),
        "data:image/jpeg,plain",
        "data:image/jpeg;base64,%%%%",
        data_url(b""),
        ["list"],
        7,
        None,
        "",
    ],
)
def test_what_is_no_raster_picture_is_not_found(written: Any) -> None:
    assert places({"thumbnail": written}) == ()
    assert content({"thumbnail": written}, "thumbnail") is None


def test_a_picture_that_is_cut_within_its_base64_is_none() -> None:
    fields = {"thumbnail": data_url(JPEG)[:-3] + "*"}

    assert places(fields) == ("thumbnail",)
    assert content(fields, "thumbnail") is None


@pytest.mark.parametrize(
    "place", ["", "title", "ssmd_cover_images", "ssmd_cover_images/9", "ssmd_cover_images/x"]
)
def test_a_place_that_is_none_holds_nothing(place: str) -> None:
    fields = {"title": "x", "ssmd_cover_images": json.dumps([base64.b64encode(PNG).decode()])}

    assert content(fields, place) is None


@pytest.mark.parametrize("covers", ["[" * 10_000, "{}", '["x"', "[1, null, {}]", [1], ""])
def test_covers_of_another_shape_are_none(covers: Any) -> None:
    assert places({"ssmd_cover_images": covers}) == ()


def test_covers_beyond_the_bound_are_left_out() -> None:
    covers = [base64.b64encode(PNG).decode()] * (MAX_COVERS + 1)

    assert len(places({"ssmd_cover_images": json.dumps(covers)})) == MAX_COVERS


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_any_text_is_a_picture_or_none(written: str) -> None:
    for place in places({"thumbnail": written}):
        content({"thumbnail": written}, place)
