"""Several sources of one model become one set of facts, by the table's rules alone."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources import table
from adapters.sources.facts import Assertion, Claim, Facts, ModelFile, Origin, Told
from adapters.sources.merging import merged
from engine.facts.source import Notice

HASH = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
FILE = ModelFile("meadow.v2.safetensors", 262_144)
LORA_MANAGER = Told(Origin.LORA_MANAGER, "m.metadata.json")
WEBUI = Told(Origin.WEBUI, "m.json")


def test_a_model_that_nobody_tells_of_has_its_stem_for_a_name() -> None:
    assert merged(FILE, []) == Facts(name="meadow.v2")


def test_each_field_is_that_of_the_first_source_that_has_it() -> None:
    facts = merged(
        FILE,
        [
            Told(Origin.HEADER, "h", name="H", positive="h", type="loras", description="H."),
            Told(Origin.CIVITAI, "c", name="C", description="C.", community_links="https://c"),
            Told(Origin.WEBUI, "w", positive="w", negative="n"),
            Told(Origin.LORA_MANAGER, "l", name="L", created_at=7),
            Told(Origin.STABILITY_MATRIX, "s", name="S", created_at=8),
        ],
    )

    assert facts == Facts(
        name="L",
        type="loras",
        description="C.",
        community_links="https://c",
        positive="w",
        negative="n",
        created_at=7,
    )


def test_tags_are_united_in_the_order_of_their_sources() -> None:
    facts = merged(
        FILE,
        [
            Told(Origin.CIVITAI, "c", tags=("b", "c")),
            Told(Origin.LORA_MANAGER, "l", tags=("a", "b")),
        ],
    )

    assert facts.tags == ("a", "b", "c")


@given(st.permutations(list(Origin)))
def test_the_order_in_which_sources_are_given_is_of_no_matter(order: list[Origin]) -> None:
    told = {
        origin: Told(origin, str(origin), name=str(origin), tags=(str(origin),))
        for origin in Origin
    }

    assert merged(FILE, [told[origin] for origin in order]) == merged(FILE, list(told.values()))


def test_sources_are_believed_in_the_order_that_was_decided() -> None:
    assert [origin.value for origin in Origin] == [
        "lora_manager",
        "webui",
        "swarm",
        "stability_matrix",
        "civitai",
        "invokeai",
        "header",
    ]


def test_a_claim_that_all_share_is_the_first_ones() -> None:
    facts = merged(
        FILE,
        [
            Told(Origin.CIVITAI, "c", assertions=(Assertion(HASH, 262_144),)),
            Told(Origin.LORA_MANAGER, "l", assertions=(Assertion(HASH),)),
        ],
    )

    assert facts.claimed == Claim(HASH, Origin.LORA_MANAGER)
    assert facts.claims == (Claim(HASH, Origin.LORA_MANAGER), Claim(HASH, Origin.CIVITAI))
    assert facts.notices == ()


def test_claims_that_contradict_each_other_are_kept_and_none_is_used() -> None:
    for sources in permutations(
        [
            Told(Origin.CIVITAI, "c", assertions=(Assertion(OTHER, 262_144),)),
            Told(Origin.LORA_MANAGER, "l", assertions=(Assertion(HASH),)),
        ]
    ):
        facts = merged(FILE, sources)

        assert facts.claimed is None
        assert [claim.sha256 for claim in facts.claims] == [HASH, OTHER]
        assert [notice.code for notice in facts.notices] == ["claims_disagree"]


def test_a_claim_that_is_refused_leaves_the_next_ones() -> None:
    facts = merged(
        FILE,
        [
            Told(Origin.LORA_MANAGER, "l", assertions=(Assertion(OTHER, 5),)),
            Told(Origin.CIVITAI, "c", assertions=(Assertion(HASH, 262_144),)),
        ],
    )

    assert facts.claimed == Claim(HASH, Origin.CIVITAI)
    assert [notice.code for notice in facts.notices] == ["claim_rejected"]


def test_a_claim_that_is_the_headers_tensor_hash_is_refused() -> None:
    facts = merged(
        FILE,
        [
            Told(Origin.CIVITAI, "c", assertions=(Assertion(HASH, 262_144),)),
            Told(Origin.HEADER, "h", tensors=(f"0x{HASH}",)),
        ],
    )

    assert facts.claimed is None
    assert [notice.code for notice in facts.notices] == ["claim_rejected"]


def test_notices_of_all_sources_are_kept_in_their_order() -> None:
    first, second = Notice("sidecar_damaged", "l"), Notice("header_unusable", "h")
    facts = merged(
        FILE,
        [
            Told(Origin.HEADER, "h", notices=(second,)),
            Told(Origin.LORA_MANAGER, "l", notices=(first,), hidden=True),
        ],
    )

    assert facts.notices == (
        first,
        second,
        Notice("hidden_in_source", "l: the model is hidden in LoRA Manager."),
    )


def test_the_table_names_every_source_and_every_field() -> None:
    told = {origin for _, cells in table.rows() for origin, _ in cells}

    assert told == set(Origin)
    assert [title for title, _ in table.rows()] == [
        "name",
        "type, where the folder tells none",
        "description",
        "links",
        "positive prompt",
        "negative prompt",
        "tags",
        "created",
    ]


@pytest.mark.parametrize("target", table.TABLE, ids=lambda target: target.field)
def test_a_target_of_the_table_is_a_field_of_what_is_told(target: table.Target) -> None:
    assert hasattr(LORA_MANAGER, target.field)
    assert hasattr(merged(FILE, [WEBUI]), target.field)


@pytest.mark.parametrize("target", table.TABLE, ids=lambda target: target.field)
def test_the_cells_of_a_target_are_in_the_order_of_their_sources(target: table.Target) -> None:
    ranks = [list(Origin).index(cell.origin) for cell in target.cells]

    assert ranks == sorted(ranks)


def test_the_table_says_which_fields_are_read() -> None:
    described = dict(dict(table.rows())["description"])

    assert described[Origin.LORA_MANAGER] == "`modelDescription`; `notes`"
    assert described[Origin.WEBUI] == "`description`, else `text file`; `notes`"
    assert described[Origin.CIVITAI] == "`model.description`; `description`"
