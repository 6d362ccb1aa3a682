"""How a report travels: a JSON or CSV file, streamed page by page.

CSV is that of RFC 4180, with columns of the same names as the JSON's fields.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterable
from io import StringIO

import msgspec
from litestar.response import Stream

from adapters.http.errors import InvalidRequest
from engine.reports import RunReport
from engine.status import ItemView, RunStatus


class ReportFile(msgspec.Struct, frozen=True):
    """The JSON file: the run's status, and every item of it."""

    run: RunStatus
    items: list[ItemView]


COLUMNS = ("id", "source_id", "path", "state", "sha256", "warnings", "error_code", "error")

BYTE_ORDER_MARK = "\ufeff"
"""Tells spreadsheets that the file is UTF-8, whatever their locale."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, and would run."""


def report_response(report: RunReport, form: str | None) -> Stream:
    """The report as a file in a format by name, JSON by default. Raises `InvalidRequest`."""
    name = form or "json"
    if name not in _FORMATS:
        raise InvalidRequest(f"format must be {' or '.join(_FORMATS)}")
    media_type, write = _FORMATS[name]
    assert report.status.run is not None, "there is no report without a run"
    file = f"reshelve-run-{report.status.run.id}.{name}"
    fields = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
    return Stream(write(report), media_type=media_type, headers=fields)


async def _json(report: RunReport) -> AsyncIterator[bytes]:
    yield b'{"run":' + msgspec.json.encode(report.status) + b',"items":['
    comma = b""
    async for items in report.pages:
        if items:
            yield comma + msgspec.json.encode(items)[1:-1]
            comma = b","
    yield b"]}\n"


async def _csv(report: RunReport) -> AsyncIterator[bytes]:
    yield BYTE_ORDER_MARK.encode() + _lines([COLUMNS])
    async for items in report.pages:
        yield _lines(_cells(item) for item in items)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    """RFC 4180: CRLF after each record, quotes where they are needed."""
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(map(_safe, row) for row in rows)
    return text.getvalue().encode()


def _safe(cell: object) -> object:
    """A cell that a spreadsheet shows and does not run."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _cells(item: ItemView) -> tuple[object, ...]:
    warnings = " | ".join(f"{warning.code}: {warning.detail}" for warning in item.warnings)
    code, message = (item.error.code, item.error.message) if item.error else ("", "")
    return (
        *(item.id, item.source_id, item.path, item.state, item.sha256),
        *(warnings, code, message),
    )


_FORMATS: dict[str, tuple[str, Callable[[RunReport], AsyncIterator[bytes]]]] = {
    "json": ("application/json", _json),
    "csv": ("text/csv", _csv),
}
