"""The asyncio API: the same store, with every command and query run in a thread.

    from regulars import aio

    async with await aio.open("shop.db", actor="shop") as crm:
        await crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="59.90"))
        why = await crm.run(lambda store: store.customer("shop:42").explain())
        page = await crm.run(Regulars.customers, stage="at_risk")

Threads don't make a database quicker: one writer writes at a time, the others wait, and so do questions to a store in
memory, which has one connection. A task that is cancelled stops waiting, while what it asked for goes on to its end,
and what it recorded stays recorded: a `command_id` makes it harmless to ask again. Threads are those of
`asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, overload

from regulars.asking.feed import EventTypes
from regulars.crm import Regulars
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.event import Event, Recorded
from regulars.doing.outcomes import Outcome
from regulars.opening import open as open_store

P = ParamSpec("P")
T = TypeVar("T")

EVENTS_AT_ONCE = 1_000


class AsyncRegulars:
    """An open store to await. Close it, or use it in an `async with` block."""

    def __init__(self, crm: Regulars) -> None:
        self._crm = crm

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every database connection. Safe to repeat."""
        await asyncio.to_thread(self._crm.close)

    async def run(self, ask: Callable[Concatenate[Regulars, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function with the store in a thread: a method of `Regulars`, or one of your own.

        Methods of a result that query the store, such as a customer's `explain`, block too: call them in `run` as well.
        """
        return await asyncio.to_thread(ask, self._crm, *args, **kwargs)

    @overload
    async def do(
        self, commands: Command, *, actor: str | None = None, unchanged_since: int | None = None
    ) -> Outcome: ...

    @overload
    async def do(
        self, commands: Sequence[Command], *, actor: str | None = None, unchanged_since: int | None = None
    ) -> list[Outcome]: ...

    async def do(
        self, commands: Command | Sequence[Command], *, actor: str | None = None, unchanged_since: int | None = None
    ) -> Outcome | list[Outcome]:
        """Carry out commands in one transaction, as `Regulars.do` does, and with its errors."""
        if isinstance(commands, Command):
            return await asyncio.to_thread(self._crm.do, commands, actor=actor, unchanged_since=unchanged_since)
        return await asyncio.to_thread(self._crm.do, commands, actor=actor, unchanged_since=unchanged_since)

    async def events(
        self, *, after: int = 0, types: EventTypes | None = None, customer: str | CustomerId | None = None
    ) -> AsyncIterator[Recorded[Event]]:
        """Everything that was recorded by now, in order of position, as `Regulars.events` returns it."""

        def begin() -> Iterator[Recorded[Event]]:
            return self._crm.events(after=after, types=types, customer=customer)

        told = await asyncio.to_thread(begin)
        while some := await asyncio.to_thread(lambda: list(islice(told, EVENTS_AT_ONCE))):
            for each in some:
                yield each

    @contextmanager
    def acting(
        self, *, actor: str | None = None, correlation_id: str | None = None, reason: str | None = None
    ) -> Iterator[Self]:
        """Set the actor of commands within the block, in this task and those it starts, as `Regulars.acting` does."""
        with self._crm.acting(actor=actor, correlation_id=correlation_id, reason=reason):
            yield self

    def as_actor(self, actor: str, *, correlation_id: str | None = None, reason: str | None = None) -> AsyncRegulars:
        """A handle to the same store that is bound to an actor, as `Regulars.as_actor` returns it."""
        return AsyncRegulars(self._crm.as_actor(actor, correlation_id=correlation_id, reason=reason))


def _in_a_thread(opening: Callable[P, Regulars]) -> Callable[P, Awaitable[AsyncRegulars]]:
    @wraps(opening)
    async def opened(*args: P.args, **kwargs: P.kwargs) -> AsyncRegulars:
        return AsyncRegulars(await asyncio.to_thread(opening, *args, **kwargs))

    return opened


open = _in_a_thread(open_store)  # noqa: A001 - aio.open() reads as it is meant

__all__ = ["AsyncRegulars", "open"]
