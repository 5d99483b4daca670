"""That what an event names is there, and is the customer's.

What is named is theirs where it is their own, merges included, or where both are of one firm: the firm itself, one that
is named beside a customer, or one that they were ever said to work for. None of that is taken back but by undoing a
merge, so what is refused here is taken once what it names was told, and the order of telling decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from regulars.crm_domain.command import Command, Decider
from regulars.crm_domain.contract import ContractSigned, SignContract
from regulars.crm_domain.customer import CUSTOMER
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.opportunity import OPPORTUNITY, OpportunityWon, WinOpportunity
from regulars.crm_domain.quote import QUOTE, QuoteAccepted, QuoteSent, SendQuote
from regulars.crm_domain.reminder import ReminderSettled
from regulars.crm_domain.rulebook import NOBODY
from regulars.crm_domain.task import AddTask, TaskAdded
from regulars.crm_domain.ticket import TICKET
from regulars.doing.firms import firm_named
from regulars.doing.identities import family_of
from regulars.doing.stream import Stream
from regulars.doing.unit_of_work import Target, UnitOfWork

#: What is named: the kind, how one of it is written down, and its key; None where none is named.
_Named = tuple[Decider[Any], str, str | None]


def streams_named(work: UnitOfWork, commands: Iterable[Command]) -> set[str]:
    """The streams of what some commands name beside their own, to be loaded in one query."""
    named = (each for command in commands for each in _named_in(command))
    return {work.stream_of(decider, key) for decider, _, key in named if key is not None}


def require_named(work: UnitOfWork, event: Event, target: Target) -> None:
    """Raise Rejected where an event names what isn't there, or isn't the customer's.

    `unknown_opportunity`, `unknown_quote` and `unknown_ticket` for what isn't known, `opportunity_of_another` and so on
    for another customer's; `quote_not_accepted` and `quote_for_another` for a quote that can't win this; `no_such_care`
    for a reminder of a rule that the rules in force don't have.
    """
    if isinstance(event, ReminderSettled):
        _require_rule(event.care, work.pending.context.care)
        return
    for decider, told_by, key in _named_by(work, event, target):
        if key is None:
            continue
        named = work.stream(work.stream_of(decider, key), decider)
        what = f'{decider.category} "{key}"'
        if named.customer_id is None:
            sentence = f"there is no {what}, which it names; {told_by} writes one down"
            raise Rejected(f"unknown_{decider.category}", sentence)
        if target.customer_id != NOBODY and not _is_theirs(work, named, event, target):
            sentence = f"{what}, which it names, belongs to another customer; expected one of theirs or of their firm"
            raise Rejected(f"{decider.category}_of_another", sentence)
    match event:
        case OpportunityWon(quote_id=str(quote_id)):
            _require_accepted(work, quote_id)
            _require_for(work, quote_id, event.opportunity_id)
        case ContractSigned(quote_id=str(quote_id), opportunity_id=str(opportunity_id)):
            _require_for(work, quote_id, opportunity_id)
        case _:
            pass


def _named_in(command: Command) -> tuple[_Named, ...]:
    match command:
        case SendQuote():
            return (_opportunity(command.opportunity_id),)
        case WinOpportunity():
            return (_quote(command.quote_id),)
        case SignContract():
            return (_quote(command.quote_id), _opportunity(command.opportunity_id))
        case AddTask():
            return (_ticket(command.ticket_id), _opportunity(command.opportunity_id))
        case _:
            return ()


def _named_by(work: UnitOfWork, event: Event, target: Target) -> tuple[_Named, ...]:
    match event:
        case QuoteSent(opportunity_id=opportunity_id):
            return (_opportunity(opportunity_id),)
        case QuoteAccepted():
            sent = work.state(target).sent
            return (_opportunity(None if sent is None else sent.opportunity_id),)
        case OpportunityWon(quote_id=quote_id):
            return (_quote(quote_id),)
        case ContractSigned(quote_id=quote_id, opportunity_id=opportunity_id):
            return (_quote(quote_id), _opportunity(opportunity_id))
        case TaskAdded(ticket_id=ticket_id, opportunity_id=opportunity_id):
            return (_ticket(ticket_id), _opportunity(opportunity_id))
        case _:
            return ()


def _opportunity(key: str | None) -> _Named:
    return OPPORTUNITY, "OpenOpportunity", key


def _quote(key: str | None) -> _Named:
    return QUOTE, "SendQuote", key


def _ticket(key: str | None) -> _Named:
    return TICKET, "OpenTicket", key


def _is_theirs(work: UnitOfWork, named: Stream, event: Event, target: Target) -> bool:
    assert named.customer_id is not None
    if named.customer_id in family_of(work, target.customer_id):
        return True
    own = (*_events(work.stream(target.stream_id, target.decider)), event)
    return not _sides(work, named.customer_id, _events(named)).isdisjoint(_sides(work, target.customer_id, own))


def _sides(work: UnitOfWork, customer_id: str, events: Iterable[Event]) -> set[str]:
    """Everyone on a customer's side of what some events are about: they, and the firms for which they do it or work."""
    members = family_of(work, customer_id)
    firms = {firm_id for each in events if (firm_id := firm_named(each)) is not None}
    for member in members:
        firms |= {*work.stream(member, CUSTOMER).state.employments}
    return {*members, *(member for firm_id in firms for member in family_of(work, firm_id))}


def _events(stream: Stream) -> Iterator[Event]:
    return (event for _, event in stream.told)


def _require_rule(care: str, rules: tuple[str, ...]) -> None:
    if care not in rules:
        there = ", ".join(rules) or "none"
        raise Rejected("no_such_care", f'the rules have no [[care]] rule "{care}"; those they have: {there}')


def _require_accepted(work: UnitOfWork, quote_id: str) -> None:
    """Acceptance is an act, and holds for every instant: what was won by it may be told with the clock of another."""
    if work.stream(work.stream_of(QUOTE, quote_id), QUOTE).state.accepted is None:
        raise Rejected("quote_not_accepted", f'quote "{quote_id}" wasn\'t accepted; AcceptQuote writes that down')


def _require_for(work: UnitOfWork, quote_id: str, opportunity_id: str) -> None:
    sent = work.stream(work.stream_of(QUOTE, quote_id), QUOTE).state.sent
    if sent is not None and sent.opportunity_id not in (None, opportunity_id):
        sentence = f'quote "{quote_id}" is for opportunity "{sent.opportunity_id}", not for "{opportunity_id}"'
        raise Rejected("quote_for_another", sentence)
