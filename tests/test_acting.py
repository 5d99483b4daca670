"""Every command is recorded as of whoever gave it, whatever else goes on: in blocks, handles, tasks, threads, requests.

Each command here names its actor once more in what it says, so that what is recorded tells whether that is so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from threading import Barrier
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Request

import regulars
from regulars import AuditEntry, RegisterCustomer, Regulars, TagCustomer

USUAL = "shop"


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with regulars.open(database_url, currency="EUR", actor=USUAL) as crm:
        crm.do(RegisterCustomer(ref="shop:42"))
        yield crm


def tag(actor: str, number: int = 0) -> TagCustomer:
    return TagCustomer(customer="shop:42", label=f"{actor} {number}")


def tagged(crm: Regulars) -> list[AuditEntry]:
    return list(crm.audit(type="CustomerTagged", oldest_first=True, limit=1_000))


def assert_everybody_is_named(crm: Regulars, count: int) -> None:
    entries = tagged(crm)
    assert len(entries) == count
    for entry in entries:
        named = str(entry.changes[0].new)
        assert f"{entry.actor} " in named


def test_coroutines_act_each_in_its_own_name(crm: Regulars) -> None:
    async def work(name: str, turn: asyncio.Barrier) -> None:
        await turn.wait()
        with crm.acting(actor=name, correlation_id=f"call of {name}"):
            for number in range(3):
                await turn.wait()
                crm.do(tag(name, number))
        await turn.wait()
        crm.do(tag(USUAL, ord(name[0])))

    async def together() -> None:
        turn = asyncio.Barrier(3)
        await asyncio.gather(*(work(name, turn) for name in ("ada", "bo", "cy")))

    asyncio.run(together())
    crm.do(tag(USUAL, 1))
    assert_everybody_is_named(crm, 13)
    assert {(each.actor, each.correlation_id) for each in tagged(crm)} == {
        (USUAL, None),
        *((name, f"call of {name}") for name in ("ada", "bo", "cy")),
    }


def test_what_a_block_begins_elsewhere_stands_in_it(crm: Regulars) -> None:
    async def work() -> None:
        with crm.acting(actor="ada"):
            later = asyncio.create_task(asyncio.to_thread(crm.do, tag("ada", 1)))
            await asyncio.to_thread(crm.do, tag("ada", 2))
        await later
        await asyncio.to_thread(crm.do, tag(USUAL))

    asyncio.run(work())
    assert_everybody_is_named(crm, 3)


def test_threads_act_each_in_its_own_name(crm: Regulars) -> None:
    turn = Barrier(3)

    def work(name: str) -> None:
        with crm.acting(actor=name):
            turn.wait()
            crm.do(tag(name, 1))
            turn.wait()
        turn.wait()
        crm.do(tag(USUAL, ord(name[0])))

    with crm.acting(actor="dee"), ThreadPoolExecutor(3) as pool:
        list(pool.map(work, ("ada", "bo", "cy")))
        crm.do(tag("dee"))
    assert_everybody_is_named(crm, 7)


def test_blocks_of_generators_may_end_in_any_order(crm: Regulars) -> None:
    def block(name: str) -> Iterator[None]:
        with crm.acting(actor=name):
            yield

    first, second = block("ada"), block("bo")
    next(first)
    next(second)
    next(first, None)
    crm.do(tag("bo"))
    next(second, None)
    crm.do(tag(USUAL))
    assert_everybody_is_named(crm, 2)


def test_a_block_that_ends_in_another_context_says_so(crm: Regulars) -> None:
    block = crm.acting(actor="ada")
    block.__enter__()
    with pytest.warns(RuntimeWarning, match=r"began in.*crm\.as_actor\(\)"):
        Context().run(block.__exit__, None, None, None)
    with crm.acting(actor="bo"):
        crm.do(tag("bo"))
    assert_everybody_is_named(crm, 1)


def test_stores_in_one_program_have_blocks_of_their_own(crm: Regulars) -> None:
    with regulars.open(":memory:", actor="depot") as other, crm.acting(actor="ada"), other.acting(actor="bo"):
        crm.do(tag("ada"))
        other.do(RegisterCustomer(ref="depot:1"))
        assert [each.actor for each in other.audit()] == ["bo"]
    assert_everybody_is_named(crm, 1)


def test_a_handle_has_the_same_doors_and_needs_no_block(crm: Regulars) -> None:
    mine = crm.as_actor("ada", correlation_id="call-7", reason="she rang")
    with crm.acting(actor="bo"):
        mine.do(tag("ada", 1))
        crm.do(tag("bo"))
        with mine.acting(actor="cy"):
            mine.do(tag("cy"))
            crm.do(tag("bo", 2))
    ada, _, cy, _ = tagged(crm)
    assert (ada.correlation_id, ada.reason) == (cy.correlation_id, cy.reason) == ("call-7", "she rang")
    assert_everybody_is_named(crm, 4)
    assert mine.customer("shop:42").id == crm.customer("shop:42").id == mine.customers()[0].id
    assert mine.projections.verify().holds


def test_a_handle_takes_what_it_isn_t_given_from_where_it_is_made(crm: Regulars) -> None:
    with crm.acting(actor="bo", correlation_id="call-7"):
        mine = crm.as_actor("ada", reason="she rang")
    mine.do(tag("ada"))
    assert [(each.correlation_id, each.reason) for each in tagged(crm)] == [("call-7", "she rang")]


def test_rules_are_published_in_the_name_of_a_handle(crm: Regulars) -> None:
    mine = crm.as_actor("ada")
    new = regulars.parse_rules(regulars.as_toml(crm.ruleset).replace("prior_gap_days = 30", "prior_gap_days = 31"))
    mine.rules.publish(new, reason="fewer buy each month")
    assert [each.actor for each in crm.rules.history()] == [None, "ada"]


def test_closing_a_handle_leaves_the_store_open(crm: Regulars) -> None:
    with crm.as_actor("ada") as mine:
        mine.do(tag("ada"))
    mine.do(tag("ada", 2))
    crm.do(tag(USUAL))
    assert_everybody_is_named(crm, 3)


def test_commands_say_who_gives_them(crm: Regulars) -> None:
    crm.do(tag("ada"), actor="ada")
    crm.do([tag("bo", 1), tag("bo", 2)], actor="bo")
    crm.do(tag(USUAL))
    assert_everybody_is_named(crm, 4)


@pytest.mark.parametrize("wrong", ["", "a\nb", "a" * 201])
def test_who_acts_is_one_line(crm: Regulars, wrong: str) -> None:
    for tell in (crm.as_actor, lambda actor: crm.do(tag(USUAL), actor=actor)):
        with pytest.raises(ValueError, match="an actor"):
            tell(wrong)
    with pytest.raises(ValueError, match="a correlation id"):
        crm.as_actor("ada", correlation_id=wrong)
    assert not tagged(crm)


# ------------------------------------------------------------------------------------------------- a web application


async def in_a_block(user: str, request: Request) -> AsyncIterator[Regulars]:
    crm: Regulars = request.app.state.crm
    with crm.acting(actor=user):
        await asyncio.sleep(0)
        yield crm


def by_a_handle(user: str, request: Request) -> Iterator[Regulars]:
    crm: Regulars = request.app.state.crm
    yield crm.as_actor(user)


InABlock = Annotated[Regulars, Depends(in_a_block)]
ByAHandle = Annotated[Regulars, Depends(by_a_handle)]


async def block_task(user: str, number: int, mine: InABlock) -> None:
    await asyncio.sleep(0)
    mine.do(tag(user, number))


def block_thread(user: str, number: int, mine: InABlock) -> None:
    mine.do(tag(user, number))


async def handle_task(user: str, number: int, mine: ByAHandle) -> None:
    await asyncio.sleep(0)
    mine.do(tag(user, number))


def handle_thread(user: str, number: int, mine: ByAHandle) -> None:
    mine.do(tag(user, number))


async def post(app: FastAPI, path: str, query: str) -> int:
    """The status of one request, as a server would hand it to the application."""
    statuses: list[int] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await app(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize("endpoint", [block_task, block_thread, handle_task, handle_thread])
def test_two_hundred_requests_at_once_are_recorded_each_in_its_own_name(
    crm: Regulars, endpoint: Callable[..., object]
) -> None:
    app = FastAPI()
    app.state.crm = crm
    app.post("/tags")(endpoint)

    async def load() -> list[int]:
        users = [f"user-{number % 20}" for number in range(200)]
        queries = (f"user={user}&number={number}" for number, user in enumerate(users))
        return await asyncio.gather(*(post(app, "/tags", query) for query in queries))

    assert asyncio.run(load()) == [200] * 200
    crm.do(tag(USUAL))
    assert_everybody_is_named(crm, 201)
