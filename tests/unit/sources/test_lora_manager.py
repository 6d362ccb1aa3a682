"""What `<stem>.metadata.json` of ComfyUI LoRA Manager tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.sidecars import lora_manager

HASH = "0123456789abcdef" * 4
SIDECAR = {
    "file_name": "meadow",
    "model_name": "Meadow Light",
    "file_path": "D:/models/loras/meadow.safetensors",
    "size": 608.0,
    "modified": 1700000000.123,
    "sha256": HASH,
    "base_model": "SDXL 1.0",
    "preview_url": "D:/models/loras/meadow.webp",
    "notes": "Works best at 0.8",
    "exclude": False,
    "civitai": {
        "id": 22,
        "modelId": 11,
        "trainedWords": ["meadow light", "soft sun, haze"],
        "customImages": [{"id": "abcdefgh", "type": "image"}, {"id": "ijklmnop"}],
        "model": {"name": "Meadow Light", "type": "LORA"},
    },
    "tags": ["style", " landscape ", "", "style"],
    "modelDescription": "<p>Soft <b>light</b>.</p><p>More.</p>",
    "hf_url": "https://huggingface.co/kim/meadow",
}


def told(**changed: Any) -> Told:
    return read(SIDECAR | changed)


def read(value: Any) -> Told:
    data = json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return lora_manager.read("meadow.metadata.json", data)


def test_a_whole_sidecar_is_told() -> None:
    model = told()

    assert model == Told(
        Origin.LORA_MANAGER,
        "meadow.metadata.json",
        name="Meadow Light",
        type="loras",
        description="Soft light.\n\nMore.\n\nWorks best at 0.8",
        community_links=(
            "https://civitai.com/models/11?modelVersionId=22\nhttps://huggingface.co/kim/meadow"
        ),
        positive="meadow light, soft sun, haze",
        tags=("style", "landscape"),
        created_at=1700000000123,
        assertions=(Assertion(HASH, 608.0),),
        named=("meadow.webp",),
        examples=("abcdefgh", "ijklmnop"),
        text=model.text,
    )
    assert json.loads(model.text) == SIDECAR


@pytest.mark.parametrize("civitai", [None, {}, {"trainedWords": []}, {"modelId": "", "id": ""}])
def test_a_model_that_civitai_does_not_know_has_no_page(civitai: Any) -> None:
    assert told(civitai=civitai, hf_url=None).community_links == ""
    assert told(civitai=civitai).notices == ()


def test_ids_that_are_text_are_ids() -> None:
    model = told(civitai={"modelId": "11", "id": "22"}, hf_url="")

    assert model.community_links == "https://civitai.com/models/11?modelVersionId=22"


def test_trigger_words_of_both_places_are_joined_once_each() -> None:
    model = told(trainedWords=["one", "two,"], civitai={"trainedWords": ["two", "three"]})

    assert model.positive == "one, two, three"


@pytest.mark.parametrize(
    ("changed", "type"),
    [
        ({"sub_type": "diffusion_model"}, "diffusion_models"),
        ({"sub_type": "checkpoint"}, "checkpoints"),
        ({"model_type": "embedding"}, "embeddings"),
        ({"civitai": {"model": {"type": "TextualInversion"}}}, "embeddings"),
        ({"civitai": {"model": {"type": "Poses"}}}, ""),
    ],
)
def test_the_type_is_one_of_comfyuis(changed: dict[str, Any], type: str) -> None:
    assert told(**changed).type == type


@pytest.mark.parametrize("status", ["pending", "calculating", "failed"])
def test_a_hash_that_was_not_finished_is_objected_to(status: str) -> None:
    (assertion,) = told(hash_status=status).assertions

    assert status in assertion.objection


@pytest.mark.parametrize("changed", [{}, {"hash_status": "completed"}, {"hash_status": None}])
def test_a_hash_that_was_finished_is_not(changed: dict[str, Any]) -> None:
    assert told(**changed).assertions == (Assertion(HASH, 608.0),)


def test_a_hash_that_is_pending_and_empty_is_none() -> None:
    assert told(sha256="", hash_status="pending").assertions == ()


def test_what_the_user_hid_is_told() -> None:
    assert told(exclude=True).hidden
    assert not told(exclude="yes").hidden


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("C:\\models\\loras\\meadow.mp4", ("meadow.mp4",)),
        ("/models/loras/meadow.png", ("meadow.png",)),
        ("", ()),
        (None, ()),
        ("/models/..", ()),
    ],
)
def test_its_preview_is_a_name_and_never_a_path(path: Any, names: tuple[str, ...]) -> None:
    assert told(preview_url=path).named == names


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"civitai": [1]}, "civitai is a list of 1 where an object belongs"),
        ({"tags": {"a": 1}}, "tags is an object of 1 where a list belongs"),
        ({"tags": ["a", ["b"]]}, "tags lists a list of 1 where texts belong"),
        ({"model_name": ["a"]}, "model_name is a list of 1 where a text belongs"),
        ({"modified": "yesterday"}, "modified is 'yesterday' where seconds since 1970 belong"),
        ({"modified": float("nan")}, "it holds NaN"),
        ({"notes": "\ud83d"}, "half a surrogate pair"),
    ],
)
def test_a_field_of_another_shape_costs_a_notice(changed: dict[str, Any], detail: str) -> None:
    sidecar = json.dumps(SIDECAR | changed).encode()

    model = lora_manager.read("meadow.metadata.json", sidecar)

    (notice,) = model.notices
    assert notice.code == "sidecar_damaged"
    assert notice.detail.startswith("meadow.metadata.json: ")
    assert detail in notice.detail
    assert model.description.startswith("Soft light.")


def test_a_sidecar_that_is_a_list_tells_nothing() -> None:
    model = read([SIDECAR])

    assert model.name == ""
    assert [notice.code for notice in model.notices] == ["sidecar_damaged"]


@pytest.mark.parametrize("modified", [0, -1, 1e300, None])
def test_a_time_that_is_none_is_0(modified: Any) -> None:
    assert told(modified=modified).created_at == 0
    assert told(modified=modified).notices == ()


def test_a_note_that_repeats_the_description_is_not_said_twice() -> None:
    assert told(notes="Soft light.\n\n\nMore.").description == "Soft light.\n\nMore."
