"""What `<stem>.cm-info.json` of Stability Matrix tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.sidecars import stability_matrix

HASH = "0123456789ABCDEF" * 4
SIDECAR = {
    "ModelId": 11,
    "ModelName": "Meadow Light",
    "ModelDescription": "<p>Soft.</p>",
    "Nsfw": False,
    "Tags": ["style", "landscape"],
    "ModelType": "LORA",
    "VersionId": 22,
    "VersionName": "v2.0",
    "VersionDescription": "<p>Second.</p>",
    "BaseModel": "SDXL 1.0",
    "ImportedAt": "2024-05-05T12:34:56.1234567+02:00",
    "Hashes": {"SHA256": HASH, "CRC32": "01234567", "BLAKE3": "FF" * 32},
    "TrainedWords": ["meadow light", "soft sun, haze"],
    "UserTitle": None,
    "ThumbnailImageUrl": "D:\\SM\\Models\\Lora\\meadow.preview.jpeg",
    "Source": 0,
}


def told(**changed: Any) -> Told:
    data = json.dumps(SIDECAR | changed).encode()
    return stability_matrix.read("meadow.cm-info.json", data)


def test_a_whole_sidecar_is_told() -> None:
    model = told()

    assert model == Told(
        Origin.STABILITY_MATRIX,
        "meadow.cm-info.json",
        name="Meadow Light",
        type="loras",
        description="Soft.\n\nSecond.",
        community_links="https://civitai.com/models/11?modelVersionId=22",
        positive="meadow light, soft sun, haze",
        tags=("style", "landscape"),
        created_at=1714905296123,
        assertions=(Assertion(HASH),),
        named=("meadow.preview.jpeg",),
        text=model.text,
    )


def test_the_users_own_title_comes_first() -> None:
    assert told(UserTitle="Mine").name == "Mine"
    assert told(UserTitle="  ").name == "Meadow Light"
    assert told(UserTitle=None, ModelName="").name == ""


@pytest.mark.parametrize(
    ("changed", "link"),
    [
        ({"VersionId": None}, "https://civitai.com/models/11"),
        ({"VersionId": 0}, "https://civitai.com/models/11"),
        ({"Source": None}, "https://civitai.com/models/11?modelVersionId=22"),
        ({"ModelId": None}, ""),
        ({"Source": 1, "ModelName": "4x-Meadow"}, "https://openmodeldb.info/models/4x-Meadow"),
        (
            {"Source": 2, "SourceUrl": "/models/1?modelVersionId=2"},
            "https://civarchive.com/models/1?modelVersionId=2",
        ),
        ({"Source": 2, "SourceUrl": "https://e.org/m"}, "https://e.org/m"),
        ({"Source": 2, "SourceUrl": None}, ""),
        ({"Source": 3}, ""),
        ({"Source": "Civitai"}, ""),
    ],
)
def test_its_page_is_that_of_its_source(changed: dict[str, Any], link: str) -> None:
    assert told(**changed).community_links == link


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("0001-01-01T00:00:00+00:00", 0),
        ("2024-05-05T10:34:56Z", 1714905296000),
        ("2024-05-05T10:34:56", 1714905296000),
        ("1969-12-31T23:59:59+00:00", 0),
        (None, 0),
    ],
)
def test_a_time_that_was_never_set_is_0(written: Any, time: int) -> None:
    assert told(ImportedAt=written).created_at == time
    assert told(ImportedAt=written).notices == ()


def test_a_time_that_is_none_is_named() -> None:
    (notice,) = told(ImportedAt="yesterday").notices

    assert "ImportedAt is 'yesterday' where a date and a time belong" in notice.detail


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ThumbnailImageUrl": "https://e.org/a.jpeg"}, ("https://e.org/a.jpeg",)),
        ({"ThumbnailImageUrl": "https://e.org/w.pth", "Source": 1}, ()),
        ({"ThumbnailImageUrl": "data:image/png;base64,AA"}, ()),
        ({"ThumbnailImageUrl": ""}, ()),
        ({"ThumbnailImageUrl": None}, ()),
    ],
)
def test_an_address_names_no_local_picture(changed: dict[str, Any], named: tuple[str, ...]) -> None:
    assert told(**changed).named == named


@pytest.mark.parametrize("hashes", [None, {}, {"SHA256": None, "BLAKE3": "FF" * 32}, [], "x"])
def test_only_a_sha256_is_asserted(hashes: Any) -> None:
    assert told(Hashes=hashes).assertions == ()


def test_an_edit_without_tags_leaves_none() -> None:
    assert told(Tags=[""]).tags == ()
