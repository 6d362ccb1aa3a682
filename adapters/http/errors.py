"""How an error is answered: the one table from errors to status codes, and the error body."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
)

from engine import errors
from engine.catalogue import (
    InvalidEdit,
    InvalidImage,
    UnknownImage,
    UnknownModel,
    UnknownPending,
)
from engine.reports import NoRun, UnknownItem
from engine.scanning import NoRoots, ScanFailed

log = logging.getLogger("reshelve.http")


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every error: a sentence a person understands, and a stable word."""

    error: str
    code: str


class InvalidRequest(errors.ReshelveError):
    """A request that asks for nothing that can be done."""

    code = "invalid_request"


class PathNotAllowed(errors.ReshelveError):
    """A path outside the folders allowed at launch."""

    code = "path_not_allowed"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} lies outside the folders that this server may read. "
            "Start it with --allow-path to add one."
        )


STATUS: dict[type[errors.ReshelveError], int] = {
    InvalidRequest: 400,
    InvalidEdit: 400,
    InvalidImage: 400,
    PathNotAllowed: 403,
    UnknownModel: 404,
    UnknownPending: 404,
    UnknownImage: 404,
    UnknownItem: 404,
    NoRun: 404,
    errors.UnknownRun: 404,
    errors.SourceMissing: 404,
    errors.SourceUnreadable: 422,
    errors.RunActive: 409,
    errors.RunInterrupted: 409,
    errors.NothingToResume: 409,
    ScanFailed: 503,
    NoRoots: 503,
    errors.StorageFailed: 507,
    errors.LibraryDamaged: 500,
}
"""What each error is answered with."""


def answer_fact(_: Request[Any, Any, Any], error: errors.ReshelveError) -> Response[ErrorBody]:
    """An error of ours, in its own words."""
    return _response(STATUS.get(type(error), 500), str(error), error.code)


def answer_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorBody]:
    """What the framework found wrong with a request."""
    if isinstance(error, NotFoundException):
        return _response(404, "There is nothing at this address.", "not_found")
    if isinstance(error, MethodNotAllowedException):
        return _response(405, "This address does not take this method.", "method_not_allowed")
    if isinstance(error, ClientException) and error.status_code == 400:
        return _response(400, "Invalid JSON body", "invalid_json")
    return _response(error.status_code, error.detail or "The request failed.", "request_failed")


def answer_text(_: Request[Any, Any, Any], __: UnicodeDecodeError) -> Response[ErrorBody]:
    """A form or a query whose text is no UTF-8."""
    return _response(400, "The request holds text that is not UTF-8.", "invalid_request")


def answer_defect(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorBody]:
    """A defect of ours: told of in the log, not to the client."""
    log.exception("%s %s", request.method, request.url.path, exc_info=error)
    return _response(500, "Something went wrong in reshelve itself; see its log.", "internal_error")


def _response(status: int, sentence: str, code: str) -> Response[ErrorBody]:
    return Response(ErrorBody(sentence, code), status_code=status)
