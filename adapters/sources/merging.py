"""All that is told of one model, merged by the rules of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.sources import claims, table
from adapters.sources.facts import Claim, Facts, ModelFile, Origin, Told
from engine.facts.source import Notice

_RANK = {origin: rank for rank, origin in enumerate(Origin)}


def merged(file: ModelFile, told: Sequence[Told]) -> Facts:
    """The facts of a model from its sources, in whatever order they are given.

    Each field is that of the first origin with something for it; tags are united. A model that
    nobody names has the stem of its file for a name.
    """
    ranked = sorted(told, key=lambda source: _RANK[source.origin])
    values: dict[str, Any] = {
        target.field: next(filter(None, (getattr(source, target.field) for source in ranked)), "")
        for target in table.TABLE
    }
    values["tags"] = tuple(dict.fromkeys(tag for source in ranked for tag in source.tags))
    values["name"] = values["name"] or file.stem
    notices = [notice for source in ranked for notice in source.notices]
    claimed, refused = _claims(file, ranked)
    disagreement = claims.disagreement(claimed)
    notices += refused
    notices += [disagreement] if disagreement else []
    notices += [_hidden(source) for source in ranked if source.hidden]
    return Facts(
        **values,
        created_at=next((source.created_at for source in ranked if source.created_at), 0),
        claims=tuple(claimed),
        claimed=claimed[0] if claimed and not disagreement else None,
        notices=tuple(notices),
    )


def _claims(file: ModelFile, ranked: Sequence[Told]) -> tuple[list[Claim], list[Notice]]:
    tensors = claims.tensor_hashes(ranked)
    judged = [claims.judged(source, file, tensors) for source in ranked]
    return [claim for claim, _ in judged if claim], [notice for _, notice in judged if notice]


def _hidden(source: Told) -> Notice:
    return Notice(
        "hidden_in_source", f"{source.file}: the model is hidden in {source.origin.known_as}."
    )
