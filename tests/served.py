"""Stores over HTTP: in this process for most tests, and by a real server where many ask at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import httpx
import uvicorn

import regulars
from processes import forked
from regulars import Regulars, web
from regulars.upkeep.tokens import Role
from regulars.web.limits import Limits
from regulars.web.listening import listen

#: Limits under which no test waits for its turn.
NO_RATE = Limits(per_second=1e9, at_once=10**9)
#: The same, and nobody waits for changes.
AT_ONCE = Limits(per_second=1e9, at_once=10**9, wait=0.0)


class Standing:
    """A clock in seconds that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def bearing(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


class InProcess(httpx.BaseTransport):
    """Requests to an ASGI application in this process, one after the other."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app)
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answered() -> httpx.Response:
            said = await self._inner.handle_async_request(request)
            return httpx.Response(said.status_code, headers=said.headers, content=await said.aread())

        return self._runner.run(answered())

    def close(self) -> None:
        self._runner.close()


def asking(app: Any, text: str = "", *, base_url: str = "http://shop/api/v1") -> httpx.Client:
    """A client of an application in this process, with a token or without."""
    return httpx.Client(transport=InProcess(app), base_url=base_url, headers=bearing(text) if text else {})


def client(
    crm: Regulars, role: Role = "owner", *, name: str = "", limits: Limits = NO_RATE, **options: Any
) -> httpx.Client:
    """A client with a token of its own, of the API of an open store."""
    return asking(web.app(crm, limits=limits, **options), crm.tokens.new(name or role, role=role).text)


@contextmanager
def serving(crm: Regulars, limits: Limits = NO_RATE) -> Iterator[str]:
    """The address of a real server of a store, which runs in a thread of this process."""
    config = uvicorn.Config(web.app(crm, limits=limits), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with listen(0) as listening:
        thread = threading.Thread(target=server.run, args=([listening],), name="server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        finally:
            server.should_exit = True
            thread.join()


def _serve(store: str, address: Connection) -> None:
    with regulars.open(store) as crm:
        config = uvicorn.Config(web.app(crm, limits=AT_ONCE), log_level="error", lifespan="off")
        with listen(0) as listening:
            address.send(f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1")
            uvicorn.Server(config).run([listening])


@contextmanager
def serving_apart(store: str) -> Iterator[str]:
    """The address of a real server of a store in a process of its own, which nobody waits for longer than it takes."""
    ours, theirs = Pipe()
    process = forked().Process(target=_serve, args=(store, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()
