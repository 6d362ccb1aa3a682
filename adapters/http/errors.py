"""How an error is answered: the one table from errors to status codes, and the error body."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)

from adapters.http.refusal import CROSS_SITE, MEDIA_TYPE
from engine import errors
from engine.errors import (
    InvalidEdit,
    InvalidImage,
    NoRoots,
    NoRun,
    ScanFailed,
    UnknownImage,
    UnknownItem,
    UnknownModel,
    UnknownPending,
)

log = logging.getLogger("reshelve.http")

_MISSING = re.compile(r"Object missing required field `(.+)`")
_EXPECTED = re.compile(r"Expected `(.+)`, got `.+`")
_KINDS = {
    "array": "an array",
    "bool": "true or false",
    "int": "an integer",
    "object": "an object",
    "str": "a text",
}


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every error: a sentence a person understands, and a stable word."""

    error: str
    code: str


DEFECT = ErrorBody("Something went wrong in reshelve itself; see its log.", "internal_error")


class InvalidRequest(errors.ReshelveError):
    """A request that asks for nothing that can be done."""

    code = "invalid_request"


class TooMany(InvalidRequest):
    """More ids or names than one request may hold."""

    code = "too_many"

    def __init__(self, name: str, most: int) -> None:
        super().__init__(f"{name} may hold at most {most:,} entries; send the rest by itself.")


class WrongType(errors.ReshelveError):
    """A body of a type that this address does not take."""

    code = MEDIA_TYPE.code

    def __init__(self, taken: str) -> None:
        super().__init__(f"The body must be declared as {taken} here.")


class NotFromHere(errors.ReshelveError):
    """A change that a page of another site may have asked for."""

    code = CROSS_SITE.code

    def __init__(self) -> None:
        super().__init__(
            "This changes the library, and nothing tells that no page of another site asks for it. "
            "Ask from a page of this server, or declare the request as application/json."
        )


class PathNotAllowed(errors.ReshelveError):
    """A path outside the folders allowed at launch."""

    code = "path_not_allowed"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} lies outside the folders that this server may read. "
            "Start it with --allow-path to add one."
        )


class SeveralDatabases(InvalidRequest):
    """A folder in which there are several legacy databases, and one is to be named."""

    code = "several_databases"

    def __init__(self, folder: Path, found: Sequence[Path]) -> None:
        each = ", ".join(str(path) for path in found)
        super().__init__(f"There are {len(found)} legacy databases in {folder}: {each}")


STATUS: dict[type[errors.ReshelveError], int] = {
    InvalidRequest: 400,
    TooMany: 400,
    SeveralDatabases: 400,
    InvalidEdit: 400,
    InvalidImage: 400,
    errors.UnknownSourceKind: 400,
    errors.OptionRefused: 400,
    errors.SeveralKinds: 400,
    errors.SeveralSources: 400,
    errors.SourceIsLibrary: 400,
    errors.LibraryMisplaced: 400,
    errors.FolderRefused: 403,
    errors.NothingRecognised: 404,
    NotFromHere: 403,
    PathNotAllowed: 403,
    UnknownModel: 404,
    UnknownPending: 404,
    UnknownImage: 404,
    UnknownItem: 404,
    NoRun: 404,
    errors.UnknownRun: 404,
    errors.SourceMissing: 404,
    errors.PathOfWindows: 404,
    WrongType: 415,
    errors.SourceUnreadable: 422,
    errors.InWork: 409,
    errors.LibraryInUse: 409,
    errors.RunActive: 409,
    errors.RunInterrupted: 409,
    errors.NothingToResume: 409,
    errors.NothingToRetry: 409,
    ScanFailed: 503,
    NoRoots: 503,
    errors.DatabaseBusy: 503,
    errors.StorageFailed: 507,
    errors.LibraryDamaged: 500,
}
"""What each error is answered with."""


REMEDIES = {
    "path_of_windows": "Give the path that the file has where the server runs.",
    "source_missing": "Check the path and try again.",
    "library_in_use": "Wait until it ends, or stop it.",
    "database_busy": "Let that program end, or close it, then try again.",
    "storage_failed": "Make room or mend the disk, then resume.",
    "run_active": "Let it end, or resume it first, then try again.",
    "run_interrupted": "Resume it to go on.",
    "no_model_folders": "Start the server with --root TYPE=DIR for each of them.",
}
"""What a client can do about an error of the engine, which tells facts alone; by its code."""


def answer_fact(_: Request[Any, Any, Any], error: errors.ReshelveError) -> Response[ErrorBody]:
    """An error of ours, in its own words, and what can be done about it."""
    told = " ".join(filter(None, (str(error), REMEDIES.get(error.code))))
    return _response(STATUS.get(type(error), 500), told, error.code)


def answer_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorBody]:
    """What the framework found wrong with a request."""
    if isinstance(error, NotFoundException):
        return _response(404, "There is nothing at this address.", "not_found")
    if isinstance(error, MethodNotAllowedException):
        answer = _response(405, "This address does not take this method.", "method_not_allowed")
        answer.headers.update(error.headers or {})
        return answer
    if isinstance(error, ValidationException) and (wrong := _wrong_field(error.extra)):
        return _response(400, wrong, InvalidRequest.code)
    if isinstance(error, ClientException) and error.status_code == 400:
        return _response(400, "Invalid JSON body", "invalid_json")
    return _response(error.status_code, error.detail or "The request failed.", "request_failed")


def answer_text(_: Request[Any, Any, Any], __: UnicodeDecodeError) -> Response[ErrorBody]:
    """A form or a query whose text is no UTF-8."""
    return _response(400, "The request holds text that is not UTF-8.", "invalid_request")


def answer_defect(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorBody]:
    """A defect of ours: told of in the log, not to the client."""
    log.exception("%s %s", request.method, request.url.path, exc_info=error)
    return _response(500, DEFECT.error, DEFECT.code)


def _wrong_field(found: object) -> str | None:
    """What the framework found wrong with a field, in a sentence; None where it was no field."""
    for fault in found if isinstance(found, list) else []:
        if fault.get("source") != "body":
            continue
        field, message = fault["key"], fault["message"]
        if missing := _MISSING.fullmatch(message):
            return f"{missing[1]} is required"
        if field != "data":  # which is the body as a whole
            expected = _EXPECTED.fullmatch(message)
            return f"{field} must be {_kinds(expected[1])}" if expected else f"{field}: {message}"
    return None


def _kinds(names: str) -> str:
    """`int | null` as "an integer or null"."""
    return " or ".join(_KINDS.get(name, name) for name in names.split(" | "))


def _response(status: int, sentence: str, code: str) -> Response[ErrorBody]:
    return Response(ErrorBody(sentence, code), status_code=status)
