"""What `<stem>.civitai.info` tells, whichever helper wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.sidecars import civitai

HASH = "0123456789ABCDEF" * 4
SIDECAR = {
    "id": 22,
    "modelId": 11,
    "name": "v2.0",
    "description": "<p>Second version.</p>",
    "trainedWords": ["meadow light"],
    "model": {
        "name": "Meadow Light",
        "type": "LORA",
        "description": "<p>Soft.</p>",
        "tags": ["style"],
    },
    "creator": {"username": "kim"},
    "files": [
        {"name": "meadow.safetensors", "sizeKB": 256.5, "primary": True, "hashes": {"SHA256": HASH}}
    ],
    "images": [
        {
            "url": "https://e.org/1.jpeg",
            "type": "image",
            "local_file": "D:\\m\\meadow.example.0.png",
        },
        {"url": "https://e.org/2.mp4", "type": "video"},
    ],
}


def told(**changed: Any) -> Told:
    return civitai.read("meadow.civitai.info", json.dumps(SIDECAR | changed, indent=4).encode())


def test_a_whole_answer_is_told() -> None:
    model = told()

    assert model == Told(
        Origin.CIVITAI,
        "meadow.civitai.info",
        name="Meadow Light",
        type="loras",
        description="Soft.\n\nSecond version.",
        community_links="https://civitai.com/models/11?modelVersionId=22",
        positive="meadow light",
        tags=("style",),
        assertions=(Assertion(HASH, 256.5 * 1024, "meadow.safetensors"),),
        named=("meadow.example.0.png",),
        text=model.text,
    )


def test_an_answer_that_nothing_is_known_is_no_damage() -> None:
    assert civitai.read("a.civitai.info", b"{}") == Told(
        Origin.CIVITAI, "a.civitai.info", text="{}"
    )


@pytest.mark.parametrize(
    "marked",
    [{"skeleton_file": True}, {"extensions": {"sd_civitai_helper": {"skeleton_file": True}}}],
)
def test_a_skeleton_has_no_name_but_a_type(marked: dict[str, Any]) -> None:
    model = told(
        id="",
        modelId="",
        description="",
        tags=["1girl"] * 300,
        model={"name": "meadow.safetensors", "type": "lora", "nsfw": "", "poi": ""},
        **marked,
    )

    assert (model.name, model.type, model.community_links, model.tags) == ("", "loras", "", ())


def test_a_parent_that_is_gone_is_no_damage() -> None:
    model = told(model={"name": "Meadow", "tags": "", "description": ""}, creator="{}")

    assert model.notices == ()
    assert model.tags == ()


def test_texts_that_are_told_twice_are_said_once() -> None:
    parent = {"description": "<p>Soft.</p>"}

    assert told(model=parent, description="Soft.").description == "Soft."


@pytest.mark.parametrize("files", [None, "", {}, [None], ["x"], [{"hashes": None}], [{}]])
def test_an_answer_without_hashes_asserts_none(files: Any) -> None:
    assert told(files=files).assertions == ()


def test_every_file_of_the_version_is_an_assertion_of_its_own() -> None:
    files = [
        {"name": "a.safetensors", "sizeKB": 1, "hashes": {"SHA256": "AA"}},
        {"name": 7, "sizeKB": "1", "hashes": {"SHA256": "BB"}},
    ]

    assert told(files=files).assertions == (
        Assertion("AA", 1024.0, "a.safetensors"),
        Assertion("BB", None, ""),
    )
