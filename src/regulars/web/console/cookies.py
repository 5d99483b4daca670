"""The cookies of the console: the session's token, what was said when a form was done, and the language."""

from __future__ import annotations

import base64
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

_LANGUAGE = "regulars_language"
_LONGEST_SAID = 500
_YEAR = 366 * 24 * 3600


def language(request: Request) -> str | None:
    """The language that was chosen in this browser."""
    return request.cookies.get(_LANGUAGE)


class Jar(Struct, frozen=True):
    """How cookies are named and kept. Browsers don't tell cookies of two ports apart, so their names do.

    `secure` is whether the outside is reached by https alone; then the names bind cookies to this host.
    """

    port: int
    secure: bool

    def session(self, request: Request) -> str:
        """The session's token; "" for none."""
        return request.cookies.get(self._named("session"), "")

    def keep_session(self, response: Response, token: str) -> None:
        """Give the browser a session's token, until the browser is closed."""
        self._set(response, "session", token, None)

    def forget_session(self, response: Response) -> None:
        """Take it back."""
        self._set(response, "session", "", 0)

    def visit(self, request: Request) -> str:
        """The secret of a browser in which nobody is signed in yet; "" for none."""
        return request.cookies.get(self._named("visit"), "")

    def keep_visit(self, response: Response, secret: str) -> None:
        """Give the browser that secret."""
        self._set(response, "visit", secret, None)

    def say(self, response: Response, said: str) -> None:
        """Have a sentence said on the next page."""
        text = base64.urlsafe_b64encode(said[:_LONGEST_SAID].encode()).decode()
        self._set(response, "said", text, 60)

    def said(self, request: Request) -> str | None:
        """What is to be said on this page."""
        text = request.cookies.get(self._named("said"))
        try:
            return None if not text else base64.urlsafe_b64decode(text).decode()[:_LONGEST_SAID]
        except ValueError:
            return None

    def forget_said(self, response: Response) -> None:
        """It was said."""
        self._set(response, "said", "", 0)

    def keep_language(self, response: Response, tag: str) -> None:
        """Keep the language that was chosen in this browser, for a year."""
        response.set_cookie(_LANGUAGE, tag, max_age=_YEAR, secure=self.secure, httponly=True, samesite="lax")

    def _named(self, name: Literal["session", "visit", "said"]) -> str:
        return f"__Host-regulars-{name}" if self.secure else f"regulars_{name}_{self.port}"

    def _set(self, response: Response, name: Literal["session", "visit", "said"], value: str, age: int | None) -> None:
        response.set_cookie(
            self._named(name), value, max_age=age, path="/", secure=self.secure, httponly=True, samesite="lax"
        )
