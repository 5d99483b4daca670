"""Catching up and rebuilding are killed: who asks gets the same answers, and the next one goes on."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any, TypeVar

import pytest

from regulars import (
    Command,
    EnrollMember,
    MergeCustomers,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    StoreBusy,
    StoreUnusable,
)
from regulars.adapters.read_models import catch_up, replay
from regulars.adapters.sealing import sealing
from regulars.doing import importing
from regulars.session import session
from torture.journal import Journal, wait_until_ready
from torture.killing import (
    any_fate,
    children_of,
    end,
    light,
    started,
    wait_until_alone,
    wait_until_gone,
)
from torture.shop import fresh_store, opened, require_sound
from torture.tally import Tally

T = TypeVar("T")
PEOPLE = 120
_WHERE_SEALING_IS_DUE: tuple[Any, ...] = (sealing, session)


def in_small_steps() -> None:
    """Many transactions where there would be one."""
    catch_up.BATCH, catch_up.REPLAY_FROM, replay.CUSTOMERS_AT_ONCE = 40, 200, 10
    for module in _WHERE_SEALING_IS_DUE:
        module.SEAL_AFTER = 50


@contextmanager
def small_steps() -> Iterator[None]:
    """In this process, within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catch_up, "BATCH", 40)
        patch.setattr(catch_up, "REPLAY_FROM", 200)
        patch.setattr(replay, "CUSTOMERS_AT_ONCE", 10)
        for module in _WHERE_SEALING_IS_DUE:
            patch.setattr(module, "SEAL_AFTER", 50)
        patch.setattr(importing, "ROWS_PER_TRANSACTION", 25)
        yield


def trade(url: str, name: str) -> None:
    """Four hundred events that nobody has folded in."""
    with opened(url) as crm:
        commands: list[Command] = []
        for number in range(PEOPLE):
            who = f"{name}:{number}"
            commands += [RegisterCustomer(ref=who), RecordPurchase(customer=who, order_id=who, amount="9.00")]
            if number % 3 == 0:
                commands += [EnrollMember(customer=who), OpenTicket(customer=who, ticket_id=who)]
        crm.do(commands)
        crm.do(MergeCustomers(customer=f"{name}:0", into=f"{name}:1"))


def fold_in(url: str, path: str, fuse: int | None) -> None:
    """Catch up."""
    in_small_steps()
    journal = Journal(Path(path))
    with opened(url) as crm:
        journal.ready()
        light(fuse)
        crm.catch_up()


def build(url: str, path: str, workers: int, fuse: int | None) -> None:
    """Rebuild."""
    in_small_steps()
    journal = Journal(Path(path))
    with opened(url) as crm:
        journal.ready()
        light(fuse)
        try:
            crm.projections.rebuild(workers=workers)
        except StoreUnusable as error:  # somebody who folded for it was killed
            journal.refuse(0, str(error))


def killed_catch_ups(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round several hundred events are to be folded in, and two who do it at once are killed."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        for number in range(rounds):
            trade(url, str(number))
            fates = [any_fate(dice, calls=400_000, seconds=0.12) for _ in range(2)]
            journals = [Path(name) / f"journal-{number}-{each}" for each in range(2)]
            with (
                started(fold_in, url, str(journals[0]), fates[0][0]) as first,
                started(fold_in, url, str(journals[1]), fates[1][0]) as second,
            ):
                for journal in journals:
                    wait_until_ready(journal)
                killed = end(first, fates[0]) + end(second, fates[1])
            wait_until_alone(url)
            with opened(url) as crm:
                require_sound(crm)
            tally += Tally(rounds=1, faults=killed)
    return tally


def killed_rebuilds(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round a rebuild by one process or by two is killed, or one of those who fold for it.

    The answers are what they were; the next rebuild goes on, and what is then stored is what was stored before.
    """
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        trade(url, "shop")
        with opened(url) as crm:
            crm.catch_up()
            whole, moment = crm.projections.verify().stored, datetime.now(UTC)
            answers = crm.customers(limit=1_000, as_of=moment).customers
        for number in range(rounds):
            workers = dice.choice([1, 2])
            journal = Path(name) / f"journal-{number}"
            fate = any_fate(dice, calls=600_000, seconds=0.25)
            if workers == 2:
                fate = (None, dice.uniform(0, 1.5))  # those who fold are other processes
            with started(build, url, str(journal), workers, fate[0]) as process:
                wait_until_ready(journal)
                assert process.pid is not None
                if workers == 2 and dice.random() < 0.5:
                    sleep(fate[1])
                    killed = _kill_one(children_of(process.pid), dice)
                    process.join(60)
                    left = set[int]()
                else:
                    if fate[0] is None:
                        sleep(fate[1])
                    left = children_of(process.pid)
                    killed = end(process, (fate[0], 0.0))
            wait_until_gone(left)
            wait_until_alone(url)
            with opened(url) as crm:
                assert crm.customers(limit=1_000, as_of=moment).customers == answers
                require_sound(crm)
                answering = crm.status().generation
                assert until_free(crm.projections.rebuild) > answering
                assert crm.projections.verify().stored == whole
                crm.projections.prune()
            tally += Tally(rounds=1, faults=killed)
    return tally


def _kill_one(pids: set[int], dice: Random) -> bool:
    if not pids:
        return False
    try:
        os.kill(dice.choice(sorted(pids)), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def until_free(work: Callable[[], T]) -> T:
    """Try until whoever was killed is noticed to be gone."""
    deadline = monotonic() + 30
    while True:
        try:
            return work()
        except StoreBusy:
            assert monotonic() < deadline
            sleep(0.02)
