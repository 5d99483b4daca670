"""The pages of the console, as a browser waits for them: the 95th percentile, with a hundred thousand customers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from threading import Thread
from time import sleep

import httpx
import uvicorn

from benchmarks.bench import Bench
from benchmarks.history import opened
from benchmarks.rows import Figure
from benchmarks.timing import seconds
from regulars import Regulars, web
from regulars.web.console import console, gate_for_one
from regulars.web.console.pages import PAGES


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 10."""
    repeats = bench.few(40, 4)
    with opened(bench.folded_crowd, bench.crowd.now) as crm, _served(crm) as browser:
        taken = {each.path: _percentile(browser, each.path, repeats) for each in PAGES if each.in_navigation}
    slowest = max(taken, key=taken.__getitem__)
    yield Figure(
        row="console.page",
        value=taken[slowest],
        absolute=", ".join(f"{path} {ms:.0f} ms" for path, ms in taken.items()),
        note=f"95th percentile of {repeats} each, {bench.crowd.customers:,} customers",
        numbers=taken,
    )


def _percentile(browser: httpx.Client, path: str, repeats: int) -> float:
    browser.get(path).raise_for_status()  # the first reads templates
    return quantiles((seconds(lambda: browser.get(path)) for _ in range(repeats)), n=20)[-1] * 1e3


@contextmanager
def _served(crm: Regulars) -> Iterator[httpx.Client]:
    gate = gate_for_one(crm, "bench")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        application = web.app(crm, pages=console(crm, gate, port=port))
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            sleep(0.01)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, follow_redirects=True) as browser:
                browser.get("/enter", params={"token": gate.once}).raise_for_status()
                yield browser
        finally:
            server.should_exit = True
            thread.join()
