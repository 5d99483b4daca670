"""Forgetting people and sealing the log are killed: a person is wholly there or wholly gone, and seals hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from regulars import RegisterCustomer, Regulars
from torture.journal import Journal, read_journal, wait_until_ready
from torture.killing import any_fate, end, light, started, wait_until_alone
from torture.shop import fresh_store, opened, require_sound
from torture.tally import Tally

PEOPLE = 12


def register(url: str, name: str) -> None:
    """People with a name, an e-mail and a phone."""
    with opened(url) as crm:
        crm.do(
            [
                RegisterCustomer(
                    ref=f"{name}:{number}",
                    name=f"Person {number}",
                    email=f"{name}.{number}@example.com",
                    phone=f"+49 30 {number:04}",
                )
                for number in range(PEOPLE)
            ]
        )


def forget_all(url: str, path: str, name: str, fuse: int | None) -> None:
    """Forget one after another, and seal now and then."""
    journal = Journal(Path(path))
    with opened(url) as crm:
        journal.ready()
        light(fuse)
        for number in range(PEOPLE):
            crm.forget(f"{name}:{number}", reason="they asked for it")
            journal.note(number)
            if number % 3 == 2:
                crm.seal()


def killed_forgetting(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round people are registered, and whoever forgets them one by one is killed."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        for number in range(rounds):
            who, journal = f"r{number}", Path(name) / f"journal-{number}"
            register(url, who)
            fate = any_fate(dice, calls=400_000, seconds=0.4)
            with started(forget_all, url, str(journal), who, fate[0]) as process:
                wait_until_ready(journal)
                killed = end(process, fate)
            wait_until_alone(url)
            acknowledged = read_journal(journal).notes
            with opened(url) as crm:
                gone = [_is_forgotten(crm, f"{who}:{each}") for each in range(PEOPLE)]
                assert all(gone[each] for each in acknowledged)
                # One more may be forgotten of which nobody was told any more.
                assert gone == sorted(gone, reverse=True)
                assert sum(gone) - len(acknowledged) in (0, 1)
                _require_no_lookup_of_the_forgotten(crm)
                require_sound(crm)
                assert not crm.status().erasing
                for each in range(PEOPLE):
                    if not gone[each]:
                        crm.forget(f"{who}:{each}", reason="they asked for it")
                        break
                crm.seal()
                assert crm.check_seals().holds
                require_sound(crm)
            tally += Tally(rounds=1, faults=killed, acknowledged=len(acknowledged))
    return tally


def _is_forgotten(crm: Regulars, who: str) -> bool:
    """Whether nobody has this reference; whoever has it has all the rest, too."""
    with crm._store.reading() as tx:
        found = tx.find("ref", [who])
        email = tx.find("email", [f"{who.replace(':', '.')}@example.com"])
    assert bool(found) == bool(email)
    if not found:
        return True
    customer = crm.customer(who)
    assert customer.name is not None
    assert customer.email is not None
    return False


def _require_no_lookup_of_the_forgotten(crm: Regulars) -> None:
    schema: Any = crm._store.schema
    with crm._store.reading() as tx:
        gone = sa.select(schema.events.c.customer_id).where(schema.events.c.type == "PersonalDataErased")
        left = sa.select(sa.func.count()).where(schema.lookups.c.customer_id.in_(gone))
        assert tx.connection.execute(left).scalar_one() == 0
