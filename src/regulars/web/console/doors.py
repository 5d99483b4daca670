"""The routes by which people come in, go out, and choose a language, and by which calendars read."""

from __future__ import annotations

import secrets
from math import ceil
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from regulars.calendars.ics import calendar_ics
from regulars.crm_domain.errors import StoreBusy
from regulars.web.console.application import Console, read_form, root_of, words_of
from regulars.web.console.attempts import TooOften
from regulars.web.console.csrf import form_token
from regulars.web.console.gate import LocalGate, UsersGate
from regulars.web.console.page import Links
from regulars.web.console.templates import digest_of
from regulars.web.console.words import LANGUAGES, N_

_WRONG = N_("This name and this password don't go together, or you may no longer sign in.")
_WAIT = N_("Too many attempts failed. Try again in {seconds} seconds.")
_CROWDED = N_("Too many people sign in at this moment. Try again in a few seconds.")


def doors(console: Console) -> list[Route]:
    """The routes."""
    gate, jar, sessions = console.gate, console.jar, console.crm.web_sessions

    def enter(request: Request) -> Response:
        token = None
        if isinstance(gate, LocalGate) and request.method == "GET":  # a HEAD must not use it up
            token = gate.enter(request.query_params.get("token", ""), jar.session(request))
        response = RedirectResponse(root_of(request) + ("/" if token else "/sign-in"), 303)
        if token:
            jar.keep_session(response, token)
        return response

    def calendar(request: Request) -> Response:
        feed = console.crm.calendar_feeds.find(request.path_params["token"])
        if feed is None:
            raise HTTPException(404)
        return Response(calendar_ics(console.crm.calendar(names=feed.names)), media_type="text/calendar")

    def sign_in_page(request: Request, problem: str = "", status: int = 200) -> Response:
        words, links = words_of(console.crm, request), Links(root_of(request), None, None)
        visit = jar.visit(request) or secrets.token_urlsafe(32)
        values = {
            "title": words.text("Sign in"),
            "words": words,
            "languages": LANGUAGES,
            "asset": lambda name: links.asset(name, digest_of(name)),
            "links": links,
            "is_local": isinstance(gate, LocalGate),
            "form_token": form_token(visit),
            "problem": problem,
        }
        response = Response(
            console.templates.shown(words.language, "sign_in.html", values), status, media_type="text/html"
        )
        jar.keep_visit(response, visit)
        return response

    async def sign_in(request: Request) -> Response:
        if request.method != "POST" or not isinstance(gate, UsersGate):
            return await run_in_threadpool(sign_in_page, request)
        form = await read_form(request, jar.visit(request))
        return await run_in_threadpool(signed_in, request, gate, form)

    def signed_in(request: Request, gate: UsersGate, form: dict[str, str]) -> Response:
        words = words_of(console.crm, request)
        try:
            token = gate.sign_in(form.get("name", "").strip(), form.get("password", ""), jar.session(request))
        except TooOften as error:
            response = sign_in_page(request, words.text(_WAIT).format(seconds=ceil(error.wait.total_seconds())), 429)
            response.headers["Retry-After"] = str(ceil(error.wait.total_seconds()))
            return response
        except StoreBusy:
            return sign_in_page(request, words.text(_CROWDED), 503)
        if token is None:
            return sign_in_page(request, words.text(_WRONG), 401)
        response = RedirectResponse(root_of(request) + "/", 303)
        jar.keep_session(response, token)
        return response

    async def sign_out(request: Request) -> Response:
        token = jar.session(request)
        form = await read_form(request, token)
        visitor = await run_in_threadpool(sessions.find, token)
        if form.get("everywhere") and visitor is not None:
            await run_in_threadpool(sessions.end_all, visitor.user)
        await run_in_threadpool(sessions.end, token)
        response = RedirectResponse(root_of(request) + "/sign-in", 303)
        jar.forget_session(response)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    async def choose_language(request: Request) -> Response:
        form = await read_form(request, jar.session(request) or jar.visit(request))
        response = RedirectResponse(_came_from(request), 303)
        if form.get("language") in LANGUAGES:
            jar.keep_language(response, form["language"])
        return response

    return [
        Route("/calendar/{token}.ics", calendar, methods=["GET"]),
        Route("/enter", enter, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["GET", "POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/language", choose_language, methods=["POST"]),
    ]


def _came_from(request: Request) -> str:
    """The page that the form was on, which is one of ours: its path and query alone, so that it leads nowhere else."""
    page = urlsplit(request.headers.get("referer", ""))
    is_ours = page.netloc == request.headers.get("host") and page.path.startswith("/")
    return "/" + page.path.lstrip("/\\") + (f"?{page.query}" if page.query else "") if is_ours else "/"
