"""What goes where: for each field of a model, which fields of which source it comes from.

This table is what the readers run, and what the README shows. Within one source, the alternatives
of one cell are tried in order; what several cells give is joined. Across sources, a field is taken
from the first source that has something for it, in the order of `Origin`; tags are united.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from adapters.sources import values
from adapters.sources.facts import Origin
from adapters.sources.model_types import architecture, model_type, trained
from adapters.sources.values import Reader
from adapters.sources.web_pages import civitai_page, leading_link, matrix_page
from adapters.sources.wording import shown

Path: TypeAlias = tuple[str, ...]
"""The keys that lead to a value in nested objects; () is the object itself."""

Fields: TypeAlias = dict[str, Any]


class Cell(msgspec.Struct, frozen=True):
    """One thing that a source tells: the first of `paths` with something in it, read by `read`.

    `told` is how the README names it where the path alone does not say it.
    """

    origin: Origin
    paths: tuple[Path, ...]
    read: Reader
    told: str = ""

    def named(self) -> str:
        """The source's fields, as a person finds them in its files."""
        return self.told or ", else ".join(f"`{'.'.join(path)}`" for path in self.paths)


class Target(msgspec.Struct, frozen=True):
    """A field of a model, and the cells it comes from; `joint` is put between the texts of one
    source, and None where they stay apart."""

    field: str
    title: str
    joint: str | None
    cells: tuple[Cell, ...]


def _path(written: str) -> Path:
    """`a/b` as the keys that lead there: a key itself may hold dots."""
    return tuple(written.split("/")) if written else ()


def _cell(origin: Origin, written: str, read: Reader, told: str = "") -> Cell:
    """A cell from its alternatives, parted by blanks around `|`."""
    return Cell(origin, tuple(_path(path) for path in written.split(" | ")), read, told)


_LM, _WEBUI, _SWARM = Origin.LORA_MANAGER, Origin.WEBUI, Origin.SWARM
_MATRIX, _CIVITAI, _INVOKE = Origin.STABILITY_MATRIX, Origin.CIVITAI, Origin.INVOKEAI
_HEADER = Origin.HEADER

TABLE = (
    Target(
        "name",
        "name",
        None,
        (
            _cell(_LM, "model_name", values.line),
            _cell(_SWARM, "modelspec.title | title", values.line),
            _cell(_MATRIX, "UserTitle | ModelName", values.line),
            _cell(_CIVITAI, "model/name", values.line),
            _cell(_INVOKE, "name", values.line),
            _cell(_HEADER, "modelspec.title | general.name | ss_output_name", values.line),
        ),
    ),
    Target(
        "type",
        "type, where the folder tells none",
        None,
        (
            _cell(_LM, "sub_type | model_type | civitai/model/type", model_type),
            _cell(_MATRIX, "ModelType", model_type),
            _cell(_CIVITAI, "model/type", model_type),
            _cell(_INVOKE, "folder", model_type, "`type`, `base`, `format`"),
            _cell(_HEADER, "modelspec.architecture", architecture),
            _cell(_HEADER, "ss_network_module", trained),
        ),
    ),
    Target(
        "description",
        "description",
        "\n\n",
        (
            _cell(_LM, "modelDescription", values.html),
            _cell(_LM, "notes", values.text),
            _cell(_WEBUI, "description | text file", values.html),
            _cell(_WEBUI, "notes", values.html),
            _cell(_SWARM, "modelspec.description | description", values.html),
            _cell(_MATRIX, "ModelDescription", values.html),
            _cell(_MATRIX, "VersionDescription", values.html),
            _cell(_CIVITAI, "model/description", values.html),
            _cell(_CIVITAI, "description", values.html),
            _cell(_INVOKE, "description", values.html),
            _cell(
                _HEADER,
                "modelspec.description | general.description | ss_training_comment",
                values.html,
            ),
        ),
    ),
    Target(
        "community_links",
        "links",
        "\n",
        (
            _cell(_LM, "civitai", civitai_page, "`civitai.modelId`, `civitai.id`"),
            _cell(_LM, "hf_url", values.address),
            _cell(
                _SWARM,
                "modelspec.description | description",
                leading_link,
                "`From <a href=…>` at the beginning of the description",
            ),
            _cell(_MATRIX, "", matrix_page, "`Source`, `ModelId`, `VersionId`, `SourceUrl`"),
            _cell(_CIVITAI, "", civitai_page, "`modelId`, `id`"),
            _cell(
                _INVOKE,
                "source_url | source | repository",
                values.address,
                "`source_url`, else `source`",
            ),
        ),
    ),
    Target(
        "positive",
        "positive prompt",
        ", ",
        (
            _cell(_LM, "trainedWords", values.words),
            _cell(_LM, "civitai/trainedWords", values.words),
            _cell(_WEBUI, "activation text", values.text),
            _cell(_SWARM, "modelspec.trigger_phrase | trigger_phrase", values.phrases),
            _cell(_MATRIX, "TrainedWords", values.words),
            _cell(_CIVITAI, "trainedWords", values.words),
            _cell(_INVOKE, "trigger_phrases", values.words),
            _cell(_HEADER, "modelspec.trigger_phrase", values.phrases),
        ),
    ),
    Target(
        "negative",
        "negative prompt",
        ", ",
        (_cell(_WEBUI, "negative text", values.text),),
    ),
    Target(
        "tags",
        "tags",
        None,
        (
            _cell(_LM, "tags", values.tags),
            _cell(_SWARM, "modelspec.tags | tags", values.tags),
            _cell(_MATRIX, "Tags", values.tags),
            _cell(_CIVITAI, "model/tags", values.tags),
            _cell(_HEADER, "modelspec.tags | general.tags", values.tags),
        ),
    ),
)
"""Fields of text. Times, hashes and pictures have columns of their own in the README's table."""

