"""What a request says: who bears it, its parameters, its JSON, and under which conditions it is meant."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from regulars.asking.one_version import CustomerVersion
from regulars.crm import Regulars
from regulars.crm_domain.instant import to_instant
from regulars.upkeep.tokens import Token
from regulars.web.access.permissions import allows, takes
from regulars.web.api.limits import read_body, require_shallow
from regulars.web.api.parameters import Parameters, is_list
from regulars.web.api.problems import Problem
from regulars.web.limits import Limits
from regulars.wording.typed import read_json

M = TypeVar("M", bound=BaseModel)

_BEARER = re.compile(r"Bearer +([A-Za-z0-9_.~+/-]{1,200}=*) *", re.IGNORECASE)
_TAG = re.compile(r'"([0-9]{1,19})-[0-9]+-[0-9]*"')
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def bearer(crm: Regulars, request: Request) -> Token:
    """Whose token a request bears, by a look at the store, so that one that was revoked is refused at once.

    Raises Problem 401.
    """
    said = request.headers.get("authorization")
    if said is None:
        raise Problem(401, "no_token", "a request names its token: Authorization: Bearer regulars_...", _CHALLENGE)
    match = _BEARER.fullmatch(said)
    token = None if match is None else crm.tokens.find(match[1])
    if token is None:
        raise Problem(401, "unknown_token", "this token is not in force", _CHALLENGE)
    return token


def require_allowed(token: Token, what: str) -> None:
    """Raise Problem 403 where a token's role may not do what it asks for."""
    if not allows(token.role, what):
        raise Problem(
            403, "forbidden", f"{what} takes the role {takes(what)}, and this token has the role {token.role}"
        )


def read_address(model: type[Parameters], request: Request) -> dict[str, Any]:
    """The parameters of a question that stand in the address. Raises ValidationError, and Problem 422."""
    said: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name in request.path_params:
            raise Problem(422, "invalid", f"{name} stands in the path, and not in the query")
        if name in model.model_fields and is_list(model, name):
            said.setdefault(name, []).append(text)
        elif name in said:
            raise Problem(422, "invalid", f"{name[:60]} is given twice")
        else:
            said[name] = text
    return model.model_validate(said | request.path_params).given()


async def read_object(request: Request, limits: Limits) -> tuple[dict[str, Any], bytes]:
    """A request's JSON object, read and as it came. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "not_json", "the body of a request is application/json")
    body = await read_body(request.stream(), limits)
    try:
        body.decode()
        given = read_json(body)
    except ValueError as error:
        raise Problem(400, "not_json", f"this is not JSON: {error}") from None
    require_shallow(given, limits)
    if not isinstance(given, dict):
        raise Problem(422, "invalid", "expected a JSON object")
    return given, body


def idempotency_key(request: Request) -> str | None:
    """The key that makes a retry harmless, None where there is none. Raises Problem 400."""
    key = request.headers.get("idempotency-key")
    if key is not None and _KEY.fullmatch(key) is None:
        raise Problem(400, "bad_key", "an Idempotency-Key has 1 to 128 printable ASCII characters without spaces")
    return key


def expected_position(request: Request) -> int | None:
    """The position of the ETag of If-Match, None where there is none. Raises Problem 400."""
    said = request.headers.get("if-match")
    if said is None:
        return None
    match = _TAG.fullmatch(said)
    if match is None:
        raise Problem(400, "bad_tag", "If-Match has the one ETag of an answer about the customer")
    return int(match[1])


def tag_of(version: CustomerVersion) -> str:
    """The ETag of an answer about a customer as of now."""
    since = "" if version.valid_from is None else to_instant(version.valid_from)
    return f'"{version.position}-{version.generation}-{since}"'
