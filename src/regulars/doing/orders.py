"""Orders within one unit of work: the streams of their records, and which were placed in some span of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from regulars.adapters.log.event_log import Search
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.purchase import PURCHASE, Purchase, PurchaseRecorded
from regulars.doing.stream import Stream
from regulars.doing.unit_of_work import UnitOfWork

#: Whoever asks whether any order stands is mostly answered by the first one.
_AT_ONCE = 10


class Placed(Struct, frozen=True, order=True):
    """When a record of an order was placed, the order's id and the record's number, and the record's stream."""

    at: int
    order_id: str
    number: int
    stream_id: str


def stream_of_record(work: UnitOfWork, order_id: str, number: int) -> str:
    """The stream of an order's record with a number. No order's id has the line break that stands before it."""
    return work.stream_of(PURCHASE, order_id if number == 1 else f"{order_id}\n{number}")


def record_of(work: UnitOfWork, stream_id: str) -> Purchase:
    """The state of an order's record."""
    state: Purchase = work.stream(stream_id, PURCHASE).state
    return state


def placed_at(stream: Stream) -> int | None:
    """When the order of a record was placed."""
    return next((place[0] for place, event in stream.told if isinstance(event, PurchaseRecorded)), None)


def placed_in(work: UnitOfWork, stream_id: str) -> int:
    """When the order was placed of which the record is that of a stream."""
    found = placed_at(work.stream(stream_id, PURCHASE))
    assert found is not None
    return found


def placed_within(work: UnitOfWork, family: Iterable[str], *, since: int = 0, until: int = FOREVER) -> Iterator[Placed]:
    """The records of a family's orders that were placed at an instant or later, and by another: those that are stored
    in order of recording, then those of this transaction.
    """
    whose = tuple(family)
    types = frozenset[type[Event]]({PurchaseRecorded})
    search = Search(customer_ids=whose, types=types, since=since, until=until, oldest_first=True)
    for each in work.tx.log.every(search, _AT_ONCE):
        if isinstance(each.event, PurchaseRecorded):
            yield Placed(each.occurred_at, each.event.order_id, each.event.number, each.stream_id)
    for draft in work.pending.drafts:
        if isinstance(draft.event, PurchaseRecorded) and draft.customer_id in whose and since <= draft.occurred_at:
            its = Placed(draft.occurred_at, draft.event.order_id, draft.event.number, draft.stream_id)
            if its.at <= until:
                yield its
