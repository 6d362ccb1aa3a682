"""Trees of model files: what is found in them, whatever lies there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from adapters.sources.folders.tree import MAX_DEPTH
from engine.errors import SourceMissing, SourceUnreadable
from engine.facts.previews import UnusableImage
from engine.facts.source import HashClaims
from tests.integration.sources import KINDS, codes, content, opened, read, settled
from tests.managers.making import image, safetensors, sha_of, write

links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")


def keys(location: Path, *roots: tuple[str, Path]) -> list[str]:
    models, _ = read(settled(location, *roots), location.parent / "scratch")
    return [model.key for model in models]


def test_models_come_in_the_order_of_their_keys_with_folders_among_them(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("b/z.gguf", "a.pt", "a/1.ckpt", "a-b.bin", "a b/é.sft", "日本/モデル.safetensors"):
        write(tree / name, b"x")

    assert keys(tree) == [
        "a b/é.sft",
        "a-b.bin",
        "a.pt",
        "a/1.ckpt",
        "b/z.gguf",
        "日本/モデル.safetensors",
    ]


def test_two_models_of_one_stem_share_what_is_told_of_them(tmp_path: Path) -> None:
    write(tmp_path / "x.safetensors", safetensors())
    write(tmp_path / "x.ckpt", b"pickle")
    write(tmp_path / "x.metadata.json", {"model_name": "Both", "tags": ["a"]})
    write(tmp_path / "x.png", image(1))

    models, notices = read(settled(tmp_path), tmp_path / "scratch")

    assert [(model.key, model.name, model.tags) for model in models] == [
        ("x.ckpt", "Both", ("a",)),
        ("x.safetensors", "Both", ("a",)),
    ]
    assert [len(model.images) for model in models] == [1, 1]
    assert notices == []


def test_a_folder_named_by_its_type_gives_it_and_a_root_that_a_person_named_counts_more(
    tmp_path: Path,
) -> None:
    tree = tmp_path / "loras"
    write(tree / "a.safetensors", safetensors())
    write(tree / "mine" / "b.safetensors", safetensors())
    write(tmp_path / "far" / "c.safetensors", safetensors())

    ref = settled(tree, ("controlnet", tree / "mine"), ("vae", tmp_path / "far"))
    models, _ = read(ref, tmp_path / "scratch")

    assert {model.key: model.type for model in models} == {
        "a.safetensors": "loras",
        "mine/b.safetensors": "controlnet",
        f"{(tmp_path / 'far').as_posix()}/c.safetensors": "vae",
    }


def test_the_type_comes_from_the_data_where_no_folder_tells_it(tmp_path: Path) -> None:
    write(tmp_path / "stuff" / "a.safetensors", safetensors({"ss_network_module": "networks.lora"}))

    models, _ = read(settled(tmp_path / "stuff"), tmp_path / "scratch")

    assert [model.type for model in models] == ["loras"]


def test_folders_that_comfyui_is_told_of_are_read_wherever_they_are(tmp_path: Path) -> None:
    comfy = tmp_path / "ComfyUI"
    write(comfy / "models" / "loras" / "own.safetensors", safetensors())
    write(tmp_path / "a1111" / "models" / "Lora" / "far.safetensors", safetensors())
    write(tmp_path / "a1111" / "models" / "LyCORIS" / "old.safetensors", safetensors())
    write(
        comfy / "extra_model_paths.yaml",
        "a111:\n    base_path: ../a1111\n    is_default: true\n"
        "    loras: |\n        models/Lora\n        models/LyCORIS\n"
        "    unet: models/Nowhere\n    vae: 3\nempty:\nother: text\n",
    )

    ref = settled(comfy)
    models, notices = read(ref, tmp_path / "scratch")

    assert ref.layout == "comfyui"
    assert {Path(model.path).name: model.type for model in models} == {
        "own.safetensors": "loras",
        "far.safetensors": "loras",
        "old.safetensors": "loras",
    }
    assert sorted(codes(notices)) == ["folder_unreadable", "layout_damaged", "layout_damaged"]


def test_paths_of_another_machine_in_its_settings_are_translated(tmp_path: Path) -> None:
    write(tmp_path / "ui" / "models" / "loras" / "a.safetensors", safetensors())
    write(tmp_path / "here" / "sub" / "b.safetensors", safetensors())
    write(tmp_path / "ui" / "extra_model_paths.yaml", "x:\n  loras: D:\\models\\sub\n")
    maps = (f"d:/models={tmp_path / 'here'}", "E:\\=/nowhere")

    models, notices = read(settled(tmp_path / "ui", maps=maps), tmp_path / "scratch")

    assert {Path(model.path).name for model in models} == {"a.safetensors", "b.safetensors"}
    assert [(notice.code, "E:\\" in notice.detail) for notice in notices] == [("map_unused", True)]


@links
def test_links_within_the_tree_lead_to_nothing_twice_and_loops_end(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree / "a" / "x.safetensors", safetensors())
    (tree / "a" / "up").symlink_to(tree)
    (tree / "b").symlink_to(tree / "a")
    (tree / "y.safetensors").symlink_to(tree / "a" / "x.safetensors")
    (tree / "round").symlink_to(tree / "round")

    assert keys(tree) == ["a/x.safetensors"]


@links
def test_nothing_outside_is_opened_by_a_link_and_each_link_is_told(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    write(tree / "x.safetensors", safetensors())
    write(outside / "secret.json", {"description": "secret"})
    write(outside / "secret.png", image(1))
    write(outside / "y.safetensors", safetensors({"modelspec.title": "secret"}))
    (tree / "x.json").symlink_to(outside / "secret.json")
    (tree / "x.png").symlink_to(outside / "secret.png")
    (tree / "y.safetensors").symlink_to(outside / "y.safetensors")
    (tree / "folder").symlink_to(outside)

    ref = settled(tree)
    models, notices = read(ref, tmp_path / "scratch")

    x, y = models
    assert (x.description, codes(x.warnings)) == ("", ["sidecar_damaged"])
    assert "secret" not in x.verbatim.decode() + y.verbatim.decode()
    assert y.defect is not None
    assert y.defect.code == "link_not_followed"
    assert codes(notices) == ["link_not_followed"]
    with pytest.raises(UnusableImage):
        content(ref, x)


@links
def test_a_link_to_nothing_is_a_model_whose_file_is_missing(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree / "x.metadata.json", {"model_name": "Lost", "tags": ["kept"]})
    (tree / "x.safetensors").symlink_to(tree / "unmounted" / "x.safetensors")

    models, _ = read(settled(tree), tmp_path / "scratch")

    assert [(model.name, model.tags, model.size_bytes) for model in models] == [
        ("Lost", ("kept",), None)
    ]
    assert codes(models[0].warnings) == ["file_missing"]


@links
def test_a_root_that_is_a_link_is_looked_into(tmp_path: Path) -> None:
    write(tmp_path / "disk" / "a.safetensors", safetensors())
    (tmp_path / "ui" / "models").mkdir(parents=True)
    (tmp_path / "ui" / "models" / "loras").symlink_to(tmp_path / "disk")

    models, _ = read(settled(tmp_path / "ui"), tmp_path / "scratch")

    assert [(Path(model.path).name, model.type) for model in models] == [("a.safetensors", "loras")]


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are text there")
def test_a_name_that_is_no_text_is_a_defect_of_its_model_alone(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "b.safetensors").write_bytes(safetensors())
    (Path(os.fsdecode(os.fsencode(tree) + b"/a\xff.safetensors"))).write_bytes(safetensors())

    models, _ = read(settled(tree), tmp_path / "scratch")

    assert [(model.key, model.defect is None) for model in models] == [
        ("a\\xff.safetensors", False),
        ("b.safetensors", True),
    ]


def test_a_name_as_long_as_a_name_can_be_is_taken(tmp_path: Path) -> None:
    name = "n" * 243 + ".safetensors"
    write(tmp_path / "tree" / name, safetensors())
    write(tmp_path / "tree" / ("n" * 243 + ".png"), image(1))

    models, _ = read(settled(tmp_path / "tree"), tmp_path / "scratch")

    assert [(model.key, len(model.images)) for model in models] == [(name, 1)]


def test_folders_too_deep_for_any_person_are_told(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    deep = tree.joinpath(*(["d"] * (MAX_DEPTH + 1)))
    write(deep / "x.safetensors", b"x")
    write(tree / "y.safetensors", safetensors())

    models, notices = read(settled(tree), tmp_path / "scratch")

    assert [model.key for model in models] == ["y.safetensors"]
    assert codes(notices) == ["folder_unreadable"]


def test_what_is_known_in_its_version_is_not_read_again(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("a", "b"):
        write(tree / f"{name}.safetensors", safetensors())
        write(tree / f"{name}.json", {"description": name})
    ref = settled(tree)
    with opened(ref, tmp_path / "scratch") as source:
        first = [model for chunk in source.chunks("", 10) for model in chunk.models]
    write(tree / "b.json", {"description": "edited"})
    recorded = {model.key: model.version for model in first}

    with opened(ref, tmp_path / "scratch") as source:
        chunks = list(
            source.chunks(
                "", 10, lambda asked: {key for key in asked if asked[key] == recorded[key]}
            )
        )

    assert [model.description for chunk in chunks for model in chunk.models] == ["edited"]


def test_a_hash_is_a_claim_and_with_trust_an_identity(tmp_path: Path) -> None:
    data = write(tmp_path / "tree" / "a.safetensors", safetensors())
    write(tmp_path / "tree" / "a.cm-info.json", {"Hashes": {"SHA256": sha_of(data).upper()}})

    (claimed,), _ = read(settled(tmp_path / "tree"), tmp_path / "scratch")
    ref = settled(tmp_path / "tree", hashes=HashClaims.TRUST)
    (trusted,), _ = read(ref, tmp_path / "scratch")

    assert (claimed.sha256, claimed.claimed_sha256) == ("", sha_of(data))
    assert (trusted.sha256, trusted.claimed_by) == (sha_of(data), "stability_matrix")


def test_example_pictures_are_found_by_the_hash_that_is_told(tmp_path: Path) -> None:
    tree, examples = tmp_path / "tree", tmp_path / "examples"
    data = write(tree / "a.safetensors", safetensors())
    sidecar = {"sha256": sha_of(data), "civitai": {"customImages": [{"id": "zz"}, {"id": "yy"}]}}
    write(tree / "a.metadata.json", sidecar)
    for place, name in enumerate(("image_10.png", "image_2.png", "custom_yy.png", "custom_zz.png")):
        write(examples / "loras" / sha_of(data) / name, image(place))
    write(examples / "loras" / sha_of(data) / "image_3.mp4", b"video")

    ref = settled(tree, images=str(examples))
    (model,), _ = read(ref, tmp_path / "scratch")

    assert [ref.name for ref in model.images] == [
        "image_2.png",
        "image_10.png",
        "custom_zz.png",
        "custom_yy.png",
    ]
    assert codes(model.warnings) == ["video_skipped"]
    assert content(ref, model) == [image(1), image(0), image(3), image(2)]


def test_a_fingerprint_follows_every_file_that_is_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree / "a.safetensors", safetensors())
    ref = settled(tree)
    seen = {KINDS["folders"].fingerprint(ref)}
    for name in ("a.json", "a.png", "deep/b.ckpt", "orphan.civitai.info"):
        write(tree / name, "{}")
        seen.add(KINDS["folders"].fingerprint(ref))
    os.utime(tree / "a.json", (1, 1))
    seen.add(KINDS["folders"].fingerprint(ref))

    assert len(seen) == 6


def test_a_location_that_is_none_is_told(tmp_path: Path) -> None:
    write(tmp_path / "file", b"x")

    with pytest.raises(SourceMissing):
        settled(tmp_path / "gone")
    with pytest.raises(SourceUnreadable):
        settled(tmp_path / "file")


def test_the_row_as_it_was_is_kept(tmp_path: Path) -> None:
    data = write(tmp_path / "tree" / "a.safetensors", safetensors({"custom": "kept"}))
    sidecar = json.dumps({"anything": ["at", "all"]})
    write(tmp_path / "tree" / "a.metadata.json", sidecar)

    (model,), _ = read(settled(tmp_path / "tree"), tmp_path / "scratch")

    row = json.loads(model.verbatim)
    assert row["files"][0][:2] == ["a.safetensors", len(data)]
    assert row["sidecars"] == {"a.metadata.json": sidecar}
    assert row["header"] == {"custom": "kept"}
