"""What `<stem>.json` and the text files of AUTOMATIC1111 and Forge tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sources.facts import Origin, Told
from adapters.sources.sidecars import webui

SIDECAR = {
    "description": "Soft light, <lora:meadow:0.8> & more\nsecond line",
    "notes": "Mine",
    "sd version": "SDXL",
    "activation text": "meadow light, haze",
    "preferred weight": 0.8,
    "negative text": "harsh shadows",
    "extensions": {"sd_civitai_helper": {}},
}


def told(value: Any) -> Told:
    return webui.read("meadow.json", json.dumps(value, indent=4, ensure_ascii=False).encode())


def test_a_whole_sidecar_is_told() -> None:
    model = told(SIDECAR)

    assert model == Told(
        Origin.WEBUI,
        "meadow.json",
        description="Soft light, <lora:meadow:0.8> & more\nsecond line\n\nMine",
        positive="meadow light, haze",
        negative="harsh shadows",
        text=model.text,
    )


@pytest.mark.parametrize(
    "value",
    [
        {"modelspec": {"title": "x"}},
        {"learning_rate": 0.1, "output_name": "meadow"},
        {"description": None, "notes": ["a"], "activation text": {"b": 1}},
        {},
    ],
)
def test_an_object_of_another_program_tells_nothing(value: Any) -> None:
    assert told(value) == Told(Origin.WEBUI, "meadow.json", text=told(value).text)


@pytest.mark.parametrize("value", [[], [SIDECAR], "text", 7])
def test_what_is_no_object_tells_nothing_and_is_named(value: Any) -> None:
    model = told(value)

    assert model.description == ""
    assert [notice.code for notice in model.notices] == ["sidecar_damaged"]


def test_a_number_is_a_text() -> None:
    assert told({"activation text": 42, "description": True}).positive == "42"


def test_html_that_a_helper_wrote_becomes_text() -> None:
    assert told({"description": "<p>Soft</p><p>light</p>"}).description == "Soft\n\nlight"


def test_a_text_file_is_the_description_where_the_json_has_no_key_for_it() -> None:
    model = webui.read_with_text("meadow.json", b'{"notes": "Mine"}', b"From the file\r\n")

    assert model.description == "From the file\n\nMine"


@pytest.mark.parametrize("empty", ['""', "null"])
def test_a_description_in_the_json_wins_even_when_it_is_empty(empty: str) -> None:
    data = f'{{"description": {empty}}}'.encode()

    assert webui.read_with_text("meadow.json", data, b"From the file").description == ""


def test_a_text_file_counts_where_the_json_is_damaged() -> None:
    model = webui.read_with_text("meadow.json", b'{"description": ', b"From the file")

    assert model.description == "From the file"
    assert [notice.code for notice in model.notices] == ["sidecar_damaged"]


def test_a_text_file_alone_is_the_description() -> None:
    model = webui.read_text("meadow.txt", "Weiches Licht, größer < kleiner\0".encode("cp1252"))

    assert model.description == "Weiches Licht, gr\ufffd\ufffder < kleiner\ufffd"
    assert "UTF-8" in model.notices[0].detail


def test_a_text_file_beyond_the_bound_is_no_description() -> None:
    model = webui.read_text("meadow.txt", b"x" * (webui.MAX_TEXT_BYTES + 1))

    assert model.description == ""
    assert model.notices[0].code == "sidecar_damaged"


def test_the_webuis_own_json_is_told_from_that_of_others() -> None:
    assert webui.is_own(b'{"description": ""}')
    assert not webui.is_own(b'{"learning_rate": 1}')
    assert not webui.is_own(b"[]")
    assert not webui.is_own(b"{")
