"""A hundred clients at once, of a real server: whatever was acknowledged is recorded, once, and nothing else."""

from __future__ import annotations

import asyncio

import httpx

import regulars
from regulars import RegisterCustomer
from served import bearing, serving

CLIENTS, NOTES = 100, 2
PEOPLE = 10


async def all_write(address: str, tokens: list[str]) -> list[int]:
    """Each client writes of one of ten customers, and tells everything twice, as after a connection that broke."""
    limits = httpx.Limits(max_connections=CLIENTS)

    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as http:

        async def write(number: int) -> list[int]:
            who, bearer = f"shop:{number % PEOPLE}", bearing(tokens[number])
            return [
                await told(http, {"customer": who, "text": text(number, note)}, bearer | {"Idempotency-Key": str(note)})
                for note in range(NOTES)
                for _ in range(2)
            ]

        written = await asyncio.gather(*(write(number) for number in range(CLIENTS)))
        return [position for each in written for position in each]


def text(number: int, note: int) -> str:
    return f"note {note} of {number}"


async def told(http: httpx.AsyncClient, body: dict[str, str], headers: dict[str, str]) -> int:
    """The position at which a note was recorded, asked for again where the store was busy."""
    while True:
        said = await http.post("/commands/AddNote", json=body, headers=headers)
        if said.status_code != 503:
            assert said.status_code == 200, said.text
            return int(said.json()["position"])
        await asyncio.sleep(float(said.headers["retry-after"]))


def test_a_hundred_clients_at_once_lose_nothing(database_url: str) -> None:
    with regulars.open(database_url, actor="li") as crm:
        crm.do([RegisterCustomer(ref=f"shop:{number}") for number in range(PEOPLE)])
        tokens = [crm.tokens.new(f"client {number}", role="clerk").text for number in range(CLIENTS)]
        with serving(crm) as address:
            positions = asyncio.run(all_write(address, tokens))
        recorded = [each for each in crm.events(after=PEOPLE) if isinstance(each.event, regulars.NoteAdded)]
        assert sorted(positions) == sorted([each.position for each in recorded] * 2)
        said = sorted((each.actor, each.event.text) for each in recorded if isinstance(each.event, regulars.NoteAdded))
        wanted = [
            (f"client {number}", f"note {note} of {number}") for number in range(CLIENTS) for note in range(NOTES)
        ]
        assert said == sorted(wanted)
