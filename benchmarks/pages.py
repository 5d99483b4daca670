"""The pages of the console, as a browser waits for them, each beside the same question in Python: the 95th percentile.

Of a hundred thousand customers, two thousand may buy something: the history of the other figures has no opportunities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from statistics import quantiles
from threading import Thread
from time import sleep

import httpx
import uvicorn

from benchmarks.bench import Bench
from benchmarks.history import opened
from benchmarks.rows import CONSOLE, Figure
from benchmarks.segments import with_segments
from benchmarks.timing import seconds, take_turns
from regulars import Command, CustomerId, OpenOpportunity, Regulars, WinOpportunity, web
from regulars.adapters.garbage_collection import spare_what_is_held
from regulars.web.console import console, gate_for_one
from regulars.web.listening import listen

_OPPORTUNITIES = 2_000
_UNSETTLED = ("new", "open", "awaiting_customer", "on_hold")


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 10."""
    now = bench.crowd.now
    with opened(bench.folded_crowd, now) as crm:
        crm.rules.publish(with_segments(), reason="segments")
        _sell(crm, now)
        crm.catch_up()
        crm.seal()  # of what was recorded long ago each question would seal a part
        one, asked = _somebody(crm), _questions(crm, now)
        with _served(crm) as browser:
            for name, path in CONSOLE.items():
                repeats = bench.few(40, 4) if name != "month" else bench.few(5, 2)
                yield _beside(browser, name, path.format_map(one), partial(asked[name], one), repeats)


def _sell(crm: Regulars, now: datetime) -> None:
    """Something that each of some customers may buy; every third has done so."""
    begun: list[Command] = []
    won: list[Command] = []
    for number, each in enumerate(islice(crm.customers(), _OPPORTUNITIES)):
        opened_at, which = now - timedelta(days=1 + number % 300), f"bench-{number}"
        begun.append(
            OpenOpportunity(
                customer=each.id,
                opportunity_id=which,
                amount=f"{100 + number}.00",
                owner=f"seller-{number % 5}",
                expected_close=(now + timedelta(days=number % 90)).date(),
                occurred_at=opened_at,
            )
        )
        if number % 3 == 0:
            won.append(WinOpportunity(opportunity_id=which, occurred_at=opened_at + timedelta(hours=12)))
    crm.do(begun)
    crm.do(won)


def _somebody(crm: Regulars) -> Mapping[str, str]:
    """Of whom, and of what, there is a page: a customer in the middle of the list by spend, and what is first."""
    buyers = list(islice(crm.customers(order="spend"), 1_000))
    return {
        "customer": buyers[len(buyers) // 2].id,
        "segment": crm.segments()[0].id,
        "ticket": crm.tickets(limit=1)[0].ticket_id,
        "opportunity": crm.opportunities(limit=1)[0].opportunity_id,
    }


def _questions(crm: Regulars, now: datetime) -> Mapping[str, Callable[[Mapping[str, str]], object]]:
    """What each page asks, as a program asks it."""
    today = now.date()
    month, ago = today.replace(day=1), today - timedelta(days=30)
    return {
        "today": lambda one: crm.today(),
        "customers": lambda one: crm.customers(order="risk", limit=50),
        "customer": lambda one: crm.page(CustomerId(one["customer"])).customer.explain(),
        "segments": lambda one: (crm.segments(), crm.trend("segment", since=today - timedelta(days=90), until=ago)),
        "segment": lambda one: crm.segment(one["segment"], limit=50),
        "tickets": lambda one: [crm.tickets(status=each, limit=100) for each in _UNSETTLED],
        "ticket": lambda one: crm.ticket(one["ticket"]),
        "service": lambda one: crm.service(by="agent", since=month, until=today),
        "pipeline": lambda one: (crm.opportunities(limit=25), crm.pipeline()),
        "opportunity": lambda one: crm.opportunity(one["opportunity"]),
        "forecast": lambda one: (crm.pipeline_waterfall(ago, today), crm.pipeline_forecast()),
        "reports": lambda one: None,
        "trend": lambda one: crm.trend("stage"),
        "month": lambda one: crm.report(),
        "rules": lambda one: (crm.rules.in_force, crm.rules.history()),
        "audit": lambda one: crm.audit(),
        "import": lambda one: None,
        "house": lambda one: (crm.status(), crm.projections.generations(), crm.last_seal(), crm.forgotten()),
        "access": lambda one: (crm.users.list(), crm.tokens.in_force()),
    }


def _beside(browser: httpx.Client, name: str, path: str, ask: Callable[[], object], repeats: int) -> Figure:
    browser.get(path).raise_for_status()  # the first reads templates
    ask()
    taken = take_turns(repeats, page=lambda: seconds(lambda: browser.get(path)), question=lambda: seconds(ask))
    page, question = (quantiles(taken[each], n=20)[-1] * 1e3 for each in ("page", "question"))
    return Figure(
        row=f"console.{name}",
        value=page,
        absolute=f"{page:.0f} ms, the question in Python {question:.1f} ms",
        note=f"95th percentile of {repeats} each, in turns",
        numbers={"ms": page, "question_ms": question},
    )


@contextmanager
def _served(crm: Regulars) -> Iterator[httpx.Client]:
    gate = gate_for_one(crm, "bench")
    with listen(0) as listening:
        port = listening.getsockname()[1]
        application = web.app(crm, pages=console(crm, gate, port=port))
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        spare_what_is_held()
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
