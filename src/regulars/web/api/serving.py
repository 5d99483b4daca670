"""The application of the HTTP API: a route for each command and each question, and what every answer has in common."""

from __future__ import annotations

import re
import traceback
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.adapters.logs import STORE
from regulars.asking.dicts import plain
from regulars.crm import Regulars
from regulars.crm_domain.command import Command, CustomerId
from regulars.upkeep.tokens import Token
from regulars.web.api import commands, telling
from regulars.web.api.limits import Rates, Threads, Waiting
from regulars.web.api.openapi import document
from regulars.web.api.parameters import Parameters, parameters_of
from regulars.web.api.problems import Problem, problem_of
from regulars.web.api.questions import QUESTIONS, Question
from regulars.web.api.requests import (
    bearer,
    expected_position,
    idempotency_key,
    read_address,
    read_object,
    require_allowed,
    tag_of,
)
from regulars.web.limits import Limits

Handler = Callable[[Request], Awaitable[Response]]

#: What a question about one customer is asked by, where the answer is not the one of now.
_ELSEWHEN = frozenset({"as_of", "known_at", "rules"})


def api(crm: Regulars, limits: Limits, clock: Callable[[], float]) -> Starlette:
    """The API of an open store, to be mounted where it is to be found. `clock` gives seconds, for rates."""
    served = _Served(crm, limits, Rates(limits, clock), Threads(limits))
    routes = [
        Route(f"/commands/{name}", served.command(name, model), methods=["POST"])
        for name, model in commands.catalogue_of(crm).commands.items()
    ]
    routes += [
        Route("/batch", served.batch(), methods=["POST"]),
        Route("/openapi.json", served.openapi(), methods=["GET"]),
        Route("/changes/{name}", served.changes(), methods=["POST"]),
        Route("/changes/{name}", served.no_more_changes(), methods=["DELETE"]),
        *(Route(each.path, served.question(each), methods=[each.method]) for each in QUESTIONS),
    ]
    application = Starlette(routes=routes, exception_handlers={HTTPException: not_routed})
    application.router.redirect_slashes = False  # it would lead to whatever host the request names
    return application


