"""Eight processes write to one store, the same customers: no lost update, no duplicate, no position that is skipped."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError, StoredEvent

import regulars
from regulars import Command, EnrollMember, RedeemPoints, RegisterCustomer, RegularsError
from regulars.adapters.eventsourcing_library.recorders import SqlApplicationRecorder
from regulars.adapters.schema.positions import settled
from regulars.adapters.sql.database import Database
from regulars.adapters.store.store import Store
from torture.journal import Journal, Told, read_journal
from torture.killing import PATIENCE, started
from torture.shop import fresh_store, open_shop, opened, require_books, require_kept, require_sound, some_trade
from torture.tally import Tally

WRITERS = 8
SCARCE = 40


def write(url: str, path: str, name: str, seed: int, rounds: int) -> None:
    """So many transactions, between which everyone wants the same newcomer and the same few points."""
    journal, dice = Journal(Path(path)), Random(seed)
    with opened(url, actor=name) as crm:
        for number in range(rounds):
            key = f"{name}-{number}"
            contested = RegisterCustomer(
                ref=f"newcomer:{number}", name=f"Newcomer {number}", command_id=f"{key}-newcomer"
            )
            redeem = RedeemPoints(customer="scarce", points=1, redemption_id=key, command_id=f"{key}-scarce")
            transactions: list[list[Command]] = [some_trade(dice, name, number), [contested], [redeem]]
            for place, commands in enumerate(transactions):
                journal.ask(3 * number + place, commands)
                try:
                    outcomes = crm.do(commands)
                except RegularsError as error:
                    journal.refuse(3 * number + place, str(error))
                else:
                    journal.acknowledge(3 * number + place, outcomes)


def is_reached(stop: str, last: int) -> bool:
    """Whether nothing comes any more, and this was the last one: on PostgreSQL it may be readable a moment later."""
    return Path(stop).exists() and last >= int(Path(stop).read_text() or "0")


def follow(url: str, path: str, stop: str) -> None:
    """Read positions in their order up to the last one of all, and write them down."""
    journal, store, last = Journal(Path(path)), Store(url), 0
    position = store.schema.events.c.position
    while not is_reached(stop, last):
        with store.reading() as tx:
            wanted = sa.select(position).where(position > last, settled(store.schema.events)).order_by(position)
            found = list(tx.connection.execute(wanted).scalars())
        for each in found:
            journal.note(each)
        last = found[-1] if found else last
    store.close()


def follow_the_audit(url: str, path: str, stop: str) -> None:
    """The same by the library's own door."""
    journal, last = Journal(Path(path)), 0
    with opened(url) as crm:
        while not is_reached(stop, last):
            page = crm.audit(oldest_first=True, after=last, limit=1_000)
            for entry in page.entries:
                journal.note(entry.position)
            last = page.entries[-1].position if page.entries else last


def fold_meanwhile(url: str, path: str, stop: str) -> None:
    """Catch up again and again."""
    journal = Journal(Path(path))
    with opened(url) as crm:
        while not Path(stop).exists():
            crm.catch_up()
            journal.note(1)


