"""Which sidecars belong to which model, and which to none."""

from __future__ import annotations

import pytest

from adapters.sources.beside.matching import Family, gathered, is_model, read
from adapters.sources.facts import Origin


@pytest.mark.parametrize(
    "name", ["a.safetensors", "A.SafeTensors", "x.v1.5.ckpt", "kl.vae.pt", "a.gguf", "モデル.sft"]
)
def test_a_model_is_known_by_its_last_suffix(name: str) -> None:
    assert is_model(name)


@pytest.mark.parametrize(
    "name", ["a.json", "safetensors", ".safetensors", "a.safetensors.tmp", "._a.safetensors", ""]
)
def test_other_files_are_no_models(name: str) -> None:
    assert not is_model(name)


def test_every_sidecar_of_a_stem_is_found() -> None:
    names = [
        "x.v1.5.safetensors",
        "x.v1.5.metadata.json",
        "x.v1.5.civitai.info",
        "x.v1.5.json",
        "x.v1.5.txt",
        "x.v1.5.description.txt",
        "x.v1.5.swarm.json",
        "x.v1.5.cm-info.json",
        "x.v1.5.preview.png",
        "x.v1.5.yaml",
    ]

    gathering = gathered(names)

    (family,) = gathering.families
    assert family.models == ("x.v1.5.safetensors",)
    assert sorted(family.sidecars.values()) == sorted(names[1:8])
    assert gathering.orphans == gathering.doubtful == ()


def test_two_models_of_one_stem_share_their_sidecars() -> None:
    assert gathered(["a.safetensors", "a.ckpt", "a.json"]).families == (
        Family("a", ("a.ckpt", "a.safetensors"), {".json": "a.json"}),
    )


def test_a_longer_stem_is_another_model() -> None:
    assert gathered(["P.json", "P.vae.safetensors", "P.safetensors", "P.vae.txt"]).families == (
        Family("P", ("P.safetensors",), {".json": "P.json"}),
        Family("P.vae", ("P.vae.safetensors",), {".txt": "P.vae.txt"}),
    )


def test_a_name_that_fits_two_stems_belongs_to_the_one_that_is_there() -> None:
    assert gathered(["a.metadata.safetensors", "a.metadata.json"]).families == (
        Family("a.metadata", ("a.metadata.safetensors",), {".json": "a.metadata.json"}),
    )
    assert gathered(["a.ckpt", "a.description.txt"]).families == (
        Family("a", ("a.ckpt",), {".description.txt": "a.description.txt"}),
    )


def test_names_are_matched_to_the_letter() -> None:
    gathering = gathered(["Meadow.safetensors", "meadow.cm-info.json"])

    assert gathering.orphans == ("meadow.cm-info.json",)


def test_sidecars_without_a_model_are_told_from_files_that_may_be_anything() -> None:
    gathering = gathered(
        [
            *("gone.metadata.json", "gone.civitai.info", "gone.swarm.json", "gone.cm-info.json"),
            *("config.json", "readme.txt", "gone.metadata.json.tmp", "._a.metadata.json"),
        ]
    )

    assert gathering.orphans == (
        "gone.civitai.info",
        "gone.cm-info.json",
        "gone.metadata.json",
        "gone.swarm.json",
    )
    assert gathering.doubtful == ("config.json",)


FILES = {
    "a.metadata.json": b'{"model_name": "LM"}',
    "a.civitai.info": b'{"model": {"name": "C"}}',
    "a.swarm.json": b'{"title": "S"}',
    "a.cm-info.json": b'{"ModelName": "M"}',
    "a.json": b'{"notes": "Mine"}',
    "a.txt": b"From the file",
    "a.description.txt": b"From the second file",
}


def told(*names: str) -> dict[Origin, tuple[str, str]]:
    (family,) = gathered(["a.safetensors", *names]).families
    return {
        source.origin: (source.name, source.description)
        for source in read(family, FILES.__getitem__)
    }


def test_all_sidecars_of_a_family_are_read() -> None:
    assert told(*FILES) == {
        Origin.LORA_MANAGER: ("LM", ""),
        Origin.SWARM: ("S", ""),
        Origin.STABILITY_MATRIX: ("M", ""),
        Origin.CIVITAI: ("C", ""),
        Origin.WEBUI: ("", "From the file\n\nMine"),
    }


def test_the_first_text_file_counts_with_json_and_without() -> None:
    assert told("a.txt", "a.description.txt") == {Origin.WEBUI: ("", "From the file")}
    assert told("a.description.txt") == {Origin.WEBUI: ("", "From the second file")}
    assert told("a.json") == {Origin.WEBUI: ("", "Mine")}
    assert told() == {}


def test_a_sidecar_that_cannot_be_read_costs_a_notice() -> None:
    def content(_name: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    (family,) = gathered(["a.safetensors", *FILES]).families

    sources = read(family, content)

    assert len(sources) == 5
    for source in sources:
        (notice,) = source.notices
        assert notice.code == "sidecar_damaged"
        assert notice.detail == f"{source.file}: it cannot be read: Permission denied."
