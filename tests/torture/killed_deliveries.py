"""Who delivers to hooks is killed, and receivers fail at random: nothing is skipped, each customer's order is kept."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from random import Random
from time import monotonic, sleep

import receivers
from receivers import Got, Receiver, receiving
from regulars import RegisterCustomer, Regulars, TagCustomer
from regulars.hooks import delivering, schedule
from torture.journal import Journal, wait_until_ready
from torture.killing import any_fate, end, light, started, wait_until_alone
from torture.shop import fresh_store, opened, require_sound
from torture.tally import Tally

PEOPLE = 5
CHANGES = 60
PATIENCE = 60.0


def without_pauses() -> None:
    """Try again at once, as often as it takes: what is tried here is not the time that passes."""
    schedule.PAUSES = (1_000,) * 1_000
    delivering.POLL_SECONDS = 0.005


def deliver(url: str, path: str, fuse: int | None) -> None:
    """Deliver until somebody ends it."""
    without_pauses()
    journal = Journal(Path(path))
    with opened(url) as crm:
        journal.ready()
        light(fuse)
        crm.hooks.deliver_on()


class Unreliable:
    """Takes most of what comes, in whose order is noted, and fails with the rest in one way or another."""

    def __init__(self, receiver: Receiver, seed: int) -> None:
        self._dice, self._lock = Random(seed), threading.Lock()
        self.taken: dict[str, list[int]] = {}
        receiver.answer = self.answer

    def answer(self, got: Got) -> receivers.Answer:
        with self._lock:
            luck = self._dice.random()
            if luck < 0.1:
                return 500
            if luck < 0.2:
                return receivers.closing
            event = got.event
            self.taken.setdefault(event["subject"], []).append(event["data"]["position"])
        if luck < 0.3:
            return receivers.closing  # it was taken, and nobody is told
        return 204


def killed_deliveries(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round things happen to some customers while whoever delivers is killed; the next one goes on."""
    tally = Tally()
    with (
        tempfile.TemporaryDirectory() as name,
        fresh_store(kind, server, Path(name)) as url,
        receiving() as receiver,
    ):
        unreliable, recorded = Unreliable(receiver, dice.randrange(2**32)), dict[str, list[int]]()
        with opened(url) as crm:
            crm.do([RegisterCustomer(ref=f"shop:{number}") for number in range(PEOPLE)])
            crm.hooks.add(receiver.url, kinds=["recorded"], allow_local=True)
        for number in range(rounds):
            journal = Path(name) / f"journal-{number}"
            fate = any_fate(dice, calls=40_000, seconds=0.6)
            with started(deliver, url, str(journal), fate[0]) as process:
                wait_until_ready(journal)
                with opened(url) as crm:
                    trade(crm, f"{number}", recorded, dice)
                killed = end(process, fate)
            wait_until_alone(url)
            tally += Tally(rounds=1, faults=killed)
        with started(deliver, url, str(Path(name) / "last"), None):  # whoever comes after those that were killed
            wait_until_delivered(recorded, unreliable.taken)
        wait_until_alone(url)
        with opened(url) as crm:
            require_sound(crm)
            require_delivered(crm, recorded, unreliable.taken)
        tally += Tally(acknowledged=sum(map(len, recorded.values())))
    return tally


def trade(crm: Regulars, name: str, recorded: dict[str, list[int]], dice: Random) -> None:
    """Things that happen to customers, a few in each transaction, and the positions that they got, by customer."""
    for number in range(CHANGES // 6):
        tags = [
            TagCustomer(customer=f"shop:{dice.randrange(PEOPLE)}", label=f"{name}-{number}-{each}") for each in range(6)
        ]
        for outcome in crm.do(tags):
            for event in outcome.events:
                recorded.setdefault(event.customer_id, []).append(event.position)


def wait_until_delivered(recorded: dict[str, list[int]], taken: dict[str, list[int]]) -> None:
    """Wait until everything came, or nothing has come for long."""
    deadline = monotonic() + PATIENCE
    while any(set(positions) - set(taken.get(who, ())) for who, positions in recorded.items()):
        assert monotonic() < deadline, "something is never delivered"
        sleep(0.01)


def require_delivered(crm: Regulars, recorded: dict[str, list[int]], taken: dict[str, list[int]]) -> None:
    """Everything came, of each customer in order; the last that was taken may have come again, and nothing before."""
    assert crm.hooks.dead() == ()
    assert {who: sorted(set(positions)) for who, positions in taken.items()} == recorded
    for positions in taken.values():
        assert positions == sorted(positions)
