"""The audit trail: what happened, who did it, when and why, and what it changed from what to what.

The old and the new values come from the fold of the stream that the event belongs to, just before it and just after
it; so they chain without a break, and what is personal is gone with its customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import partial
from typing import Any

from regulars.adapters.log.event_log import Search
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import Contact, read_contacts
from regulars.asking.paging import MAX_PAGE, PAGE, Following, Paged
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import Customer
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.rulebook import NOBODY
from regulars.crm_domain.unexplained import name_of
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.wording.sentences import narrate, other_id


@dataclass(frozen=True, slots=True)
class Change:
    """One value that an event changed; None where there was or is none."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event of the trail.

    `causation_id` is the position of the event that caused this one, `correlation_id` what ties several together.
    `ref` and `reason` are None once the customer is forgotten, but for why they were; `customer_id` and `ref` are None
    for an event that belongs to no customer.
    """

    position: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    type: str
    customer_id: CustomerId | None
    ref: str | None
    sentence: str
    reason: str | None
    correlation_id: str | None
    causation_id: int | None
    command_id: str | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class AuditPage(Paged[AuditEntry]):
    """Some entries, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone.
    """

    entries: tuple[AuditEntry, ...]
    after: int | None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[AuditEntry, ...]:
        return self.entries


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """The filters of an audit query; None for no filter. The fields are those of `crm.audit`."""

    customer: str | CustomerId | None = None
    actor: str | None = None
    type: str | None = None
    since: datetime | date | None = None
    until: datetime | date | None = None
    recorded_since: datetime | date | None = None
    known_at: datetime | date | None = None
    correlation_id: str | None = None
    oldest_first: bool = False
    limit: int = PAGE
    goes_on: bool = False


@traced("audit")
def find_audit(session: Session, query: AuditQuery, after: int | None) -> AuditPage:
    """A page of the trail after a position. Raises NotFound, StoreBusy, and ValueError for what no page gave."""
    if after is not None and not 0 <= after <= FOREVER:
        raise ValueError(f"{after} is not the `after` of a page of the audit trail")
    if query.oldest_first:
        await_settled(session.store, session.last_written)
    catalogue = session.store.registry.catalogue
    following = partial(find_audit, session, replace(query, limit=MAX_PAGE)) if query.goes_on else None
    with session.store.reading() as tx:
        zone = session.ruleset(tx).zone
        search = Search(
            customer_ids=None if query.customer is None else session.members(tx, query.customer),
            actor=query.actor,
            types=None if query.type is None else frozenset([event_type(query.type, catalogue)]),
            since=None if query.since is None else first_instant_of(query.since, zone),
            until=None if query.until is None else instant_of(query.until, zone),
            recorded_since=None if query.recorded_since is None else first_instant_of(query.recorded_since, zone),
            known_until=session.known_until(tx, query.known_at),
            correlation_id=query.correlation_id,
            after=after,
            oldest_first=query.oldest_first,
            settled_only=query.oldest_first,
        )
        return read_audit(tx, catalogue, search, query.limit, following)


def event_type(name: str, catalogue: Catalogue) -> type[Event]:
    """The type of event of a name. Raises ValueError for any other, with the likely one or all there are."""
    events = catalogue.events
    if name in events:
        return events[name]
    close = get_close_matches(name, events, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(events)}"
    raise ValueError(f'there is no event "{name}"; {hint}')


def read_audit(
    tx: Transaction, catalogue: Catalogue, search: Search, limit: int, following: Following | None
) -> AuditPage:
    """One page of the trail."""
    found = tx.log.search(search, limit)
    entries = entries_of(tx, catalogue, found)
    after = found[-1].position if len(found) == limit else None
    return AuditPage(entries=entries, after=after, following=following)


def entries_of(tx: Transaction, catalogue: Catalogue, events: Sequence[Recorded[Event]]) -> tuple[AuditEntry, ...]:
    """Some events as the trail tells them."""
    changes = _changes(tx, catalogue, events)
    contacts = _contacts_of(tx, catalogue, events)
    return tuple(_entry(each, catalogue, contacts, changes[each.position]) for each in events)


@traced("history")
def read_history(session: Session, who: str | CustomerId, field: str) -> tuple[AuditEntry, ...]:
    """The events of a customer's own stream that changed one field, oldest first, each with that change alone.

    Raises NotFound, and ValueError for an unknown field, naming those there are.
    """
    with session.store.reading() as tx:
        return _history(tx, session.store.registry.catalogue, session.resolve(tx, who), field)


def _history(tx: Transaction, catalogue: Catalogue, customer_id: str, field: str) -> tuple[AuditEntry, ...]:
    events = list(tx.log.streams([customer_id]))
    changes = _changes(tx, catalogue, events)
    contacts = _contacts_of(tx, catalogue, events)
    known = {change.field for each in changes.values() for change in each}
    if field not in {*Customer.__struct_fields__, *known} - {"registration"}:
        fields = ", ".join(name for name in Customer.__struct_fields__ if name != "registration")
        raise ValueError(f'a customer has no field "{field}"; there are {fields}')
    found = []
    for recorded in events:
        of_field = tuple(change for change in changes[recorded.position] if change.field.split(".")[0] == field)
        if of_field:
            found.append(_entry(recorded, catalogue, contacts, of_field))
    return tuple(found)


def _contacts_of(tx: Transaction, catalogue: Catalogue, events: Iterable[Recorded[Event]]) -> dict[str, Contact]:
    """The contact details of everyone whom some events speak of."""
    named = (each for recorded in events for each in (recorded.customer_id, other_id(recorded.event, catalogue)))
    return read_contacts(tx, {each for each in named if each is not None})


def _called(customer_id: str, contacts: Mapping[str, Contact]) -> str:
    if customer_id == NOBODY:
        return ""
    return contacts[customer_id].ref or f"id:{customer_id}"


def _entry(
    recorded: Recorded[Event], catalogue: Catalogue, contacts: Mapping[str, Contact], changes: tuple[Change, ...]
) -> AuditEntry:
    other = other_id(recorded.event, catalogue)
    return AuditEntry(
        position=recorded.position,
        occurred_at=to_datetime(recorded.occurred_at),
        recorded_at=to_datetime(recorded.recorded_at),
        actor=recorded.actor,
        type=name_of(recorded.event),
        customer_id=None if recorded.customer_id == NOBODY else CustomerId(recorded.customer_id),
        ref=contacts[recorded.customer_id].ref,
        sentence=narrate(
            recorded.event,
            catalogue,
            recorded.actor,
            _called(recorded.customer_id, contacts),
            None if other is None else _called(other, contacts),
        ),
        reason=_reason(recorded, catalogue),
        correlation_id=recorded.correlation_id,
        causation_id=recorded.causation_id,
        command_id=recorded.command_id,
        changes=changes,
    )


def _reason(recorded: Recorded[Event], catalogue: Catalogue) -> str | None:
    """The reason; for events that belong to no customer, and so have no key, it is in the clear."""
    in_the_clear = catalogue.wording_of(recorded.event).reason(recorded.event)
    return recorded.reason if in_the_clear is None else in_the_clear


def _changes(tx: Transaction, catalogue: Catalogue, wanted: Iterable[Recorded[Event]]) -> dict[int, tuple[Change, ...]]:
    """For each event by position, what it changed in the state of its stream; of one that is unexplained, nothing."""
    last_versions: dict[str, int] = {}
    for recorded in wanted:
        last_versions[recorded.stream_id] = max(recorded.version, last_versions.get(recorded.stream_id, 0))
    states: dict[str, Any] = {}
    changes: dict[int, tuple[Change, ...]] = {}
    for recorded in tx.log.streams(last_versions):
        aggregate = catalogue.owners.get(type(recorded.event))
        if aggregate is None:
            changes[recorded.position] = ()
            continue
        before = states.get(recorded.stream_id, aggregate.decider.initial)
        after = states[recorded.stream_id] = aggregate.decider.evolve(before, recorded.event)
        if recorded.version <= last_versions[recorded.stream_id]:
            fields = aggregate.wording.fields
            changes[recorded.position] = _difference(dict(fields(before)), dict(fields(after)))
    return changes


def _difference(old: Mapping[str, str | None], new: Mapping[str, str | None]) -> tuple[Change, ...]:
    return tuple(
        Change(field=field, old=old.get(field), new=new.get(field))
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    )
