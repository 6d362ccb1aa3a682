"""What the OpenAPI document says of refusals: each route's statuses, in the one error body."""

from __future__ import annotations

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from adapters.http.connections import LIMITS
from adapters.http.errors import DEFECT, STATUS, ErrorBody
from adapters.http.gate import Policy
from adapters.http.guesses import LONGEST_PAUSE
from adapters.http.refusal import (
    NAMED,
    Refusal,
    too_large,
    too_many_guesses,
    too_slow,
    too_slow_head,
)

MEANING = {
    400: "The request asks for nothing that can be done; the sentence says why.",
    401: "A token is required.",
    403: "Whoever asks may not, or a path lies outside the folders allowed at launch.",
    404: "There is no such thing.",
    408: "The request or its body took too long to arrive.",
    409: "Another run is active, or there is nothing to go on with.",
    413: "The body is too large.",
    415: "The body is not declared as what it is.",
    422: "The legacy database cannot be read.",
    429: "Too many wrong tokens came from this address.",
    500: "A defect of reshelve.",
    503: "There is no room for another connection, the server is stopping, or the model folders "
    "are not configured or cannot be read.",
    507: "The library's disk is full or failing.",
}

ANYWHERE = (400, 401, 403, 408, 429, 500, 503)
WITH_BODY = (413, 415, 507)

_BOUNDS = Policy(hosts=frozenset(), origins=frozenset(), token=None)

REFUSALS = (
    *NAMED,
    too_large(_BOUNDS.json_bytes),
    too_slow(_BOUNDS.body_seconds),
    too_slow_head(LIMITS.head_seconds),
    too_many_guesses(LONGEST_PAUSE),
    Refusal(500, DEFECT.code, DEFECT.error),
)
"""What is refused before the engine is asked, and what is a defect."""

Responses = dict[int, ResponseSpec]


def refusals(*statuses: int) -> Responses:
    """The documented refusals of a route, with those of every route."""
    return {
        status: ResponseSpec(
            data_container=ErrorBody,
            description=MEANING[status],
            generate_examples=False,
            examples=examples_of(status),
        )
        for status in sorted({*statuses, *ANYWHERE})
    }


def examples_of(status: int) -> list[Example]:
    """Every error that this status can mean, by its code."""
    sentences = {
        **{refusal.code: refusal.error for refusal in REFUSALS if refusal.status == status},
        **{
            error.code: (error.__doc__ or "").split("\n")[0]
            for error, answered in STATUS.items()
            if answered == status
        },
    }
    return [
        Example(id=code, summary=code, value={"error": sentence, "code": code})
        for code, sentence in sentences.items()
    ]


def body_refusals(*statuses: int) -> Responses:
    """The documented refusals of a route that takes a body."""
    return refusals(*statuses, *WITH_BODY)


def image_refusals() -> Responses:
    """The documented answers of an image, besides itself."""
    kept = ResponseSpec(
        data_container=None, description="The browser has it already.", generate_examples=False
    )
    return {304: kept, **refusals(400, 404)}


def file_refusals(content: type[msgspec.Struct]) -> Responses:
    """The documented answers of a report, which is a JSON file unless CSV is asked for."""
    file = ResponseSpec(
        data_container=content,
        description="A file to be saved: JSON as below, or CSV (text/csv) with the same columns.",
        generate_examples=False,
    )
    return {200: file, **refusals(400, 404)}