def crowd(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """Eight write, two follow, two fold. A round is one transaction of each writer's own, and two contested ones."""
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        open_shop(url)
        with opened(url) as crm:
            crm.do([RegisterCustomer(ref="scarce", name="Scarce"), EnrollMember(customer="scarce")])
            crm.do(regulars.AdjustPoints(customer="scarce", points=SCARCE, reason="to begin with"))
            before = crm.audit(limit=1).entries[0].position
        journals = [Path(name) / f"writer-{index}" for index in range(WRITERS)]
        with Readers(url, Path(name), [follow, follow_the_audit, fold_meanwhile, fold_meanwhile]) as readers:
            with ExitStack() as stack:
                writers = [
                    stack.enter_context(started(write, url, str(path), path.name, dice.randrange(2**32), rounds))
                    for path in journals
                ]
                for writer in writers:
                    writer.join(PATIENCE + rounds)
                    assert writer.exitcode == 0
            told = [read_journal(path) for path in journals]
            acknowledged = sorted(
                position
                for each in told
                for answers in each.acknowledged.values()
                for positions in answers
                for position in positions
            )
            followed, audited, *folded = readers.ended(acknowledged[-1])
        with opened(url) as crm:
            require_crowd(crm, told, rounds)
            assert len(set(acknowledged)) == len(acknowledged)
            assert followed == [*range(1, before + 1), *acknowledged] if kind == "sqlite" else True
            seen = [position for position in followed if position > before]
            assert seen == acknowledged, (set(acknowledged) - set(seen), set(seen) - set(acknowledged), seen[-3:])
            assert [position for position in audited if position > before] == acknowledged, set(acknowledged) - set(
                audited
            )
            assert all(folded)
            checked = require_kept(crm, told)
            require_sound(crm)
            caught_up = crm.projections.verify().stored
            crm.projections.rebuild()
            assert crm.projections.verify().stored == caught_up
    return Tally(rounds=rounds, faults=WRITERS * rounds * 2, acknowledged=checked)


def require_crowd(crm: regulars.Regulars, told: list[Told], rounds: int) -> None:
    """Of what everyone wanted, each thing was had once; of what each did alone, all."""
    events = crm._store.schema.events
    with crm._store.reading() as tx:
        of_type = sa.select(sa.func.count()).where(
            events.c.type == "PointsRedeemed", events.c.customer_id == str(crm.find("scarce"))
        )
        redeemed = tx.connection.execute(of_type).scalar_one()
        assert redeemed == min(SCARCE, WRITERS * rounds), (redeemed, [each.refused for each in told])
        assert all(len(tx.find("ref", [f"newcomer:{number}"])) == 1 for number in range(rounds))
    assert crm.points("scarce").balance == SCARCE - min(SCARCE, WRITERS * rounds)
    for each in told:
        assert not each.unanswered
        own = {number for number in each.asked if number % 3 == 0}
        assert own <= each.acknowledged.keys(), each.refused
        assert {number for number in each.asked if number % 3 == 1} <= each.acknowledged.keys(), each.refused
    trade = [
        Told(
            asked={number: each.asked[number] for number in each.asked if number % 3 == 0},
            acknowledged={number: each.acknowledged[number] for number in each.acknowledged if number % 3 == 0},
        )
        for each in told
    ]
    require_books(crm, trade, others=rounds + 1)


class Readers:
    """Processes that read until they are told that nothing more will come."""

    def __init__(self, url: str, folder: Path, works: list[Callable[[str, str, str], None]]) -> None:
        self._stop = folder / "stop"
        self._journals = [folder / f"reader-{index}" for index in range(len(works))]
        self._works = works
        self._url = url
        self._stack = ExitStack()
        self._processes: list[Any] = []

    def __enter__(self) -> Readers:
        for work, journal in zip(self._works, self._journals, strict=True):
            process = self._stack.enter_context(started(work, self._url, str(journal), str(self._stop)))
            self._processes.append(process)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def ended(self, last: int) -> list[list[int]]:
        """What each of them wrote down, once they have come to the last position that was acknowledged."""
        self._stop.with_suffix(".new").write_text(str(last))
        self._stop.with_suffix(".new").rename(self._stop)
        for process in self._processes:
            process.join(PATIENCE)
            assert process.exitcode == 0
        return [read_journal(journal).notes for journal in self._journals]


# ------------------------------------------------------------------------------------- the library's recorders


def record(url: str, path: str, name: str, rounds: int) -> None:
    """Append to streams of one's own, and to one that all share: who is quicker gets its next version."""
    journal, database = Journal(Path(path)), Database(url)
    recorder = SqlApplicationRecorder(database)
    own, shared = uuid5(NAMESPACE_URL, name), uuid5(NAMESPACE_URL, "shared")
    version = 0
    for number in range(rounds):
        batch = [_stored(own, 3 * number + index) for index in range(1, 4)]
        for position in recorder.insert_events(batch):
            journal.note(position)
        while True:
            version += 1
            try:
                [position] = recorder.insert_events([_stored(shared, version)])
            except IntegrityError:
                continue
            journal.note(position)
            break
    database.close()


def _stored(stream: UUID, version: int) -> StoredEvent:
    return StoredEvent(originator_id=stream, originator_version=version, topic="happened", state=b"{}")


def read_notifications(url: str, path: str, stop: str) -> None:
    """What the recorder shows in order of its notifications."""
    journal, database, last = Journal(Path(path)), Database(url), 0
    recorder = SqlApplicationRecorder(database)
    while not is_reached(stop, last):
        found = recorder.select_notifications(start=last, limit=500, inclusive_of_start=False)
        for each in found:
            journal.note(each.id)
        last = found[-1].id if found else last
    database.close()


def crowded_recorder(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """Eight processes append through the `eventsourcing` library's contract, and one reads notifications."""
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        database = Database(url)
        SqlApplicationRecorder(database).create_table()
        journals = [Path(name) / f"writer-{index}" for index in range(WRITERS)]
        with Readers(url, Path(name), [read_notifications]) as readers, ExitStack() as stack:
            writers = [stack.enter_context(started(record, url, str(path), path.name, rounds)) for path in journals]
            for writer in writers:
                writer.join(PATIENCE + rounds)
                assert writer.exitcode == 0
            acknowledged = sorted(position for path in journals for position in read_journal(path).notes)
            [followed] = readers.ended(acknowledged[-1])
        assert len(acknowledged) == WRITERS * rounds * 4
        assert followed == acknowledged
        shared = SqlApplicationRecorder(database).select_events(uuid5(NAMESPACE_URL, "shared"))
        assert [each.originator_version for each in shared] == list(range(1, WRITERS * rounds + 1))
        database.close()
    return Tally(rounds=rounds, faults=WRITERS * rounds, acknowledged=len(acknowledged))
