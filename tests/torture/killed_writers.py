"""Processes that write are killed: whatever was acknowledged is there once, and nothing is there in part."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random

from regulars import RegularsError
from torture.journal import Journal, Told, read_journal
from torture.killing import any_fate, end, end_all, light, started, wait_until_alone
from torture.shop import (
    fresh_store,
    open_shop,
    opened,
    require_books,
    require_kept,
    require_sound,
    some_trade,
)
from torture.tally import Tally

WRITERS = 3


def write(url: str, path: str, name: str, seed: int, fuse: int | None) -> None:
    """Write until somebody ends it."""
    journal, dice = Journal(Path(path)), Random(seed)
    with opened(url, actor=name) as crm:
        journal.ready()
        light(fuse)
        for number in count():
            commands = some_trade(dice, name, number)
            journal.ask(number, commands)
            try:
                outcomes = crm.do(commands)
            except RegularsError as error:
                journal.refuse(number, str(error))
            else:
                journal.acknowledge(number, outcomes)


def killed_writers(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round three processes write to the same store, and each is killed at a moment of its own."""
    tally, everything = Tally(), list[Told]()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        open_shop(url)
        for number in range(rounds):
            names = [f"w{number}-{writer}" for writer in range(WRITERS)]
            journals = [Path(name) / each for each in names]
            fates = [any_fate(dice, calls=150_000, seconds=0.25) for _ in names]
            with ExitStack() as stack:
                processes = [
                    stack.enter_context(started(write, url, str(path), each, dice.randrange(2**32), fuse))
                    for each, path, (fuse, _) in zip(names, journals, fates, strict=True)
                ]
                killed = end_all(processes, fates, journals)
            wait_until_alone(url)
            told = [read_journal(path) for path in journals]
            everything += told
            with opened(url) as crm:
                checked = require_kept(crm, told)
                require_sound(crm)
            tally += Tally(rounds=1, faults=killed, acknowledged=checked)
        with opened(url) as crm:
            require_books(crm, everything)
    return tally


def found_shop(url: str, fuse: int) -> None:
    """Make a store, and be killed at it or shortly after."""
    light(fuse)
    open_shop(url)


def killed_founders(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round a process is killed while it makes a store; the next one finds none, or a whole one."""
    tally = Tally()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
            fuse = dice.randint(1, 250_000)
            with started(found_shop, url, fuse) as process:
                killed = end(process, (fuse, 0.0))
            wait_until_alone(url)
            with opened(url) as crm:
                require_sound(crm)
            open_shop(url)
            with opened(url) as crm:
                require_sound(crm)
                assert len(crm.customers()) > 0
            tally += Tally(rounds=1, faults=killed)
    return tally
