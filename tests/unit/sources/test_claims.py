"""Which of the hashes that sources tell may be the file's, and why the others are none."""

from __future__ import annotations

from hashlib import sha256

import pytest

from adapters.sources.claims import HASH_OF_NOTHING, disagreement, judged, tensor_hashes
from adapters.sources.facts import Assertion, Claim, ModelFile, Origin, Told

HASH = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
FILE = ModelFile("meadow.v2.safetensors", 262_144)


def told(*assertions: Assertion) -> Told:
    return Told(Origin.CIVITAI, "meadow.v2.civitai.info", assertions=assertions)


def claimed(*assertions: Assertion, file: ModelFile = FILE) -> str:
    claim, notice = judged(told(*assertions), file, frozenset())
    assert (claim is None) != (notice is None)
    return claim.sha256 if claim else ""


def reason(*assertions: Assertion, file: ModelFile = FILE, tensors: str = "") -> str:
    claim, notice = judged(told(*assertions), file, frozenset({tensors}))
    assert claim is None
    assert notice is not None
    assert notice.code == "claim_rejected"
    assert notice.detail.startswith("meadow.v2.civitai.info: the hash ")
    return notice.detail


@pytest.mark.parametrize("written", [HASH, HASH.upper(), f" {HASH}\n"])
def test_64_digits_are_a_claim(written: str) -> None:
    claim, notice = judged(told(Assertion(written)), FILE, frozenset())

    assert claim == Claim(HASH, Origin.CIVITAI)
    assert notice is None


def test_a_source_that_asserts_nothing_claims_nothing() -> None:
    assert judged(told(), FILE, frozenset()) == (None, None)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("0x" + HASH, "0x"),
        (HASH[:12], "AutoV3"),
        (HASH[:10], "AutoV2"),
        (HASH[:8], "CRC32"),
        (HASH[:63], "64 hexadecimal digits"),
        (HASH[:63] + "g", "64 hexadecimal digits"),
        ("é" * 64, "64 hexadecimal digits"),
        (HASH_OF_NOTHING, "empty file"),
        (sha256(b"meadow.v2.safetensors").hexdigest(), "the file's name"),
        (sha256(b"meadow.v2").hexdigest(), "the file's name"),
    ],
)
def test_a_hash_of_something_else_is_refused(written: str, why: str) -> None:
    assert why in reason(Assertion(written))


def test_the_hash_of_nothing_is_that_of_an_empty_file() -> None:
    assert claimed(Assertion(HASH_OF_NOTHING), file=ModelFile("a.pt", 0)) == HASH_OF_NOTHING


def test_a_hash_of_the_tensors_is_known_by_the_header() -> None:
    assert "of the tensors" in reason(Assertion(HASH), tensors=HASH)


def test_hashes_of_the_tensors_are_compared_without_their_prefix() -> None:
    header = Told(Origin.HEADER, "a.safetensors", tensors=("0x" + HASH.upper(), OTHER))

    assert tensor_hashes([header]) == {HASH, OTHER}


def test_an_objection_of_its_source_is_given() -> None:
    assert "pending" in reason(Assertion(HASH, objection="its hash_status is 'pending'"))


@pytest.mark.parametrize("off", [0, 1024, -1024, 0.4])
def test_a_hash_of_a_file_of_this_size_is_a_claim(off: float) -> None:
    assert claimed(Assertion(HASH, 262_144 + off)) == HASH


@pytest.mark.parametrize("off", [1025, -1025, 10**9])
def test_a_hash_of_a_file_of_another_size_is_refused(off: float) -> None:
    assert "262144" in reason(Assertion(HASH, 262_144 + off))


def test_of_several_files_that_of_this_size_counts_whatever_its_name() -> None:
    files = (
        Assertion(OTHER, 131_072, "meadow.v2.safetensors"),
        Assertion(HASH, 262_000, "full.safetensors"),
    )

    assert claimed(*files) == HASH


def test_of_several_files_of_this_size_that_of_this_name_counts() -> None:
    files = (
        Assertion(OTHER, 262_144, "bf16.safetensors"),
        Assertion(HASH, 262_144, "meadow.v2.safetensors"),
    )

    assert claimed(*files) == HASH


def test_several_files_of_one_hash_are_one() -> None:
    assert claimed(Assertion(HASH, 262_144, "a"), Assertion(HASH.upper(), 262_144, "b")) == HASH


@pytest.mark.parametrize(
    "files",
    [
        (Assertion(OTHER, 262_144, "a"), Assertion(HASH, 262_144, "b")),
        (Assertion(OTHER, 1, "meadow.v2.safetensors"), Assertion(HASH, 2, "b")),
        (Assertion(OTHER, None, "a"), Assertion(HASH, None, "b")),
        (Assertion(HASH, None, "a"),),
    ],
)
def test_where_no_file_is_surely_this_one_there_is_no_claim(files: tuple[Assertion, ...]) -> None:
    assert reason(*files)


def test_without_sizes_the_name_decides() -> None:
    named = Assertion(HASH, None, "meadow.v2.safetensors")

    assert claimed(Assertion(OTHER, None, "a"), named) == HASH
    assert claimed(named) == HASH


def test_the_hash_of_a_file_that_is_missing_is_judged_without_its_size() -> None:
    missing = ModelFile("meadow.v2.safetensors", None)

    assert claimed(Assertion(HASH, 5), file=missing) == HASH


def test_claims_that_contradict_each_other_are_named_with_both() -> None:
    notice = disagreement([Claim(HASH, Origin.LORA_MANAGER), Claim(OTHER, Origin.CIVITAI)])

    assert notice is not None
    assert notice.code == "claims_disagree"
    assert f"LoRA Manager says {HASH}, Civitai says {OTHER}" in notice.detail


def test_claims_that_agree_are_no_disagreement() -> None:
    assert disagreement([Claim(HASH, Origin.LORA_MANAGER), Claim(HASH, Origin.CIVITAI)]) is None
    assert disagreement([]) is None
