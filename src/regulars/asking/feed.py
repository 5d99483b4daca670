"""The event feed: events in order of position, for programs that keep read models of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import UnionType
from typing import Union, get_args, get_origin

from msgspec.structs import replace

from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.log.event_log import EVENTS_AT_ONCE, Search
from regulars.adapters.schema.positions import last_settled
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.store import Store
from regulars.adapters.tracing import span
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.unexplained import Unexplained
from regulars.session.session import Session

EventTypes = type[Event] | tuple[type[Event], ...] | UnionType


def follow_log(
    session: Session, after: int, types: EventTypes | None, customer: str | CustomerId | None
) -> Iterator[Recorded[Event]]:
    """What was recorded after a position and is settled by now, oldest first.

    Raises NotFound, StoreBusy, and ValueError for what is no type of event or position.
    """
    store = session.store
    known: list[type[Event]] = [*store.registry.catalogue.events.values(), Unexplained]
    wanted, after = None if types is None else event_types(types, known), require_position(after)
    await_settled(store, session.last_written)
    with store.reading() as tx:
        search = Search(
            customer_ids=None if customer is None else session.members(tx, customer),
            types=wanted,
            after=after,
            known_until=last_settled(tx.connection, store.schema.events) or 0,
            oldest_first=True,
        )
    return read_feed(store, search)


def event_types(given: object, known: Collection[type[Event]]) -> frozenset[type[Event]]:
    """The types among some that are instances of what is given, as `isinstance` takes it: classes, unions and tuples.

    Raises ValueError for anything of which no event is.
    """
    if isinstance(given, tuple) or get_origin(given) in (Union, UnionType):
        parts = given if isinstance(given, tuple) else get_args(given)
        if parts:
            return frozenset().union(*(event_types(part, known) for part in parts))
    if isinstance(given, type):
        found = frozenset(each for each in known if issubclass(each, given))
        if found:
            return found
    raise ValueError(
        f"types are classes of events, such as PurchaseRecorded, or a union or tuple of them, not {given!r}"
    )


def require_position(after: object) -> int:
    """Raises ValueError for what is neither a position nor 0."""
    if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after <= FOREVER:
        raise ValueError(f"after is the position of the last event that was seen, or 0, not {after!r}")
    return after


def read_feed(store: Store, search: Search) -> Iterator[Recorded[Event]]:
    """All events that match, oldest first; the transaction of each page ends before its events are returned."""
    while found := _page(store, search, EVENTS_AT_ONCE):
        yield from found
        search = replace(search, after=found[-1].position)


def _page(store: Store, search: Search, limit: int) -> list[Recorded[Event]]:
    try:
        with span(store, "events"), collecting_seldom(), store.reading() as tx:
            return tx.log.search(search, limit)
    except StoreUnusable:
        if limit == 1:
            raise
        return _page(store, search, limit // 2)  # what comes before an event that can't be read is told first
