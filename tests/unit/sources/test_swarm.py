"""What `<stem>.swarm.json` of SwarmUI tells."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.sidecars import swarm

JPEG = b"\xff\xd8\xff\xe0" + bytes(60)
PICTURE = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
EDITED = {
    "modelspec.name": "deep/meadow.gguf",
    "modelspec.title": "Meadow Light",
    "modelspec.author": "kim",
    "modelspec.description": "Soft light.",
    "modelspec.preview_image": PICTURE,
    "modelspec.trigger_phrase": "meadow light; haze",
    "modelspec.tags": ["style", "landscape"],
    "modelspec.time_created": 1700000000000,
    "modelspec.hash": "0x" + "ab" * 32,
}
DOWNLOADED = {
    "modelspec.title": "Meadow Light - v2.0",
    "modelspec.description": (
        'From <a href="https://civitai.com/models/11?modelVersionId=22">'
        "https://civitai.com/models/11?modelVersionId=22</a>\n<p>Soft</p>\n<p>light</p>\n"
    ),
    "modelspec.date": "2024-05-05T00:00:00Z",
    "modelspec.trigger_phrase": "meadow light",
    "modelspec.tags": "style, landscape",
}


def told(value: Any) -> Told:
    return swarm.read("meadow.swarm.json", json.dumps(value).encode())


def test_what_its_editor_wrote_is_told() -> None:
    model = told(EDITED)

    assert model == Told(
        Origin.SWARM,
        "meadow.swarm.json",
        name="Meadow Light",
        description="Soft light.",
        positive="meadow light, haze",
        tags=("style", "landscape"),
        assertions=(Assertion("0x" + "ab" * 32, objection=swarm.TENSORS),),
        tensors=("0x" + "ab" * 32,),
        embedded=("modelspec.preview_image",),
        text=model.text,
    )


def test_what_its_downloader_wrote_is_told() -> None:
    model = told(DOWNLOADED)

    link = "https://civitai.com/models/11?modelVersionId=22"
    assert model.name == "Meadow Light - v2.0"
    assert model.description == f"From {link}\n\nSoft\n\nlight"
    assert model.community_links == link
    assert model.tags == ("style", "landscape")
    assert model.created_at == 0


@pytest.mark.parametrize(
    "title", ["meadow.gguf", "deep/meadow.gguf", "meadow", "deep\\meadow.gguf"]
)
def test_a_title_that_is_the_files_name_is_none(title: str) -> None:
    assert told({"title": title}).name == ""


@pytest.mark.parametrize(
    "description",
    ["(None, use '.safetensors' to enable metadata descriptions)", "(Metadata not yet loaded.)"],
)
def test_a_placeholder_is_no_description(description: str) -> None:
    assert told({"modelspec.description": description}).description == ""


@pytest.mark.parametrize(
    "picture",
    [
        "imgs/model_placeholder.jpg",
        "https://e.org/a.jpg",
        "data:image/jpeg;base64,AAAA",
        "",
        None,
        7,
    ],
)
def test_what_is_no_raster_picture_is_none(picture: Any) -> None:
    assert told({"preview_image": picture}).embedded == ()


def test_keys_without_the_prefix_are_read_too() -> None:
    model = told({"title": "Meadow", "description": "Soft", "trigger_phrase": "a;b", "tags": None})

    assert (model.name, model.description, model.positive) == ("Meadow", "Soft", "a, b")
    assert model.notices == ()
