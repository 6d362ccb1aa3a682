"""What is looked for among models, how text is compared with it, and in which order it is told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from engine.facts.catalogue import ModelSummary

MOST_WORDS = 16
"""More words of a search than these are passed over: each is looked for in every model."""

_DIGITS = re.compile(r"\d+")
_PADDED = 12


class Order(StrEnum):
    """How models are ordered; those that are alike in it go by name."""

    NAME = "name"
    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"


class Pictures(StrEnum):
    """Models that have a picture, or have none."""

    WITH = "with"
    WITHOUT = "without"


class FilesThere(StrEnum):
    """Models whose file lies where the record says, or does not."""

    FOUND = "found"
    MISSING = "missing"


class ModelSearch(msgspec.Struct, frozen=True):
    """Which active models are wanted: all of what is given must hold.

    `words` are as `words_of` gives them: each must be in the name, path, tags, notes or prompts, or
    be a part of the hash, where it is long enough to be meant for one.
    """

    words: tuple[str, ...] = ()
    type: str | None = None
    tag: str | None = None
    pictures: Pictures | None = None
    order: Order = Order.NAME


class FoundModels(msgspec.Struct, frozen=True):
    """Some of the models that were found, and how many there are of them."""

    models: list[ModelSummary]
    total: int


class ModelPage(msgspec.Struct, frozen=True):
    """A page of what was found; `next` is the `offset` of the next one, None at the end."""

    models: list[ModelSummary]
    total: int
    next: int | None


def folded(text: str) -> str:
    """Text as it is compared: without case, accents and the widths of letters."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(s for s in decomposed if unicodedata.category(s)[0] != "M").casefold()


def words_of(text: str) -> tuple[str, ...]:
    """The words of a search, as they are compared."""
    return tuple(dict.fromkeys(folded(text).split()))[:MOST_WORDS]


def holds(words: Iterable[str], *texts: str) -> bool:
    """Whether each word is in one of the texts."""
    whole = folded("\n".join(texts))
    return all(word in whole for word in words)


def called(name: str, path: str) -> str:
    """What a model is called: its name, else that of its file."""
    return name or path.replace("\\", "/").rsplit("/", 1)[-1]


def rank(name: str) -> str:
    """Names by this are in the order of a shelf: without case, and 2 before 10."""
    return _DIGITS.sub(lambda found: found[0].zfill(_PADDED), folded(name.strip()))
