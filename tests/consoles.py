"""The console on a real server in this process, and what a browser would do with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread

import httpx
import uvicorn

from regulars import Regulars, web
from regulars.upkeep.tokens import Role
from regulars.web.console import console, gate_for_one, gate_for_users, working
from regulars.web.console.gate import LocalGate, UsersGate
from regulars.web.console.sizes import FILE
from regulars.web.listening import listen

PASSWORD = "a long walk by the sea"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, by: timedelta) -> None:
        self.now += by


class Served:
    """A console that is served: its address, and browsers that ask it."""

    def __init__(self, address: str, gate: LocalGate | UsersGate) -> None:
        self.address = address
        self.gate = gate

    @property
    def entry(self) -> str:
        assert isinstance(self.gate, LocalGate)
        return f"{self.address}/enter?token={self.gate.once}"

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A client that sends what a browser sends with its own site's forms."""
        with httpx.Client(base_url=self.address, headers={"Origin": self.address}, timeout=30) as client:
            yield client


@contextmanager
def served(
    crm: Regulars,
    *,
    users: bool = False,
    clock: Callable[[], datetime] = lambda: NOON,
    origins: frozenset[str] | None = None,
    largest_file: int = FILE,
) -> Iterator[Served]:
    """Serve the console of an open store on a free port."""
    gate = gate_for_users(crm, clock) if users else gate_for_one(crm, "li")
    with working(crm, clock) as beside, listen(0) as listening:
        port = listening.getsockname()[1]
        pages = console(crm, gate, port=port, origins=origins, largest_file=largest_file, beside=beside)
        application = web.app(crm, pages=pages)
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Served(f"http://127.0.0.1:{port}", gate)
        finally:
            server.should_exit = True
            thread.join()


def token_on(page: str) -> str:
    """The token that the forms of a page carry."""
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


#: Who uses the consoles of tests, and as what.
USERS: dict[str, Role] = {"mara": "owner", "kim": "clerk", "jon": "reader"}


def add_users(crm: Regulars) -> None:
    """Let everybody in who uses the consoles of tests."""
    for name, role in USERS.items():
        crm.users.add(name, role=role, password=PASSWORD)


@contextmanager
def signed_in(console: Served, name: str) -> Iterator[httpx.Client]:
    """The browser of somebody who signed in."""
    with console.browser() as client:
        assert sign_in(client, name).status_code == 303
        yield client


def sign_in(browser: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    """Send the form of the sign-in page."""
    token = token_on(browser.get("/sign-in").text)
    return browser.post("/sign-in", data={"name": name, "password": password, "form_token": token})
