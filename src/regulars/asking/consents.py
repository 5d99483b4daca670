"""Who may be contacted, on which channel and for what, as of any day and as known on any day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Literal, get_args

from regulars.adapters.indexes.consents import ConsentQuery, find_contactable
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.crm_domain.command import Channel, CustomerId
from regulars.crm_domain.customer import ConsentGiven, ConsentWithdrawn
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.projections.consent import Said, contactability, order_of_words
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

CHANNELS: tuple[str, ...] = get_args(Channel)

_MARK = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """What was said once: by whom it was written down, why, and which identity of the customer it was said of."""

    given: bool
    said_at: datetime
    recorded_at: datetime
    actor: str
    reason: str | None
    position: int
    customer_id: CustomerId


@dataclass(frozen=True, slots=True)
class Consent:
    """What holds for one channel and purpose. `words` is all that was said of it, in order of time; the last counts."""

    channel: str
    purpose: str
    given: bool
    said_at: datetime
    words: tuple[ConsentWord, ...]


@dataclass(frozen=True, slots=True)
class Consents:
    """What one customer agreed to as of an instant, by channel and purpose.

    `barred` says why they may not be contacted whatever they agreed to: "closed", "forgotten", or "unknown" where no
    account of theirs was registered yet.
    """

    customer_id: CustomerId
    ref: str | None
    as_of: datetime
    barred: Literal["closed", "forgotten", "unknown"] | None
    consents: tuple[Consent, ...]

    def allow(self, channel: str, purpose: str) -> bool:
        """Whether the customer may be contacted on a channel for a purpose."""
        pairs = {(each.channel, each.purpose) for each in self.consents if each.given}
        return self.barred is None and (channel, purpose) in pairs


@dataclass(frozen=True, slots=True)
class Contactable:
    """A customer who may be contacted, how they are reached today, and when they last agreed to it."""

    id: CustomerId
    ref: str | None
    name: str | None
    email: str | None
    phone: str | None
    said_at: datetime


@dataclass(frozen=True, slots=True)
class ContactablePage(Paged[Contactable]):
    """Some of them, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone.
    """

    customers: tuple[Contactable, ...]
    after: str | None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[Contactable, ...]:
        return self.customers


@traced("consents")
def read_consents(
    session: Session,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
) -> Consents:
    """What one customer agreed to. Raises NotFound."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        members = session.members(tx, who, viewpoint.until)
        at = FOREVER if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        until = FOREVER if viewpoint.until is None else viewpoint.until
        ref = read_contacts(tx, members[:1])[members[0]].ref
        return consents_of(members[0], ref, tx.log.streams(members), session.now(), at, until)


def consents_of(
    customer_id: str,
    ref: str | None,
    events: Iterable[Recorded[Event]],
    now: int,
    at: int = FOREVER,
    until: int = FOREVER,
) -> Consents:
    """What a customer agreed to, from the events of their own stream and of those who were merged into them.

    As of FOREVER is as of now, and what was said by a clock that runs ahead counts already. So does whatever was
    recorded up to the position `until`.
    """
    recorded = {each.position: each for each in events}
    known = [
        said
        for each in recorded.values()
        if (said := Said(each.customer_id, each.event, each.occurred_at, each.position)).was_known(until)
    ]
    barred = contactability(known, at)
    words: dict[tuple[str, str], list[Recorded[Event]]] = {}
    for said in sorted(known, key=order_of_words):
        if isinstance(said.event, ConsentGiven | ConsentWithdrawn) and said.at <= at:
            words.setdefault((said.event.channel, said.event.purpose), []).append(recorded[said.position])
    return Consents(
        customer_id=CustomerId(customer_id),
        ref=ref,
        as_of=to_datetime(now if at == FOREVER else at),
        barred=None if barred == "open" else barred,
        consents=tuple(_consent(*pair, words[pair]) for pair in sorted(words)),
    )


def _consent(channel: str, purpose: str, said: Iterable[Recorded[Event]]) -> Consent:
    words = tuple(
        ConsentWord(
            given=isinstance(each.event, ConsentGiven),
            said_at=to_datetime(each.occurred_at),
            recorded_at=to_datetime(each.recorded_at),
            actor=each.actor,
            reason=each.reason,
            position=each.position,
            customer_id=CustomerId(each.customer_id),
        )
        for each in said
    )
    return Consent(channel=channel, purpose=purpose, given=words[-1].given, said_at=words[-1].said_at, words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactableQuery:
    """Who may be contacted: on which channel, for what, as of when, as known when."""

    channel: str
    purpose: str
    as_of: datetime | date | None
    known_at: datetime | date | None
    limit: int
    goes_on: bool


@traced("contactable")
def contactable(session: Session, query: ContactableQuery, after: str | None) -> ContactablePage:
    """A page of those who may be contacted. Raises ValueError for an unknown channel, and for a wrong `after`."""
    if query.channel not in CHANNELS:
        raise ValueError(f'there is no channel "{query.channel}"; there are {", ".join(CHANNELS)}')
    if after is not None and not _MARK.fullmatch(after):
        raise ValueError(f'"{after}" is not the `after` of a page')
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, query.known_at)
        wanted = ConsentQuery(
            channel=query.channel,
            purpose=query.purpose,
            at=FOREVER if query.as_of is None else instant_of(query.as_of, viewpoint.rules.zone),
            until=FOREVER if viewpoint.until is None else viewpoint.until,
        )
        found = find_contactable(
            tx.connection, session.store.schema, session.store.statements.links, wanted, query.limit, after
        )
        contacts = read_contacts(tx, {each.customer_id for each in found})
    return ContactablePage(
        customers=tuple(
            Contactable(
                id=CustomerId(each.customer_id),
                ref=contacts[each.customer_id].ref,
                name=contacts[each.customer_id].name,
                email=contacts[each.customer_id].email,
                phone=contacts[each.customer_id].phone,
                said_at=to_datetime(each.said_at),
            )
            for each in found
        ),
        after=found[-1].mark if len(found) == query.limit else None,
        following=partial(contactable, session, replace(query, limit=MAX_PAGE)) if query.goes_on else None,
    )
