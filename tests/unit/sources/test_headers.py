"""What headers of model files tell, and that a header that lies costs nothing but itself."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.headers import gguf, reader, safetensors

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(101))
THUMBNAIL = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
TENSOR = {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}
METADATA = {
    "modelspec.sai_model_spec": "1.0.1",
    "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
    "modelspec.title": "Meadow Light",
    "modelspec.description": "<p>Soft.</p>",
    "modelspec.tags": "style, landscape",
    "modelspec.trigger_phrase": "meadow light",
    "modelspec.thumbnail": THUMBNAIL,
    "ss_output_name": "meadow-000004",
    "ss_training_comment": "None",
    "sshs_model_hash": "ab" * 32,
}


def packed(header: bytes, data: bytes = bytes(8)) -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def with_metadata(metadata: Any) -> bytes:
    return packed(json.dumps({"__metadata__": metadata, "weight": TENSOR}).encode())


def read(tmp_path: Path, content: bytes, name: str = "meadow.safetensors") -> Told:
    path = tmp_path / name
    path.write_bytes(content)
    return read_file(path)


def read_file(path: Path) -> Told:
    return reader.read(path.name, opener(path))


def picture_in(path: Path, place: str) -> bytes | None:
    return reader.picture(path.name, opener(path), place)


def opener(path: Path) -> Callable[[], int]:
    return partial(os.open, path, os.O_RDONLY | os.O_NONBLOCK)


def flaw(told: Told) -> str:
    (notice,) = told.notices
    assert notice.code == "header_unusable"
    return notice.detail


def test_modelspec_is_told(tmp_path: Path) -> None:
    told = read(tmp_path, with_metadata(METADATA))

    assert told == Told(
        Origin.HEADER,
        "meadow.safetensors",
        name="Meadow Light",
        type="loras",
        description="Soft.",
        positive="meadow light",
        tags=("style", "landscape"),
        tensors=("ab" * 32,),
        embedded=("modelspec.thumbnail",),
        text=told.text,
    )
    assert json.loads(told.text) == METADATA


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"ss_output_name": "meadow-000004"}, "meadow-000004"),
        ({"modelspec.title": "LoRA@1700000000", "ss_output_name": "meadow"}, "meadow"),
        ({"modelspec.title": "Checkpoint@1", "ss_output_name": "None"}, ""),
        ({"modelspec.title": "  ", "ss_output_name": ""}, ""),
        ({}, ""),
    ],
)
def test_a_title_that_was_made_up_is_none(
    tmp_path: Path, metadata: dict[str, str], name: str
) -> None:
    told = read(tmp_path, with_metadata(metadata))

    assert told.name == name
    assert told.notices == ()


@pytest.mark.parametrize(
    ("metadata", "type"),
    [
        ({"ss_network_module": "networks.lora"}, "loras"),
        ({"modelspec.architecture": "stable-diffusion-v1/textual-inversion"}, "embeddings"),
        ({"modelspec.architecture": "stable-diffusion-v1/vae"}, "vae"),
        ({"modelspec.architecture": "flux-1-dev"}, ""),
    ],
)
def test_the_type_is_told_by_the_architecture(
    tmp_path: Path, metadata: dict[str, str], type: str
) -> None:
    assert read(tmp_path, with_metadata(metadata)).type == type


def test_captions_and_the_trainers_paths_are_never_tags_or_names(tmp_path: Path) -> None:
    told = read(
        tmp_path,
        with_metadata(
            {
                "ss_tag_frequency": json.dumps({"10_meadow": {"1girl": 300}}),
                "ss_sd_model_name": "/home/trainer/sdxl.safetensors",
            }
        ),
    )

    assert (told.name, told.tags) == ("", ())


def test_the_tensor_hash_is_objected_to(tmp_path: Path) -> None:
    told = read(tmp_path, with_metadata({"modelspec.hash_sha256": "0x" + "cd" * 32}))

    assert told.assertions == (Assertion("0x" + "cd" * 32, objection=reader.TENSORS),)
    assert told.tensors == ("0x" + "cd" * 32,)


def test_a_training_comment_is_a_description(tmp_path: Path) -> None:
    assert read(tmp_path, with_metadata({"ss_training_comment": "Mine"})).description == "Mine"


def test_a_header_without_metadata_tells_nothing(tmp_path: Path) -> None:
    told = read(tmp_path, packed(json.dumps({"weight": TENSOR}).encode()))

    assert told == Told(Origin.HEADER, "meadow.safetensors")


def test_values_that_are_no_texts_are_passed_over(tmp_path: Path) -> None:
    told = read(tmp_path, with_metadata({"modelspec.title": "Meadow", "epoch": 3, "x": None}))

    assert told.name == "Meadow"
    assert told.notices == ()


def test_a_long_value_is_left_in_the_file(tmp_path: Path) -> None:
    told = read(tmp_path, with_metadata({"ss_tag_frequency": "x" * 100_000}))

    assert json.loads(told.text) == {"ss_tag_frequency": "100000 characters, in the file itself"}


def test_a_picture_of_a_header_is_given_by_its_place(tmp_path: Path) -> None:
    told = read(tmp_path, with_metadata(METADATA))

    assert picture_in(tmp_path / "meadow.safetensors", told.embedded[0]) == JPEG
    assert picture_in(tmp_path / "meadow.safetensors", "thumbnail") is None
    assert picture_in(tmp_path / "gone.safetensors", "thumbnail") is None


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (rb'{"__metadata__": {"modelspec.title": "Meadow \ud83d"}}', "Meadow \ufffd"),
        (b'{"__metadata__": {"modelspec.title": "Meadow", "x": NaN}}', "Meadow"),
        (b'{"__metadata__": {"modelspec.title": "Meadow"}, "x": NaN}', "Meadow"),
        (b'{"__metadata__": {"modelspec.title": "Meadow", "x": 1e999}}', "Meadow"),
    ],
)
def test_a_header_that_the_loader_would_refuse_is_read_and_named(
    tmp_path: Path, written: bytes, told: str
) -> None:
    found = read(tmp_path, packed(written))

    assert found.name == told
    assert flaw(found)


@pytest.mark.parametrize(
    "written",
    [
        b'{"__metadata__": {"modelspec.title": "one"}, "__metadata__": {"modelspec.title": "two"}}',
        b'{"__metadata__": {"modelspec.title": "one", "modelspec.title": "two"}}',
        b'{"__metadata__": {"modelspec.title": "two"}}        ',
    ],
)
def test_of_keys_that_are_there_twice_the_last_counts(tmp_path: Path, written: bytes) -> None:
    assert read(tmp_path, packed(written)).name == "two"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "a file of 0 bytes has none"),
        (b"\0\0\0", "a file of 3 bytes has none"),
        (packed(b""), "it is empty"),
        (b"PK\x03\x04" + bytes(60), "begins as a zip archive"),
        (b"\x80\x02}q\x00." + bytes(60), "begins as a pickle"),
        (b"<!DOCTYPE html><html></html>", "begins as a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ((10**8).to_bytes(8, "little") + b"{}", "longer than the file"),
        ((2**64 - 1).to_bytes(8, "little") + b"{}", "longer than the file"),
        (packed(b'{"a": 1'), "cut off or no JSON"),
        (packed(b"[]"), "where an object belongs"),
        (packed(b'{"__metadata__": []}'), "where an object belongs"),
        (packed(b'{"__metadata__": [], "x": NaN}'), "where an object belongs"),
        (packed(b'{"a": ' + b"[" * 100_000), "nested more than"),
        (packed(b'{"__metadata__": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}"), "nested more than"),
        (packed(b'{"__metadata__": {"a": "\xff"}}'), "UTF-8"),
    ],
)
def test_a_header_that_is_none_costs_a_notice(tmp_path: Path, content: bytes, why: str) -> None:
    told = read(tmp_path, content)

    assert why in flaw(told)
    assert told.name == ""


def test_a_header_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "meadow.safetensors"
    with path.open("wb") as file:
        file.write((100_000_000).to_bytes(8, "little") + b"{")
        file.truncate(100_000_100)

    assert "it has 100000000 bytes" in flaw(read_file(path))


def test_the_first_byte_of_the_data_is_not_read(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"modelspec.title": "Meadow"}}).encode()

    assert read(tmp_path, packed(header, b"\xff" * 100)).name == "Meadow"


@pytest.mark.parametrize("name", ["a.ckpt", "a.pt", "a.pth", "a.bin", "a.pkl", "a"])
def test_a_pickle_is_never_looked_into(tmp_path: Path, name: str) -> None:
    assert not reader.has_header(name)
    assert read(tmp_path, with_metadata(METADATA), name) == Told(Origin.HEADER, name)


@pytest.mark.parametrize("name", ["a.safetensors", "A.SAFETENSORS", "a.sft", "a.GGUF"])
def test_a_suffix_counts_in_any_case(name: str) -> None:
    assert reader.has_header(name)


def test_a_file_that_is_not_there_costs_a_notice(tmp_path: Path) -> None:
    assert "cannot be read" in flaw(read_file(tmp_path / "gone.safetensors"))


def test_what_is_no_file_costs_a_notice_and_no_wait(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.gguf")

    assert flaw(read_file(tmp_path / "folder.safetensors"))
    assert "no regular file" in flaw(read_file(tmp_path / "pipe.gguf"))


# GGUF


def text(value: str, width: str = "Q") -> bytes:
    data = value.encode()
    return struct.pack(f"<{width}", len(data)) + data


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def texts(key: str, *values: str) -> bytes:
    return pair(key, 9, struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values)))


def pairs(*written: bytes, count: int | None = None, version: int = 3) -> bytes:
    amount = len(written) if count is None else count
    return struct.pack("<4sIQQ", b"GGUF", version, 1, amount) + b"".join(written)


GENERAL = (
    pair("general.architecture", 8, text("flux")),
    pair("general.alignment", 4, struct.pack("<I", 32)),
    texts("tokenizer.ggml.tokens", *(f"token{number}" for number in range(500))),
    pair("tokenizer.ggml.scores", 9, struct.pack("<IQ3f", 6, 3, 0.0, 1.0, 2.0)),
    pair("general.quantized", 7, b"\x01"),
    pair("general.name", 8, text("Meadow Light 日本")),
    pair("general.description", 8, text("Soft.")),
    texts("general.tags", "style", "landscape"),
)


def test_a_gguf_header_is_told(tmp_path: Path) -> None:
    told = read(tmp_path, pairs(*GENERAL) + bytes(64), "meadow.gguf")

    assert told == Told(
        Origin.HEADER,
        "meadow.gguf",
        name="Meadow Light 日本",
        description="Soft.",
        tags=("style", "landscape"),
        text=told.text,
    )


def test_a_gguf_file_of_the_other_byte_order_is_read(tmp_path: Path) -> None:
    written = struct.pack(">4sIQQ", b"GGUF", 3, 1, 1)
    written += struct.pack(">Q", 12) + b"general.name"
    written += struct.pack(">IQ", 8, 6) + b"Meadow"

    assert read(tmp_path, written, "a.gguf").name == "Meadow"


def test_a_gguf_file_of_version_1_is_read(tmp_path: Path) -> None:
    written = struct.pack("<4sIII", b"GGUF", 1, 1, 1)
    written += text("general.name", "I") + struct.pack("<I", 8) + text("Meadow", "I")

    assert read(tmp_path, written, "a.gguf").name == "Meadow"


NAMED = pair("general.name", 8, text("Meadow"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "tells of more than the file holds"),
        (b"GGML" + bytes(60), "does not begin as"),
        (pairs(version=9), "version 9 is not known"),
        (b"GGUF\x03\0\0\0", "more than the file holds"),
        (pairs(count=2**63), "values; more than"),
        (pairs(count=5), "more than the file holds"),
        (pairs(struct.pack("<Q", 2**62)), "would have"),
        (pairs(pair("a", 8, struct.pack("<Q", 2**63))), "more than the file holds"),
        (pairs(pair("general.a", 8, struct.pack("<Q", 2**40) + b"x")), "would have"),
        (pairs(pair("a", 99, bytes(8))), "unknown type 99"),
        (pairs(pair("a", 9, struct.pack("<IQ", 9, 1))), "lists within lists"),
        (pairs(pair("a", 9, struct.pack("<IQ", 6, 2**62))), "more than the file holds"),
        (pairs(pair("a", 9, struct.pack("<IQ", 8, 2**40))), "entries"),
        (pairs(pair("a", 9, struct.pack("<IQ", 77, 2))), "unknown type 77"),
    ],
)
def test_a_gguf_header_that_lies_costs_a_notice(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in flaw(read(tmp_path, content, "a.gguf"))


def test_what_was_read_of_a_gguf_header_before_the_damage_is_told(tmp_path: Path) -> None:
    told = read(tmp_path, pairs(NAMED, pair("a", 99, b"")), "a.gguf")

    assert told.name == "Meadow"
    assert flaw(told)


def test_texts_of_a_gguf_header_that_are_no_utf_8_are_mended(tmp_path: Path) -> None:
    written = pair("general.name", 8, struct.pack("<Q", 3) + b"a\xff\0")

    assert read(tmp_path, pairs(written), "a.gguf").name == "a\ufffd\ufffd"


def test_lists_are_kept_to_a_bound(tmp_path: Path) -> None:
    many = texts("general.tags", *(f"tag {number}" for number in range(gguf.MAX_LISTED + 10)))

    assert len(read(tmp_path, pairs(many, NAMED), "a.gguf").tags) == gguf.MAX_LISTED


@given(data=st.data())
def test_a_header_with_any_byte_changed_never_raises(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole, name = data.draw(
        st.sampled_from([(with_metadata(METADATA), "a.safetensors"), (pairs(*GENERAL), "a.gguf")])
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(max_size=9))
    damaged = whole[:at] + noise + whole[at + len(noise) :][: data.draw(st.integers(0, 4_000))]

    told = read(tmp_path_factory.getbasetemp(), damaged, name)

    assert [notice.code for notice in told.notices] in ([], ["header_unusable"])
    told.text.encode()


def test_the_bounds_are_what_the_facts_recommend() -> None:
    assert safetensors.MAX_BYTES == gguf.MAX_BYTES == 32 * 1024 * 1024
