"""Who works for which firm, as of any day and as known at any time.

The log itself says so: the index of firms finds the words, and what holds on a day is folded of these. Days are those
of the rules' zone. Who is one by merges is one here, people and firms alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeGuard
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.indexes.firms import naming, naming_of
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import (
    CATEGORY,
    CHRONOLOGY,
    FIRM,
    CustomerRegistered,
    EmploymentEnded,
    EmploymentRecorded,
    EmploymentVoided,
    KindChanged,
    employed,
)
from regulars.crm_domain.customer.employment import EVER, STILL, Spell, Spells, spell_on
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint

NO_FIRM = "this customer is a person, and not a firm; ChangeKind says so where that is wrong"


@dataclass(frozen=True, slots=True)
class Party:
    """A customer as they are called today; `ref` and `name` are None once they are forgotten."""

    id: CustomerId
    ref: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Employment:
    """Days in a row on which a person works for a firm in one role.

    `since` is the first day, None where it isn't known, `until` the last, None where there is none yet. `role` is None
    where nobody said, or the person is forgotten.
    """

    person: Party
    firm: Party
    role: str | None
    since: date | None
    until: date | None


class Working(Struct, frozen=True):
    """Who works for which firm, by the ids of survivors, and in which spell."""

    person_id: str
    firm_id: str
    spell: Spell


@traced("people")
def find_people(
    session: Session, firm: str | CustomerId, as_of: datetime | date | None, known_at: datetime | date | None
) -> tuple[Employment, ...]:
    """Who works for a firm, from A to Z, but for those who are forgotten. Raises NotFound."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        members = session.members(tx, firm, viewpoint.until)
        return employments(tx, working_for(session, tx, viewpoint, members, day_asked(session, viewpoint, as_of)))


@traced("firms of")
def find_firms_of(
    session: Session, person: str | CustomerId, as_of: datetime | date | None, known_at: datetime | date | None
) -> tuple[Employment, ...]:
    """The firms that a person works for, from A to Z. Raises NotFound."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        members = session.members(tx, person, viewpoint.until)
        return employments(tx, works_for(session, tx, viewpoint, members, day_asked(session, viewpoint, as_of)))


def members_of_firm(session: Session, tx: Transaction, who: str | CustomerId, until: int | None) -> tuple[str, ...]:
    """A firm, or who it was merged into, and all who are one with it, as `Session.members` finds them.

    Raises NotFound for an unknown customer, and for one that was never a firm.
    """
    members = session.members(tx, who, until)
    known = (each for each in tx.log.streams(members) if until is None or each.position <= until)
    if not any(isinstance(each.event, CustomerRegistered | KindChanged) and each.event.kind == FIRM for each in known):
        raise NotFound(NO_FIRM)
    return members


def day_asked(session: Session, viewpoint: Viewpoint, as_of: datetime | date | None) -> date:
    """The day on which a question looks, in the business's zone; today, unless it says."""
    zone = viewpoint.rules.zone
    return day_of(session.now() if as_of is None else instant_of(as_of, zone), zone)


def day_of(at: int, zone: ZoneInfo) -> date:
    """The day in a zone on which an instant lies."""
    return to_datetime(at).astimezone(zone).date()


def working_for(
    session: Session, tx: Transaction, viewpoint: Viewpoint, firm: Sequence[str], day: date
) -> list[Working]:
    """Who works for a firm on a day, but for those who are forgotten by now; the firm is all who are one with it."""
    told = list(_words(tx, naming(tx.connection, session.store.schema, firm, CATEGORY, viewpoint.until)))
    families = tx.families({each.customer_id for each in told}, viewpoint.until)
    found = list(_on(day, told, lambda each: (families.root(each.customer_id), firm[0])))
    forgotten = tx.forgotten({each.person_id for each in found})
    return [each for each in found if each.person_id not in forgotten]


def works_for(
    session: Session, tx: Transaction, viewpoint: Viewpoint, person: Sequence[str], day: date
) -> list[Working]:
    """The firms that a person works for on a day; the person is all who are one with them."""
    told = list(_words(tx, naming_of(tx.connection, session.store.schema, person, CATEGORY, viewpoint.until)))
    families = tx.families({each.event.firm_id for each in told}, viewpoint.until)
    return list(_on(day, told, lambda each: (person[0], families.root(each.event.firm_id))))


_Word = Recorded[EmploymentRecorded | EmploymentEnded | EmploymentVoided]


def _words(tx: Transaction, positions: Collection[int]) -> Iterator[_Word]:
    for recorded in tx.log.at(positions):
        if is_word(recorded):
            yield recorded


def is_word(recorded: Recorded[Event]) -> TypeGuard[_Word]:
    """Whether an event says something of an employment."""
    return isinstance(recorded.event, EmploymentRecorded | EmploymentEnded | EmploymentVoided)


def _on(day: date, told: Iterable[_Word], between: Callable[[_Word], tuple[str, str]]) -> Iterator[Working]:
    """The spells in which a day lies, of each person and firm `between` whom something was told."""
    pairs: dict[tuple[str, str], list[_Word]] = {}
    for each in told:
        pairs.setdefault(between(each), []).append(each)
    for (person_id, firm_id), words in pairs.items():
        spell = spell_on(spells_of(words), day)
        if spell is not None:
            yield Working(person_id, firm_id, spell)


def spells_of(told: Iterable[_Word]) -> Spells:
    """The spells that follow from what was told of one person and one firm, in whatever order."""
    spells: Spells = ()
    for each in CHRONOLOGY.in_order(told):
        spells = employed(spells, each.event)
    return spells


def employments(tx: Transaction, found: Iterable[Working]) -> tuple[Employment, ...]:
    """Who works where as people read it, from A to Z by the person and then the firm."""
    working = list(found)
    called = parties(tx, {each for one in working for each in (one.person_id, one.firm_id)})
    views = (
        Employment(
            person=called[each.person_id],
            firm=called[each.firm_id],
            role=each.spell.role,
            since=None if each.spell.first == EVER else each.spell.first,
            until=None if each.spell.last == STILL else each.spell.last,
        )
        for each in working
    )
    return tuple(sorted(views, key=lambda each: (_alphabetic(each.person), _alphabetic(each.firm))))


def parties(tx: Transaction, customer_ids: Iterable[str]) -> dict[str, Party]:
    """Some customers as they are called today."""
    contacts = read_contacts(tx, customer_ids)
    return {each: Party(CustomerId(each), known.ref, known.name) for each, known in contacts.items()}


def _alphabetic(party: Party) -> tuple[bool, str, str, str]:
    name = party.name or party.ref
    return name is None, (name or "").casefold(), party.ref or "", party.id
