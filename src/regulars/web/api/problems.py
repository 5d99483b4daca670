"""What goes wrong, as a problem (RFC 9457): a status, a code that stays, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from regulars.crm_domain.errors import (
    Conflict,
    InvalidMapping,
    InvalidRules,
    NotFound,
    ParkedCustomer,
    RegularsError,
    Rejected,
    StoreBusy,
    StoreUnusable,
)
from regulars.crm_domain.explain_invalid import sentence

MEDIA_TYPE = "application/problem+json"
_KIND = "urn:regulars:problem:"
#: After so many seconds it is worth asking a busy store again.
_AGAIN = 1


class Problem(Exception):
    """A request that isn't answered: the status, the stable code, and a sentence for people."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The problem as it is sent."""
        said = {
            "type": _KIND + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        headers = {"Cache-Control": "no-store"} | self.headers
        return JSONResponse(said, self.status, headers, MEDIA_TYPE)


#: A refusal that says more than that the state of things is against it.
_OF_REJECTED: Mapping[str, int] = {"command_id_taken": 422, "changed_meanwhile": 412, "too_many_commands": 413}
_OF_ERRORS: tuple[tuple[type[RegularsError], int, str], ...] = (
    (NotFound, 404, "not_found"),
    (Conflict, 409, "conflict"),
    (ParkedCustomer, 409, "parked"),
    (InvalidRules, 422, "invalid_rules"),
    (InvalidMapping, 422, "invalid_mapping"),
    (StoreUnusable, 503, "store_unusable"),
)


def problem_of(error: Exception) -> Problem | None:
    """The problem that an error of the library is; None for one that nobody foresaw."""
    match error:
        case Problem():
            return error
        case ClientDisconnect():
            return Problem(400, "cut_off", "the request ended before its body did")
        case Rejected():
            return Problem(_OF_REJECTED.get(error.code, 409), error.code, str(error))
        case StoreBusy():
            return busy(str(error))
        case ValidationError():
            return Problem(422, "invalid", sentence(error))
        case RegularsError():
            for kind, status, code in _OF_ERRORS:
                if isinstance(error, kind):
                    return Problem(status, code, str(error))
    # What a question can't take, it says by a ValueError; one of a subclass, such as of decoding, is our own mistake.
    return Problem(422, "invalid", str(error)) if type(error) is ValueError else None


def busy(detail: str, after: int = _AGAIN) -> Problem:
    """What can be asked again, after so many seconds."""
    return Problem(503, "busy", detail, {"Retry-After": str(after)})


def schema() -> dict[str, Any]:
    """The JSON Schema of a problem."""
    text = {"type": "string"}
    properties = {"type": text, "title": text, "status": {"type": "integer"}, "code": text, "detail": text}
    return {
        "type": "object",
        "description": "A problem (RFC 9457). `code` stays; `detail` is a sentence for people.",
        "properties": properties,
        "required": list(properties),
    }