class _Served:
    """An open store, and what its requests share."""

    def __init__(self, crm: Regulars, limits: Limits, rates: Rates, threads: Threads) -> None:
        self._crm = crm
        self._limits = limits
        self._rates = rates
        self._threads = threads
        self._waiting = Waiting(limits)

    def command(self, name: str, model: type[Command]) -> Handler:
        """The route of one command."""

        async def handle(request: Request, token: Token) -> Response:
            require_allowed(token, name)
            key, since = idempotency_key(request), expected_position(request)
            _, body = await read_object(request, self._limits)
            return await self._threads.run(lambda: _answer(commands.one(self._crm, model, body, token, key, since)))

        return self._borne(handle)

    def batch(self) -> Handler:
        """The route of several commands in one transaction."""

        async def handle(request: Request, token: Token) -> Response:
            if idempotency_key(request) is not None:
                raise Problem(400, "bad_key", "in a batch each command has a command_id of its own")
            since = expected_position(request)
            given, _ = await read_object(request, self._limits)
            found = given.get("commands")
            if set(given) != {"commands"} or not isinstance(found, list) or not found:
                raise Problem(422, "invalid", 'expected {"commands": [...]}, with at least one')
            if len(found) > self._limits.commands:
                sentence = f"a batch has at most {self._limits.commands:,} commands"
                raise Problem(413, "too_many_commands", sentence)
            return await self._threads.run(lambda: _answer(commands.several(self._crm, found, token, since)))

        return self._borne(handle)

    def changes(self) -> Handler:
        """The route of the change feed."""

        async def handle(request: Request, token: Token) -> Response:
            require_allowed(token, "changes")
            name = _subscription(request)
            _, body = await read_object(request, self._limits)
            listening = telling.Listening.model_validate_json(body, strict=True)
            bear, longest = partial(bearer, self._crm, request), self._limits.wait
            with self._waiting.place() if listening.wait else nullcontext():
                return _answer(await telling.next_told(self._crm, self._threads, bear, name, listening, longest))

        return self._borne(handle)

    def no_more_changes(self) -> Handler:
        """The route by which a subscription is dropped."""

        async def handle(request: Request, token: Token) -> Response:
            require_allowed(token, "changes")
            name = _subscription(request)
            await self._threads.run(lambda: telling.drop(self._crm, token, name))
            return Response(status_code=204)

        return self._borne(handle)

    def question(self, question: Question) -> Handler:
        """The route of one question."""
        model = parameters_of(question.ask, question.without)

        async def handle(request: Request, token: Token) -> Response:
            require_allowed(token, question.name)
            given = await self._given(request, model, question)
            seen = request.headers.get("if-none-match")
            crm = self._crm.as_actor(token.name) if question.acts else self._crm
            return await self._threads.run(lambda: _asked(crm, question, given, seen))

        return self._borne(handle)

    async def _given(self, request: Request, model: type[Parameters], question: Question) -> dict[str, Any]:
        if question.method == "GET":
            return read_address(model, request)
        _, body = await read_object(request, self._limits)
        return model.model_validate_json(body, strict=True).given()

    def openapi(self) -> Handler:
        """The route of the OpenAPI document, which says nothing of what is in the store."""

        @cache
        def written() -> bytes:
            return msgspec.json.encode(document(commands.catalogue_of(self._crm).commands, self._limits))

        async def handle(request: Request) -> Response:
            return Response(await self._threads.run(written), media_type="application/json")

        return handle

    def _borne(self, handle: Callable[[Request, Token], Awaitable[Response]]) -> Handler:
        """A route for those who bear a token; whatever goes wrong in it is a problem."""

        async def handled(request: Request) -> Response:
            try:
                token = await self._threads.run(partial(bearer, self._crm, request))
                self._rates.take(token.id)
                return await handle(request, token)
            except Exception as error:
                return _unexpected(error) if (known := problem_of(error)) is None else known.response()

        return handled


def _asked(crm: Regulars, question: Question, given: dict[str, Any], seen: str | None) -> Response:
    """The answer to a question; of one customer as of now with its ETag, which is that of a moment before."""
    tag = None
    if question.has_version and not _ELSEWHEN & given.keys():
        who = given["who"]
        assert isinstance(who, CustomerId)
        tag = tag_of(crm.version_of(who))
        if seen == tag:
            return Response(status_code=304, headers={"ETag": tag})
    return _answer(question.ask(crm, **given), tag)


def _answer(value: object, tag: str | None = None) -> Response:
    headers = {"Cache-Control": "no-store"} if tag is None else {"Cache-Control": "private, no-cache", "ETag": tag}
    return Response(msgspec.json.encode(plain(value)), headers=headers, media_type="application/json")


def _subscription(request: Request) -> str:
    name: str = request.path_params["name"]
    if re.fullmatch(telling.NAME, name) is None:
        raise Problem(422, "invalid", "a subscription's name has 1 to 60 letters, digits, dots, dashes or underscores")
    return name


def _unexpected(error: Exception) -> Response:
    """The answer to what nobody foresaw. The log says what and where, and not its message, which may be personal."""
    places = traceback.extract_tb(error.__traceback__)
    where = f"{places[-1].filename}:{places[-1].lineno}" if places else "nowhere"
    STORE.error("a request failed: %s at %s", type(error).__name__, where)
    return Problem(500, "internal", "something went wrong here; the log of the server says where").response()


async def not_routed(request: Request, error: Exception) -> Response:
    """The problem of a request that no route takes."""
    assert isinstance(error, HTTPException)
    codes = {
        404: ("no_such_address", "there is nothing at this address"),
        405: ("no_such_method", "not by this method"),
    }
    code, sentence = codes.get(error.status_code, ("refused", error.detail))
    return Problem(error.status_code, code, sentence, error.headers).response()
