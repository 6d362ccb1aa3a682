"""Which pictures and videos are a model's, by each manager's own rules."""

from __future__ import annotations

import pytest

from adapters.sources.beside.previews import Listing, examples, missing, pictures
from adapters.sources.facts import ModelFile, Origin, Picture, Told

FILE = ModelFile("x.v1.safetensors", 1)
LORA_MANAGER = Told(Origin.LORA_MANAGER, "x.v1.metadata.json")
WEBUI = Told(Origin.WEBUI, "x.v1.json")
SWARM = Told(Origin.SWARM, "x.v1.swarm.json", embedded=("modelspec.preview_image",))
MATRIX = Told(Origin.STABILITY_MATRIX, "x.v1.cm-info.json")
CIVITAI = Told(Origin.CIVITAI, "x.v1.civitai.info")
HEADER = Told(Origin.HEADER, "x.v1.safetensors", embedded=("modelspec.thumbnail",))


def found(names: str, *told: Told, layout: Origin | None = None) -> list[str]:
    listing = Listing(names.split())
    return [picture.file for picture in pictures(FILE, told, listing, layout)]


@pytest.mark.parametrize(
    ("told", "ordered"),
    [
        (LORA_MANAGER, "x.v1.webp x.v1.preview.png x.v1.png x.v1.jpg"),
        (WEBUI, "x.v1.png x.v1.preview.png x.v1.jpg x.v1.webp"),
        (SWARM, "x.v1.swarm.json x.v1.jpg x.v1.png x.v1.preview.png x.v1.webp"),
        (MATRIX, "x.v1.preview.png x.v1.webp x.v1.png x.v1.jpg"),
        (CIVITAI, "x.v1.png x.v1.preview.png x.v1.jpg x.v1.webp"),
    ],
)
def test_the_manager_that_has_a_sidecar_here_says_which_picture_is_first(
    told: Told, ordered: str
) -> None:
    assert found("x.v1.jpg x.v1.png x.v1.preview.png x.v1.webp", told) == ordered.split()


def test_of_several_managers_the_first_in_their_order_says_it() -> None:
    names = "x.v1.jpg x.v1.webp x.v1.preview.jpeg"

    assert found(names, MATRIX, WEBUI) == ["x.v1.jpg", "x.v1.preview.jpeg", "x.v1.webp"]
    assert found(names, WEBUI, LORA_MANAGER)[0] == "x.v1.webp"


def test_without_a_sidecar_the_manager_of_the_folders_says_it() -> None:
    names = "x.v1.preview.png x.v1.png x.v1.jpg"

    assert found(names, layout=Origin.WEBUI)[0] == "x.v1.png"
    assert found(names, layout=Origin.STABILITY_MATRIX)[0] == "x.v1.preview.png"
    assert found(names, layout=Origin.SWARM)[0] == "x.v1.jpg"


def test_pictures_of_other_stems_are_not_its_own() -> None:
    assert found("x.png x.v1.vae.png x.v10.png other.png y.v1.png x.v1.safetensors.png") == []


def test_a_picture_that_lora_manager_names_is_the_first() -> None:
    named = Told(Origin.LORA_MANAGER, "x.v1.metadata.json", named=("chosen.jpeg",))

    assert found("x.v1.webp Chosen.jpeg", named) == ["Chosen.jpeg", "x.v1.webp"]
    assert found("x.v1.webp", named) == ["x.v1.webp"]


def test_a_thumbnail_that_stability_matrix_names_comes_after_its_preview() -> None:
    named = Told(Origin.STABILITY_MATRIX, "x.v1.cm-info.json", named=("t.jpeg",))

    assert found("x.v1.preview.png t.jpeg", named) == ["x.v1.preview.png", "t.jpeg"]


def test_case_counts_where_it_does_for_the_manager() -> None:
    assert found("X.V1.PNG", LORA_MANAGER) == ["X.V1.PNG"]
    assert found("x.v1.png X.V1.PNG", WEBUI) == ["x.v1.png"]


def test_videos_are_named_as_videos() -> None:
    listing = Listing(["x.v1.mp4", "x.v1.preview.webm", "x.v1.MOV", "x.v1.gif"])

    assert set(pictures(FILE, [LORA_MANAGER], listing)) == {
        Picture("x.v1.mp4", video=True),
        Picture("x.v1.preview.webm", video=True),
        Picture("x.v1.MOV", video=True),
        Picture("x.v1.gif"),
    }


def test_example_pictures_of_a_helper_follow_by_number() -> None:
    names = "x.v1.example.10.png x.v1.example.2.mp4 x.v1.example.0.jpeg x.v1.preview.png"

    assert found(names, CIVITAI) == [
        "x.v1.preview.png",
        "x.v1.example.0.jpeg",
        "x.v1.example.2.mp4",
        "x.v1.example.10.png",
    ]


def test_pictures_that_a_helper_has_stored_follow_its_preview() -> None:
    stored = Told(Origin.CIVITAI, "x.v1.civitai.info", named=("b.png", "a.png"))

    assert found("a.png b.png x.v1.preview.png", stored) == ["x.v1.preview.png", "b.png", "a.png"]


def test_pictures_in_the_header_come_last_and_those_in_swarms_sidecar_first() -> None:
    listing = Listing(["x.v1.png"])

    assert pictures(FILE, [HEADER, SWARM], listing) == (
        Picture("x.v1.swarm.json", "modelspec.preview_image"),
        Picture("x.v1.png"),
        Picture("x.v1.safetensors", "modelspec.thumbnail"),
    )


def test_brackets_in_a_name_are_letters() -> None:
    listing = Listing(["[x] y.png", "x y.png"])

    assert pictures(ModelFile("[x] y.safetensors", 1), [], listing) == (Picture("[x] y.png"),)


def test_a_picture_that_is_named_and_not_there_is_told() -> None:
    named = Told(Origin.LORA_MANAGER, "x.v1.metadata.json", named=("gone.webp",))
    afar = Told(Origin.STABILITY_MATRIX, "x.v1.cm-info.json", named=("https://e.org/a.png",))

    notices = missing([named, afar], Listing(["a.png"]))

    assert [notice.code for notice in notices] == ["image_missing", "image_missing"]
    assert "'gone.webp'" in notices[0].detail
    assert "'https://e.org/a.png'" in notices[1].detail
    assert missing([named], Listing(["GONE.webp"])) == ()


def test_lora_managers_examples_follow_by_number_and_then_the_users_own() -> None:
    names = [
        "image_10.png",
        "image_2.mp4",
        "custom_bbbb.webp",
        "custom_aaaa.png",
        "custom_zzzz.png",
        ".download_progress.json",
        "notes.txt",
        "other.png",
    ]

    assert examples(names, ["aaaa", "bbbb"]) == (
        Picture("image_2.mp4", video=True),
        Picture("image_10.png"),
        Picture("custom_aaaa.png"),
        Picture("custom_bbbb.webp"),
        Picture("custom_zzzz.png"),
    )
