"""The change feed over HTTP: one request acknowledges what was taken in, and is answered with the next batch.

A subscription is one of its token's name: no token acknowledges what another is told, and one that takes the place of a
token that was revoked goes on where that was. Who waits holds no thread: it is looked again each second, for the token
too, so that one that is revoked meanwhile is told nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from regulars.changes import Batch, ChangeFeed
from regulars.crm import Regulars
from regulars.crm_domain.errors import NotFound
from regulars.upkeep.tokens import Token
from regulars.web.api.limits import Threads
from regulars.web.api.requests import require_allowed

#: What a subscription may be called, as it stands in an address.
NAME = "[A-Za-z0-9._-]{1,60}"
_AGAIN = 1.0


class Listening(BaseModel):
    """What is to be told: of which `kinds` (everything, unless given), from where a new subscription starts; the number
    of the batch to `acknowledge` before; and for how many seconds to `wait` where there is nothing to tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kinds: Annotated[list[str], Field(max_length=100)] | None = None
    start: Literal["now", "beginning"] | Annotated[int, Field(ge=0, le=2**53)] = "now"
    acknowledge: Annotated[int, Field(ge=1, le=2**53)] | None = None
    wait: Annotated[float, Field(ge=0, le=20)] = 0


class Told(Struct, frozen=True, kw_only=True):
    """The next batch, None where there is nothing to tell. It comes again, unchanged, until it is acknowledged."""

    batch: Batch | None


async def next_told(
    crm: Regulars, threads: Threads, bear: Callable[[], Token], name: str, listening: Listening, longest: float
) -> Told:
    """What there is to tell, or nothing after the time to wait, which is the `longest` at most, in seconds.

    `bear` looks the token up. Raises what it raises, Problem 403, and what `Regulars.changes` raises.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + min(listening.wait, longest)
    found = await threads.run(partial(_next, crm, bear, name, listening, listening.acknowledge))
    while found is None and (left := until - loop.time()) > 0:
        await asyncio.sleep(min(left, _AGAIN))
        found = await threads.run(partial(_next, crm, bear, name, listening, None))
    return Told(batch=found)


def drop(crm: Regulars, token: Token, name: str) -> None:
    """Drop a subscription. Raises NotFound."""
    _known(crm, token, name).drop()


def _next(crm: Regulars, bear: Callable[[], Token], name: str, listening: Listening, taken: int | None) -> Batch | None:
    token = bear()
    require_allowed(token, "changes")
    feed = crm.changes(_of(token, name), kinds=listening.kinds, start=listening.start)
    if taken is not None:
        feed.ack(Batch(number=taken, changes=()))
    return next(iter(feed), None)


def _known(crm: Regulars, token: Token, name: str) -> ChangeFeed:
    if _of(token, name) not in {each.name for each in crm.subscriptions()}:
        raise NotFound(f'there is no subscription "{name}" of this token')
    return crm.changes(_of(token, name))


def _of(token: Token, name: str) -> str:
    return f"http:{token.name}:{name}"
