"""A firm's page: what it is to us, who works for it, and what they bought and want settled, as of any day."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from regulars.adapters.store.transaction import Transaction
from regulars.asking.contracts import ContractView
from regulars.asking.customers import view_one
from regulars.asking.desk import TicketView, listed_tickets, ticket_timelines, tickets_naming, view_tickets
from regulars.asking.employments import NO_FIRM, Employment, day_of, employments, working_for
from regulars.asking.on_behalf import (
    OpenOpportunity,
    open_on_behalf,
    open_own,
    together,
    view_contracts,
    view_opportunities,
    view_quotes,
)
from regulars.asking.quotes import QuoteView
from regulars.asking.views import Customer
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import FIRM
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.instant import FOREVER, to_instant
from regulars.projections.facts.tickets import SETTLED
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody who works for a firm, and their own tickets that are open, but for those on its behalf.

    `customer` is what they are to us themselves, None where nothing was known of them by then.
    """

    employment: Employment
    customer: Customer | None
    tickets: tuple[TicketView, ...]


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm as of an instant. `tickets` are those that are open of the firm itself, or on its behalf.

    `people` are those who work for it, from A to Z, but for those who are forgotten by now. `opportunities` that are
    open, `quotes` that wait for an answer and `contracts` that haven't ended are those of the firm itself, and those of
    others that name it.
    """

    customer: Customer
    people: tuple[Employee, ...]
    tickets: tuple[TicketView, ...]
    opportunities: tuple[OpenOpportunity, ...]
    quotes: tuple[QuoteView, ...]
    contracts: tuple[ContractView, ...]

    @property
    def orders(self) -> int:
        """How many orders it placed, together with its people."""
        return sum(each.orders for each in self._together())

    @property
    def net_spend(self) -> Decimal:
        """What it bought, together with its people, less what came back."""
        return sum((each.net_spend for each in self._together()), Decimal())

    def _together(self) -> tuple[Customer, ...]:
        theirs = {each.customer.id: each.customer for each in self.people if each.customer is not None}
        return (self.customer, *theirs.values())


@traced("firm")
def find_firm(
    session: Session, who: str | CustomerId, as_of: datetime | date | None, known_at: datetime | date | None
) -> Firm:
    """A firm's page. Raises NotFound for an unknown one, for a person, and where nothing was known of it by then."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        members = session.members(tx, who, viewpoint.until)
        firm = view_one(session, tx, viewpoint, members, who, as_of)
        if firm.kind != FIRM:
            raise NotFound(NO_FIRM)
        asked_at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        working = working_for(session, tx, viewpoint, members, day_of(asked_at, viewpoint.rules.zone))
        families = tx.families({each.person_id for each in working}, viewpoint.until)
        at, then = max(asked_at, to_instant(firm.as_of)), None if as_of is None else asked_at
        desk = Desk(session, tx, viewpoint, at, then)
        named = tickets_naming(session, tx, members, viewpoint.until)
        tickets = [*desk.open_of(members), *desk.open_on_behalf(members[0], named)]
        selling = together(
            [
                open_own(session, tx, viewpoint, members, at, then),
                open_on_behalf(session, tx, viewpoint, members, at, then),
            ]
        )
        rules, until = viewpoint.rules, viewpoint.until
        return Firm(
            customer=firm,
            people=tuple(
                Employee(
                    employment=each,
                    customer=_known(session, tx, viewpoint, families.members(each.person.id), as_of),
                    tickets=tuple(desk.open_of(families.members(each.person.id), but=named)),
                )
                for each in employments(tx, working)
            ),
            tickets=tuple(sorted(tickets, key=lambda each: each.ticket_id)),
            opportunities=view_opportunities(
                session, tx, rules, selling.opportunities, FOREVER if then is None else then, until
            ),
            quotes=view_quotes(tx, rules, selling.quotes),
            contracts=view_contracts(tx, rules, selling.contracts, at),
        )


def _known(
    session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], as_of: datetime | date | None
) -> Customer | None:
    with suppress(NotFound):
        return view_one(session, tx, viewpoint, members, members[0], as_of)
    return None


class Desk(Struct, frozen=True):
    """Tickets at an instant; with `as_of` as if nothing had happened after that one."""

    session: Session
    tx: Transaction
    viewpoint: Viewpoint
    at: int
    as_of: int | None

    def open_of(
        self, members: tuple[str, ...], *, only: Container[str] | None = None, but: Container[str] = ()
    ) -> tuple[TicketView, ...]:
        """The tickets of a customer that are neither resolved nor closed: `only` some, or all `but` some."""
        timelines = ticket_timelines(self.session, self.tx, self.viewpoint, members, self.as_of)
        found = [
            each
            for each in listed_tickets(timelines, members[0], self.at)
            if each.interval.verdict.status not in SETTLED
            and each.key not in but
            and (only is None or each.key in only)
        ]
        until = FOREVER if self.viewpoint.until is None else self.viewpoint.until
        return view_tickets(self.session, self.tx, found, self.viewpoint.rules, self.at, until)

    def open_on_behalf(self, firm_id: str, named: Mapping[str, str]) -> Iterator[TicketView]:
        """The tickets of others, each with its customer, that `named` a firm."""
        families = self.tx.families(named.values(), self.viewpoint.until)
        for root in sorted({families.root(each) for each in named.values()} - {firm_id}):
            yield from self.open_of(families.members(root), only=named)
