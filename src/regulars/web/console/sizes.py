"""How much a request may carry."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive

#: A form without files; a file.
FORM, FILE = 1 << 20, 100 << 20


class TooLarge(Exception):
    """More than a request may carry; the message is a sentence."""


def limited(receive: Receive, headers: Headers, limit: int) -> Receive:
    """Receive a body up to a limit, in bytes. Raises TooLarge at what goes beyond, or says that it will."""
    said = headers.get("content-length", "")
    if said.isdigit() and int(said) > limit:
        raise TooLarge(_sentence(limit))
    received = 0

    async def receive_within() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise TooLarge(_sentence(limit))
        return message

    return receive_within


def _sentence(limit: int) -> str:
    return f"This is more than {limit >> 20:,} MB, which is the most that is taken here."
