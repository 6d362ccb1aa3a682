"""Damage to a sidecar, whatever it is, costs a notice: no reader raises, and what is told fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.facts import Told
from adapters.sources.sidecars import civitai, lora_manager, stability_matrix, swarm, webui
from tests.unit.sources import (
    test_civitai,
    test_lora_manager,
    test_stability_matrix,
    test_swarm,
    test_webui,
)
from tests.unit.sources.test_documents import JSON_VALUES, texts

Read = Callable[[str, bytes], Told]
READERS: list[tuple[Read, str, dict[str, Any]]] = [
    (lora_manager.read, "a.metadata.json", test_lora_manager.SIDECAR),
    (civitai.read, "a.civitai.info", test_civitai.SIDECAR),
    (stability_matrix.read, "a.cm-info.json", test_stability_matrix.SIDECAR),
    (swarm.read, "a.swarm.json", test_swarm.EDITED),
    (swarm.read, "a.swarm.json", test_swarm.DOWNLOADED),
    (webui.read, "a.json", test_webui.SIDECAR),
]
every_reader = pytest.mark.parametrize(("read", "name", "sidecar"), READERS)


def checked(told: Told) -> Told:
    """What was told, once it is known to be storable and of the right types."""
    plain = msgspec.to_builtins(told)
    msgspec.convert(plain, Told)
    for text in texts(plain):
        text.encode()
    return told


def codes(told: Told) -> list[str]:
    return [notice.code for notice in told.notices]


@every_reader
@given(share=st.floats(0, 0.999))
def test_a_sidecar_that_is_cut_off_tells_nothing_but_that(
    read: Read, name: str, sidecar: dict[str, Any], share: float
) -> None:
    whole = json.dumps(sidecar).encode()

    told = checked(read(name, whole[: int(len(whole) * share)]))

    assert codes(told) == ["sidecar_damaged"]
    assert told.name == told.description == ""


@every_reader
@given(data=st.data(), replaced=JSON_VALUES)
def test_a_value_of_any_kind_in_any_place_costs_a_notice_at_most(
    read: Read, name: str, sidecar: dict[str, Any], data: st.DataObject, replaced: Any
) -> None:
    changed = json.loads(json.dumps(sidecar))
    at = changed
    key = data.draw(st.sampled_from(sorted(at)))
    while isinstance(at[key], dict) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at)))
    at[key] = replaced

    told = checked(read(name, json.dumps(changed).encode()))

    assert codes(told) in ([], ["sidecar_damaged"])


@every_reader
@given(data=st.data(), noise=st.binary(min_size=1, max_size=8))
def test_bytes_that_were_overwritten_cost_a_notice_at_most(
    read: Read, name: str, sidecar: dict[str, Any], data: st.DataObject, noise: bytes
) -> None:
    whole = json.dumps(sidecar, ensure_ascii=False).encode()
    at = data.draw(st.integers(0, len(whole) - 1))

    told = checked(read(name, whole[:at] + noise + whole[at + len(noise) :]))

    assert codes(told) in ([], ["sidecar_damaged"])


@every_reader
def test_a_byte_order_mark_is_told_and_all_else_too(
    read: Read, name: str, sidecar: dict[str, Any]
) -> None:
    whole = json.dumps(sidecar).encode()

    told = read(name, b"\xef\xbb\xbf" + whole)

    assert codes(told) == ["sidecar_damaged"]
    assert msgspec.structs.replace(told, notices=()) == read(name, whole)


@every_reader
@pytest.mark.parametrize("nesting", ["[" * 100_000, '{"a":' * 100_000])
def test_nesting_without_end_costs_a_notice(
    read: Read, name: str, sidecar: dict[str, Any], nesting: str
) -> None:
    assert codes(read(name, b'{"a":' + nesting.encode())) == ["sidecar_damaged"]


@every_reader
@given(data=st.binary())
def test_any_bytes_cost_a_notice_at_most(
    read: Read, name: str, sidecar: dict[str, Any], data: bytes
) -> None:
    checked(read(name, data))


@given(data=st.binary(), text=st.binary())
def test_any_bytes_of_a_text_file_are_a_description(data: bytes, text: bytes) -> None:
    checked(webui.read_text("a.txt", text))
    checked(webui.read_with_text("a.json", data, text))
