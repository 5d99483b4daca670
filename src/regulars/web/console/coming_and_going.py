"""The routes by which people come in, go out, and choose a language."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from regulars.web.console.application import Console, words_of
from regulars.web.console.page import Links
from regulars.web.console.sessions import is_form_token
from regulars.web.console.sizes import FORM, limited
from regulars.web.console.templates import digest_of
from regulars.web.console.words import LANGUAGES


def doors(console: Console) -> list[Route]:
    """The routes."""

    def enter(request: Request) -> Response:
        token = console.gate.enter(request.query_params.get("token", ""))
        response = RedirectResponse(_root(request) + ("/" if token else "/sign-in"), 303)
        if token:
            console.jar.keep_session(response, token)
        return response

    def sign_in(request: Request) -> Response:
        words = words_of(console.crm, request, None)
        links = Links(_root(request), None, None)
        values = {
            "title": words.text("Sign in"),
            "words": words,
            "languages": LANGUAGES,
            "asset": lambda name: links.asset(name, digest_of(name)),
            "link": links.to,
            "is_local": console.gate.is_local,
        }
        return Response(console.templates.shown(words.language, "sign_in.html", values), media_type="text/html")

    async def sign_out(request: Request) -> Response:
        form = await _form(console, request)
        token = console.jar.session(request)
        visitor = console.gate.sessions.find(token)
        console.gate.sessions.end(token)
        if form.get("everywhere") and visitor is not None:
            console.gate.sessions.end_all(visitor.user)
        response = RedirectResponse(_root(request) + "/sign-in", 303)
        console.jar.forget_session(response)
        return response

    async def choose_language(request: Request) -> Response:
        form = await _form(console, request)
        response = RedirectResponse(_came_from(request), 303)
        if form.get("language") in LANGUAGES:
            console.jar.keep_language(response, form["language"])
        return response

    return [
        Route("/enter", enter, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["GET"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/language", choose_language, methods=["POST"]),
    ]


async def _form(console: Console, request: Request) -> dict[str, str]:
    request = Request(request.scope, limited(request.receive, request.headers, FORM))
    async with request.form(max_files=0, max_fields=20) as sent:
        form = {name: value for name, value in sent.items() if isinstance(value, str)}
    if not is_form_token(form.get("form_token", ""), console.jar.session(request)):
        raise HTTPException(403, "This form is no longer valid. Load the page again, and send it once more.")
    return form


def _came_from(request: Request) -> str:
    """The page that the form was on, which is one of ours; only its path and query, so that it leads nowhere else."""
    page = urlsplit(request.headers.get("referer", ""))
    path = page.path if page.netloc == request.headers.get("host") and page.path.startswith("/") else "/"
    return "/" + path.lstrip("/") + (f"?{page.query}" if page.query else "")


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")
