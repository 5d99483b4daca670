"""From requests to pages and back: who asks, what they ask, the page's handler in a thread, and its answer as HTTP."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from regulars.crm import Regulars
from regulars.crm_domain.errors import Conflict, NotFound, RegularsError, Rejected, StoreBusy
from regulars.crm_domain.explain_invalid import sentence
from regulars.upkeep.web_sessions import Visitor
from regulars.web.console.background import Background
from regulars.web.console.cookies import Jar, language
from regulars.web.console.csrf import form_token, is_form_token
from regulars.web.console.gate import Gate
from regulars.web.console.headers import log_error
from regulars.web.console.page import Answer, Asked, File, GoTo, Links, Page, Refused, Shown, Upload
from regulars.web.console.pages import PAGES
from regulars.web.console.reading import day_of
from regulars.web.console.sizes import FORM, TooLarge, limited
from regulars.web.console.templates import STATIC, Templates, digest_of
from regulars.web.console.words import LANGUAGES, N_, Words, chosen

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Refused, 403),
    (NotFound, 404),
    (TooLarge, 413),
    (Rejected, 409),
    (Conflict, 409),
    (StoreBusy, 503),
    (RegularsError, 500),
    (ValidationError, 400),
    (ValueError, 400),
)
_EXPECTED: tuple[type[Exception], ...] = (HTTPException, *(kind for kind, _ in _STATUS))


class Console(Struct, frozen=True):
    """What all pages share: the store, the templates, who is let in, and how large a file may be."""

    crm: Regulars
    gate: Gate
    jar: Jar
    templates: Templates
    largest_file: int
    beside: Background
    origins: frozenset[str]


class _Frame(Struct, frozen=True):
    """What surrounds a page: who sees it, in which words, and where it stands."""

    console: Console
    request: Request
    words: Words
    visitor: Visitor | None
    token: str

    @property
    def root(self) -> str:
        return root_of(self.request)

    @property
    def path(self) -> str:
        return self.request.url.path.removeprefix(self.root) or "/"

    def shown(self, shown: Shown, links: Links, title: str, *, is_of_today: bool) -> Response:
        """A page, or the fragment of it that htmx asks for."""
        headers = self.request.headers
        is_partial = headers.get("hx-request") == "true" and shown.fragment == headers.get("hx-target")
        said = self.console.jar.said(self.request)
        values = self._around(links, title) | {"said": None if is_partial else said, "is_of_today": is_of_today}
        values |= shown.values
        text = self.console.templates.shown(
            self.words.language, f"pages/{shown.template}", values, shown.fragment if is_partial else None
        )
        response = Response(text, shown.status, media_type="text/html")
        if said and not is_partial:
            self.console.jar.forget_said(response)
        return response

    def _around(self, links: Links, title: str) -> dict[str, Any]:
        visitor = self.visitor
        return {
            "navigation": [each for each in PAGES if each.in_navigation and visitor and visitor.may(each.role)],
            "title": self.words.text(title),
            "here": self.path,
            "link": links.to,
            "asset": lambda name: links.asset(name, digest_of(name)),
            "links": links,
            "query": {name: text for name, text in self.request.query_params.items() if name not in _DATES},
            "words": self.words,
            "languages": LANGUAGES,
            "visitor": visitor,
            "may": visitor.may if visitor else lambda role: False,
            "form_token": form_token(self.token),
        }


_DATES = ("as_of", "known_at")
_NOT_OURS = N_("This form is no longer valid. Load the page again, and send it once more.")


def routes(console: Console) -> list[Route]:
    """The routes of all pages, and of our own files."""
    return [
        Route("/static/{name}", _static),
        *(
            Route(page.path, _answering(console, page), methods=["GET", "POST"] if page.sends else ["GET"])
            for page in PAGES
        ),
    ]


def _answering(console: Console, page: Page) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        with TemporaryDirectory(prefix="regulars-upload-") as folder:
            return await _answered(console, page, request, Path(folder))

    return answer


async def _answered(console: Console, page: Page, request: Request, folder: Path) -> Response:
    token = console.jar.session(request)
    visitor = await run_in_threadpool(console.crm.web_sessions.find, token)
    frame = _Frame(console, request, await run_in_threadpool(words_of, console.crm, request), visitor, token)
    links = Links(frame.root, None, None)
    if visitor is None:
        return _go(request, links.to("/sign-in"))
    try:
        if not visitor.may(page.role):
            raise Refused(frame.words.text(N_("Your role may not see this page.")))
        form, files = await _form(console, page, request, token, folder)
        asked = _asked(frame, visitor, form, files)
        links = asked.links
        return await run_in_threadpool(_handled, frame, page, asked)
    except _EXPECTED as error:
        return await run_in_threadpool(_problem, frame, links, error)


def _handled(frame: _Frame, page: Page, asked: Asked) -> Response:
    try:
        answer: Answer = page.handler(asked)
        match answer:
            case Shown():
                return frame.shown(answer, asked.links, page.title, is_of_today=page.is_of_today)
            case GoTo():
                response = _go(frame.request, answer.address)
                if answer.said:
                    frame.console.jar.say(response, answer.said)
                return response
            case File():
                disposition = f'attachment; filename="{answer.name}"'
                return Response(answer.content, media_type=answer.kind, headers={"Content-Disposition": disposition})
    except _EXPECTED:
        raise
    except Exception as error:
        log_error(error, page.path)
        raise HTTPException(500) from None


def _asked(frame: _Frame, visitor: Visitor, form: Mapping[str, str], files: Mapping[str, Upload]) -> Asked:
    asked = Asked(
        crm=frame.console.crm.as_actor(visitor.user),
        user=visitor.user,
        role=visitor.role,
        as_of=None,
        known_at=None,
        words=frame.words,
        links=Links(frame.root, None, None),
        beside=frame.console.beside,
        at={name: str(value) for name, value in frame.request.path_params.items()},
        query=dict(frame.request.query_params),
        form=form,
        files=files,
        proves=partial(frame.console.gate.knows, visitor.user),
    )
    as_of, known_at = (day_of(asked, name) for name in _DATES)
    return replace(asked, as_of=as_of, known_at=known_at, links=Links(frame.root, as_of, known_at, _origin(frame)))


def _origin(frame: _Frame) -> str:
    """The origin by which the browser reaches us, which the host that it named was found among."""
    host = frame.request.headers.get("host", "").lower()
    return next((each for each in sorted(frame.console.origins) if each.partition("://")[2] == host), "")


async def _form(
    console: Console, page: Page, request: Request, token: str, folder: Path
) -> tuple[dict[str, str], dict[str, Upload]]:
    """The fields and files of a form. Raises Refused for one that isn't ours, TooLarge for one beyond the limit."""
    if request.method != "POST":
        return {}, {}
    limit = console.largest_file + FORM if page.takes_files else FORM
    request = Request(request.scope, limited(request.receive, request.headers, limit))
    async with request.form(max_files=10 if page.takes_files else 0, max_fields=1_000, max_part_size=FORM) as sent:
        fields = {name: value for name, value in sent.items() if isinstance(value, str)}
        if not is_form_token(fields.pop("form_token", ""), token):
            raise Refused(_NOT_OURS)
        return fields, await run_in_threadpool(_kept, sent, folder)


