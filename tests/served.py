"""Stores over HTTP: in this process for most tests, and by a real server where many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.testclient import TestClient

from regulars import Regulars, web
from regulars.upkeep.tokens import Role
from regulars.web.api.limits import Limits

#: Limits under which no test waits for its turn.
NO_RATE = Limits(per_second=1e9, at_once=10**9)


class Standing:
    """A clock in seconds that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def bearing(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def client(crm: Regulars, role: Role = "owner", *, name: str = "", limits: Limits = NO_RATE, **options: Any) -> TestClient:
    """A client with a token of its own, of the API of an open store."""
    token = crm.tokens.new(name or role, role=role)
    headers = bearing(token.text)
    return TestClient(web.app(crm, limits=limits, **options), base_url="http://shop/api/v1", headers=headers)


@contextmanager
def serving(crm: Regulars, limits: Limits = NO_RATE) -> Iterator[str]:
    """The address of a real server of a store, which runs in a thread of this process."""
    config = uvicorn.Config(web.app(crm, limits=limits), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with config.bind_socket() as listening:
        thread = threading.Thread(target=server.run, args=([listening],), name="server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        finally:
            server.should_exit = True
            thread.join()


