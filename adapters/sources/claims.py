"""Hashes that sources tell: which may be the file's SHA-256, and why the others cannot.

A claim stays one until the file was read. What is refused here is a hash of something else: of the
weights without their header, of a file's name, of another file, or by another algorithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from adapters.sources.facts import Assertion, Claim, ModelFile, Told
from adapters.sources.wording import shown
from engine.facts.records import SHA256_HEX
from engine.facts.source import Notice

SLACK = 1024
"""Bytes by which a size may be off: Civitai tells it in units of 1,024 bytes, rounded."""

HASH_OF_NOTHING = sha256(b"").hexdigest()

_SHORT = {
    8: "it has 8 digits, as AutoV1 and CRC32 have",
    10: "it has 10 digits, as AutoV2, the beginning of a hash, has",
    12: "it has 12 digits, as AutoV3, a hash of the tensors, has",
}


def judged(
    told: Told, file: ModelFile, tensors: frozenset[str]
) -> tuple[Claim | None, Notice | None]:
    """The claim that one source makes of a file, or why what it asserts is none.

    `tensors` are the hashes of the file's weights, as `bare` gives them.
    """
    if not told.assertions:
        return None, None
    asserted = _about(told.assertions, file)
    if isinstance(asserted, str):
        return None, _rejected(told, told.assertions[0], asserted)
    if objection := _objection(asserted, file, tensors):
        return None, _rejected(told, asserted, objection)
    return Claim(bare(asserted.sha256), told.origin), None


def disagreement(claims: Sequence[Claim]) -> Notice | None:
    """What to say where claims contradict each other: one of them at least is wrong."""
    if len({claim.sha256 for claim in claims}) < 2:
        return None
    said = ", ".join(f"{claim.by.known_as} says {claim.sha256}" for claim in claims)
    return Notice("claims_disagree", f"{said}; none is used before the file is hashed.")


def tensor_hashes(told: Iterable[Told]) -> frozenset[str]:
    """The hashes of a file's weights that its sources name."""
    return frozenset(bare(written) for source in told for written in source.tensors)


def bare(written: str) -> str:
    """A hash in lower case, without `0x`."""
    return written.strip().lower().removeprefix("0x")


def _about(assertions: Sequence[Assertion], file: ModelFile) -> Assertion | str:
    """The assertion that is about this file; a sentence's end where that cannot be told.

    Of several files of one version, that of the same size, else that of the same name.
    """
    candidates = list(assertions)
    sized = [entry for entry in assertions if entry.size is not None]
    if len(assertions) > 1 and sized and file.size is not None:
        candidates = [entry for entry in sized if _fits(entry, file)]
        if not candidates:
            return f"none of the {len(assertions)} files it tells of has {file.size} bytes"
    elif len(assertions) > 1 or (assertions[0].size is None and assertions[0].file_name):
        candidates = [entry for entry in assertions if entry.file_name == file.name]
        if not candidates:
            return "it tells of files of other names, and not how large they are"
    for among in (candidates, [entry for entry in candidates if entry.file_name == file.name]):
        if len({bare(entry.sha256) for entry in among}) == 1:
            return among[0]
    return f"{len(candidates)} of the files it tells of might be this one"


def _objection(asserted: Assertion, file: ModelFile, tensors: frozenset[str]) -> str:
    """Why a hash cannot be the file's SHA-256; empty where it can."""
    written, value = asserted.sha256.strip().lower(), bare(asserted.sha256)
    if asserted.objection:
        return asserted.objection
    if written != value:
        return "it begins with 0x, as hashes of the tensors do"
    if not SHA256_HEX.fullmatch(value):
        return _SHORT.get(len(value), "it is not 64 hexadecimal digits")
    if value in tensors:
        return "it is the hash of the tensors, not of the file"
    if value == HASH_OF_NOTHING and file.size != 0:
        return "it is the hash of an empty file"
    if value in {
        sha256(name.encode("utf-8", "surrogatepass")).hexdigest() for name in _names(file)
    }:
        return "it is the hash of the file's name"
    if not _fits(asserted, file):
        return f"it is that of a file of {asserted.size:.0f} bytes, and this one has {file.size}"
    return ""


def _fits(asserted: Assertion, file: ModelFile) -> bool:
    """Whether an assertion can be about a file by its size, where both are known."""
    if asserted.size is None or file.size is None:
        return True
    return abs(asserted.size - file.size) <= SLACK


def _names(file: ModelFile) -> tuple[str, str]:
    return file.name, file.stem


def _rejected(told: Told, asserted: Assertion, objection: str) -> Notice:
    detail = f"{told.file}: the hash {shown(asserted.sha256)} is no claim: {objection}."
    return Notice("claim_rejected", detail)
