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
from msgspec.structs import asdict

from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.log.appending import Columns
from regulars.adapters.log.codec import Codecs, codec_of
from regulars.adapters.log.event_log import EnvelopeMapper, checked
from regulars.adapters.schema.tables import EVENT_COLUMNS
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.event import Event
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
        for lines in _chunks(store, tx, personal):
            write(_encode_lines(lines))
            count += len(lines)
    return count


def _chunks(store: Store, tx: Transaction, personal: bool) -> Iterator[list[dict[str, Any]]]:
    last = 0
    while found := store.statements.recorded.all(tx.connection, after=last, limit=EVENTS_PER_CHUNK):
        rows = [checked(dict(zip(EVENT_COLUMNS, row, strict=True))) for row in found]
        customers = {row["customer_id"] for row in rows if row["secret"] is not None}
        ciphers = store.keyring.ciphers(tx.connection, store.statements.keys, customers if personal else ())
        mapper = EnvelopeMapper(store.codecs, ciphers)
        yield [_line(row, *mapper.told(row), store.codecs, personal) for row in rows]
        last = rows[-1]["position"]


def _line(row: Columns, event: Event, reason: str | None, known: Codecs, personal: bool) -> dict[str, Any]:
    name, told = name_of(event), asdict(event)
    for field in () if personal else codec_of(name, known).personal:
        del told[field]
    line = {
        "position": row["position"],
        "stream_id": row["stream_id"],
        "version": row["version"],
        "category": row["category"],
        "customer_id": None if row["customer_id"] == NOBODY else row["customer_id"],
        "type": name,
        "occurred_at": _iso(row["occurred_at"]),
        "recorded_at": _iso(row["recorded_at"]),
        "actor": row["actor"],
        "correlation_id": row["correlation_id"],
        "causation_id": row["causation_id"],
        "command_id": row["command_id"],
        "event": told,
    }
    if personal:
        line["reason"] = reason
    return line


@lru_cache(maxsize=EVENTS_PER_CHUNK)  # what is recorded together is at one instant, and most events happen as recorded
def _iso(instant: int) -> str:
    return to_datetime(instant).isoformat(timespec="microseconds")
