"""Whoever is told of changes is killed: nothing is skipped, and what comes twice has the same id."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from regulars.changes import Batch, Change
from subscribers import Subscriber
from torture.journal import Journal, wait_until_ready
from torture.killing import any_fate, end, light, started, wait_until_alone
from torture.shop import fresh_store, open_shop, opened, require_sound, some_trade
from torture.tally import Tally


def poll(url: str, notes: str, journal: str, fuse: int | None) -> None:
    """Write down each batch, as who is killed may not have been able to, and then acknowledge it."""
    with opened(url) as crm:
        feed = crm.changes("mailer", start="beginning")
        Journal(Path(journal)).ready()
        light(fuse)
        for batch in feed:
            write_down(Path(notes), batch)
            feed.ack(batch)


def write_down(notes: Path, batch: Batch) -> None:
    """One write for a batch, in a line of its own whatever was written before."""
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, b"\n" + msgspec.json.encode(batch, enc_hook=str) + b"\n")
    finally:
        os.close(file)


def written_down(notes: Path) -> Iterator[Batch]:
    """The batches that were written down whole, in order."""
    for line in notes.read_bytes().splitlines():
        try:
            json.loads(line)
        except ValueError:
            continue  # it is empty, or was being written
        yield msgspec.json.decode(line, type=Batch, dec_hook=lambda kind, found: kind(found))


def killed_polls(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round something is recorded, and whoever is told is killed; in the end all that was told is applied."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        open_shop(url)
        notes = Path(name) / "notes"
        for number in range(rounds):
            with opened(url) as crm:
                for each in range(dice.randint(1, 6)):
                    crm.do(some_trade(dice, f"round-{number}", each))
            journal = Path(name) / f"journal-{number}"
            fate = any_fate(dice, calls=60_000, seconds=0.3)
            with started(poll, url, str(notes), str(journal), fate[0]) as process:
                wait_until_ready(journal)
                killed = end(process, fate)
            wait_until_alone(url)
            tally += Tally(rounds=1, faults=killed)
        with opened(url) as crm:
            feed = crm.changes("mailer")
            for batch in feed:
                write_down(notes, batch)
                feed.ack(batch)
            told = require_all_told(notes, [each.position for each in crm.events()])
            for each in crm.customers(limit=100, fresh=True).customers:
                assert told.held[str(each.id), "tier", None] == each.tier
                assert told.held[str(each.id), "stage", None] == each.stage
            require_sound(crm)
    return tally + Tally(acknowledged=len(told.seen))


def require_all_told(notes: Path, positions: list[int]) -> Subscriber:
    """All batches came in order, and every event was told of."""
    subscriber, newest = Subscriber(), 0
    for batch in written_down(notes):
        assert batch.number in (newest, newest + 1)
        newest = batch.number
        subscriber.take(batch.changes)
    recorded: list[Change] = [each for each in subscriber.seen.values() if each.kind == "recorded"]
    assert [each.position for each in recorded] == positions
    return subscriber
