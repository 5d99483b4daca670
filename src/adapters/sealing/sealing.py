"""Sealing: events that are settled and not yet sealed get seals, while others go on appending.

Events are read and hashed in a snapshot, some blocks at a time. The write transaction only inserts the seals. Where a
number is taken by then, another process was quicker, and the hashes are discarded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.progress import Progress
from regulars.adapters.schema.positions import settled
from regulars.adapters.sealing.seals import (
    BLOCK,
    Entry,
    Seal,
    make_seal,
    read_entries,
    read_genesis,
    read_last_seal,
    seal_row,
)
from regulars.adapters.store.horizon import HORIZON_TIMEOUT, not_settled, pauses
from regulars.adapters.store.rules_in_force import FOUNDING
from regulars.adapters.store.store import Collision, Store
from regulars.crm_domain.errors import StoreUnusable

#: Once so many settled events are not sealed, or one was recorded so long ago, catching up and closing the store seal
#: them, at most so many at once, unless others write all the time.
SEAL_AFTER = 10_000
SEAL_WITHIN = 86_400_000_000
SEAL_AT_ONCE = 100_000
SEAL_PATIENCE = 0.2

_BLOCKS_AT_ONCE = 10


class Sealing(Struct, frozen=True, kw_only=True):
    """The result of sealing, and the end of the chain of seals.

    `blocks` and `events` are those that it sealed. `seals` is the number of all seals, `last` the last position they
    cover, and `root` the last one's chain hash in hexadecimal, None where there is no seal.
    """

    blocks: int
    events: int
    seals: int
    last: int
    root: str | None


class Due(Struct, frozen=True):
    """The position or the instant from which on sealing may be due."""

    position: int = 0
    at: int = 0

    def is_reached(self, position: int, now: int) -> bool:
        """Whether one of the two is reached."""
        return position >= self.position or now >= self.at


def seal(
    store: Store,
    now: int,
    *,
    at_least: int = 0,
    at_most: int | None = None,
    patience: float | None = None,
    on_progress: Progress | None = None,
) -> Sealing:
    """Seal all settled events, or about `at_most` of them; it waits for the position `at_least` to be settled.

    `now` is the instant to seal at, `patience` the seconds to wait for other writers. `on_progress` is called with
    (events sealed so far, events there were to seal).

    Raises StoreBusy where an older transaction in the server keeps `at_least` from settling for too long, and
    StoreUnusable where the last seal is damaged.
    """
    total = unsealed(store) if on_progress else 0
    blocks = events = 0
    deadline, waiting = monotonic() + HORIZON_TIMEOUT, pauses()
    while at_most is None or events < at_most:
        last, entries = _read_batch(store)
        if not entries:
            if _position(last) >= at_least:
                break
            if monotonic() > deadline:
                raise not_settled(store, at_least, f"; everything up to {_position(last)} is sealed")
            sleep(next(waiting))
        elif added := _add(store, last, entries, now, patience):
            blocks, events = blocks + added, events + len(entries)
            if on_progress:
                on_progress(events, max(total, events))
    with store.reading() as tx:
        newest = read_last_seal(tx.connection, store.schema.seals)
    return Sealing(
        blocks=blocks,
        events=events,
        seals=newest.number if newest else 0,
        last=_position(newest),
        root=newest.chain.hex() if newest else None,
    )


def seal_when_due(store: Store, now: int, at_most: int) -> Due:
    """Seal about `at_most` events where enough are unsealed, or one has been for long; when to look again.

    Raises as `seal` does.
    """
    with store.reading() as tx:
        last = _position(read_last_seal(tx.connection, store.schema.seals))
        some = _count_some(store, tx.connection, last)
    if some.events == SEAL_AFTER or (some.events and some.oldest_at <= now - SEAL_WITHIN):
        last = seal(store, now, at_most=at_most, patience=SEAL_PATIENCE).last
        return Due(last + SEAL_AFTER, now + SEAL_WITHIN)
    # An event more is a position more at least.
    soonest = max(some.newest, last) + SEAL_AFTER - some.events
    return Due(soonest, (some.oldest_at if some.events else now) + SEAL_WITHIN)


def unsealed(store: Store) -> int:
    """How many settled events are not sealed."""
    events = store.schema.events
    with store.reading() as tx:
        last = _position(read_last_seal(tx.connection, store.schema.seals))
        count = sa.select(sa.func.count()).where(events.c.position > last, settled(events))
        return tx.connection.execute(count).scalar_one()


class _Unsealed(Struct, frozen=True):
    """The number of unsealed events, up to as many as make a sealing due; the last one's position, and when the first
    one was recorded.
    """

    events: int
    newest: int
    oldest_at: int


def _count_some(store: Store, connection: Connection, after: int) -> _Unsealed:
    events = store.schema.events
    some = sa.select(events.c.position, events.c.recorded_at).where(events.c.position > after, settled(events))
    oldest = connection.execute(some.order_by(events.c.position).limit(1)).first()
    if oldest is None:
        return _Unsealed(0, 0, 0)
    found = some.order_by(events.c.position).limit(SEAL_AFTER).subquery()
    count, newest = connection.execute(sa.select(sa.func.count(), sa.func.max(found.c.position))).one()
    # SQLite stores any kind of value that others wrote there; such a row isn't waited for.
    oldest_at = oldest.recorded_at if type(oldest.recorded_at) is int else 0
    return _Unsealed(count, newest, oldest_at)


def _read_batch(store: Store) -> tuple[Seal | None, list[Entry]]:
    """The last seal, and the entries of the events after it."""
    schema, events = store.schema, store.schema.events
    with store.reading() as tx:
        last = read_last_seal(tx.connection, schema.seals)
        following = read_entries(tx.connection, events, events.c.position > _position(last), settled(events))
        return last, list(islice(following, BLOCK * _BLOCKS_AT_ONCE))


def _add(store: Store, last: Seal | None, entries: Sequence[Entry], now: int, patience: float | None) -> int:
    """Insert the seals of a batch of entries; how many, or 0 where another process was quicker."""
    rows: list[dict[str, Any]] = []
    previous = last.chain if last else _genesis(store)
    number = last.number if last else 0
    for start in range(0, len(entries), BLOCK):
        number += 1
        made, stored = make_seal(number, previous, entries[start : start + BLOCK], now)
        rows.append(seal_row(made, stored))
        previous = made.chain
    try:
        with store.writing(patience=patience) as tx:
            tx.connection.execute(store.schema.seals.insert(), rows)
    except Collision:
        return 0
    return len(rows)


def _genesis(store: Store) -> bytes:
    with store.reading() as tx:
        found = read_genesis(tx.connection, store.schema.settings, FOUNDING)
    if not found:
        raise StoreUnusable("the founding rules of this store are missing, so nothing can be sealed")
    return found


def _position(last: Seal | None) -> int:
    return last.last if last else 0
