"""Export: every event with its envelope as JSON lines.

A line has the fields of the envelope, always in the same order, and the event's own under `event` as they are stored:
money in minor units, instants in microseconds. Personal fields, the reason among them, are left out unless they are
asked for; then they are decrypted, or null for a forgotten customer. `customer_id` is null for an event without a
customer, such as a change of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec.structs import asdict

from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.log.codec import Codecs, codec_of
from regulars.adapters.log.event_log import EnvelopeMapper, read_rows
from regulars.adapters.schema.positions import settled
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import NOBODY
from regulars.crm_domain.unexplained import name_of

EVENTS_PER_CHUNK = 1_000

Write = Callable[[bytes], object]

_encode_lines = msgspec.json.Encoder().encode_lines


@collecting_seldom()
def export_events(store: Store, write: Write, *, personal: bool, at_least: int = 0) -> int:
    """Write a line for each settled event of one snapshot, in order of position; returns how many.

    `write` gets whole lines, up to a thousand at once, so memory doesn't grow with the store. Raises StoreBusy where an
    older transaction in the server keeps the position `at_least` from settling for too long.
    """
    await_settled(store, at_least)
    count = 0
    with store.reading() as tx:
        for chunk in _chunks(store, tx, personal):
            write(_encode_lines([_line(recorded, store.codecs, personal) for recorded in chunk]))
            count += len(chunk)
    return count


def _chunks(store: Store, tx: Transaction, personal: bool) -> Iterator[list[Recorded[Event]]]:
    events, last = store.schema.events, 0
    while True:
        wanted = sa.and_(events.c.position > last, settled(events))
        statement = sa.select(events).where(wanted).order_by(events.c.position).limit(EVENTS_PER_CHUNK)
        rows = read_rows(tx.connection, statement)
        if not rows:
            return
        customers = {row["customer_id"] for row in rows if row["secret"] is not None}
        ciphers = store.keyring.ciphers(tx.connection, store.statements.keys, customers if personal else ())
        mapper = EnvelopeMapper(store.codecs, ciphers)
        chunk = [mapper.recorded(row) for row in rows]
        last = chunk[-1].position
        yield chunk


def _line(recorded: Recorded[Event], known: Codecs, personal: bool) -> dict[str, Any]:
    event = recorded.event
    name = name_of(event)
    told = asdict(event)
    for field in () if personal else codec_of(name, known).personal:
        del told[field]
    line = {
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "category": recorded.category,
        "customer_id": None if recorded.customer_id == NOBODY else recorded.customer_id,
        "type": name,
        "occurred_at": _iso(recorded.occurred_at),
        "recorded_at": _iso(recorded.recorded_at),
        "actor": recorded.actor,
        "correlation_id": recorded.correlation_id,
        "causation_id": recorded.causation_id,
        "command_id": recorded.command_id,
        "event": told,
    }
    if personal:
        line["reason"] = recorded.reason
    return line


@lru_cache(maxsize=EVENTS_PER_CHUNK)  # what is recorded together is at one instant, and most events happen as recorded
def _iso(instant: int) -> str:
    return to_datetime(instant).isoformat(timespec="microseconds")
