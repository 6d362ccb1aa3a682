"""How a row of the legacy `models` table becomes a `SourceModel`: pure, and total.

Any cells whatever give exactly one model. Warnings come in a fixed order: by field as below,
then those of the row's tags.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from adapters.sources.hikaze1 import metadata
from adapters.sources.untrusted_sqlite.cells import (
    BrokenText,
    Cell,
    LostCell,
    Row,
    shown,
    without_nul,
)
from engine.facts.records import SHA256_HEX
from engine.facts.source import Defect, Notice, SourceModel

FIELDS = ("path", "name", "type", "size_bytes", "hash_hex", "created_at", "extra_json")
"""The legacy columns that carry over; all columns are kept in `verbatim`."""

ADVICE = "Correct or remove the row in the legacy application, then migrate again."

_PLAIN = frozenset({str, int, type(None)})
_ENCODER = msgspec.json.Encoder()


class RowMapping:
    """Maps the rows of a table with these columns.

    A row is `(key, None, *cells)`, one cell for each of `columns`: a field that the table does
    not have is read from the None.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        places = {column.lower(): place for place, column in enumerate(columns, start=2)}
        self._fields = itemgetter(*(places.get(field, 1) for field in FIELDS))
        # `tags` is where verbatim has the row's tag names.
        self._names = ["tags column" if name.lower() == "tags" else name for name in columns]

    def model(
        self, row: Row, tags: tuple[str, ...] = (), tag_warnings: Sequence[Notice] = ()
    ) -> SourceModel:
        """The one model that `row` is; `tags` are the names its links lead to."""
        path, name, kind, size, claimed, created, extra = self._fields(row)
        key = row[0]
        warnings: list[Notice] = []
        defect = None

        cells: Iterable[object] = row[2:]
        if not _PLAIN.issuperset(map(type, row)):
            cells = map(_json_cell, row[2:])
        verbatim = dict(zip(self._names, cells, strict=True))
        verbatim["tags"] = tags

        if type(path) is not str or not path.strip() or "\0" in path:
            path, defect = _defective_path(key, path)
        if type(name) is not str or "\0" in name:
            name = _text("name", name, warnings)
        if type(kind) is not str or "\0" in kind:
            kind = _text("type", kind, warnings)
        if (type(size) is not int or size < 0) and size is not None:
            size = _size(size, warnings)
        if type(claimed) is not str or (claimed and not SHA256_HEX.fullmatch(claimed)):
            claimed = _sha256(claimed, warnings)
        if type(created) is not int:
            created = _time(created, warnings)
        if extra is not None and type(extra) is not str:
            extra = _json(extra, warnings)
        known = metadata.read(extra, warnings) if extra else metadata.NO_METADATA
        if tag_warnings:
            warnings.extend(tag_warnings)

        return SourceModel(
            str(key),
            _ENCODER.encode(verbatim),
            path,
            name,
            kind,
            size,
            created,
            claimed,
            known.description,
            known.community_links,
            known.prompts,
            known.images,
            tags,
            tuple(warnings),
            defect,
            key,
        )


def recorded(key: str, verbatim: bytes) -> SourceModel | None:
    """The model that a row was, from its `verbatim`; None where that is none of ours."""
    try:
        kept = msgspec.json.decode(verbatim, type=dict[str, Any])
        tags = msgspec.convert(kept.pop("tags", []), tuple[str, ...])
        number = int(key)
    except (msgspec.MsgspecError, ValueError):
        return None
    names = ["tags" if name == "tags column" else name for name in kept]
    return RowMapping(names).model((number, None, *map(_cell_of, kept.values())), tags)


def _cell_of(kept: Any) -> Cell:
    """A cell from what `_json_cell` made of it."""
    match kept:
        case {"hex": str(digits)}:
            return BrokenText(bytes.fromhex(digits))
        case {"lost": str(reason)}:
            return LostCell(reason)
        case None | str() | int() | float():
            return kept
        case _:
            return str(kept)


def _json_cell(cell: Cell) -> object:
    """A cell as JSON can hold it."""
    if isinstance(cell, bytes):
        return {"hex": cell.hex()}
    if isinstance(cell, LostCell):
        return {"lost": cell.reason}
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell


def _defective_path(key: int, cell: Cell) -> tuple[str, Defect]:
    """A path that leads to no file: what can be shown of it, and why it cannot be used."""
    if cell is None:
        reason = "is NULL"
    elif isinstance(cell, LostCell):
        reason = f"is {cell.reason}"
    elif isinstance(cell, BrokenText):
        reason = f"is no valid UTF-8: {shown(bytes(cell))}"
    elif not isinstance(cell, str):
        reason = f"is no text: {shown(cell)}"
    elif "\0" in cell:
        reason = f"holds a NUL character: {shown(cell)}"
    else:
        reason = "is empty"
    defect = Defect("row_invalid", f"Row {key} of models has no usable path: it {reason}. {ADVICE}")
    return _as_text(cell), defect


def _text(field: str, cell: Cell, warnings: list[Notice]) -> str:
    """Text from a cell that holds none that can be kept as it is."""
    if cell is None:
        return ""
    if isinstance(cell, LostCell):
        warnings.append(_lost(field, cell))
    elif isinstance(cell, BrokenText):
        detail = f"{field}: no valid UTF-8; what is invalid is replaced by U+FFFD."
        warnings.append(Notice("invalid_text", detail))
    elif not isinstance(cell, str):
        detail = f"{field}: expected text, got {shown(cell)}; kept as text."
        warnings.append(Notice("field_invalid", detail))
    else:
        detail = f"{field}: holds a NUL character; replaced by U+FFFD."
        warnings.append(Notice("invalid_text", detail))
    return _as_text(cell)


def _as_text(cell: Cell) -> str:
    if cell is None or isinstance(cell, LostCell):
        return ""
    text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    return without_nul(text)


def _json(cell: Cell, warnings: list[Notice]) -> str:
    """The text of an `extra_json` that is not simply text; a number is JSON, but no object."""
    return str(cell) if isinstance(cell, int | float) else _text("extra_json", cell, warnings)


def _size(cell: Cell, warnings: list[Notice]) -> int | None:
    size = _integer(cell)
    if size is not None and size >= 0:
        return size
    if isinstance(cell, LostCell):
        warnings.append(_lost("size_bytes", cell))
    else:
        detail = f"size_bytes: expected a whole number of at least 0, got {shown(cell)}; unknown."
        warnings.append(Notice("field_invalid", detail))
    return None


def _time(cell: Cell, warnings: list[Notice]) -> int:
    time = _integer(cell)
    if time is not None:
        return time
    if isinstance(cell, LostCell):
        warnings.append(_lost("created_at", cell))
    elif cell is not None:
        detail = f"created_at: expected milliseconds since 1970, got {shown(cell)}; read as 0."
        warnings.append(Notice("field_invalid", detail))
    return 0


def _integer(cell: Cell) -> int | None:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**63:
        return int(cell)
    return cell if isinstance(cell, int) else None


def _sha256(cell: Cell, warnings: list[Notice]) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        claimed = cell.strip().lower()
        if not claimed or SHA256_HEX.fullmatch(claimed):
            return claimed
    if isinstance(cell, LostCell):
        warnings.append(_lost("hash_hex", cell))
    else:
        detail = f"hash_hex: expected 64 hexadecimal digits, got {shown(cell)}; read as none."
        warnings.append(Notice("invalid_hash", detail))
    return ""


def _lost(field: str, cell: LostCell) -> Notice:
    return Notice("cell_unreadable", f"{field}: the cell is {cell.reason}; read as missing.")
