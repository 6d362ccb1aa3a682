"""From the fields of one file to what it tells of a model."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sources import table
from adapters.sources.documents import Document
from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.table import Fields
from engine.facts.source import Notice

DAMAGE = {Origin.HEADER: "header_unusable", Origin.INVOKEAI: "field_invalid"}
"""The code of what is wrong with a source's data; that of sidecars elsewhere."""


class Aside(msgspec.Struct, frozen=True):
    """What a file tells beside the fields of the table: see `Told`."""

    assertions: tuple[Assertion, ...] = ()
    tensors: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    hidden: bool = False


def told(
    origin: Origin, file: str, document: Document, fields: Fields | None, aside: Aside
) -> Told:
    """What a file tells: `fields` are those of its document that mean something."""
    fields = fields or {}
    complaints: list[str] = list(document.flaws)
    values: dict[str, Any] = {}
    for target in table.TABLE:
        found = table.texts(target, origin, fields, complaints)
        if target.field == "tags":
            values["tags"] = found
        elif found:
            values[target.field] = found[0] if target.joint is None else target.joint.join(found)
    return Told(
        origin,
        file,
        **values,
        created_at=table.time(origin, fields, complaints),
        assertions=aside.assertions,
        tensors=aside.tensors,
        embedded=aside.embedded,
        named=aside.named,
        examples=aside.examples,
        hidden=aside.hidden,
        text=document.text,
        notices=_notices(origin, file, complaints),
    )


def _notices(origin: Origin, file: str, complaints: list[str]) -> tuple[Notice, ...]:
    if not complaints:
        return ()
    code = DAMAGE.get(origin, "sidecar_damaged")
    return (Notice(code, f"{file}: {'; '.join(dict.fromkeys(complaints))}."),)