TIMES = {
    Origin.LORA_MANAGER: ("modified", values.seconds),
    Origin.STABILITY_MATRIX: ("ImportedAt", values.iso_time),
    Origin.INVOKEAI: ("created_at", values.iso_time),
}
"""When a model came to be there; the time of its file elsewhere."""


def texts(target: Target, origin: Origin, fields: Fields, complaints: list[str]) -> tuple[str, ...]:
    """All that one source tells for a target, each text once."""
    found: dict[str, str] = {}
    for cell in target.cells:
        if cell.origin is origin:
            for text in _first(cell, fields, complaints):
                found.setdefault(" ".join(text.split()), text)
    return tuple(found.values())


def time(origin: Origin, fields: Fields, complaints: list[str]) -> int:
    """When a model came to be there by one source, in ms since 1970; 0 where it tells none."""
    if origin not in TIMES:
        return 0
    key, read = TIMES[origin]
    flaws: list[str] = []
    moment = read(fields.get(key), flaws)
    complaints += [f"{key} {flaw}" for flaw in flaws]
    return moment


def value_at(fields: Fields, path: Path, complaints: list[str]) -> Any:
    """The value that a path leads to, None where it leads nowhere."""
    value: Any = fields
    for depth, key in enumerate(path):
        if not isinstance(value, dict):
            if value and value != "{}":
                led = ".".join(path[:depth])
                complaints.append(f"{led} is {shown(value)} where an object belongs")
            return None
        value = value.get(key)
    return value


def rows() -> Iterator[tuple[str, Sequence[tuple[Origin, str]]]]:
    """The table for people: each target's title, and what each source gives for it."""
    for target in TABLE:
        told: dict[Origin, list[str]] = {}
        for cell in target.cells:
            told.setdefault(cell.origin, []).append(cell.named())
        yield target.title, [(origin, "; ".join(named)) for origin, named in told.items()]
    yield "created", [(origin, f"`{key}`") for origin, (key, _) in TIMES.items()]


def _first(cell: Cell, fields: Fields, complaints: list[str]) -> tuple[str, ...]:
    for path in cell.paths:
        flaws: list[str] = []
        found = cell.read(value_at(fields, path, complaints), flaws)
        complaints += [f"{'.'.join(path)} {flaw}" for flaw in flaws]
        if found:
            return found
    return ()
