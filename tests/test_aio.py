"""The asynchronous door gives the same answers as the store itself, and lets the loop go on meanwhile."""

from __future__ import annotations

import asyncio
import threading

import pytest

from regulars import AddNote, NotFound, RecordPurchase, RegisterCustomer, Regulars, TagCustomer, aio


def test_commands_and_questions_are_those_of_the_store(database_url: str) -> None:
    async def work() -> None:
        async with await aio.open(database_url, currency="EUR", actor="shop") as crm:
            await crm.do(RegisterCustomer(ref="shop:42"))
            first, second = await crm.do(
                [
                    RecordPurchase(customer="shop:42", order_id="A-1", amount="5.90"),
                    AddNote(customer="shop:42", text="likes tea"),
                ],
                actor="ada",
            )
            assert (first.position, second.position) == (2, 3)
            assert (await crm.run(Regulars.customer, "shop:42")).orders == 1
            assert await crm.run(lambda store: [each.ref for each in store.customers()]) == ["shop:42"]
            assert [each.actor async for each in crm.events()] == ["shop", "ada", "ada"]
            assert [each.position async for each in crm.events(after=1, types=type(first.events[0].event))] == [2]
            with pytest.raises(NotFound):
                await crm.run(Regulars.customer, "shop:43")

    asyncio.run(work())


def test_everybody_is_recorded_in_their_own_name(database_url: str) -> None:
    async def by_block(crm: aio.AsyncRegulars, name: str) -> None:
        with crm.acting(actor=name):
            await crm.do(TagCustomer(customer="shop:42", label=name))

    async def by_handle(crm: aio.AsyncRegulars, name: str) -> None:
        await crm.as_actor(name).do(TagCustomer(customer="shop:42", label=name))

    async def work() -> None:
        async with await aio.open(database_url, actor="shop") as crm:
            await crm.do(RegisterCustomer(ref="shop:42"))
            await asyncio.gather(
                *(way(crm, f"{way.__name__} {number}") for number in range(10) for way in (by_block, by_handle))
            )
            events = [each async for each in crm.events(after=1)]
            assert [each.actor for each in events] == [getattr(each.event, "label", None) for each in events]
            assert len(events) == 20

    asyncio.run(work())


def test_the_loop_goes_on_while_the_store_is_asked_and_a_cancelled_question_runs_to_its_end(database_url: str) -> None:
    asked, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def ask(store: Regulars) -> None:
        asked.set()
        go_on.wait()
        store.do(RegisterCustomer(ref="shop:42"))
        done.set()

    async def work() -> None:
        async with await aio.open(database_url) as crm:
            asking = asyncio.create_task(crm.run(ask))
            await asyncio.to_thread(asked.wait)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            go_on.set()
            await asyncio.to_thread(done.wait)
            assert [each.position async for each in crm.events()] == [1]

    asyncio.run(work())
