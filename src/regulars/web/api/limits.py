"""How much a program may ask at once: the size of a request, its time, and its rate."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from regulars.web.api.problems import Problem, busy
from regulars.web.limits import Limits

T = TypeVar("T")


class Rates:
    """A token bucket for each bearer: it fills at a steady rate, and each request takes one from it."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, bearer: str) -> None:
        """Take one from a bearer's bucket. Raises Problem 429, which says when there will be one again."""
        now, most = self._clock(), float(self._limits.at_once)
        left, since = self._buckets.get(bearer, (most, now))
        left = min(most, left + (now - since) * self._limits.per_second)
        if left < 1:
            wait = math.ceil((1 - left) / self._limits.per_second)
            self._buckets[bearer] = (left, now)
            sentence = f"this token asks too often; {self._limits.per_second:g} requests a second are answered"
            raise Problem(429, "too_many_requests", sentence, {"Retry-After": str(wait)})
        self._buckets[bearer] = (left - 1, now)


class Threads:
    """The threads in which a store is asked.

    They are our own, as a thread can't be stopped: one whose answer nobody waits for any more still counts as taken.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.seconds
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="regulars-web")

    async def run(self, call: Callable[[], T]) -> T:
        """What a call returns, or raises. Raises Problem 503 where it takes too long; it may go on to its end then."""
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(self._pool.submit(call))
        except TimeoutError:
            sentence = (
                f"there was no answer within {self._seconds:g} seconds; what was to be recorded may be recorded "
                "all the same, and asking again with the same Idempotency-Key tells"
            )
            raise busy(sentence, after=10) from None


class Waiting:
    """The places of those who wait for changes: each holds a connection, of which a server has only so many."""

    def __init__(self, limits: Limits) -> None:
        self._most = self._free = limits.waiting

    @contextmanager
    def place(self) -> Iterator[None]:
        """Have a place for as long as the block lasts. Raises Problem 503 where none is free."""
        if not self._free:
            raise busy(f"{self._most} wait for changes already, which is all that may; ask without `wait`, or again", 5)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def read_body(stream: AsyncIterator[bytes], limits: Limits) -> bytes:
    """A request's body. Raises Problem 413 for one that is too large, as soon as that is seen, and 408 for one that
    takes too long to arrive.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(limits.arriving):
            async for chunk in stream:
                body += chunk
                if len(body) > limits.body:
                    raise Problem(413, "too_large", f"a request has at most {limits.body:,} bytes")
    except TimeoutError:
        sentence = f"the body of a request arrives within {limits.arriving:g} seconds"
        raise Problem(408, "too_slow", sentence, {"Connection": "close"}) from None
    return bytes(body)


def require_shallow(value: Any, limits: Limits) -> None:
    """Raise Problem 422 for JSON that is nested too deeply."""
    layer, depth = [value], 0
    while layer := [part for each in layer if isinstance(each, dict | list) for part in _parts(each)]:
        depth += 1
        if depth > limits.depth:
            raise Problem(422, "invalid", f"JSON is nested at most {limits.depth} deep")


def _parts(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value
