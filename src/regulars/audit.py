"""The audit trail: what happened, who did it, when and why, and what it changed from what to what.

The old and the new values come from the fold of the stream that the event belongs to, just before it and just after
it; so they chain without a break, and what is personal is gone with its customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import Struct

from adapters.event_log import Search
from adapters.transaction import Transaction
from crm_domain import membership
from crm_domain.catalogue import DECIDERS, EVENTS
from crm_domain.command import CustomerId
from crm_domain.customer import Customer, PersonalDataErased, Status
from crm_domain.event import Event, Recorded
from crm_domain.instant import to_datetime
from crm_domain.interaction import Interaction
from crm_domain.membership import Membership
from crm_domain.money import from_minor_units
from crm_domain.persistent_map import PersistentMap
from crm_domain.purchase import Purchase
from crm_domain.rulebook import NOBODY, Rulebook, RulesPublished, RulesRolledBack
from crm_domain.ticket import Ticket
from regulars.answers import Contact, read_contacts
from regulars.narration import narrate, other_id
from regulars.sentences import short


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
    `ref` and `reason` are None once the customer is forgotten, but for why they were; `customer_id` and `ref` are where
    it is about nobody.
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
class AuditPage:
    """Some entries, and where to go on: pass `after` to ask for the next page, None where this was the last."""

    entries: tuple[AuditEntry, ...]
    after: int | None

    def __iter__(self) -> Iterator[AuditEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> AuditEntry:
        return self.entries[index]


def event_type(name: str) -> type[Event]:
    """The type of event of a name. Raises ValueError for any other, with the likely one or all there are."""
    if name in EVENTS:
        return EVENTS[name]
    close = get_close_matches(name, EVENTS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(EVENTS)}"
    raise ValueError(f'there is no event "{name}"; {hint}')


def read_audit(tx: Transaction, search: Search, limit: int) -> AuditPage:
    """One page of the trail."""
    found = tx.log.search(search, limit)
    changes = _changes(tx, found)
    contacts = _contacts_of(tx, found)
    entries = tuple(_entry(each, contacts, changes[each.position]) for each in found)
    return AuditPage(entries=entries, after=found[-1].position if len(found) == limit else None)


def read_history(tx: Transaction, customer_id: str, field: str) -> tuple[AuditEntry, ...]:
    """The events of a customer's own stream that changed one field, oldest first, each with that change alone.

    Raises ValueError for a field that nobody has, naming those there are.
    """
    events = list(tx.log.streams([customer_id]))
    changes = _changes(tx, events)
    contacts = _contacts_of(tx, events)
    known = {change.field for each in changes.values() for change in each}
    if field not in {*Customer.__struct_fields__, *known} - {"registration"}:
        fields = ", ".join(name for name in Customer.__struct_fields__ if name != "registration")
        raise ValueError(f'a customer has no field "{field}"; there are {fields}')
    found = []
    for recorded in events:
        of_field = tuple(change for change in changes[recorded.position] if change.field.split(".")[0] == field)
        if of_field:
            found.append(_entry(recorded, contacts, of_field))
    return tuple(found)


def _contacts_of(tx: Transaction, events: Iterable[Recorded[Event]]) -> dict[str, Contact]:
    """The contact details of everyone whom some events speak of."""
    named = (each for recorded in events for each in (recorded.customer_id, other_id(recorded.event)))
    return read_contacts(tx, {each for each in named if each is not None})


def _called(customer_id: str, contacts: Mapping[str, Contact]) -> str:
    return contacts[customer_id].ref or f"id:{customer_id}"


def _entry(recorded: Recorded[Event], contacts: Mapping[str, Contact], changes: tuple[Change, ...]) -> AuditEntry:
    other = other_id(recorded.event)
    return AuditEntry(
        position=recorded.position,
        occurred_at=to_datetime(recorded.occurred_at),
        recorded_at=to_datetime(recorded.recorded_at),
        actor=recorded.actor,
        type=str(recorded.event.__struct_config__.tag),
        customer_id=None if recorded.customer_id == NOBODY else CustomerId(recorded.customer_id),
        ref=contacts[recorded.customer_id].ref,
        sentence=narrate(
            recorded.event,
            recorded.actor,
            _called(recorded.customer_id, contacts),
            None if other is None else _called(other, contacts),
        ),
        reason=_reason(recorded),
        correlation_id=recorded.correlation_id,
        causation_id=recorded.causation_id,
        command_id=recorded.command_id,
        changes=changes,
    )


def _reason(recorded: Recorded[Event]) -> str | None:
    """Why, also where that is in the clear as there is nobody whose key it could be under."""
    match recorded.event:
        case RulesPublished(reason=reason) | RulesRolledBack(reason=reason) | PersonalDataErased(cause=reason):
            return reason
        case _:
            return recorded.reason


def _changes(tx: Transaction, wanted: Iterable[Recorded[Event]]) -> dict[int, tuple[Change, ...]]:
    """For each event by position, what it changed in the state of its stream."""
    last_versions: dict[str, int] = {}
    for recorded in wanted:
        last_versions[recorded.stream_id] = max(recorded.version, last_versions.get(recorded.stream_id, 0))
    states: dict[str, Any] = {}
    changes: dict[int, tuple[Change, ...]] = {}
    for recorded in tx.log.streams(last_versions):
        decider = DECIDERS[recorded.category]
        before = states.get(recorded.stream_id, decider.initial)
        after = states[recorded.stream_id] = decider.evolve(before, recorded.event)
        if recorded.version <= last_versions[recorded.stream_id]:
            changes[recorded.position] = _difference(before, after)
    return changes


def _difference(before: Struct, after: Struct) -> tuple[Change, ...]:
    old, new = dict(_fields(before)), dict(_fields(after))
    return tuple(
        Change(field=field, old=old.get(field), new=new.get(field))
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    )


def _fields(state: Struct) -> Iterator[tuple[str, str | None]]:
    """A state as plain names and values; parts of a part are joined by a dot, lists are one value each."""
    match state:
        case Purchase():
            yield from _purchase_fields(state)
        case Membership():
            yield from _membership_fields(state)
        case Ticket():
            yield from _ticket_fields(state)
        case Interaction():
            yield from _plain_fields(state.recorded)
        case Rulebook():
            yield "rules", None if state.in_force is None else short(state.in_force.digest)
        case _:
            yield from _plain_fields(state)


def _plain_fields(state: Struct | None) -> Iterator[tuple[str, str | None]]:
    plain = {} if state is None else msgspec.to_builtins(state, order="deterministic", enc_hook=_listed)
    for name, value in plain.items():
        if name in _HIDDEN:
            continue
        if isinstance(value, dict):
            yield from ((f"{name}.{part}", _plain(item)) for part, item in value.items() if part not in _HIDDEN)
        else:
            yield name, _plain(value)


def _listed(value: object) -> list[Any]:
    """A map as its pairs, and what maps to nothing as its sorted keys: a set."""
    if not isinstance(value, PersistentMap):
        raise TypeError(f"{type(value).__name__} is no field of a state")
    pairs = [(key, of) for key, of in value.items() if of is not None]
    return pairs or sorted(value)


# The tag of an event says nothing new, and what a customer was registered with stands in fields of its own.
_HIDDEN = frozenset({"type", "registration"})


def _purchase_fields(state: Purchase) -> Iterator[tuple[str, str | None]]:
    if state.recorded is not None:
        bought, currency = state.recorded, state.recorded.currency
        returned = state.returned
        yield "order", bought.order_id
        yield "amount", f"{from_minor_units(bought.amount, currency)} {currency}"
        yield "lines", ", ".join(f"{line.quantity} x {line.sku}" for line in bought.lines) or None
        yield "channel", bought.channel
        yield "returned", f"{from_minor_units(returned, currency)} {currency}" if returned else None


def _membership_fields(state: Membership) -> Iterator[tuple[str, str | None]]:
    yield "membership", _plain(state.status)
    yield "program", state.program
    outstanding = sum(lot.remaining for lot in state.lots.values()) - sum(state.debts.values())
    yield "points", str(outstanding) if state.lots else None  # pending and expired ones included
    yield "tier", None if state.override is None else state.override.tier


def _ticket_fields(state: Ticket) -> Iterator[tuple[str, str | None]]:
    yield "ticket", _plain(state.status)
    if state.opened is not None:
        yield "subject", state.opened.subject
    yield "priority", state.priority
    yield "topic", state.topic
    yield "complaint", _plain(state.complaint)
    yield "agent", state.agent
    yield "level", str(state.level) if state.level else None
    if state.rating is not None:
        yield "rating", str(state.rating.score)
        yield "comment", state.rating.comment


def _plain(value: object) -> str | None:
    match value:
        case None | [] | () | False | Status.UNKNOWN | membership.Status.NONE:
            return None
        case True:
            return "yes"
        case list() | tuple():
            return ", ".join(
                " ".join(map(str, each)) if isinstance(each, list | tuple) else str(each) for each in value
            )
        case _:
            return str(value)
