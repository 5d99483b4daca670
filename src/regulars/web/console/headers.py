"""What every answer and every request has to be, as an ASGI layer around the console: which host was meant, where a
form came from, how large it is; and headers that tell the browser to trust nothing but us.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from traceback import extract_tb
from typing import Any

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("regulars.web")

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)

#: Every answer has these. Referrers stay within the site: with none at all, browsers send forms with Origin "null".
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: Where the outside is reached by https, browsers are told to use nothing else for a year.
ONLY_HTTPS = ("Strict-Transport-Security", "max-age=31536000")
NOT_STORED = ("Cache-Control", "no-store")


def log_error(error: Exception, where: str) -> None:
    """Log what nobody foresaw: its type and where it was raised, not what it says, as that may name somebody."""
    places = " < ".join(f"{each.filename}:{each.lineno}" for each in reversed(extract_tb(error.__traceback__)[-6:]))
    LOG.error("%s in %s: %s", type(error).__name__, where, places)


class Guarded(Struct, frozen=True):
    """An application behind these checks. `origins` are those that it is reached by, such as "http://127.0.0.1:8765"."""

    application: Application
    origins: frozenset[str]

    @property
    def _hosts(self) -> frozenset[str]:
        return frozenset(each.partition("://")[2] for each in self.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        secure = any(each.startswith("https:") for each in self.origins)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if secure:
                    headers[ONLY_HTTPS[0]] = ONLY_HTTPS[1]
                headers.setdefault(*NOT_STORED)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self._answer(scope, receive, send_with_headers)
        else:
            await refusal(scope, receive, send_with_headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.application(scope, receive, send)
        except Exception as error:
            log_error(error, "a request")  # Starlette has answered, and hands it on to be logged whole, which we don't

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        """Refuse names that aren't ours, by which other sites' pages could reach us, and forms of other sites."""
        if headers.getlist("host") != [headers.get("host", "")] or headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("This server doesn't answer to that name.\n", 421)
        if method in SAFE:
            return None
        origin = headers.get("origin")
        if origin is None and headers.get("sec-fetch-site") == "same-origin":
            return None
        if origin is None or origin.lower() not in self.origins:
            return PlainTextResponse("This form was sent from another site.\n", 403)
        return None
