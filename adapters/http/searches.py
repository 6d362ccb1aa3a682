"""What a client looks for, and which models it changes at once, checked and turned into facts."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import msgspec

from adapters.http.errors import InvalidRequest
from adapters.http.requests import few, optional_integer
from engine.facts.search import FilesThere, ModelSearch, Order, Pictures, words_of

Choice = TypeVar("Choice", bound=StrEnum)

LONGEST_SEARCH = 500
"""Signs of a search; a word that is longer is in no name."""

MOST_TAGS = 20
"""How many tags one request may give to many models, or take from them."""


class ManyTagsBody(msgspec.Struct, frozen=True):
    """Which models, and the names of the tags that they get and lose."""

    sha256: tuple[str, ...] = ()
    pending: tuple[int, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def change(self) -> tuple[list[str], list[int], list[str], list[str]]:
        """What `change_tags` takes. Raises `InvalidRequest`, `TooMany`."""
        few((*self.sha256, *self.pending), "sha256 and pending")
        few((*self.add, *self.remove), "add and remove", MOST_TAGS)
        return list(self.sha256), list(self.pending), list(self.add), list(self.remove)


def model_search(
    search: str | None,
    type_name: str | None,
    tag: str | None,
    pictures: str | None,
    order: str | None,
) -> ModelSearch:
    """What is looked for. Raises `InvalidRequest`."""
    return ModelSearch(
        words=words_of((search or "")[:LONGEST_SEARCH]),
        type=type_name or None,
        tag=tag or None,
        pictures=_one_of(Pictures, pictures, "pictures"),
        order=_one_of(Order, order, "order") or Order.NAME,
    )


def files_there(value: str | None) -> FilesThere | None:
    """Whether files must be there or must be missing. Raises `InvalidRequest`."""
    return _one_of(FilesThere, value, "files")


def from_offset(value: str | None) -> int:
    """How many are passed over. Raises `InvalidRequest`."""
    number = optional_integer(value, "offset") or 0
    if number < 0:
        raise InvalidRequest("offset must not be negative")
    return number


def _one_of(kind: type[Choice], value: str | None, name: str) -> Choice | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError as error:
        raise InvalidRequest(f"{name} must be one of {', '.join(kind)}") from error
