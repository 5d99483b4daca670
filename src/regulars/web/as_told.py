"""A header for every answer, as an ASGI layer: a browser takes it for what it says it is, and guesses nothing."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def as_told(application: ASGIApp) -> ASGIApp:
    """An application whose answers aren't taken for another type than they name."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        await application(scope, receive, send_with_header)

    return answer