def _kept(sent: FormData, folder: Path) -> dict[str, Upload]:
    kept = {}
    for number, (name, value) in enumerate(sent.multi_items()):
        if isinstance(value, UploadFile) and value.filename:
            path = folder / str(number)
            with path.open("wb") as file:
                while chunk := value.file.read(1 << 20):
                    file.write(chunk)
            kept[name] = Upload(value.filename, path)
    return kept


def _problem(frame: _Frame, links: Links, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        status, said = error.status_code, _SAID.get(error.status_code, error.detail)
    else:
        status = next(number for kind, number in _STATUS if isinstance(error, kind))
        said = sentence(error) if isinstance(error, ValidationError) else str(error)
    said = frame.words.text(said)
    page = Shown(template="problem.html", values={"problem": said[:1].upper() + said[1:]}, status=status)
    response = frame.shown(page, links, N_("That didn't work"), is_of_today=False)
    if frame.request.headers.get("hx-request") == "true":
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "outerHTML"
    return response


_SAID = {
    404: N_("There is no such page."),
    405: N_("This page takes no forms."),
    500: N_("Something went wrong here. Nothing was recorded by this page; what happened is in the log."),
}


def words_of(crm: Regulars, request: Request) -> Words:
    """The language that was chosen here, else the browser's; the business's zone and currency."""
    wishes = (language(request), request.headers.get("accept-language"))
    return Words(chosen(*wishes), crm.ruleset.zone, crm.currency)


def root_of(request: Request) -> str:
    """The path that the console is mounted below."""
    return str(request.scope.get("root_path", "")).rstrip("/")


async def read_form(request: Request, secret: str) -> dict[str, str]:
    """The fields of a small form. Raises HTTPException for one that is too large, or isn't ours."""
    try:
        request = Request(request.scope, limited(request.receive, request.headers, FORM))
        async with request.form(max_files=0, max_fields=20) as sent:
            form = {name: value for name, value in sent.items() if isinstance(value, str)}
    except TooLarge as error:
        raise HTTPException(413, str(error)) from None
    if not is_form_token(form.pop("form_token", ""), secret):
        raise HTTPException(403, _NOT_OURS)
    return form


def _go(request: Request, address: str) -> Response:
    if request.headers.get("hx-request") == "true":  # else the browser would follow, and show a page within a page
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in {each.name for each in STATIC.iterdir()}:
        raise HTTPException(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_named = request.query_params.get("d") == digest_of(name)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"} if is_named else {}
    return Response((STATIC / name).read_bytes(), media_type=kind, headers=kept)


def application(console: Console, more: list[Route]) -> Starlette:
    """The Starlette application of all pages, with `more` routes: those by which people come in and go out."""

    async def problem(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(_outside, request, error)

    def _outside(request: Request, error: Exception) -> Response:
        token = console.jar.session(request)
        visitor = console.crm.web_sessions.find(token)
        frame = _Frame(console, request, words_of(console.crm, request), visitor, token)
        return _problem(frame, Links(frame.root, None, None), error)

    return Starlette(routes=[*routes(console), *more], exception_handlers={HTTPException: problem})
